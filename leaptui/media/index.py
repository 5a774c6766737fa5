"""The index of a video file: which frames there are, and where decoding can start.

The frame list is the sorted list of presentation stamps of all packets the file wants shown (edit lists
hide some). It is believed if the first pictures that come out of the decoder carry just these stamps in this
order; otherwise (AVI with B-frames, interlaced fields, streams that begin amid a group) the whole file is
decoded once and the pictures that come out are the frames. Metadata is never asked for a count.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.files import replacing
from leaptui.media.demux import Label
from leaptui.media.identity import file_identity
from leaptui.media.planes import Orientation

INDEX_VERSION = 1
PROBED_KEYS = 10
MAX_REORDERING = 16  # pictures a decoder may hold (ITU-T H.264, A.3.1)
PROBED_AROUND = range(-3, 2)
Labels = NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class VideoIndex:
    """Everything needed to fetch frame i of a video file exactly.

    Args:
        size, mtime_ns, identity: of the file the index was made from.
        label: what names a packet, see `demux`.
        labels: (N,) label of each frame, in the order of presentation.
        ranks: (N,) place of each frame's packet in the file, which is the order of decoding.
        key_labels: (K,) label of each key frame, in file order.
        key_stamps: (K,) stamp to seek to for it.
        key_positions: (K,) first frame that can be decoded from it.
        height, width: of the coded picture, before it is turned.
        orientation: how it is turned for showing.
        time_base: seconds per stamp, as (numerator, denominator).
        fps: mean frames a second, 0 if unknown.
        variable_rate: True if frames are not equally far apart in time.
        codec, pixel_format, container: as FFmpeg names them.
        metadata_count: frames the file says it has, 0 if it does not say.
        grey: True if the pictures have no colour.
        options: decoder options the file needs.
        preroll: key frames to go back beyond the nearest one before decoding gives exact pictures; -1 means that
            only decoding from the start of the file does. Found by `preflight`.
        notes: facts about the file in words.
        checksums: (N,) CRC-32 of each grey frame, or None before a full pass.
        damaged: frames of that pass that could not be read.
    """

    size: int
    mtime_ns: int
    identity: str
    label: Label
    labels: Labels
    ranks: Labels
    key_labels: Labels
    key_stamps: Labels
    key_positions: Labels
    height: int
    width: int
    orientation: Orientation
    time_base: tuple[int, int]
    fps: float
    variable_rate: bool
    codec: str
    pixel_format: str
    container: str
    metadata_count: int
    grey: bool
    options: dict[str, str] = field(default_factory=dict)
    preroll: int = 0
    notes: tuple[str, ...] = ()
    checksums: NDArray[np.uint32] | None = None
    damaged: Labels | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        height, width = self.orientation.size(self.height, self.width)
        return height, width, 1 if self.grey else 3

    def time(self, index: int) -> float:
        """Seconds from the first frame to frame `index`."""
        if self.label == "pts":
            numerator, denominator = self.time_base
            return float(self.labels[index] - self.labels[0]) * numerator / denominator
        return index / self.fps if self.fps else 0.0

    def key_before(self, index: int, back: int = 0) -> int:
        """The `back`-th key frame before the nearest one frame `index` can be decoded from; -1: from the start."""
        return max(-1, int(np.searchsorted(self.key_positions, index, "right")) - 1 - back)

    def reordering(self) -> int:
        """How many frames before a frame, at most, one is shown that was decoded after it; 0 without B-frames."""
        reach = range(1, min(MAX_REORDERING, len(self) - 1) + 1)
        return max((far for far in reach if np.any(self.ranks[:-far] > self.ranks[far:])), default=0)

    def spread_damage(self, damaged: Labels) -> Labels:
        """The damaged frames and all that are decoded after one of them, up to the next key frame."""
        if not len(damaged):
            return damaged
        in_file = np.argsort(self.ranks)
        keys = np.unique(self.key_positions[self.key_positions < len(self)])
        group = np.searchsorted(np.sort(self.ranks[keys]), self.ranks[in_file], "right")
        hit = np.isin(in_file, damaged)
        # Within each group of pictures, in the order of decoding, damage stays until the group ends.
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        count = np.cumsum(hit)
        before: Labels = (count[starts] - hit[starts])[np.searchsorted(starts, np.arange(len(group)), "right") - 1]
        spread: Labels = np.sort(in_file[count > before]).astype(np.int64)
        return spread

    def matches(self, path: Path) -> bool:
        """True if the index was made from this content; the time of change saves reading it."""
        stat = path.stat()
        if stat.st_size != self.size:
            return False
        return stat.st_mtime_ns == self.mtime_ns or file_identity(path) == self.identity

    def with_pass(self, checksums: NDArray[np.uint32], damaged: Labels, preroll: int) -> VideoIndex:
        """The index with what a full decoding pass and its probes found."""
        return replace(self, checksums=checksums, damaged=damaged, preroll=preroll)

    def save(self, path: Path) -> None:
        """Write to an .npz file; the old one stays whole until the new one is.

        Raises:
            UnusableInput: if it cannot be written.
        """
        arrays: dict[str, NDArray[Any]] = {}
        facts: dict[str, Any] = {"version": INDEX_VERSION}
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                arrays[name] = value
            elif value is not None:
                facts[name] = asdict(value) if isinstance(value, Orientation) else value
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, facts=np.array(json.dumps(facts)), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> VideoIndex:
        """Read what `save` wrote.

        Raises:
            UnusableInput: if the file is missing, damaged or of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                values: dict[str, Any] = json.loads(str(stored["facts"]))
                if values.pop("version") != INDEX_VERSION:
                    raise ValueError("it was written by another version")
                values["orientation"] = Orientation(**values["orientation"])
                values["time_base"] = tuple(values["time_base"])
                values["notes"] = tuple(values["notes"])
                values.update({name: stored[name] for name in stored.files if name != "facts"})
            return cls(**values)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
            raise UnusableInput(
                f"The video index cannot be read: {error}.", where=path, hint="Delete it; it is made again."
            ) from error


def probe_positions(index: VideoIndex, limit: int | None = None) -> list[int]:
    """Sound frames around ten key frames spread over the first `limit` frames, in an order that makes each a jump."""
    end = len(index) if limit is None else min(limit, len(index))
    keys = index.key_positions[index.key_positions < end]
    if not len(keys):
        keys = np.linspace(0, end - 1, min(end, PROBED_KEYS)).astype(np.int64)
    picked = keys[np.unique(np.linspace(0, len(keys) - 1, min(len(keys), PROBED_KEYS)).astype(int))]
    damaged = set() if index.damaged is None else set(index.damaged.tolist())
    around = {int(key) + step for key in picked for step in PROBED_AROUND}
    positions = sorted(position for position in around - damaged if 0 <= position < end)
    # Fixed seed: the same file gets the same verdict.
    return [positions[place] for place in np.random.default_rng(0).permutation(len(positions))]


def load_or_build(path: Path, stored: Path, *, progress: Progress | None = None) -> VideoIndex:
    """The index stored for a video, made anew and stored if it is missing, unreadable or of another content.

    Raises:
        UnusableInput: if the video cannot be used.
    """
    from leaptui.media.indexing import build_index

    if stored.is_file():
        try:
            index = VideoIndex.load(stored)
            if index.matches(path):
                return index
        except UnusableInput:
            stored.unlink(missing_ok=True)
    index = build_index(path, progress=progress)
    index.save(stored)
    return index
