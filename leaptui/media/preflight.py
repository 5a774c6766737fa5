"""What a source of frames is, and which reader can be trusted with it.

A video file is indexed, decoded once from end to end for the checksum of every grey frame, and then
probed: around about ten key frames a fresh reader jumps to single frames and must return the very same
pictures. Stamps alone do not show every fault; checksums do.

- PyAV is compared by checksum. If jumps to the nearest key frame give other pictures, decoding starts one
  or two key frames earlier, or at the beginning of the file, whichever is exact first.
- decord (on demand, colour files only, where it is installed) is compared with itself and with PyAV, see `decord_probe`.
  It is not used unless asked for: PyAV reads colour blocks with less work since its scaler is kept between frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.media import open_video
from leaptui.media.readers import kind_of
from leaptui.media.video import FrameError, VideoSource

if TYPE_CHECKING:
    from leaptui.media.index import VideoIndex

Progress = Callable[[int, int], None]
_SHOWN_DAMAGE = 5
_LEAP_SHARE = 0.05


@dataclass(frozen=True)
class Verdict:
    """What preflight found; all but `index` goes into a project file.

    Args:
        kind: "video", "hdf5", "images" or "tiff".
        reader: name of the reader to use.
        colour_reader: name of the reader for blocks of colour frames: "decord" if it was probed and is exact.
        count: number of frames.
        metadata_count: number of frames the file claims, 0 if it claims none.
        shape: (H, W, C) of every frame.
        fps: mean frames a second, 0 if unknown.
        variable_rate: True if frames are not equally far apart in time.
        continuous: True if frames follow each other in time.
        identity: hash of the content.
        checked: True if every frame was decoded and jumps were probed.
        readers: how each reader did, in words: "exact", "not checked", "not needed", or what is wrong with it.
        problems: what the user should know, a sentence each.
        notes: further facts in words.
        damaged: ranges (first, last) of frames that cannot be read.
        index: the index of a video file with its checksums, to be saved beside; None for other kinds.
    """

    kind: str
    reader: str
    colour_reader: str
    count: int
    metadata_count: int
    shape: tuple[int, int, int]
    fps: float
    variable_rate: bool
    continuous: bool
    identity: str
    checked: bool
    readers: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    damaged: tuple[tuple[int, int], ...] = ()
    index: VideoIndex | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able facts, without the index."""
        facts = asdict(replace(self, index=None))
        del facts["index"]
        return {
            name: [list(item) if isinstance(item, tuple) else item for item in value]
            if isinstance(value, tuple)
            else value
            for name, value in facts.items()
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any], index: VideoIndex | None = None) -> Verdict:
        """The verdict `to_dict` wrote; unknown facts are passed over.

        Raises:
            UnusableInput: if facts are missing.
        """
        known = {item.name for item in fields(cls)} - {"index"}
        values = {name: value for name, value in facts.items() if name in known}
        try:
            height, width, channels = values["shape"]
            values["shape"] = (int(height), int(width), int(channels))
            values["problems"] = tuple(values.get("problems", ()))
            values["notes"] = tuple(values.get("notes", ()))
            values["damaged"] = tuple((int(first), int(last)) for first, last in values.get("damaged", ()))
            values["readers"] = dict(values.get("readers", {}))
            return cls(**values, index=index)
        except (KeyError, TypeError, ValueError) as error:
            raise UnusableInput(
                f"The stored verdict on a video is incomplete: {error}.", hint="Add the video again."
            ) from error


def preflight(
    source: VideoSource | str | Path, *, progress: Progress | None = None, full: bool = True, decord: bool = False
) -> Verdict:
    """Examine a source.

    Args:
        source: what to examine.
        progress: called with (done, total) frames now and then, from zero again for each pass over the file.
        full: decode every frame of a video file and probe jumps; False only indexes it.
        decord: probe decord, too.

    Raises:
        UnusableInput: if the source cannot be used at all.
    """
    if not isinstance(source, VideoSource):
        source = VideoSource(Path(source))
    kind = kind_of(source.path)
    return _examine_video(source, progress, full, decord) if kind == "pyav" else _describe(source, kind)


def damaged_ranges(damaged: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """(first, last) of each run of consecutive numbers in a sorted array."""
    if not len(damaged):
        return ()
    breaks = np.flatnonzero(np.diff(damaged) != 1)
    firsts = damaged[np.concatenate([[0], breaks + 1])]
    lasts = damaged[np.concatenate([breaks, [len(damaged) - 1]])]
    return tuple((int(first), int(last)) for first, last in zip(firsts, lasts, strict=True))


def _describe(source: VideoSource, kind: str) -> Verdict:
    video = open_video(source)
    try:
        return Verdict(
            kind=kind,
            reader=kind,
            colour_reader=kind,
            count=len(video),
            metadata_count=len(video),
            shape=video.shape,
            fps=0.0,
            variable_rate=False,
            continuous=video.continuous,
            identity=video.identity,
            checked=False,
            readers={kind: "exact"},
            problems=() if len(video) else ("It holds no frames.",),
            notes=tuple(getattr(video, "notes", ())),
        )
    finally:
        video.close()


def _examine_video(source: VideoSource, progress: Progress | None, full: bool, decord: bool) -> Verdict:
    from leaptui.media.indexing import build_index

    index = build_index(source.path, progress=progress)
    readers = {"pyav": "not checked", "decord": "not checked"}
    problems = _count_problems(index) + _gap_problems(index)
    if full:
        checksums, damaged = _full_pass(source, index, progress)
        if len(damaged):
            # Packets late in the file that carry no picture look like damage until all have been decoded.
            index = build_index(source.path, progress=progress, complete=True)
            checksums, damaged = _full_pass(source, index, progress)
        damaged = index.spread_damage(damaged)
        checksums[damaged] = 0
        index, readers["pyav"], found = _check_pyav(source, index.with_pass(checksums, damaged, 0))
        problems += found
        if decord:
            readers["decord"] = _check_decord(source, index)
    return Verdict(
        kind="video",
        reader="pyav",
        colour_reader="decord" if readers["decord"] == "exact" else "pyav",
        count=len(index),
        metadata_count=index.metadata_count,
        shape=index.shape,
        fps=index.fps,
        variable_rate=index.variable_rate,
        continuous=True,
        identity=index.identity,
        checked=full,
        readers=readers,
        problems=tuple(problems),
        notes=index.notes,
        damaged=() if index.damaged is None else damaged_ranges(index.damaged),
        index=index,
    )


def _count_problems(index: VideoIndex) -> list[str]:
    if index.metadata_count in (0, len(index)):
        return []
    missing = index.metadata_count - len(index)
    if missing < 0:
        return [f"The file says it has {index.metadata_count} frames, but it has {len(index)}."]
    return [
        f"The file says it has {index.metadata_count} frames, but {len(index)} can be shown: "
        "it was cut off, or its edit list hides the rest."
    ]


def _gap_problems(index: VideoIndex) -> list[str]:
    """Leaps of time between frames that are otherwise evenly spaced."""
    if index.label != "pts" or len(index) < 3:
        return []
    steps = np.diff(index.labels)
    usual = float(np.median(steps))
    leaps = np.flatnonzero(steps > 1.5 * usual)
    if usual <= 0 or not len(leaps) or len(leaps) > _LEAP_SHARE * len(steps):
        return []
    lost = int(np.sum(np.rint(steps[leaps] / usual) - 1))
    return [
        f"Time leaps at {len(leaps)} places, first after frame {leaps[0]}: about {lost} frames were not recorded or are "
        "lost; frames are numbered without them."
    ]


def _check_pyav(source: VideoSource, index: VideoIndex) -> tuple[VideoIndex, str, list[str]]:
    """The index with a preroll that is exact, the outcome in words, and problems."""
    from leaptui.media.index import probe_positions

    checksums, damaged = index.checksums, index.damaged
    assert checksums is not None and damaged is not None
    problems = []
    if len(damaged):
        runs = damaged_ranges(damaged)
        shown = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in runs[:_SHOWN_DAMAGE])
        more = f" and {len(runs) - _SHOWN_DAMAGE} more stretches" if len(runs) > _SHOWN_DAMAGE else ""
        problems.append(f"{len(damaged)} frames cannot be read, the file is damaged there ({shown}{more}).")
    positions = probe_positions(index)
    for preroll in (0, 1, 2, -1):
        trial = index.with_pass(checksums, damaged, preroll)
        wrong = _wrong_jumps(source, trial, positions)
        if not wrong:
            break
    else:
        problems.append(
            f"Jumping to a frame may return another picture than reading in order (at {wrong} of the probes)."
        )
        return trial, f"wrong pictures after {wrong} of {len(positions)} jumps", problems
    if preroll:
        how = "at the start of the file" if preroll < 0 else f"{preroll} key frames earlier than usual"
        problems.append(f"Jumps are exact only if decoding starts {how}; they are slower.")
    return trial, "exact", problems


def _full_pass(
    source: VideoSource, index: VideoIndex, progress: Progress | None
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    from leaptui.media.pyav_reader import PyAVVideo

    video = PyAVVideo(source, index)
    checksums = np.zeros(len(index), np.uint32)
    damaged: list[int] = []
    try:
        for block in video.blocks(grey=True):
            end = block.start + len(block.frames)
            assert block.checksums is not None
            checksums[block.start : end] = block.checksums
            damaged.extend(block.bad)
            if progress is not None:
                progress(end, len(index))
    finally:
        video.close()
    return checksums, np.array(sorted(damaged), np.int64)


def _wrong_jumps(source: VideoSource, index: VideoIndex, positions: list[int]) -> int:
    from leaptui.media.pyav_reader import PyAVVideo

    assert index.checksums is not None
    video = PyAVVideo(source, index, cache_bytes=0)
    wrong = 0
    try:
        for position in positions:
            try:
                wrong += video.checksum(position) != int(index.checksums[position])
            except FrameError:
                wrong += 1
    finally:
        video.close()
    return wrong


def _check_decord(source: VideoSource, index: VideoIndex) -> str:
    """How decord did, in words."""
    if index.grey:
        return "not needed"
    try:
        from leaptui.media.decord_probe import probe_decord
    except ImportError:
        return "not installed"
    return probe_decord(source, index)
