"""LabellerState: what is open and selected, and the one way in which commands change it."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from leaptui.errors import LeaptuiError
from leaptui.labelling.animals import Animal, PointState, animals_of
from leaptui.labelling.cursor import Cursor, JumpList
from leaptui.labelling.done import Done, SavedState
from leaptui.labelling.index import LabelIndex
from leaptui.labelling.memory import Memory, Step
from leaptui.labelling.predictions import NO_PREDICTIONS, PredictionLookup
from leaptui.labelling.suggestions import Suggestion
from leaptui.pose.edits import Edit, Former, PointValue, Restore, SetPoints, SetTrack
from leaptui.pose.labels import FrameKey
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.stamps import NEVER
from leaptui.pose.store import LabelStore, new_instance_id
from leaptui.pose.transactions import frames_of
from leaptui.project import VideoRecord

GROUP_SECONDS = 1.0
"""Repeats of a move within that time are undone together."""


class LabellerState:
    """State of labelling and how it changes; the commands are in the classes made from it.

    Args:
        store: the labels.
        skeleton: the body parts.
        videos: the videos, in the order in which they are gone through; at least one.
        predictions: a model's points, if any.
        suggestions: file with suggested frames (`[{"video", "frame", "reason"}, ...]`); it need not exist.
        clock: seconds that only go forward.

    Attributes:
        auto_advance: after placing a point the next node without one is selected.
        checksum: CRC-32 of the pixels of the frame in sight, put here by whoever loads it; it is stored with the
            first edit of the frame. Going to another frame forgets it.
        index: which frames are labelled.
    """

    def __init__(
        self,
        store: LabelStore,
        skeleton: Skeleton,
        videos: Sequence[VideoRecord],
        *,
        predictions: PredictionLookup | None = None,
        suggestions: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not videos:
            raise ValueError("there must be a video to label")
        self.store = store
        self.skeleton = skeleton
        self.videos = tuple(videos)
        self.predictions: PredictionLookup = predictions or NO_PREDICTIONS
        self.suggestions_file = suggestions
        self.auto_advance = True
        self.checksum: int | None = None
        self._by_id = {video.id: video for video in self.videos}
        labels = store.labels()
        self.index = LabelIndex(len(skeleton), labels, self._absent)
        self._tracks = {i.track for frame in labels for i in frame.instances if i.track is not None}
        self._cursor = Cursor(FrameKey(self.videos[0].id, 0))
        self._doubted: Cursor | None = None
        self._jumps = JumpList()
        self._memory = Memory()
        self._past: list[Step] = []
        self._future: list[Step] = []
        self._repeat: tuple[Hashable, str, float] | None = None
        self._clock = clock
        self._animals: tuple[Animal, ...] | None = None
        self._error: LeaptuiError | None = None
        self._suggested: tuple[Suggestion, ...] = ()
        self._suggested_at = -1

    # What is selected

    @property
    def cursor(self) -> Cursor:
        """Everything that is selected, as one value."""
        return self._cursor

    @property
    def key(self) -> FrameKey:
        """The frame in sight."""
        return self._cursor.key

    @property
    def video(self) -> VideoRecord:
        """The video in sight."""
        return self._by_id[self._cursor.key.video]

    @property
    def frame(self) -> int:
        """The number of the frame in sight."""
        return self._cursor.key.frame

    @property
    def instance(self) -> int:
        """Position of the selected animal in `instances()`."""
        return min(self._cursor.instance, len(self.instances()) - 1)

    @property
    def node(self) -> int:
        """Position of the selected node."""
        return self._cursor.node

    @property
    def node_name(self) -> str:
        """Name of the selected node."""
        return self.skeleton.node_names[self._cursor.node]

    @property
    def animal(self) -> Animal:
        """The selected animal."""
        return self.instances()[self.instance]

    @property
    def state(self) -> PointState:
        """What is known of the selected node."""
        return self.animal.states[self.node]

    @property
    def point(self) -> tuple[float, float] | None:
        """Where the selected node is; None while it is nowhere."""
        x, y = self.animal.points[self.node]
        return (float(x), float(y)) if np.isfinite(x) and np.isfinite(y) else None

    def instances(self) -> Sequence[Animal]:
        """The animals of the frame in sight; at least one, if only an empty one."""
        if self._animals is None:
            self._animals = self.instances_of(self.key)
        return self._animals

    def instances_of(self, key: FrameKey) -> tuple[Animal, ...]:
        """The animals of any frame."""
        return animals_of(
            self.store.frame(key).instances,
            self.predictions.instances(key),
            self._memory.drafts.get(key, ()),
            len(self.skeleton),
            known=self._memory.sources.get(key),
            hidden=self._hidden(key),
            dismissed=self._memory.dismissed.get(key, frozenset()),
        )

    @property
    def saved(self) -> SavedState:
        """Whether everything is on disk."""
        return SavedState(self.store.unsaved, self._error)

    # Saving, and what others save

    def flush(self) -> SavedState:
        """Write what is staged; for a thread. A refusal keeps the edits for the next call and is in the answer."""
        try:
            self.store.flush()
        except LeaptuiError as error:
            self._error = error
        else:
            self._error = None
        return self.saved

    def refresh(self) -> set[FrameKey]:
        """Read what other sessions have written; for a thread. Pass the answer to `take_refreshed`."""
        return self.store.refresh()

    def take_refreshed(self, keys: Iterable[FrameKey]) -> Done:
        """Frames that other sessions have changed are shown as they are now."""
        keys = set(keys)
        if not keys:
            return Done("no other session has changed anything", changed=False)
        self._took(keys)
        here = ", this one too" if self.key in keys else ""
        return Done(f"another session changed {len(keys)} frame{'s' * (len(keys) != 1)}{here}")

    def set_predictions(self, predictions: PredictionLookup | None) -> None:
        """Show another model's points."""
        self.predictions = predictions or NO_PREDICTIONS
        self._memory = self._memory.without_predictions()
        self._past = [step.without_predictions() for step in self._past]
        self._future = [step.without_predictions() for step in self._future]
        self.predictions_changed()

    def set_skeleton(self, skeleton: Skeleton) -> None:
        """The skeleton was edited: labels are read in its nodes, and the same node stays selected where it is there.

        Steps of before cannot be taken back by their positions any more; those in the store can, by their names.
        """
        if skeleton == self.skeleton:
            return
        name = self.node_name
        self.skeleton = skeleton
        node = skeleton.index(name) if name in skeleton else 0
        self._cursor = replace(self._cursor, node=node)
        self._memory = Memory()
        self._past.clear()
        self._future.clear()
        self._animals = None
        self.index = LabelIndex(len(skeleton), self.store.labels(), self._absent)

    def predictions_changed(self) -> None:
        """The lookup knows more than before; what is shown of it is asked for anew."""
        self._animals = None
        self._suggested = ()

    # How commands change things

    def _change(
        self,
        words: str,
        edits: Sequence[Edit] = (),
        *,
        memory: Memory | None = None,
        keep: str = "",
        repeat: Hashable = None,
    ) -> Done:
        """Do something that can be undone.

        Args:
            words: what it is.
            edits: for the store.
            memory: what is known afterwards.
            keep: id of the animal that stays selected.
            repeat: changes that follow each other within a second with an equal value here are undone together.
        """
        group = self._group(repeat)
        if edits:
            self.store.stage(edits, words, group=group)
        step = Step(group, self._memory, memory or self._memory, bool(edits), words, self.key)
        if self._past and self._past[-1].group == group:
            last = self._past[-1]
            self._past[-1] = replace(last, after=step.after, stored=last.stored or step.stored, words=words)
        else:
            self._past.append(step)
        self._future.clear()
        self._memory = step.after
        self._took(frames_of(edits))
        if keep:
            self._select_animal(keep)
        return Done(words, edited=bool(edits))

    def _group(self, repeat: Hashable) -> str:
        now = self._clock()
        last = self._repeat
        if repeat is not None and last is not None and last[0] == repeat and now - last[2] <= GROUP_SECONDS:
            group = last[1]
        else:
            group = new_instance_id()
        self._repeat = None if repeat is None else (repeat, group, now)
        return group

    def _took(self, keys: Iterable[FrameKey]) -> None:
        """The labels of these frames are different now."""
        self._animals = None
        for key in keys:
            frame = self.store.frame(key)
            self._tracks.update(i.track for i in frame.instances if i.track is not None)
            self.index.take(frame)

    def _hidden(self, key: FrameKey) -> Mapping[str, frozenset[int]]:
        """Nodes that a person has deleted, an instance id."""
        return {
            name: frozenset(self.skeleton.index(node) for node in nodes)
            for name, nodes in self.store.unset(key).items()
        }

    def _absent(self, key: FrameKey, name: str) -> int:
        return len(self.store.unset(key).get(name, ()))

    def _select_animal(self, name: str) -> None:
        for position, animal in enumerate(self.instances()):
            if animal.id == name:
                self._cursor = replace(self._cursor, instance=position)
                return

    def _set(
        self,
        values: Mapping[int, PointValue],
        words: str,
        *,
        forget: Iterable[int] = (),
        memory: Memory | None = None,
        repeat: Hashable = None,
    ) -> Done:
        """Set points of the selected animal, which becomes a stored one if it was none.

        Args:
            values: new value a node; None says that there is no such point, also where one is predicted.
            words: what is done.
            forget: nodes that become as if nobody had ever set them, so that what is predicted shows again.
            memory: what is known afterwards, but for the animal's prediction.
            repeat: as in `_change`.
        """
        animal, key = self.animal, self.key
        name = animal.id or new_instance_id()
        edits: list[Edit] = []
        if values:
            named = {self.skeleton.node_names[node]: value for node, value in values.items()}
            known = self.store.frame(key).checksum is not None
            edits.append(SetPoints(key.video, key.frame, name, named, None if known else self.checksum))
        former = tuple(Former("point", name, self.skeleton.node_names[node], None, NEVER) for node in forget)
        if former:
            edits.append(Restore(key.video, key.frame, former))
        if not animal.stored and animal.track is not None:
            edits.append(SetTrack(key.video, key.frame, name, animal.track))
        after = memory or self._memory
        if animal.source is not None:
            after = after.knowing(key, name, animal.source)
        again = None if repeat is None else (repeat, key, name)
        return self._change(words, edits, memory=after, keep=name, repeat=again)
