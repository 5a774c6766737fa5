"""Predictions files, a few frames at a time, for the process that serves the screens.

Requests, `path` being a predictions file of any known format:

- `predictions` {path}: {nodes, instances, count, video, model, made, first} and, if the frames are not consecutive
  from `first`, their indices (N,) int64; `video` is the id of the project's video that was predicted, or null.
- `points` {path, frame}: the rows around a frame: {start, count, shape: [n, I, J]} and points (n, I, J, 2) float32
  and scores (n, I, J) float32; `start` is the row of the first.
- `scores` {path}: the mean score of every row, in parts: {start, count, more} and (n,) float32, NaN is unknown. They
  are read when nothing else is to do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UsageError
from leaptui.formats.predictions import AnyPredictions, Predictions, PredictionsFile, open_predictions
from leaptui.project import Project
from leaptui.runners.companion import Reply, Request

_AROUND = 64
_BLOCK = 512
_BLOCKS_HELD = 8
_SCORES_AT_ONCE = 4000
_FILES_OPEN = 4


class PredictionRows:
    """One predictions file.

    Args:
        path: the file.
        project: to tell which of its videos was predicted.

    Raises:
        UnusableInput: if it is none.
    """

    def __init__(self, path: Path, project: Project) -> None:
        self._found: AnyPredictions = open_predictions(path, project.skeleton)
        self._stamp = _stamp(path)
        self._blocks: OrderedDict[int, Predictions] = OrderedDict()
        self.frames = self._found.frames
        made = self._found.provenance
        model = made.get("model")
        self.facts: dict[str, Any] = {
            "nodes": list(self._found.skeleton.node_names),
            "instances": self._found.instances,
            "count": len(self.frames),
            "video": _video_of(made, project),
            "model": model.get("path") if isinstance(model, Mapping) else model,
            "made": made.get("made"),
            "first": self._first(),
        }

    def is_current(self, path: Path) -> bool:
        """Whether the file is still the one that was opened."""
        return self._stamp == _stamp(path)

    def _first(self) -> int | None:
        """First frame, if the others follow without gap."""
        if not len(self.frames):
            return 0
        span = int(self.frames[-1] - self.frames[0]) + 1
        return int(self.frames[0]) if span == len(self.frames) else None

    def around(self, frame: int) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
        """Rows about a frame: the first row, points (n, I, J, 2) and scores (n, I, J)."""
        row = int(np.searchsorted(self.frames, frame))
        start, stop = max(0, row - _AROUND), min(len(self.frames), row + _AROUND + 1)
        parts = [self._block(first) for first in range(start - start % _BLOCK, stop, _BLOCK)]
        nodes, many = len(self._found.skeleton), self._found.instances
        if not parts:
            return 0, np.zeros((0, many, nodes, 2), np.float32), np.zeros((0, many, nodes), np.float32)
        cut = slice(start % _BLOCK, start % _BLOCK + stop - start)
        points = np.concatenate([part.points for part in parts])[cut]
        scores = np.concatenate([part.scores for part in parts])[cut]
        return start, np.ascontiguousarray(points, np.float32), np.ascontiguousarray(scores, np.float32)

    def mean_scores(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(first row, mean score of each row), part by part."""
        for start in range(0, len(self.frames), _SCORES_AT_ONCE):
            yield start, mean_scores(self._found.read(start, start + _SCORES_AT_ONCE))

    def close(self) -> None:
        """Release the file."""
        if isinstance(self._found, PredictionsFile):
            self._found.close()

    def _block(self, first: int) -> Predictions:
        held = self._blocks.get(first)
        if held is None:
            held = self._found.read(first, first + _BLOCK)
            self._blocks[first] = held
            while len(self._blocks) > _BLOCKS_HELD:
                self._blocks.popitem(last=False)
        return held


class PredictionShelf:
    """Answers about predictions files.

    Args:
        project: gives the project.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._project = project
        self._open: OrderedDict[Path, PredictionRows] = OrderedDict()
        self._tasks: list[tuple[Iterator[tuple[int, NDArray[np.float32]]], Reply]] = []

    def answer(self, request: Request, reply: Reply) -> None:
        """See `leaptui.runners.companion.Handler`.

        Raises:
            UsageError: if nobody knows what is asked.
        """
        if request.op not in ("predictions", "points", "scores"):
            raise UsageError(f"the frame reader does not know {request.op!r}")
        rows = self._rows(Path(str(request.head["path"])))
        if request.op == "predictions":
            blobs = [] if rows.facts["first"] is not None else [rows.frames.astype("<i8").data]
            reply(rows.facts, *blobs)
        elif request.op == "points":
            start, points, scores = rows.around(int(request.head["frame"]))
            reply({"start": start, "count": len(points), "shape": list(scores.shape)}, points.data, scores.data)
        else:
            self._tasks.append((rows.mean_scores(), reply))

    def idle(self) -> bool:
        """Send a part of the scores that were asked for."""
        if not self._tasks:
            return False
        task, reply = self._tasks[0]
        part = next(task, None)
        if part is None:
            reply({"start": 0, "count": 0})
            self._tasks.pop(0)
            return True
        start, scores = part
        reply({"start": start, "count": len(scores)}, scores.data, more=True)
        return True

    def _rows(self, path: Path) -> PredictionRows:
        held = self._open.get(path)
        if held is not None and held.is_current(path):
            self._open.move_to_end(path)
            return held
        opened = PredictionRows(path, self._project())
        self._open[path] = opened
        while len(self._open) > _FILES_OPEN:
            self._open.popitem(last=False)
        return opened


def mean_scores(rows: Predictions) -> NDArray[np.float32]:
    """(N,) mean over the points that were found; NaN where there is none or nobody knows."""
    known = np.isfinite(rows.scores) & np.isfinite(rows.points).all(axis=-1)
    total = np.where(known, rows.scores, 0).sum(axis=(1, 2), dtype=np.float64)
    count = known.sum(axis=(1, 2))
    mean = np.full(len(total), np.nan, np.float32)
    np.divide(total, count, out=mean, where=count > 0, casting="unsafe")
    return mean


def _video_of(made: Mapping[str, Any], project: Project) -> str | None:
    """The project's video that was predicted: the one of that content, else the one at that path."""
    work = made.get("work")
    given = work.get("input") if isinstance(work, Mapping) else None
    identity = given.get("identity") if isinstance(given, Mapping) else None
    dataset = made.get("dataset")
    for record in project.videos:
        if identity is not None and record.identity == identity and dataset in (None, record.dataset):
            return record.id
    path = made.get("video")
    for record in project.videos:
        if isinstance(path, str) and project.video_path(record).resolve() == Path(path):
            return record.id
    return None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
