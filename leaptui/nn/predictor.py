"""Use a trained model on frames."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.nn.backends import choose, memory
from leaptui.nn.backends.base import Backend, Pending
from leaptui.nn.backends.make import Maker
from leaptui.nn.backends.plan import BACKENDS, Plan, installed, versions
from leaptui.nn.backends.plan import PRECISIONS as EVERY_PRECISION
from leaptui.nn.footprint import activation_values
from leaptui.nn.geometry import scaled_size
from leaptui.nn.hardware import PRECISIONS, choose_device, choose_precision, describe, free_memory, memory_errors
from leaptui.nn.looks import check_looks
from leaptui.nn.model import load_model
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.points_graph import PointsGraph
from leaptui.nn.preprocessing import match_channels
from leaptui.pose.skeleton import Skeleton

_CPU_BUDGET = 2**30
_MOST_FRAMES = {"cpu": 16, "mps": 64, "cuda": 256}
_MOST_GRAPHS = 4

Points = NDArray[np.float32]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class FrameMaps:
    """What a model finds in one frame, and how it comes to it.

    Args:
        points: (J, 2) x, y in source pixels.
        scores: (J,) in [0, 1].
        maps: (J, h, w) confidence in [0, 1], the cells that lie over the frame; of a softmax, relative to its peak.
        stride: source pixels a cell along x and y; the centre of cell i is at (i + 0.5) * stride - 0.5.
    """

    points: Points
    scores: Scores
    maps: NDArray[np.float32]
    stride: tuple[float, float]


class Predicting:
    """Frames under way, see `Predictor.submit`."""

    def __init__(self, batches: list[Pending]) -> None:
        self._batches = batches

    def result(self) -> tuple[Points, Scores]:
        """Wait for points (n, 1, J, 2) and scores (n, 1, J).

        Raises:
            OperationFailed: if the device has not enough memory.
        """
        with memory_errors("Predict with a smaller --batch-size or on another device."):
            found = [batch.result() for batch in self._batches]
        points, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return points[:, None], scores[:, None]


class Predictor:
    """A model, loaded and ready.

    As it is, it computes with torch, layer by layer. `prepare` finds the fastest way there is for frames like some
    given ones, which takes a few seconds and pays from some thousand frames on.

    Args:
        model_path: a model file.
        device, precision: see `leaptui.nn.hardware`; "16" and "int8" only after `prepare`.
        backend: one of `leaptui.nn.backends.plan.BACKENDS`; with one that is not torch, or one of those two precisions,
            the first frames that are predicted prepare it where `prepare` was not called.
        whole_peaks, looks: see `leaptui.nn.model.PoseModel`; maps are always those of one look.

    Raises:
        UnusableInput: if the file is no model.
        UsageError, OperationFailed: if device, precision or backend cannot be had.
    """

    def __init__(
        self,
        model_path: Path,
        device: str = "auto",
        precision: str = "auto",
        backend: str = "torch",
        *,
        whole_peaks: bool = False,
        looks: int = 1,
    ) -> None:
        if backend not in BACKENDS:
            raise UsageError(f"backend is one of {', '.join(BACKENDS)}, not {backend!r}")
        self._path = model_path
        if whole_peaks and looks > 1:
            raise UsageError("whole peaks are those of one look: several are merged below the pixel")
        self._model = replace(load_model(model_path), whole_peaks=whole_peaks, looks=looks)
        check_looks(looks, self._model.metadata)
        self._device = choose_device(device)
        self._asked = (backend, precision)
        # What only backends compute is computed after preparing; until then torch takes its own choice.
        self._unprepared = backend in ("auto", "torch") and precision in PRECISIONS
        fitting = precision if precision in PRECISIONS or precision not in EVERY_PRECISION else "auto"
        self._precision = choose_precision(fitting, self._device)
        self._dtype = torch.bfloat16 if self._precision == "bf16" else torch.float32
        self._preprocessing = self._model.preprocessing
        # Counted before convolutions swallow their normalisation, so rather too high.
        self._values_a_pixel = activation_values(
            self._model.network, self._preprocessing.channels, self._preprocessing.padding_multiple
        )
        self._graphs: dict[tuple[int, int, int], PointsGraph] = {}
        self._plan: Plan | None = None
        self._backend: Backend | None = None
        # A model without settings to compute with is refused now, not at its first frame.
        self._graph(self._preprocessing.padding_multiple, self._preprocessing.padding_multiple)

    @property
    def metadata(self) -> ModelMetadata:
        """What the model says about itself."""
        return self._model.metadata

    @property
    def skeleton(self) -> Skeleton:
        """Of the points."""
        return self._model.metadata.skeleton

    @property
    def channels(self) -> int:
        """1 if the model looks at grey frames, 3 if at colour; both take either."""
        return self._preprocessing.channels

    @property
    def gpu(self) -> int | None:
        """Number of the CUDA device that computes; None if another kind does."""
        return self._device.index if self._device.type == "cuda" else None

    @property
    def plan(self) -> dict[str, Any] | None:
        """How frames of the prepared size are computed, plain JSON for `prepare`; None before."""
        return None if self._plan is None else self._plan.to_dict()

    @property
    def identity(self) -> dict[str, Any] | None:
        """What of the plan decides the points to the last bit; work goes on only with the same."""
        return None if self._plan is None else self._plan.identity()

    @property
    def description(self) -> dict[str, Any]:
        """device, precision and backend, and when prepared the plan, for the provenance of what is predicted."""
        peaks = "whole" if self._model.whole_peaks else "refined"
        general = {"device": describe(self._device), "peaks": peaks, "looks": self._model.looks}
        plan = self._plan
        if plan is None:
            return {**general, "precision": self._precision, "backend": "torch"}
        return {**general, "precision": plan.precision, "backend": plan.backend, "plan": plan.to_dict()}

    def prepare(
        self,
        sample: NDArray[np.uint8],
        *,
        plan: Mapping[str, Any] | None = None,
        batch_size: int | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> dict[str, Any] | None:
        """Get ready for many frames of one size.

        Args:
            sample: (n, H, W, C) uint8, some of these very frames, from all over; 128 are enough, one is too few for
                int8. With a `plan` only the size of the frames counts.
            plan: what an earlier attempt recorded; computes the same points again.
            batch_size: frames a batch; chosen when left out.
            say: told what was chosen.

        Returns:
            The plan; None on devices without backends of their own, where torch goes on layer by layer.

        Raises:
            UnusableInput: if the frames are not of that form, or the plan is none.
            UsageError, OperationFailed: if what was asked for, or the plan, cannot be had here.
        """
        _check(sample)
        height, width = sample.shape[1:3]
        if self._device.type == "mps" or 0 in (height, width):
            return None
        self.close()
        with memory_errors("Predict with a smaller --batch-size or on another device."):
            if plan is not None:
                self._plan, self._backend = self._made_again(Plan.from_dict(plan), height, width, say)
            else:
                frames = self._with_channels(sample)
                self._plan, self._backend = self._chosen(frames, batch_size, say)
        say(self._plan.summary())
        return self._plan.to_dict()

    def close(self) -> None:
        """Let go of what `prepare` made; frames can still be predicted."""
        if self._backend is not None:
            self._backend.close()
        self._plan = self._backend = None

    def batch_size(self, height: int, width: int) -> int:
        """How many frames of that size to give to `predict` at once, by the memory there is; at least 1."""
        if self._plan is not None and (self._plan.height, self._plan.width) == (height, width):
            return 2 * self._plan.streams * self._plan.batch
        return self._fitting(height, width)

    def predict(self, frames: NDArray[np.uint8]) -> tuple[Points, Scores]:
        """Find the animal in each frame.

        Args:
            frames: (n, H, W, C) uint8 of any size, C 1 or 3; any number, it goes through in batches.

        Returns:
            Points (n, 1, J, 2) in source pixels and scores (n, 1, J) in [0, 1], see `find_peaks`.

        Raises:
            UnusableInput: if the array is not of that form.
            OperationFailed: if the device is too small for one frame.
        """
        return self.submit(frames).result()

    def submit(self, frames: NDArray[np.uint8]) -> Predicting:
        """Begin with frames as `predict` takes them and return; they must not change before the result is fetched.

        After `prepare` a few calls under way at once keep every stream busy. Not to be called by several threads.

        Raises:
            UnusableInput, OperationFailed: as `predict` does.
        """
        _check(frames)
        count, height, width = frames.shape[:3]
        nodes = len(self.skeleton)
        if count == 0 or 0 in (height, width):
            empty = np.zeros((count, nodes, 2), np.float32), np.zeros((count, nodes), np.float32)
            return Predicting([_Ready(*empty)])
        if self._plan is None and not self._unprepared:
            self.prepare(frames[:: max(1, count // choose.SAMPLE)])
        with memory_errors("Predict on smaller frames or on another device."):
            if self._backend is None or self._plan is None or (height, width) != (self._plan.height, self._plan.width):
                return Predicting(self._layer_by_layer(frames))
            given, size = self._with_channels(frames), self._backend.batch
            return Predicting([self._backend.submit(given[start : start + size]) for start in range(0, count, size)])

    def predict_with_maps(self, frame: NDArray[np.uint8]) -> FrameMaps:
        """Find the animal in one frame, and keep the confidence maps.

        Args:
            frame: (H, W, C) uint8 of any size but none, C 1 or 3.

        Raises:
            UnusableInput: if the array is not of that form.
            OperationFailed: if the device is too small for it.
        """
        frames = frame[None]
        _check(frames)
        height, width = frame.shape[:2]
        if 0 in (height, width):
            raise UnusableInput(f"a frame of {width} x {height} px shows nothing")
        with torch.inference_mode(), memory_errors("Predict on smaller frames or on another device."):
            graph = self._graph(height, width, looks=1)
            maps = graph.maps(self._moved(frames))
            points, scores = graph.points(maps)
            tall, wide = scaled_size(height, width, self._preprocessing.input_scale)
            cell = self.metadata.output_stride
            heights = self._heights(maps[0].float())[:, : -(-tall // cell), : -(-wide // cell)]
            return FrameMaps(
                points[0].cpu().numpy(),
                scores[0].cpu().numpy(),
                heights.cpu().numpy(),
                (cell * width / wide, cell * height / tall),
            )

    def _heights(self, maps: Tensor) -> Tensor:
        """(J, h, w) of what the network returned as confidence in [0, 1]."""
        if self.metadata.activation == "softmax":
            return torch.exp(maps - maps.amax(dim=(-2, -1), keepdim=True))
        return maps.clamp(0.0, 1.0)

    def _layer_by_layer(self, frames: NDArray[np.uint8]) -> list[Pending]:
        height, width = frames.shape[1:3]
        graph, size = self._graph(height, width), self._fitting(height, width)
        with torch.inference_mode():
            found = [graph(self._moved(frames[start : start + size])) for start in range(0, len(frames), size)]
            return [_Ready(points.cpu().numpy(), scores.cpu().numpy()) for points, scores in found]

    def _moved(self, frames: NDArray[np.uint8]) -> Tensor:
        source = torch.from_numpy(np.require(frames, requirements=["C", "W"]))
        if self._device.type == "cuda":
            source = source.pin_memory()
        moved = source.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        return match_channels(moved, self.channels)

    def _with_channels(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(n, H, W, 1 or 3) as (n, C, H, W) with as many channels as the model takes."""
        moved = frames.transpose(0, 3, 1, 2)
        if moved.shape[1] == self.channels:
            return moved
        source = torch.from_numpy(np.require(moved, requirements=["C", "W"]))
        matched: NDArray[np.uint8] = match_channels(source, self.channels).numpy()
        return matched

    def _graph(self, height: int, width: int, looks: int | None = None) -> PointsGraph:
        """The graph for frames of that size, with as many looks as the model takes; the last few are kept."""
        looks = self._model.looks if looks is None else looks
        graph = self._graphs.pop((height, width, looks), None)
        if graph is None:
            model = replace(self._model, looks=looks)
            graph = PointsGraph(model, height, width, self._dtype).to(self._device)
        self._graphs[height, width, looks] = graph
        while len(self._graphs) > _MOST_GRAPHS:
            del self._graphs[next(iter(self._graphs))]
        return graph

    def _fitting(self, height: int, width: int) -> int:
        """How many frames of that size to take through the network at once."""
        return max(1, min(_MOST_FRAMES.get(self._device.type, 16) // self._model.looks, self._room(height, width)))

    def _room(self, height: int, width: int) -> int:
        """How many frames of that size there is memory for."""
        tall, wide = self._preprocessing.input_size(height, width)
        if (looks := self._model.looks) > 1:
            tall, wide = looks * max(tall, wide), max(tall, wide)
        one = tall * wide * self._values_a_pixel * self._dtype.itemsize + height * width * self.channels * 8
        free = free_memory(self._device)
        budget = _CPU_BUDGET if free is None else free // 2
        return int(budget // one)

    def _chosen(
        self, frames: NDArray[np.uint8], batch_size: int | None, say: Callable[[str], None]
    ) -> tuple[Plan, Backend]:
        height, width = frames.shape[2:]
        backend, precision = self._asked
        batch = self._fitting(height, width) if batch_size is None else batch_size
        wanted = choose.Wanted(self._device, backend, precision, height, width, batch, self._room(height, width))
        key = memory.case_key(
            {
                "model": self._hash(),
                "device": describe(self._device),
                "asked": [backend, precision, height, width, batch, wanted.most // batch],
                "model_as": [self._model.whole_peaks, self._model.looks],
                "versions": {name: versions(name) for name in BACKENDS[1:] if installed(name)},
            }
        )
        known = memory.recall(key)
        if known is not None:
            made = choose.again(self._model, known, wanted, frames, say)
            if made is not None:
                return made
        made = choose.choose(self._model, wanted, frames, say)
        memory.remember(key, made[0])
        return made

    def _made_again(self, plan: Plan, height: int, width: int, say: Callable[[str], None]) -> tuple[Plan, Backend]:
        here = versions(plan.backend) if installed(plan.backend) else {}
        if (plan.height, plan.width) != (height, width):
            raise UnusableInput(
                f"it was begun on frames of {plan.width} x {plan.height} px, these are {width} x {height}"
            )
        if dict(plan.versions) != here or not plan.device.startswith(self._device.type):
            before = ", ".join(f"{name} {version}" for name, version in plan.versions.items())
            raise OperationFailed(
                f"it was begun on {plan.device} with {before}, which is not what is here",
                hint="Go on where it was begun, or start anew without --resume.",
            )
        return plan, Maker(self._model, say).make(plan)

    def _hash(self) -> str:
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


class _Ready:
    """A result that is there."""

    def __init__(self, points: Points, scores: Scores) -> None:
        self._found = points, scores

    def result(self) -> tuple[Points, Scores]:
        """The result."""
        return self._found


def _check(frames: NDArray[np.uint8]) -> None:
    if frames.ndim != 4 or frames.dtype != np.uint8 or frames.shape[-1] not in (1, 3):
        raise UnusableInput(f"frames are {frames.dtype} {frames.shape}, not uint8 (n, H, W, 1 or 3)")
