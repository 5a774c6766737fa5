"""Writing predictions so that an interrupted run loses at most the frames that were not yet a whole part.

While a run is under way, `<out>.parts/` holds `manifest.json` (what is being predicted with what), `way.json` (how
frames are computed) and whole parts `part-<first row>.h5`, each under its name only when all of it is on disk. The
predictions file is put together at the end, and its bytes do not depend on where the parts were cut.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.files import replacing, sync, write_atomically
from leaptui.formats import hdf5
from leaptui.formats.checks import some
from leaptui.formats.encoding import Encoding, encoding_of
from leaptui.formats.predictions_layout import (
    FORMAT,
    VERSION,
    BadFrame,
    plain_json,
    read_bad,
    row_writer,
    write_bad,
    write_header,
)
from leaptui.pose.skeleton import Skeleton

_PART = re.compile(r"part-([0-9]{12})\.h5")
_MANIFEST = "manifest.json"
_WAY = "way.json"


def parts_folder(out: Path) -> Path:
    """Where the parts of the predictions file `out` are while it is being made."""
    return out.with_name(out.name + ".parts")


def read_way(out: Path) -> dict[str, Any] | None:
    """What an unfinished run recorded with `PartsWriter.keep_way`; None if there is nothing that can be read."""
    path = parts_folder(out) / _WAY
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class PartsWriter:
    """Takes rows of predictions in frame order and makes the predictions file of them.

    Use it as a context manager: leaving it without `finish` keeps everything for `resume`.

    Args:
        out: the predictions file to make; an older one stays until `finish`.
        manifest: what identifies the work (model, input, settings and their hashes), plain JSON values; resuming
            asks for the same.
        skeleton: the nodes of the points.
        part_frames: rows a part.
        encoding: "float32" or "uint16", see `leaptui.formats.encoding`.

    Raises:
        UnusableInput: if parts of an earlier run are there.
        UsageError: if the encoding is unknown.
        UnusableInput: if the operating system refuses to write.
    """

    def __init__(
        self,
        out: Path,
        *,
        manifest: Mapping[str, Any],
        skeleton: Skeleton,
        part_frames: int = 20_000,
        encoding: str = "float32",
    ) -> None:
        self._setup(out, manifest, skeleton, part_frames, encoding)
        if (self._folder / _MANIFEST).exists():
            raise UnusableInput(
                "parts of an unfinished prediction are already there",
                where=self._folder,
                hint="Continue it with --resume, or remove that folder to start again.",
            )
        write_atomically(self._folder / _MANIFEST, json.dumps(self._manifest, indent=1, sort_keys=True).encode())

    @classmethod
    def resume(
        cls,
        out: Path,
        *,
        manifest: Mapping[str, Any],
        skeleton: Skeleton,
        part_frames: int = 20_000,
        encoding: str = "float32",
    ) -> Self:
        """Go on where an earlier writer was interrupted, at `next_frame`; a fresh start if there was none.

        After `finish` there is nothing to go on with: whether `out` is already there is for the caller to see.

        Raises:
            UnusableInput: if the earlier run was about something else, or its parts are damaged or lost.
        """
        if not (parts_folder(out) / _MANIFEST).exists():
            return cls(out, manifest=manifest, skeleton=skeleton, part_frames=part_frames, encoding=encoding)
        writer = cls.__new__(cls)
        writer._setup(out, manifest, skeleton, part_frames, encoding)
        writer._check_manifest()
        writer._take_stock()
        return writer

    def _setup(
        self, out: Path, manifest: Mapping[str, Any], skeleton: Skeleton, part_frames: int, encoding: str
    ) -> None:
        if part_frames < 1:
            raise UsageError(f"a part must have at least one frame, not {part_frames}")
        self.out = out
        self.skeleton = skeleton
        self._folder = parts_folder(out)
        self._encoding: Encoding = encoding_of(encoding)
        self._part_frames = part_frames
        self._manifest = {
            "format": FORMAT,
            "version": VERSION,
            "encoding": encoding,
            "skeleton": skeleton.to_dict(),
            "work": plain_json(manifest),
        }
        self._parts: list[Path] = []
        self._shapes: dict[str, tuple[int, ...]] | None = None
        self._stored = 0
        self._last_frame = -1
        self._buffer: list[dict[str, NDArray[Any]]] = []
        self._buffered = 0
        self._bad: list[BadFrame] = []
        self._bad_frames: list[int] = []
        self._finished = False

    @property
    def rows(self) -> int:
        """Rows taken so far, those of an earlier run included."""
        return self._stored + self._buffered

    @property
    def bad_frames(self) -> Sequence[int]:
        """The frames so far that could not be read, those of an earlier run included."""
        return tuple(self._bad_frames)

    @property
    def next_frame(self) -> int:
        """The frame after the last one taken; 0 when there is none yet."""
        return self._last_frame + 1

    def append(
        self,
        points: NDArray[Any],
        scores: NDArray[Any],
        frames: NDArray[Any],
        checksums: NDArray[Any] | None = None,
        bad: Sequence[BadFrame] = (),
    ) -> None:
        """Take n rows.

        Args:
            points: (n, I, J, 2) source pixels, NaN is missing.
            scores: (n, I, J).
            frames: (n,) frame indices, rising and after all earlier ones.
            checksums: (n,) `Video.checksum` of each frame; either always or never.
            bad: frames among these that could not be read, with the reason.

        Raises:
            ValueError: if shapes, order or the presence of checksums do not fit.
            UnusableInput: if a point cannot be stored in the chosen encoding.
        """
        numbers = np.asarray(frames, dtype="<i8")
        rows = {
            "points": self._encoding.points.encode(points),
            "scores": self._encoding.scores.encode(scores),
            "frames": numbers,
        }
        if checksums is not None:
            rows["checksums"] = np.asarray(checksums, dtype="<u4")
        self._check_rows(rows)
        if len(numbers) == 0:
            return
        self._buffer.append(rows)
        self._buffered += len(numbers)
        self._last_frame = int(numbers[-1])
        self._bad += [(int(frame), str(reason)) for frame, reason in bad]
        self._bad_frames += [int(frame) for frame, _ in bad]
        while self._buffered >= self._part_frames:
            self._write_part(self._part_frames)

    def keep_way(self, way: Mapping[str, Any]) -> None:
        """Record how frames are computed beside the parts, so that a later attempt computes the very same points.

        Raises:
            UnusableInput: if the operating system refuses to write.
        """
        write_atomically(self._folder / _WAY, json.dumps(plain_json(way), indent=1).encode())

    def flush(self) -> None:
        """Put the rows taken so far on disk, as a shorter part."""
        if self._buffered:
            self._write_part(self._buffered)

    def finish(self, provenance: Mapping[str, Any] | None = None, times: Mapping[str, Any] | None = None) -> Path:
        """Put the predictions file together, remove the parts and return its path.

        Args:
            provenance: how the predictions came to be; the manifest if left out.
            times: what of it differs from one run of the same work to the next.

        Raises:
            UnusableInput: if the operating system refuses to write; the parts stay.
            OperationFailed: if the parts cannot be removed.
        """
        self.flush()
        origin = self._manifest["work"] if provenance is None else provenance
        with replacing(self.out) as temporary, h5py.File(temporary, "w") as file:
            write_header(file, self._encoding, self.skeleton, origin, times)
            self._assemble(file)
        self._finished = True
        self._remove_parts()
        return self.out

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self.flush()

    def _check_rows(self, rows: Mapping[str, NDArray[Any]]) -> None:
        count = len(rows["frames"])
        nodes = len(self.skeleton)
        points, scores = rows["points"], rows["scores"]
        if points.ndim != 4 or points.shape[0] != count or points.shape[2:] != (nodes, 2):
            raise ValueError(f"points must be ({count}, I, {nodes}, 2), not {points.shape}")
        if scores.shape != points.shape[:3]:
            raise ValueError(f"scores must be {points.shape[:3]}, not {scores.shape}")
        if "checksums" in rows and rows["checksums"].shape != (count,):
            raise ValueError(f"checksums must be ({count},), not {rows['checksums'].shape}")
        numbers = rows["frames"]
        if count and (numbers[0] <= self._last_frame or (np.diff(numbers) <= 0).any()):
            raise ValueError(f"frames must rise and come after frame {self._last_frame}")
        shapes = {name: array.shape[1:] for name, array in rows.items()}
        if self._shapes is None:
            self._shapes = shapes
        elif shapes != self._shapes:
            raise ValueError(f"rows must stay of one form: {self._shapes}, not {shapes}")

    def _write_part(self, count: int) -> None:
        rows = {name: np.concatenate([block[name] for block in self._buffer]) for name in self._buffer[0]}
        last = int(rows["frames"][count - 1])
        path = self._folder / f"part-{self._stored:012d}.h5"
        with replacing(path) as temporary, h5py.File(temporary, "w") as file:
            for name, array in rows.items():
                writer = row_writer(file, name, count, array.shape[1:], array.dtype, self._encoding)
                writer.append(array[:count])
                writer.finish()
            write_bad(file, [bad for bad in self._bad if bad[0] <= last])
        self._parts.append(path)
        self._bad = [bad for bad in self._bad if bad[0] > last]
        self._stored += count
        self._buffered -= count
        self._buffer = [{name: array[count:] for name, array in rows.items()}] if self._buffered else []

    def _assemble(self, file: Any) -> None:
        # Dataset by dataset: in this order the layout of the file does not depend on where parts were cut.
        for name, dtype, shape in self._layout():
            writer = row_writer(file, name, self._stored, shape, dtype, self._encoding)
            for path in self._parts:
                with hdf5.reading(path) as part:
                    writer.copy(hdf5.dataset(part, name, path))
            writer.finish()
        bad: list[BadFrame] = []
        for path in self._parts:
            with hdf5.reading(path) as part:
                bad += read_bad(part)
        write_bad(file, bad)

    def _layout(self) -> list[tuple[str, np.dtype[Any], tuple[int, ...]]]:
        shapes = self._shapes
        if shapes is None:
            nodes = len(self.skeleton)
            shapes = {"points": (1, nodes, 2), "scores": (1, nodes), "frames": ()}
        types = {
            "points": self._encoding.points.dtype,
            "scores": self._encoding.scores.dtype,
            "frames": np.dtype("<i8"),
            "checksums": np.dtype("<u4"),
        }
        return [(name, types[name], shape) for name, shape in shapes.items()]

    def _check_manifest(self) -> None:
        path = self._folder / _MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UnusableInput("the manifest of the earlier run cannot be read", where=path) from error
        if not isinstance(found, dict) or not isinstance(found.get("work"), dict):
            raise UnusableInput("the manifest of the earlier run is not of its form", where=path)
        mine = {**self._manifest, **self._manifest["work"]}
        theirs = {**found, **found["work"]}
        keys = sorted((mine.keys() | theirs.keys()) - {"work"})
        differing = [key for key in keys if mine.get(key) != theirs.get(key)]
        if differing:
            raise UnusableInput(
                f"the unfinished prediction there is of something else: {some(differing)} differ",
                where=self._folder,
                hint="Resume with the same model, input and settings, or remove that folder to start again.",
            )

    def _take_stock(self) -> None:
        """Believe the whole parts, from the first row on; remove what a killed writer left half-written."""
        found = {}
        for path in self.out.parent.iterdir():
            if path.name.startswith(f".{self.out.name}.") and path.name.endswith(".tmp"):
                path.unlink(missing_ok=True)
        for path in self._folder.iterdir():
            match = _PART.fullmatch(path.name)
            if match:
                found[int(match.group(1))] = path
            elif path.name.endswith(".tmp"):
                path.unlink(missing_ok=True)
        for start in sorted(found):
            if start != self._stored:
                raise UnusableInput(
                    f"the part from row {self._stored} is lost",
                    where=self._folder,
                    hint="Remove the parts after it to predict them again, or remove the folder to start again.",
                )
            self._believe(found[start])

    def _believe(self, path: Path) -> None:
        with hdf5.reading(path) as part:
            shapes = {
                name: tuple(hdf5.dataset(part, name, path).shape[1:])
                for name in ("points", "scores", "frames", "checksums")
                if name != "checksums" or name in part
            }
            frames = part["frames"]
            count, last = len(frames), int(frames[-1]) if len(frames) else -1
            bad = [frame for frame, _ in read_bad(part)]
        if count == 0 or last <= self._last_frame or (self._shapes is not None and shapes != self._shapes):
            raise UnusableInput(
                "this part does not follow the ones before it",
                where=path,
                hint="Remove it and the parts after it to predict them again.",
            )
        self._shapes = shapes
        self._parts.append(path)
        self._stored += count
        self._last_frame = last
        self._bad_frames += bad

    def _remove_parts(self) -> None:
        # Renamed first: a folder that lost only some of its parts must never be taken for an unfinished run.
        done = self._folder.with_name(f".{self._folder.name}.done")
        try:
            if done.exists():
                shutil.rmtree(done)
            self._folder.replace(done)
            sync(done.parent)
            shutil.rmtree(done)
        except OSError as error:
            raise OperationFailed(
                f"the parts cannot be removed: {error.strerror or error}", where=self._folder
            ) from error
