"""Commands that go to another frame, and what is shown of all frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath

from leaptui.errors import LeaptuiError
from leaptui.labelling.animal_commands import AnimalCommands
from leaptui.labelling.counter import Counts
from leaptui.labelling.cursor import Cursor
from leaptui.labelling.done import Done, nothing
from leaptui.labelling.index import FrameStatus
from leaptui.labelling.suggestions import Suggestion, read_suggestions, suggest
from leaptui.labelling.timeline import Timeline, timeline
from leaptui.pose.labels import FrameKey
from leaptui.project import VideoRecord

_Find = Callable[[VideoRecord, int], int | None]


class FrameCommands(AnimalCommands):
    """Going through frames and videos."""

    def go(self, frame: int, video: str | None = None) -> Done:
        """Go to a frame by its number, from 0, of this or another video; a jump."""
        name = self.key.video if video is None else video
        record = self._by_id.get(name)
        if record is None:
            return nothing(f"the project has no video {name}")
        if not 0 <= frame < record.frames:
            return nothing(f"there is no frame {frame:,}: {_name(record)} has frames 0 to {record.frames - 1:,}")
        key = FrameKey(record.id, int(frame))
        if key == self.key:
            return nothing(f"this is frame {frame:,}")
        return self._arrive(key)

    def step(self, count: int) -> Done:
        """Go `count` frames on (or with a negative count back) in this video, at most to its end."""
        frame = min(max(self.frame + count, 0), self.video.frames - 1)
        if frame == self.frame:
            return nothing("this is the last frame" if count > 0 else "this is the first frame")
        return self._arrive(self.key._replace(frame=frame), jump=False)

    def next_unlabelled(self, direction: int = 1) -> Done:
        """Go to the next frame (or with -1 the one before) that is not completely labelled, in any video."""

        def find(video: VideoRecord, frame: int) -> int | None:
            return self.index.next_incomplete(video.id, frame, direction, video.frames)

        return self._search(find, direction, "every other frame is completely labelled", to_open_node=True)

    def next_labelled(self, direction: int = 1) -> Done:
        """Go to the next frame (or with -1 the one before) with a placed point, in any video."""

        def find(video: VideoRecord, frame: int) -> int | None:
            found = self.index.next_labelled(video.id, frame, direction)
            return found if found is not None and found < video.frames else None

        return self._search(find, direction, "no other frame is labelled")

    def suggestions(self, most: int = 50) -> Sequence[Suggestion]:
        """Frames worth labelling next, best first, and why; none that is labelled already.

        Raises:
            UnusableInput: if the file with suggestions is damaged.
        """
        listed = [] if self.suggestions_file is None else read_suggestions(self.suggestions_file)
        return suggest(self.videos, self.index, self.predictions, listed, most)

    def next_suggestion(self, direction: int = 1) -> Done:
        """Go to the next suggested frame (or with -1 the one before); says why it is worth labelling."""
        try:
            chosen = self._suggested_on(direction) or self._suggested_anew(direction)
        except LeaptuiError as error:
            return nothing(str(error))
        if chosen is None:
            return nothing("no frame is left to suggest")
        done = self._arrive(chosen.key, to_open_node=True)
        return replace(done, words=f"{done.words}: {chosen.reason}")

    def _suggested_on(self, direction: int) -> Suggestion | None:
        """The next suggestion of the list that is walked through, which stays as it is while frames are labelled."""
        count = len(self._suggested)
        for turn in range(1, count + 1):
            place = (self._suggested_at + direction * turn) % count
            found = self._suggested[place]
            if found.key != self.key and self.index.status(found.key) is FrameStatus.EMPTY:
                self._suggested_at = place
                return found
        return None

    def _suggested_anew(self, direction: int) -> Suggestion | None:
        self._suggested = tuple(self.suggestions())
        self._suggested_at = -1 if direction > 0 else 0
        return self._suggested_on(direction)

    def next_video(self, direction: int = 1) -> Done:
        """Go to the first frame of the next video (or with -1 of the one before); after the last comes the first."""
        if len(self.videos) == 1:
            return nothing("the project has one video")
        at = self.videos.index(self.video)
        return self._arrive(FrameKey(self.videos[(at + direction) % len(self.videos)].id, 0))

    def back(self) -> Done:
        """Go to where the last jump began."""
        key = self._jumps.back(self.key)
        return nothing("there is no earlier jump") if key is None else self._arrive(key, jump=False)

    def forward(self) -> Done:
        """Go forward again through the jumps."""
        key = self._jumps.forward(self.key)
        return nothing("there is no later jump") if key is None else self._arrive(key, jump=False)

    def timeline(self, video: str, columns: int) -> Timeline:
        """The frames of a video in that many columns."""
        return timeline(
            self._by_id[video].frames,
            columns,
            self.index.labelled(video),
            self.index.complete(video),
            self.predictions.frames(video),
        )

    def counts(self) -> Counts:
        """How much is labelled."""
        return Counts.of(self.index, self.videos, self.key)

    def status(self, key: FrameKey) -> FrameStatus:
        """How far a frame is."""
        status = self.index.status(key)
        if status is FrameStatus.EMPTY and self.predictions.instances(key):
            return FrameStatus.PREDICTED
        return status

    def _search(self, find: _Find, direction: int, none: str, *, to_open_node: bool = False) -> Done:
        """Go to what `find` finds from here on: in this video, the videos after it, and round to this frame."""
        at = self.videos.index(self.video)
        count = len(self.videos)
        for turn in range(count + 1):
            place = at + direction * turn
            video = self.videos[place % count]
            start = self.frame if turn == 0 else (-1 if direction > 0 else video.frames)
            found = find(video, start)
            if found is None or FrameKey(video.id, found) == self.key:
                continue
            done = self._arrive(FrameKey(video.id, found), to_open_node=to_open_node)
            around = turn == count or not 0 <= place < count
            if around:
                done = replace(done, words=f"{done.words}, from the {'beginning' if direction > 0 else 'end'} again")
            return done
        return nothing(none)

    def _arrive(self, key: FrameKey, *, jump: bool = True, to_open_node: bool = False) -> Done:
        """Show another frame; the same animal stays selected where it is there."""
        track, position, crossed = self.animal.track, self.instance, key.video != self.key.video
        if jump:
            self._jumps.leave(self.key)
        self._cursor = Cursor(key, 0, self.node)
        self._animals = None
        self.checksum = None
        self._repeat = None
        animals = self.instances()
        same = [i for i, animal in enumerate(animals) if track is not None and animal.track == track]
        self._cursor = replace(self._cursor, instance=same[0] if same else min(position, len(animals) - 1))
        if to_open_node and self.auto_advance:
            self._cursor = replace(self._cursor, node=len(self.skeleton) - 1)
            if not self.next_open_node():
                self._cursor = replace(self._cursor, node=0)
        where = f" of {_name(self.video)}" if crossed else ""
        return Done(f"frame {key.frame:,}{where}")


def _name(video: VideoRecord) -> str:
    return PurePath(video.path).name or video.id
