"""Use a trained model on frames."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from leaptui.errors import UnusableInput
from leaptui.nn.geometry import scaled_size
from leaptui.nn.hardware import choose_device, choose_precision, describe, free_memory, memory_errors
from leaptui.nn.model import load_model
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.peaks import find_peaks
from leaptui.nn.preprocessing import match_channels
from leaptui.pose.skeleton import Skeleton

_CPU_BUDGET = 2**30
_MOST_FRAMES = {"cpu": 16, "mps": 64, "cuda": 512}


@dataclass(frozen=True)
class FrameMaps:
    """What a model finds in one frame, and how it comes to it.

    Args:
        points: (J, 2) x, y in source pixels.
        scores: (J,) in [0, 1].
        maps: (J, h, w) confidence in [0, 1], the cells that lie over the frame; of a softmax, relative to its peak.
        stride: source pixels a cell along x and y; the centre of cell i is at (i + 0.5) * stride - 0.5.
    """

    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    maps: NDArray[np.float32]
    stride: tuple[float, float]


class Predictor:
    """A model, loaded and ready.

    Args:
        model_path: a model file.
        device, precision: see `leaptui.nn.hardware`.

    Raises:
        UnusableInput: if the file is no model.
        UsageError, OperationFailed: if device or precision cannot be had.
    """

    def __init__(self, model_path: Path, device: str = "auto", precision: str = "auto") -> None:
        model = load_model(model_path)
        self._device = choose_device(device)
        self._precision = choose_precision(precision, self._device)
        self._dtype = torch.bfloat16 if self._precision == "bf16" else torch.float32
        self._metadata = model.metadata
        self._preprocessing = model.preprocessing
        settings = model.metadata.settings
        if settings.sigma is None or settings.input_scale is None:
            raise UnusableInput("its settings are incomplete", where=model_path)
        self._input_sigma = settings.sigma * settings.input_scale
        # Counted before convolutions swallow their normalisation, so rather too high.
        self._values_a_pixel = _activation_values(
            model.network, model.preprocessing.channels, model.preprocessing.padding_multiple
        )
        network = fold_normalisation(model.network)
        self._network = network.to(device=self._device, dtype=self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def metadata(self) -> ModelMetadata:
        """What the model says about itself."""
        return self._metadata

    @property
    def skeleton(self) -> Skeleton:
        """Of the points."""
        return self._metadata.skeleton

    @property
    def channels(self) -> int:
        """1 if the model looks at grey frames, 3 if at colour; both take either."""
        return self._preprocessing.channels

    @property
    def description(self) -> dict[str, str]:
        """device and precision, for the provenance of what is predicted."""
        return {"device": describe(self._device), "precision": self._precision}

    def batch_size(self, height: int, width: int) -> int:
        """How many frames of that size go through at once, by the memory there is; at least 1."""
        tall, wide = self._preprocessing.input_size(height, width)
        one = tall * wide * self._values_a_pixel * self._dtype.itemsize + height * width * self.channels * 8
        free = free_memory(self._device)
        budget = _CPU_BUDGET if free is None else free // 2
        return int(max(1, min(_MOST_FRAMES.get(self._device.type, 16), budget // one)))

    def predict(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the animal in each frame.

        Args:
            frames: (n, H, W, C) uint8 of any size, C 1 or 3; any number, it goes through in batches.

        Returns:
            Points (n, 1, J, 2) in source pixels and scores (n, 1, J) in [0, 1], see `find_peaks`.

        Raises:
            UnusableInput: if the array is not of that form.
            OperationFailed: if the device is too small for one frame.
        """
        _check(frames)
        count, height, width = frames.shape[:3]
        nodes = len(self.skeleton)
        if count == 0 or 0 in (height, width):
            return np.zeros((count, 1, nodes, 2), np.float32), np.zeros((count, 1, nodes), np.float32)
        size = self.batch_size(height, width)
        found: list[tuple[Tensor, Tensor]] = []
        with torch.inference_mode(), memory_errors("Predict on smaller frames or on another device."):
            for start in range(0, count, size):
                found.append(self._batch(frames[start : start + size]))
            points = torch.cat([p for p, _ in found]).cpu().numpy()
            scores = torch.cat([s for _, s in found]).cpu().numpy()
        return points[:, None], scores[:, None]

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
            maps = self._maps(frames)
            points, scores = self._peaks(maps, height, width)
            tall, wide = scaled_size(height, width, self._preprocessing.input_scale)
            cell = self._metadata.output_stride
            heights = self._heights(maps[0].float())[:, : -(-tall // cell), : -(-wide // cell)]
            return FrameMaps(
                points[0].cpu().numpy(),
                scores[0].cpu().numpy(),
                heights.cpu().numpy(),
                (cell * width / wide, cell * height / tall),
            )

    def _heights(self, maps: Tensor) -> Tensor:
        """(J, h, w) of what the network returned as confidence in [0, 1]."""
        if self._metadata.activation == "softmax":
            return torch.exp(maps - maps.amax(dim=(-2, -1), keepdim=True))
        return maps.clamp(0.0, 1.0)

    def _batch(self, frames: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        return self._peaks(self._maps(frames), frames.shape[1], frames.shape[2])

    def _peaks(self, maps: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Points (n, J, 2) in pixels of frames of that size, and scores (n, J)."""
        points, scores = find_peaks(maps, self._metadata.activation, self._metadata.output_stride, self._input_sigma)
        points = self._preprocessing.to_source(points, height, width)
        # Padding belongs to no frame: a peak there is put on the border.
        edge = torch.tensor([width - 0.5, height - 0.5], device=points.device)
        return torch.minimum(points.clamp(min=-0.5), edge), scores

    def _maps(self, frames: NDArray[np.uint8]) -> Tensor:
        source = torch.from_numpy(np.require(frames, requirements=["C", "W"]))
        if self._device.type == "cuda":
            source = source.pin_memory()
        moved = source.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        prepared = self._preprocessing.prepare(match_channels(moved, self.channels))
        maps: Tensor = self._network(prepared.to(self._dtype))
        return maps


def _check(frames: NDArray[np.uint8]) -> None:
    if frames.ndim != 4 or frames.dtype != np.uint8 or frames.shape[-1] not in (1, 3):
        raise UnusableInput(f"frames are {frames.dtype} {frames.shape}, not uint8 (n, H, W, 1 or 3)")


def fold_normalisation(network: nn.Module) -> nn.Module:
    """A copy in which each batch normalisation that follows a convolution in a Sequential is part of it.

    In evaluation mode both are affine, so the result is the same but for rounding, with less to compute.
    """
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for i in range(len(module) - 1):
            convolution, normalisation = module[i], module[i + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
                module[i] = fuse_conv_bn_eval(convolution, normalisation)
                module[i + 1] = nn.Identity()
    return folded


def _activation_values(network: nn.Module, channels: int, multiple: int) -> float:
    """Numbers that all layers together put out, for each pixel of the input; found without computing."""
    counted = 0

    def count(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal counted
        if isinstance(output, Tensor) and not list(module.children()):
            counted += output.numel()

    probe = copy.deepcopy(network).to("meta")
    hooks = [module.register_forward_hook(count) for module in probe.modules()]
    probe(torch.empty(1, channels, multiple, multiple, device="meta"))
    for hook in hooks:
        hook.remove()
    return counted / multiple**2
