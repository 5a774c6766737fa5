"""Where a person is: the cursor, and the list of jumps behind and ahead."""

from __future__ import annotations

from dataclasses import dataclass

from leaptui.pose.labels import FrameKey

_MOST_JUMPS = 200


@dataclass(frozen=True)
class Cursor:
    """What is selected.

    Args:
        key: the frame.
        instance: position among the animals of the frame.
        node: position in the skeleton.
    """

    key: FrameKey
    instance: int = 0
    node: int = 0


class JumpList:
    """Frames one came from, as in vim: back goes to where the last jumps began, forward returns.

    A frame is in it once; leaving one again moves it to the end.
    """

    def __init__(self) -> None:
        self._frames: list[FrameKey] = []
        self._at = 0

    def leave(self, here: FrameKey) -> None:
        """A jump begins here."""
        if here in self._frames:
            self._frames.remove(here)
        self._frames.append(here)
        del self._frames[:-_MOST_JUMPS]
        self._at = len(self._frames)

    def back(self, here: FrameKey) -> FrameKey | None:
        """Where the jump before began; None if there is none."""
        if self._at == len(self._frames):
            self.leave(here)
            self._at -= 1
        while self._at > 0:
            self._at -= 1
            if self._frames[self._at] != here:
                return self._frames[self._at]
        return None

    def forward(self, here: FrameKey) -> FrameKey | None:
        """Where one was before going back; None if there is nothing ahead."""
        while self._at < len(self._frames) - 1:
            self._at += 1
            if self._frames[self._at] != here:
                return self._frames[self._at]
        return None
