"""The LightningModule: one training step, one validation step, optimiser and schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from leaptui.nn.augment import Augmenter
from leaptui.nn.averaging import WeightAverage
from leaptui.nn.batches import FrameBank
from leaptui.nn.figures import FigureCounter, Figures
from leaptui.nn.losses import LOSSES
from leaptui.nn.peaks import find_peaks
from leaptui.nn.settings import TrainingSettings

_AUGMENTATION_STREAM = 0x9E3779B1


class PoseModule(pl.LightningModule):
    """A network in training.

    Args:
        network: an architecture of `leaptui.nn.architectures`.
        settings: with `sigma` and `input_scale` resolved.
        swap: see `Augmenter`.
        train_bank: frames to train on.
        val_bank: frames to validate with.
        seed: of the augmentation.
        body_length: source px, or None.

    Attributes:
        figures: of the last validation, None before the first.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: TrainingSettings,
        swap: Sequence[int],
        train_bank: FrameBank,
        val_bank: FrameBank,
        seed: int,
        body_length: float | None,
    ) -> None:
        super().__init__()
        if settings.sigma is None or settings.input_scale is None:
            raise ValueError("settings must be resolved")
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = WeightAverage(self.network, settings.ema_decay) if settings.ema_decay > 0 else None
        self.settings = settings
        self.loss = LOSSES[settings.loss]
        self.stride: int = network.output_stride  # type: ignore[assignment]
        self.input_sigma = settings.sigma * settings.input_scale
        self.augmenter = Augmenter(settings, swap, settings.input_scale)
        self._train_bank = train_bank
        self.val_bank = val_bank
        self._seed = seed
        self._body_length = body_length
        self._generator: torch.Generator | None = None
        self._counter = FigureCounter()
        self.figures: Figures | None = None

    @property
    def validated(self) -> nn.Module:
        """The network that validation looks at, and that becomes the model."""
        return self.network if self.averaged is None else self.averaged.module

    def transfer_batch_to_device(self, batch: Tensor, device: torch.device, dataloader_idx: int) -> Tensor:
        """Positions stay on the CPU; the bank knows where its frames are."""
        return batch

    def on_train_epoch_start(self) -> None:
        """Augmentation depends on seed and epoch alone, so that a resumed run goes on as it would have."""
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed((self._seed * _AUGMENTATION_STREAM + self.current_epoch) % 2**63)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Loss of one batch, augmented here."""
        bank = self._train_bank
        if self._generator is None:
            raise RuntimeError("training_step before on_train_epoch_start")
        with torch.no_grad(), self._full_precision():
            frames, points = bank.draw(batch)
            affine, mirrored = self.augmenter.affines(len(frames), bank.size, self._generator)
            frames, points = self.augmenter.move(frames, points, affine, mirrored, bank.fill)
            frames = self.augmenter.recolour(bank.preprocessing.normalise(frames), self._generator)
        maps = self.network(frames.contiguous(memory_format=torch.channels_last))
        with self._full_precision():
            loss = self.loss(maps, points, self.stride, self.input_sigma)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the last validation."""
        self._counter = FigureCounter()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Loss and distances of one batch, frames as they are."""
        self._counter.add(*self.measure(batch))

    def measure(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and distances (n, J) in source px of validation frames, NaN where nothing is labelled."""
        bank = self.val_bank
        with self._full_precision():
            frames, points = bank.draw(positions)
            frames = bank.preprocessing.normalise(frames)
        maps = self.validated(frames.contiguous(memory_format=torch.channels_last))
        with self._full_precision():
            loss = self.loss(maps, points, self.stride, self.input_sigma)
            found, _ = find_peaks(maps, self.loss.activation, self.stride, self.input_sigma)
            return loss, bank.source_errors(positions, found)

    def on_validation_epoch_end(self) -> None:
        """Make `figures`, and give the plateau schedule what it watches."""
        self.figures = self._counter.figures(self._body_length)
        if self.figures is not None:
            self.log("val_loss", self.figures.loss, batch_size=1)

    def on_train_batch_end(self, outputs: Any, batch: Tensor, batch_idx: int) -> None:
        """Carry the moving average on."""
        if self.averaged is not None:
            self.averaged.update(self.network)

    def configure_optimizers(self) -> Any:
        """As `settings` say."""
        s = self.settings
        parameters = self.network.parameters()
        optimiser: torch.optim.Optimizer
        if s.optimiser == "adamw":
            optimiser = torch.optim.AdamW(parameters, lr=s.learning_rate, weight_decay=s.weight_decay)
        else:
            optimiser = torch.optim.Adam(
                parameters, lr=s.learning_rate, weight_decay=s.weight_decay, amsgrad=s.optimiser == "amsgrad"
            )
        if s.schedule == "constant":
            return optimiser
        if s.schedule == "plateau":
            scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimiser, factor=1 / s.plateau_divisor, patience=s.plateau_patience
            )
            watched = "val_loss" if len(self.val_bank) else "train_loss"
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": scheduler, "monitor": watched}}
        factor = _WarmCosine(s.warmup_steps, s.steps)
        cosine = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cosine, "interval": "step"}}

    def _full_precision(self) -> torch.autocast:
        """Coordinates and losses are never computed in the reduced precision of the network."""
        return torch.autocast(self.device.type, enabled=False)


class _WarmCosine:
    """Factor of the learning rate at each step: linear rise, then a cosine down to 0."""

    def __init__(self, warmup: int, steps: int) -> None:
        self.warmup, self.steps = min(warmup, steps // 5), steps

    def __call__(self, step: int) -> float:
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        return rise * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
