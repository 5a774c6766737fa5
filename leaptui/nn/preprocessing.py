"""What happens to a frame before the network and to a point after it, the same in training and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from leaptui.errors import UnusableInput
from leaptui.nn.geometry import resize, scale_points, scaled_size

# BT.601 in 256ths, the same integers with which videos are read as grey.
_GREY = (77, 150, 29)


@dataclass(frozen=True)
class Preprocessing:
    """How frames become the input of a network.

    Args:
        channels: 1 (grey) or 3 (RGB), what the network takes.
        input_scale: factor that frames are shrunk by.
        mean, std: one a channel, grey levels 0 to 255 of the training frames.
        fill: one a channel, grey level of padding and of what augmentation brings in from outside.
        padding_multiple: height and width are padded at bottom and right to a multiple of it.
        sizes_seen: (H, W) of the frames that were trained on.
    """

    channels: int
    input_scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fill: tuple[float, ...]
    padding_multiple: int
    sizes_seen: tuple[tuple[int, int], ...]

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) of frames inside the network."""
        m = self.padding_multiple
        tall, wide = scaled_size(height, width, self.input_scale)
        return -(-tall // m) * m, -(-wide // m) * m

    def shrink(self, frames: Tensor) -> Tensor:
        """(N, C, H, W) of any type scaled by `input_scale`; grey levels in float."""
        size = scaled_size(frames.shape[-2], frames.shape[-1], self.input_scale)
        return resize(frames.float(), size)

    def pad(self, frames: Tensor, size: tuple[int, int]) -> Tensor:
        """Grey levels (N, C, H, W) padded at bottom and right to `size` with the fill."""
        down, right = size[0] - frames.shape[-2], size[1] - frames.shape[-1]
        if down == 0 and right == 0:
            return frames
        level = torch.tensor(self.fill, dtype=frames.dtype, device=frames.device).reshape(1, -1, 1, 1)
        return F.pad(frames - level, (0, right, 0, down)) + level

    def normalise(self, frames: Tensor) -> Tensor:
        """Grey levels (N, C, H, W) as multiples of the standard deviation from the mean."""
        mean, std = (
            torch.tensor(v, dtype=frames.dtype, device=frames.device).reshape(1, -1, 1, 1)
            for v in (self.mean, self.std)
        )
        return (frames - mean) / std

    def prepare(self, frames: Tensor) -> Tensor:
        """uint8 frames (N, C, H, W) with the right channels as input of the network, in channels-last memory."""
        shrunk = self.shrink(frames)
        padded = self.pad(shrunk, self.input_size(frames.shape[-2], frames.shape[-1]))
        return self.normalise(padded).contiguous(memory_format=torch.channels_last)

    def to_input(self, points: Tensor, height: int, width: int) -> Tensor:
        """Points (..., 2) of a frame of that size as pixels of the network's input."""
        return scale_points(points, (height, width), scaled_size(height, width, self.input_scale))

    def to_source(self, points: Tensor, height: int, width: int) -> Tensor:
        """The inverse of `to_input`."""
        return scale_points(points, scaled_size(height, width, self.input_scale), (height, width))

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], where: str) -> Preprocessing:
        """Read the plain form.

        Raises:
            UnusableInput: if something is missing or makes no sense.
        """
        try:
            levels = {key: tuple(float(x) for x in plain[key]) for key in ("mean", "std", "fill")}
            sizes = tuple((int(h), int(w)) for h, w in plain["sizes_seen"])
            made = cls(
                channels=int(plain["channels"]),
                input_scale=float(plain["input_scale"]),
                padding_multiple=int(plain["padding_multiple"]),
                sizes_seen=sizes,
                **levels,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UnusableInput(f"its preprocessing is incomplete ({error})", where=where) from error
        sound = (
            made.channels in (1, 3)
            and 0 < made.input_scale <= 1
            and 1 <= made.padding_multiple <= 1024
            and all(len(v) == made.channels and np.isfinite(v).all() for v in levels.values())
            and min(made.std, default=0.0) > 0
        )
        if not sound:
            raise UnusableInput("its preprocessing makes no sense", where=where)
        return made


def match_channels(frames: Tensor, channels: int) -> Tensor:
    """(N, C, H, W) uint8 with as many channels as the network takes: RGB to grey, grey to RGB."""
    if frames.shape[1] == channels:
        return frames
    if channels == 3:
        return frames.expand(-1, 3, -1, -1)
    red, green, blue = (frames[:, c : c + 1].int() * weight for c, weight in enumerate(_GREY))
    return ((red + green + blue + 128) >> 8).to(torch.uint8)


def measure(frames: list[NDArray[np.uint8]], *, input_scale: float, padding_multiple: int) -> Preprocessing:
    """Preprocessing for a network that is to be trained on these frames, (H, W, C) each."""
    channels = frames[0].shape[-1]
    counts = np.zeros((channels, 256))
    border = np.zeros((channels, 256))
    for frame in frames:
        edges = np.concatenate([frame[0], frame[-1], frame[:, 0], frame[:, -1]])
        for c in range(channels):
            counts[c] += np.bincount(frame[..., c].ravel(), minlength=256)
            border[c] += np.bincount(edges[:, c], minlength=256)
    levels = np.arange(256)
    mean = counts @ levels / counts.sum(axis=1)
    variance = counts @ levels**2 / counts.sum(axis=1) - mean**2
    fill = [int(np.searchsorted(row.cumsum(), row.sum() / 2)) for row in border]
    return Preprocessing(
        channels=channels,
        input_scale=input_scale,
        mean=tuple(round(float(m), 4) for m in mean),
        std=tuple(round(float(max(1.0, v) ** 0.5), 4) for v in variance),
        fill=tuple(float(level) for level in fill),
        padding_multiple=padding_multiple,
        sizes_seen=tuple(sorted({(f.shape[0], f.shape[1]) for f in frames})),
    )
