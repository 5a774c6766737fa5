"""Pictures of a video file with their positions in its index."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.codec.hwaccel import HWAccel
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from leaptui.media.demux import PacketStream
from leaptui.media.index import VideoIndex

_SEEK_BACK = (0, 1, 3)  # key frames before the wanted one whose stamps are tried when a container lands too late
_RETRIES = (1, 2)
_FROM_START_LIMIT = 3000
_DAMAGED = "the picture is damaged."
BUILT_ON_DAMAGE = "the picture builds on damaged ones before it."
_STEP_COST = 3  # a seek costs about as much as decoding this many frames


class Picture(NamedTuple):
    """A decoded picture, its position in the video, and what is wrong with it (empty if nothing)."""

    position: int
    frame: VideoFrame
    problem: str


class Decoder:
    """Decodes forward from any key frame and says which frame each picture is.

    Decoding starts exactly at the packet of a key frame of the index: whether a seek found it is checked by its
    label, and where the container cannot seek to it the packets before it are read and passed over. A picture
    is taken for frame i only if it carries the label of frame i; pictures before the key frame (leading pictures of an
    open group, whose references are missing) are dropped. After a damaged or missing picture all that are decoded
    later are marked, up to the next key frame, since decoders paint over damage without a word.

    Args:
        path: the file.
        index: its index.
        threads: decoder threads.
        accelerator: what decodes instead of the cores.
    """

    def __init__(self, path: Path, index: VideoIndex, threads: int = 1, accelerator: HWAccel | None = None) -> None:
        self._index = index
        self._stream = PacketStream(path, index.label, index.options, threads, accelerator)
        self._order = None if bool(np.all(np.diff(index.labels) > 0)) else np.argsort(index.labels)
        self._sorted = index.labels if self._order is None else index.labels[self._order]
        self._ready: deque[VideoFrame] = deque()
        self._feed: Iterator[Packet[VideoStream]] | None = self._stream.packets()
        self._next = 0
        self._tainted: int | None = None  # place in the file of the first damaged packet of the group
        self._incomplete: set[int] = set()

    @property
    def position(self) -> int:
        """The frame that comes next if none is damaged."""
        return self._next

    def start_at(self, position: int, back: int = 0) -> None:
        """Go to a key frame from which frame `position` can be decoded, `back` key frames earlier than the nearest."""
        self._ready.clear()
        key = -1 if back < 0 else self._index.key_before(position, back)
        self._next = 0 if key < 0 else int(self._index.key_positions[key])
        self._feed = self._from_key(key)
        self._tainted = None

    def next_picture(self) -> Picture | None:
        """The next picture; positions rise but may have gaps. None at the end."""
        while True:
            while self._ready:
                frame = self._ready.popleft()
                position = self._position_of(frame.pts)
                if position is not None and position >= self._next:
                    problem = self._problem(position, frame)
                    self._next = position + 1
                    return Picture(position, frame, problem)
            packet = None if self._feed is None else next(self._feed, None)
            if packet is None:
                self._feed = None
                return None
            if packet.is_corrupt and packet.pts is not None:
                self._incomplete.add(packet.pts)
            self._ready.extend(self._stream.decode(packet))

    def find(self, position: int) -> Picture | None:
        """The picture of frame `position`, or None if no way of decoding leads to it."""
        best = self._step_to(position) if self._can_step_to(position) else None
        if best is not None and not best.problem:
            return best
        preroll = self._index.preroll
        ways = [preroll] if preroll < 0 else [preroll, *(preroll + back for back in _RETRIES)]
        if position < _FROM_START_LIMIT and ways[-1] >= 0:
            ways.append(-1)
        tried: set[int] = set()
        for back in ways:
            key = -1 if back < 0 else self._index.key_before(position, back)
            if key in tried:
                continue
            tried.add(key)
            self.start_at(position, back)
            picture = self._step_to(position)
            if picture is not None and not picture.problem:
                return picture
            best = best or picture
        return best

    def close(self) -> None:
        """Close the file."""
        self._feed = None
        self._ready.clear()
        self._stream.close()

    def _can_step_to(self, position: int) -> bool:
        """True if decoding on is no more work than seeking."""
        if self._feed is None or position < self._next:
            return False
        key = self._index.key_before(position, max(0, self._index.preroll))
        first = int(self._index.key_positions[key]) if key >= 0 and self._index.preroll >= 0 else 0
        return position - self._next <= position - first + _STEP_COST

    def _step_to(self, position: int) -> Picture | None:
        while self._next <= position:
            picture = self.next_picture()
            if picture is None:
                return None
            self._passed(picture)
            if picture.position == position:
                return picture
        return None

    def _passed(self, picture: Picture) -> None:
        """Called with every picture on the way to a frame."""

    def _problem(self, position: int, frame: VideoFrame) -> str:
        """What is wrong with the next picture; keeps track of damage."""
        ranks = self._index.ranks
        if position > self._next:
            self._damaged_from(int(ranks[self._next : position].min()))
        if frame.is_corrupt or frame.pts in self._incomplete:
            self._damaged_from(int(ranks[position]))
            return _DAMAGED
        if frame.key_frame:
            self._tainted = None
        # What was decoded before the damage cannot build on it, though it may be shown later.
        if self._tainted is not None and ranks[position] > self._tainted:
            return BUILT_ON_DAMAGE
        if (frame.height, frame.width) != (self._index.height, self._index.width):
            return f"the picture is {frame.width} x {frame.height}, not {self._index.width} x {self._index.height}."
        return ""

    def _damaged_from(self, rank: int) -> None:
        self._tainted = rank if self._tainted is None else min(self._tainted, rank)

    def _from_key(self, key: int) -> Iterator[Packet[VideoStream]]:
        if key >= 0:
            label = int(self._index.key_labels[key])
            for back in _SEEK_BACK if self._index.label != "ordinal" else ():
                if self._stream.seek(int(self._index.key_stamps[max(0, key - back)])):
                    found = self._skip_to(label)
                    if found is not None:
                        return found
            self._stream.restart()
            found = self._skip_to(label)
            if found is not None:
                return found
        self._next = 0
        self._stream.restart()
        return self._stream.packets()

    def _skip_to(self, label: int) -> Iterator[Packet[VideoStream]] | None:
        """Packets from the one labelled so on; None once a later key frame or the end comes first."""
        packets = self._stream.packets()
        for packet in packets:
            if packet.size == 0 or packet.pts is None:
                continue
            if packet.pts == label:
                return chain([packet], packets)
            if packet.is_keyframe and packet.pts > label:
                return None
        return None

    def _position_of(self, label: int | None) -> int | None:
        if label is None:
            return None
        labels = self._index.labels
        if self._next < len(labels) and labels[self._next] == label:
            return self._next
        place = int(np.searchsorted(self._sorted, label))
        if place == len(labels) or self._sorted[place] != label:
            return None
        return place if self._order is None else int(self._order[place])
