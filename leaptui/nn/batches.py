"""Batches on the training device.

Frames stay uint8, shrunk and padded to the size the network sees, in the memory of the device when they
fit; a batch is then one gather there, and nothing is ever loaded. When they do not fit, they stay in
page-locked memory of the host and each batch is copied while the device still computes the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leaptui.nn.data import TrainingData
from leaptui.nn.hardware import free_memory
from leaptui.nn.preprocessing import Preprocessing

_SHARE_OF_MEMORY = 0.3


class FrameBank:
    """The frames of a run with their points, ready to be drawn from.

    Args:
        data: the frames.
        indices: which of them to hold; positions below count in this order.
        preprocessing: how they become input.
        device: where batches are wanted.

    Attributes:
        size: (H, W) of every frame in the bank.
        points: (M, J, 2) in input pixels, on the device.
    """

    def __init__(
        self, data: TrainingData, indices: NDArray[np.intp], preprocessing: Preprocessing, device: torch.device
    ) -> None:
        self.preprocessing = preprocessing
        self.device = device
        shapes = [data.frames[i].shape[:2] for i in indices]
        inputs = [preprocessing.input_size(h, w) for h, w in shapes]
        self.size = (max((h for h, _ in inputs), default=0), max((w for _, w in inputs), default=0))
        level = torch.tensor(preprocessing.fill, dtype=torch.uint8).reshape(1, -1, 1, 1)
        frames = level.repeat(len(indices), 1, *self.size)
        points = torch.empty(len(indices), data.points.shape[1], 2)
        source_pixels = torch.ones(len(indices), 2)
        for at, i in enumerate(indices):
            source = torch.from_numpy(np.require(data.frames[i], requirements=["C", "W"])).permute(2, 0, 1)
            shrunk = preprocessing.shrink(source.unsqueeze(0))[0].round().clamp(0, 255).to(torch.uint8)
            frames[at, :, : shrunk.shape[1], : shrunk.shape[2]] = shrunk
            points[at] = preprocessing.to_input(torch.from_numpy(data.points[i]), *shapes[at])
            source_pixels[at] = torch.tensor([source.shape[2] / shrunk.shape[2], source.shape[1] / shrunk.shape[1]])
        self.points = points.to(device)
        self._source_pixels = source_pixels.to(device)
        self._fill = torch.tensor(preprocessing.fill, device=device)
        self.frames = self._place(frames)

    def __len__(self) -> int:
        return len(self.frames)

    def _place(self, frames: Tensor) -> Tensor:
        free = free_memory(self.device)
        if free is None or frames.numel() <= _SHARE_OF_MEMORY * free:
            return frames.to(self.device)
        return frames.pin_memory()

    @property
    def fill(self) -> Tensor:
        """(C,) grey level of padding, on the device."""
        return self._fill

    def draw(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Float grey levels (n, C, H, W) and points (n, J, 2) in input pixels, on the device.

        Args:
            positions: (n,) long, on the CPU.
        """
        on_device = positions.to(self.device)
        if self.frames.device == self.device:
            frames = self.frames[on_device]
        else:
            frames = self.frames[positions].pin_memory().to(self.device, non_blocking=True)
        return frames.float(), self.points[on_device]

    def source_errors(self, positions: Tensor, found: Tensor) -> Tensor:
        """Distance (n, J) in source pixels between found points (input pixels) and the labels; NaN where missing."""
        on_device = positions.to(self.device)
        apart = (found - self.points[on_device]) * self._source_pixels[on_device].unsqueeze(1)
        return torch.linalg.vector_norm(apart, dim=-1)


class IndexStream:
    """The positions of each training batch of an epoch, in an order given by seed and epoch.

    Every frame comes once before any comes again.

    Args:
        frames: how many there are.
        batch_size, batches: an epoch's worth.
        seed: of the order.
        epoch: tells which epoch is about to begin.

    Between two batches `state_dict` says how many were given out; after `load_state_dict` the next epoch begins
    behind those.
    """

    def __init__(self, frames: int, batch_size: int, batches: int, seed: int, epoch: Callable[[], int]) -> None:
        self._frames, self._batch_size, self._batches = frames, batch_size, batches
        self._seed, self._epoch = seed, epoch
        self._given = 0
        self._skip = 0

    def __len__(self) -> int:
        return self._batches

    def state_dict(self) -> dict[str, int]:
        """For a checkpoint."""
        return {"given": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """From a checkpoint within an epoch."""
        self._skip = int(state["given"])

    def __iter__(self) -> Iterator[Tensor]:
        generator = np.random.default_rng((self._seed, self._epoch()))
        wanted = self._batches * self._batch_size
        rounds = [generator.permutation(self._frames) for _ in range(-(-wanted // self._frames))]
        order = torch.from_numpy(np.concatenate(rounds)[:wanted])
        self._given, self._skip = self._skip, 0
        for batch in order.split(self._batch_size)[self._given :]:
            self._given += 1
            yield batch


class InOrder:
    """The positions of validation batches, always the same; empty for no positions.

    Args:
        positions: (n,) long.
        batch_size: frames a batch.
    """

    def __init__(self, positions: Tensor, batch_size: int) -> None:
        self._batches = positions.split(batch_size) if len(positions) else ()

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._batches)
