"""Memory: what a session knows about animals beside their labels.

Labels live in the store. A starting pose that nobody has accepted, a predicted animal that was deleted, or which
prediction an instance was made from do not: they last as long as the session, and are undone and redone together
with the edits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from leaptui.pose.instance import PredictedInstance
from leaptui.pose.labels import FrameKey


@dataclass(frozen=True)
class Memory:
    """A value: every change makes another one.

    Args:
        drafts: starting poses of a frame, each with the id that its instance has or will have.
        dismissed: positions of the predicted animals of a frame that were deleted.
        sources: position of the predicted animal that an instance was made from, an instance of a frame.
    """

    drafts: Mapping[FrameKey, tuple[PredictedInstance, ...]] = field(default_factory=dict)
    dismissed: Mapping[FrameKey, frozenset[int]] = field(default_factory=dict)
    sources: Mapping[FrameKey, Mapping[str, int]] = field(default_factory=dict)

    def draft(self, key: FrameKey, name: str) -> PredictedInstance | None:
        """The starting pose with that id."""
        return next((draft for draft in self.drafts.get(key, ()) if draft.id == name), None)

    def with_draft(self, key: FrameKey, draft: PredictedInstance) -> Memory:
        """With a starting pose, in place of one of the same id."""
        old = self.drafts.get(key, ())
        if any(d.id == draft.id for d in old):
            new = tuple(draft if d.id == draft.id else d for d in old)
        else:
            new = (*old, draft)
        return replace(self, drafts={**self.drafts, key: new})

    def without_draft(self, key: FrameKey, name: str) -> Memory:
        """Without the starting pose of that id."""
        rest = tuple(d for d in self.drafts.get(key, ()) if d.id != name)
        return replace(self, drafts={**self.drafts, key: rest})

    def dismissing(self, key: FrameKey, source: int) -> Memory:
        """Without a predicted animal."""
        return replace(self, dismissed={**self.dismissed, key: self.dismissed.get(key, frozenset()) | {source}})

    def knowing(self, key: FrameKey, name: str, source: int) -> Memory:
        """An instance was made from that predicted animal."""
        frame = self.sources.get(key, {})
        return (
            self if frame.get(name) == source else replace(self, sources={**self.sources, key: {**frame, name: source}})
        )

    def without_predictions(self) -> Memory:
        """What still holds when other predictions are shown: positions among the old ones do not."""
        return replace(self, dismissed={}, sources={})


@dataclass(frozen=True)
class Step:
    """One thing to undo.

    Args:
        group: steps of one group are one.
        before, after: memory then.
        stored: the store has a step of its own for it.
        words: what was done.
        key: the frame it was done on.
    """

    group: str
    before: Memory
    after: Memory
    stored: bool
    words: str
    key: FrameKey

    def without_predictions(self) -> Step:
        """With what still holds when other predictions are shown."""
        return replace(self, before=self.before.without_predictions(), after=self.after.without_predictions())
