"""The process that reads frames and predictions for the screens: `python -m leaptui.runners.frame_server PROJECT`.

Requests (see `leaptui.runs.wire`), `video` being an id in the project:

- `frame` {video, frame, grey}: {shape, checksum} and the pixels, (H, W, C) uint8; `checksum` is `Video.checksum`.
- `ahead` {frames: [[video, frame], ...], grey, deliver}: frames that may be wanted next, the likeliest first. They
  are read when nothing else is to do; the first `deliver` are sent, each an answer of its own like that of `frame`
  with `video`, `frame` and `grey`. The next `ahead` takes its place.
- `video` {video}: {frames, shape, continuous}.
- `predictions`, `points`, `scores`: see `leaptui.runners.prediction_rows`.

After each frame its neighbours are read ahead in the direction the viewer goes.
"""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from leaptui.errors import LeaptuiError, UsageError
from leaptui.media.video import Video
from leaptui.project import Project
from leaptui.runners.companion import Reply, Request, serve
from leaptui.runners.prediction_rows import PredictionShelf
from leaptui.runners.videos import HeldFrame, open_record, read_frame

CACHE_BYTES = 256 << 20
_OPEN_VIDEOS = 3
_STEPS_AHEAD = 16
_JUMPS_AHEAD = 4
_LONGEST_JUMP = 100


class FrameName(NamedTuple):
    """Which frame, and how it is wanted."""

    video: str
    frame: int
    grey: bool


class FrameCache:
    """Frames that were read, the latest used longest, up to a number of bytes.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[FrameName, HeldFrame] = OrderedDict()
        self._bytes = 0

    def __contains__(self, name: FrameName) -> bool:
        return name in self._held

    def get(self, name: FrameName) -> HeldFrame | None:
        """A frame, if it is there."""
        if name in self._held:
            self._held.move_to_end(name)
        return self._held.get(name)

    def put(self, name: FrameName, frame: HeldFrame) -> None:
        """Keep a frame."""
        former = self._held.pop(name, None)
        self._bytes += frame.pixels.nbytes - (former.pixels.nbytes if former else 0)
        self._held[name] = frame
        while self._bytes > self._limit and len(self._held) > 1:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= oldest.pixels.nbytes


class ProjectVideos:
    """The videos of a project, opened when they are needed.

    Args:
        folder: of the project.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._project: Project | None = None
        self._open: OrderedDict[str, Video] = OrderedDict()

    def project(self, *, again: bool = False) -> Project:
        """The project; `again`: as it is now."""
        if self._project is None or again:
            self._project = Project.open(self._folder)
        return self._project

    def video(self, name: str) -> Video:
        """An open video, by id.

        Raises:
            UsageError: if the project has none of that id.
            UnusableInput: if it is missing or another.
        """
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        known = {record.id: record for record in self.project().videos}
        if name not in known:
            known = {record.id: record for record in self.project(again=True).videos}
        if name not in known:
            raise UsageError(f"the project has no video {name}", where=self._folder)
        while len(self._open) >= _OPEN_VIDEOS:
            self._open.popitem(last=False)[1].close()
        try:
            opened = open_record(self.project(), known[name])
        except LeaptuiError:
            # It may have been relinked since.
            self._project = None
            raise
        self._open[name] = opened
        return opened


class FrameServer:
    """Answers for one project.

    Args:
        folder: of the project.
        cache_bytes: memory for frames, beyond what the readers hold themselves.
    """

    def __init__(self, folder: Path, cache_bytes: int = CACHE_BYTES) -> None:
        self._videos = ProjectVideos(folder)
        self._cache = FrameCache(cache_bytes)
        self._predictions = PredictionShelf(self._videos.project)
        self._last: FrameName | None = None
        self._near: deque[FrameName] = deque()
        self._far: deque[FrameName] = deque()
        self._far_reply: Reply | None = None
        self._to_deliver = 0

    def answer(self, request: Request, reply: Reply) -> None:
        """See `Handler`."""
        head = request.head
        if request.op == "frame":
            name = FrameName(str(head["video"]), int(head["frame"]), bool(head.get("grey", False)))
            _send(reply, name, self._frame(name))
            self._near = deque(self._plan(name))
            self._last = name
        elif request.op == "ahead":
            grey = bool(head.get("grey", False))
            self._far = deque(FrameName(str(video), int(frame), grey) for video, frame in head["frames"])
            if self._far_reply is not None:
                self._far_reply({"done": True})
            self._far_reply, self._to_deliver = reply, int(head.get("deliver", 0))
        elif request.op == "video":
            video = self._videos.video(str(head["video"]))
            reply({"frames": len(video), "shape": list(video.shape), "continuous": video.continuous})
        else:
            self._predictions.answer(request, reply)

    def idle(self) -> bool:
        """Read a frame ahead: neighbours first, then what was named, then scores."""
        if self._far and self._to_deliver > 0:
            self._read_far()
            return True
        while self._near:
            name = self._near.popleft()
            if name not in self._cache:
                self._read_ahead(name)
                return True
        if self._far:
            self._read_far()
            return True
        if self._far_reply is not None:
            self._far_reply({"done": True})
            self._far_reply = None
        return self._predictions.idle()

    def _read_far(self) -> None:
        name = self._far.popleft()
        found = self._read_ahead(name)
        if self._to_deliver > 0 and self._far_reply is not None:
            self._to_deliver -= 1
            if found is not None:
                _send(self._far_reply, name, found, more=True)

    def _read_ahead(self, name: FrameName) -> HeldFrame | None:
        """A frame for the cache. What is wrong with one that nobody sees yet is said when somebody asks for it."""
        try:
            return self._frame(name)
        except (LeaptuiError, IndexError):
            return None

    def _frame(self, name: FrameName) -> HeldFrame:
        held = self._cache.get(name)
        if held is None:
            held = read_frame(self._videos.video(name.video), name.frame, grey=name.grey)
            self._cache.put(name, held)
        return held

    def _plan(self, name: FrameName) -> Iterable[FrameName]:
        """Frames that come next if the viewer goes on as before; some on both sides if that is not known."""
        last = self._last
        count = len(self._videos.video(name.video))
        step = 0 if last is None or last[::2] != name[::2] else name.frame - last.frame
        if 0 < abs(step) <= _LONGEST_JUMP:
            reach = _STEPS_AHEAD if abs(step) == 1 else _JUMPS_AHEAD
            indices = [name.frame + step * n for n in range(1, reach + 1)]
            indices += [name.frame + 1, name.frame - 1]
        else:
            indices = [name.frame + side * n for n in (1, 2, 3) for side in (1, -1)]
        return [name._replace(frame=index) for index in indices if 0 <= index < count]


def _send(reply: Reply, name: FrameName, frame: HeldFrame, *, more: bool = False) -> None:
    head = {**name._asdict(), "shape": list(frame.pixels.shape), "checksum": frame.checksum}
    reply(head, np.ascontiguousarray(frame.pixels).data, more=more)


def main() -> None:
    """`python -m leaptui.runners.frame_server PROJECT`."""
    serve(FrameServer(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
