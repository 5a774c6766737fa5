"""Frames and fresh predictions for the screens, from processes beside the app.

The app loads neither the libraries that read video nor torch. `FrameSupply` gets frames, `WarmPredictor` what a model
sees in one of them; both answer at once with what they have and call back, in a thread of theirs, with the rest.
Screens let that callback post a message.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import LeaptuiError
from leaptui.labelling.predictions import ConfidenceMaps
from leaptui.pose.labels import FrameKey
from leaptui.runs.companion import Answer
from leaptui.runs.wire import Buffer

Image = NDArray[np.uint8]

FRAME_BYTES = 96 << 20
"""Memory for frames in the app; the process beside it keeps more."""
_TROUBLES = 1000
_LASTING = frozenset({"FrameError", "IndexError"})


class Requests(Protocol):
    """A process that answers: `leaptui.runs.companion.Companion`, or what a test has in its place."""

    def request(self, head: Mapping[str, Any], blobs: Sequence[Buffer] = (), *, take: Callable[[Answer], None]) -> None:
        """Send a request; `take` gets the answers, in another thread."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Frame:
    """A frame.

    Args:
        key: which.
        grey: it was asked for in grey.
        image: (H, W, C) uint8, not to be written to; C is 1 for grey, 3 for RGB.
        checksum: CRC-32 of the frame as `leaptui.media.video.Video.checksum` has it, for labels.
    """

    key: FrameKey
    grey: bool
    image: Image = field(repr=False, compare=False)
    checksum: int


@dataclass(frozen=True)
class FrameTrouble:
    """Why there is no frame.

    Args:
        key: which.
        grey: it was asked for in grey.
        error: what is wrong.
        lasts: it will not get better: the frame is damaged, or there is none of that number.
    """

    key: FrameKey
    grey: bool
    error: LeaptuiError
    lasts: bool


Found = Frame | FrameTrouble
_Name = tuple[FrameKey, bool]


class FrameSupply:
    """Frames of one project.

    Args:
        reader: the process that reads them.
        on_frame: called with each frame that `get` did not have.
        cache_bytes: memory for frames here.
    """

    def __init__(self, reader: Requests, on_frame: Callable[[Found], None], *, cache_bytes: int = FRAME_BYTES) -> None:
        self._reader = reader
        self._on_frame = on_frame
        self._limit = cache_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[_Name, Frame] = OrderedDict()
        self._bytes = 0
        self._troubles: OrderedDict[_Name, FrameTrouble] = OrderedDict()
        self._asked: set[_Name] = set()

    def get(self, key: FrameKey, *, grey: bool = False) -> Found | None:
        """A frame that is here; else None, and it is asked for: `on_frame` gets it.

        Frames that were asked for before and not begun yet are given up: only the newest is on the screen.
        """
        name = (key, grey)
        with self._lock:
            known = self._known(name)
            if known is not None or name in self._asked:
                return known
            self._asked.add(name)
        self._ask(name, self._on_frame, lane="shown", rank=0)
        return None

    def peek(self, key: FrameKey, *, grey: bool = False) -> Frame | None:
        """A frame if it is here; it is not asked for."""
        with self._lock:
            return self._held.get((key, grey))

    def fetch(self, key: FrameKey, take: Callable[[Found], None], *, grey: bool = False) -> None:
        """Have one frame handed to `take`, at once if it is here."""
        with self._lock:
            known = self._known((key, grey))
        if known is not None:
            take(known)
        else:
            self._ask((key, grey), take, lane=None, rank=1)

    def ahead(self, keys: Iterable[FrameKey], *, grey: bool = False, deliver: int = 1) -> None:
        """Name frames that may be wanted next, the likeliest first; they take the place of those named before.

        Args:
            keys: the frames.
            grey: in grey.
            deliver: how many of them are brought here; the others wait in the other process.
        """
        frames = [[key.video, key.frame] for key in keys if (key, grey) not in self._held]
        head = {"op": "ahead", "frames": frames, "grey": grey, "deliver": deliver, "lane": "ahead"}
        self._reader.request(head, take=self._keep_ahead)

    def close(self) -> None:
        """End the process."""
        self._reader.close()

    def _known(self, name: _Name) -> Found | None:
        if name in self._held:
            self._held.move_to_end(name)
            return self._held[name]
        return self._troubles.get(name)

    def _ask(self, name: _Name, take: Callable[[Found], None], *, lane: str | None, rank: int) -> None:
        (video, frame), grey = name

        def answered(answer: Answer) -> None:
            with self._lock:
                self._asked.discard(name)
            if not answer.is_superseded:
                take(self._kept(name, answer))

        head = {"op": "frame", "video": video, "frame": frame, "grey": grey, "lane": lane, "rank": rank}
        self._reader.request(head, take=answered)

    def _keep_ahead(self, answer: Answer) -> None:
        if answer.error is None and "shape" in answer.head:
            key = FrameKey(str(answer.head["video"]), int(answer.head["frame"]))
            self._kept((key, bool(answer.head["grey"])), answer)

    def _kept(self, name: _Name, answer: Answer) -> Found:
        """What an answer brings, kept here."""
        key, grey = name
        if answer.error is not None:
            trouble = FrameTrouble(key, grey, answer.error, answer.kind in _LASTING)
            if trouble.lasts:
                with self._lock:
                    self._troubles[name] = trouble
                    while len(self._troubles) > _TROUBLES:
                        self._troubles.popitem(last=False)
            return trouble
        image = np.frombuffer(answer.blobs[0], np.uint8).reshape(answer.head["shape"])
        image.flags.writeable = False
        frame = Frame(key, grey, image, int(answer.head["checksum"]))
        with self._lock:
            former = self._held.pop(name, None)
            self._held[name] = frame
            self._bytes += image.nbytes - (former.image.nbytes if former else 0)
            while self._bytes > self._limit and len(self._held) > 1:
                self._bytes -= self._held.popitem(last=False)[1].image.nbytes
        return frame


class Warmth(Enum):
    """How far a model is."""

    COLD = "cold"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class FreshPrediction:
    """What a model sees in one frame.

    Args:
        key: which frame.
        nodes: names of the model's nodes.
        points: (J, 2) x, y in source pixels.
        scores: (J,) in [0, 1].
        maps: the confidence maps.
    """

    key: FrameKey
    nodes: tuple[str, ...]
    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    maps: ConfidenceMaps


class WarmPredictor:
    """A model that is kept loaded.

    Args:
        process: the process that holds it.
        on_change: called when `warmth` has changed.
    """

    def __init__(self, process: Requests, on_change: Callable[[], None] = lambda: None) -> None:
        self._process = process
        self._on_change = on_change
        self._lock = threading.Lock()
        self._waiting: list[Callable[[LeaptuiError | None], None]] = []
        self.warmth = Warmth.COLD
        self.error: LeaptuiError | None = None
        """Why it failed."""
        self.facts: Mapping[str, Any] = {}
        """nodes, channels, device, precision and architecture, once it is ready."""

    def load(self) -> None:
        """Load the model, if nobody did so yet; one that failed is tried again."""
        with self._lock:
            if self.warmth not in (Warmth.COLD, Warmth.FAILED):
                return
            self.warmth, self.error = Warmth.LOADING, None
        self._on_change()
        self._process.request({"op": "load"}, take=self._loaded)

    def when_ready(self, take: Callable[[LeaptuiError | None], None]) -> None:
        """Load the model if need be, and call `take` when it is ready, or with the reason why it is not."""
        with self._lock:
            is_ready = self.warmth is Warmth.READY
            if not is_ready:
                self._waiting.append(take)
        if is_ready:
            take(None)
        else:
            self.load()

    @property
    def wants_grey(self) -> bool | None:
        """Whether it looks at grey frames; None until it is ready."""
        channels = self.facts.get("channels")
        return None if channels is None else channels == 1

    def predict(self, frame: Frame, take: Callable[[FreshPrediction | LeaptuiError], None]) -> None:
        """Have a frame predicted; of several that wait, only the newest is.

        Args:
            frame: the frame.
            take: gets the prediction, or why there is none; nothing if a newer frame took its place.
        """

        def answered(answer: Answer) -> None:
            if not answer.is_superseded:
                take(answer.error or _fresh(frame.key, answer))

        head = {"op": "predict", "shape": list(frame.image.shape), "lane": "predict"}
        self._process.request(head, [np.ascontiguousarray(frame.image).data], take=answered)

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def _loaded(self, answer: Answer) -> None:
        with self._lock:
            self.error = answer.error
            self.facts = answer.head
            self.warmth = Warmth.READY if answer.error is None else Warmth.FAILED
            waiting, self._waiting = self._waiting, []
        self._on_change()
        for take in waiting:
            take(answer.error)


def _fresh(key: FrameKey, answer: Answer) -> FreshPrediction:
    nodes = tuple(str(name) for name in answer.head["nodes"])
    height, width = (int(size) for size in answer.head["maps"])
    across, down = (float(step) for step in answer.head["stride"])
    points, scores, maps = answer.blobs
    return FreshPrediction(
        key,
        nodes,
        np.frombuffer(points, np.float32).reshape(len(nodes), 2),
        np.frombuffer(scores, np.float32),
        ConfidenceMaps(np.frombuffer(maps, np.float16).reshape(len(nodes), height, width), (across, down)),
    )
