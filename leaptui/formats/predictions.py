"""leaptui's predictions: the arrays in memory, and the HDF5 file.

File (version 1): `/points` (N, I, J, 2) x, y in source pixels and `/scores` (N, I, J), both stored as
`leaptui.formats.encoding` says; `/frames` (N,) int64, strictly rising; `/checksums` (N,) uint32 if the reader
of the frames knew them; `/bad_frames` and `/bad_reasons`: frames that could not be read and why. Attributes of
the file: `format`, `version`, `encoding`, and as JSON `skeleton`, `provenance` and (padded with spaces) `times`: what of
the provenance is a time (`made`, `seconds`) or a rate that was measured (`tried`). The same work gives the same bytes in
all of the file but `times`, however often it was interrupted.
N frames, I instances at most a frame, J nodes; missing is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput
from leaptui.files import replacing
from leaptui.formats import hdf5
from leaptui.formats.encoding import encoding_of
from leaptui.formats.predictions_layout import (
    FORMAT,
    BadFrame,
    check_arrays,
    check_format,
    quantity_of,
    read_bad,
    read_provenance,
    read_skeleton_json,
    row_writer,
    text_attribute,
    write_bad,
    write_header,
)
from leaptui.pose.skeleton import Skeleton

BLOCK = 4000
"""Frames that are read at a time where nothing else is asked for."""


@dataclass(frozen=True)
class Predictions:
    """Points and scores of consecutive frames of one video; of several when made from labels.

    Args:
        points: (N, I, J, 2) float, x, y in source pixels; NaN is missing.
        scores: (N, I, J) float, confidence; NaN is unknown.
        frames: (N,) int64, index of each frame in its video.
        skeleton: the J nodes.
        checksums: (N,) uint32, `Video.checksum` of each frame, if known.
        bad: frames that could not be read, with the reason.
        provenance: how this came to be, as plain JSON values. Exporters use, where they are there: `video`,
            `dataset`, `frame_shape` ([H, W, C]), `model` (path, or a table with `path`), `weights`, `model_name`, `seconds`,
            `prediction_seconds`, `frame_count` (of the video).
        occluded: (N, I, J) bool; only labels know it.
        video_names: names of the videos that `videos` counts in.
        videos: (N,) position of each frame's video in `video_names`; None when there is only one.
        track_names: names of the animals that `tracks` counts in.
        tracks: (N, I) position in `track_names`, -1 for none.

    Raises:
        ValueError: if shapes do not fit.
    """

    points: NDArray[np.floating[Any]]
    scores: NDArray[np.floating[Any]]
    frames: NDArray[np.int64]
    skeleton: Skeleton
    checksums: NDArray[np.uint32] | None = None
    bad: Sequence[BadFrame] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    occluded: NDArray[np.bool_] | None = None
    video_names: tuple[str, ...] = ()
    videos: NDArray[np.int64] | None = None
    track_names: tuple[str, ...] = ()
    tracks: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        count, nodes = len(self.frames), len(self.skeleton)
        if self.points.ndim != 4 or self.points.shape[0] != count or self.points.shape[2:] != (nodes, 2):
            raise ValueError(f"points must be ({count}, I, {nodes}, 2), not {self.points.shape}")
        expected = {
            "scores": (self.scores, self.points.shape[:3]),
            "checksums": (self.checksums, (count,)),
            "occluded": (self.occluded, self.points.shape[:3]),
            "videos": (self.videos, (count,)),
            "tracks": (self.tracks, self.points.shape[:2]),
        }
        for name, (array, shape) in expected.items():
            if array is not None and array.shape != shape:
                raise ValueError(f"{name} must be {shape}, not {array.shape}")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def instances(self) -> int:
        """Most instances a frame can hold (I)."""
        return int(self.points.shape[1])

    def read(self, start: int = 0, stop: int | None = None) -> Predictions:
        """Rows start <= i < stop; `bad` stays whole."""
        rows = slice(start, stop)
        return Predictions(
            self.points[rows],
            self.scores[rows],
            self.frames[rows],
            self.skeleton,
            None if self.checksums is None else self.checksums[rows],
            self.bad,
            self.provenance,
            None if self.occluded is None else self.occluded[rows],
            self.video_names,
            None if self.videos is None else self.videos[rows],
            self.track_names,
            None if self.tracks is None else self.tracks[rows],
        )

    def at(self, frames: Sequence[int] | NDArray[np.integer[Any]]) -> Predictions:
        """One row for each of `frames`, in that order; missing (NaN) where there is no prediction.

        Only for predictions of one video.
        """
        wanted = np.asarray(frames, dtype=np.int64)
        rows, there = _rows_of(self.frames, wanted)
        return _picked(self.read(0, 0), wanted, there, [self.read(int(row), int(row) + 1) for row in rows[there]])

    def blocks(self, size: int = BLOCK) -> Iterator[Predictions]:
        """All rows in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.read(start, start + size)


class PredictionsFile:
    """A predictions file opened for reading; rows are read when asked for. Use it as a context manager.

    Raises:
        UnusableInput: if the file is missing, damaged or not of this format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with hdf5.reading(path) as file:
            check_format(file, path)
            self.skeleton = read_skeleton_json(file, path)
            self.provenance: Mapping[str, Any] = read_provenance(file, path)
            self.bad = tuple(read_bad(file))
            self._length, self.instances = check_arrays(file, path, len(self.skeleton))
            self._points = quantity_of(file["points"], path)
            self._scores = quantity_of(file["scores"], path)
        self._file = h5py.File(path, "r")

    def __len__(self) -> int:
        return self._length

    @property
    def frames(self) -> NDArray[np.int64]:
        """(N,) index of each frame in its video, read anew each time.

        Raises:
            UnusableInput: if the file is damaged there.
        """
        try:
            return np.asarray(self._file["frames"][:], dtype=np.int64)
        except OSError as error:
            raise UnusableInput("its frames cannot be read: the file is damaged", where=self.path) from error

    def read(self, start: int = 0, stop: int | None = None) -> Predictions:
        """Rows start <= i < stop as Predictions.

        Raises:
            UnusableInput: if the file is damaged there.
        """
        rows = slice(start, stop)
        try:
            checksums = self._file.get("checksums")
            return Predictions(
                self._points.decode(self._file["points"][rows]),
                self._scores.decode(self._file["scores"][rows]),
                np.asarray(self._file["frames"][rows], dtype=np.int64),
                self.skeleton,
                None if checksums is None else np.asarray(checksums[rows], dtype=np.uint32),
                self.bad,
                self.provenance,
            )
        except OSError as error:
            raise UnusableInput(
                f"rows {start} to {stop} cannot be read: the file is damaged", where=self.path
            ) from error

    def at(self, frames: Sequence[int] | NDArray[np.integer[Any]]) -> Predictions:
        """One row for each of `frames`, in that order; missing (NaN) where there is no prediction.

        Raises:
            UnusableInput: if the file is damaged there.
        """
        wanted = np.asarray(frames, dtype=np.int64)
        rows, there = _rows_of(self.frames, wanted)
        return _picked(self.read(0, 0), wanted, there, [self.read(int(row), int(row) + 1) for row in rows[there]])

    def blocks(self, size: int = BLOCK) -> Iterator[Predictions]:
        """All rows in order, `size` at a time; memory does not grow with the file."""
        for start in range(0, len(self), size):
            yield self.read(start, start + size)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


AnyPredictions = Predictions | PredictionsFile
"""What exporters take: both have `skeleton`, `provenance`, `bad`, `instances`, `frames`, `read`, `at`, `blocks` and a length."""


def open_predictions(path: Path, skeleton: Skeleton | None = None) -> AnyPredictions:
    """Predictions of any known format: a PredictionsFile for our own, arrays in memory for others.

    Known: leaptui's predictions, LEAP's predictions (`positions_pred`), plain arrays (`points` in .npy, .npz or
    HDF5).

    Args:
        path: the file.
        skeleton: the nodes, for formats that do not name them; node1, node2, ... if left out.

    Raises:
        UnusableInput: if it is of no known format, damaged, or does not fit the skeleton.
    """
    from leaptui.formats import leap_predictions, plain_arrays

    hdf5.require_file(path)
    if sniff(path):
        return PredictionsFile(path)
    if leap_predictions.sniff(path):
        return leap_predictions.read(path, skeleton)
    if plain_arrays.sniff(path):
        return plain_arrays.read(path, skeleton)
    raise UnusableInput(
        "it holds no predictions of a known format",
        where=path,
        hint="Known: leaptui predictions, LEAP predictions HDF5, arrays named 'points' in .npy, .npz or HDF5.",
    )


def read_predictions(path: Path, skeleton: Skeleton | None = None) -> Predictions:
    """Like `open_predictions`, with everything in memory."""
    found = open_predictions(path, skeleton)
    if isinstance(found, Predictions):
        return found
    with found:
        return found.read()


def sniff(path: Path) -> bool:
    """Whether this is a leaptui predictions file."""
    if not hdf5.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            return text_attribute(file, "format") == FORMAT
    except hdf5.DAMAGED:
        return False


def write_predictions(predictions: Predictions, path: Path, *, encoding: str = "float32") -> None:
    """Write arrays in memory as a predictions file, whole or not at all.

    Raises:
        UsageError: if there is no such encoding.
        UnusableInput: if a point cannot be stored in it.
        UnusableInput: if the operating system refuses to write.
    """
    chosen = encoding_of(encoding)
    frames = np.asarray(predictions.frames, dtype="<i8")
    if (np.diff(frames) <= 0).any():
        raise ValueError("frames must be strictly rising")
    arrays = {
        "points": chosen.points.encode(predictions.points),
        "scores": chosen.scores.encode(predictions.scores),
        "frames": frames,
    }
    if predictions.checksums is not None:
        arrays["checksums"] = np.asarray(predictions.checksums, dtype="<u4")
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        write_header(file, chosen, predictions.skeleton, predictions.provenance)
        for name, array in arrays.items():
            writer = row_writer(file, name, len(frames), array.shape[1:], array.dtype, chosen)
            writer.append(array)
            writer.finish()
        write_bad(file, predictions.bad)


def _rows_of(frames: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Row of each wanted frame, and whether there is one."""
    order = np.argsort(frames, kind="stable")
    position = np.searchsorted(frames, wanted, sorter=order)
    rows = np.append(order, 0)[position]
    there = (position < len(frames)) & (frames[rows] == wanted) if len(frames) else np.zeros(len(wanted), bool)
    return rows.astype(np.int64), np.asarray(there)


def _picked(
    form: Predictions, wanted: NDArray[np.int64], there: NDArray[np.bool_], rows: Sequence[Predictions]
) -> Predictions:
    count = len(wanted)
    points = np.full((count, *form.points.shape[1:]), np.nan, np.float32)
    scores = np.full((count, *form.scores.shape[1:]), np.nan, np.float32)
    checksums = None if form.checksums is None else np.zeros(count, np.uint32)
    for i, row in zip(np.flatnonzero(there), rows, strict=True):
        points[i], scores[i] = row.points[0], row.scores[0]
        if checksums is not None and row.checksums is not None:
            checksums[i] = row.checksums[0]
    return Predictions(points, scores, wanted, form.skeleton, checksums, form.bad, form.provenance)
