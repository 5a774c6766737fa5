"""The LightningModule: one training step, one validation step, optimiser and schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from leaptui.nn.augment import Augmenter
from leaptui.nn.averaging import WeightAverage
from leaptui.nn.batches import FrameBank
from leaptui.nn.checkpoints import OURS
from leaptui.nn.course import Course, Plateau
from leaptui.nn.figures import FigureCounter, Figures
from leaptui.nn.losses import LOSSES
from leaptui.nn.peaks import find_peaks
from leaptui.nn.random_state import random_state, restore_random_state
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
        course: epochs and learning rate; by default what the settings say.

    Attributes:
        figures: of the last validation, None before the first.
        rate: learning rate of the newest step.
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
        course: Course | None = None,
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
        self.course = Course(settings) if course is None else course
        self._plateau = Plateau(settings.plateau_patience, settings.plateau_divisor)
        self._generator: torch.Generator | None = None
        self._loss_sum: Tensor | None = None
        self._loss_frames = 0
        self._restored: dict[str, Any] | None = None
        self.rate = 0.0
        self._counter = FigureCounter()
        self.figures: Figures | None = None

    @property
    def validated(self) -> nn.Module:
        """The network that validation looks at, and that becomes the model."""
        return self.network if self.averaged is None else self.averaged.module

    def transfer_batch_to_device(self, batch: Tensor, device: torch.device, dataloader_idx: int) -> Tensor:
        """Positions stay on the CPU; the bank knows where its frames are."""
        return batch

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What a run that goes on within an epoch needs besides weights and optimiser."""
        checkpoint[OURS] = checkpoint.get(OURS, {}) | {
            "random": random_state(self.device),
            "augmentation": None if self._generator is None else self._generator.get_state(),
            "loss_sum": None if self._loss_sum is None else float(self._loss_sum),
            "loss_frames": self._loss_frames,
            "plateau": self._plateau.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Kept until training starts: by then everything is on its device."""
        self._restored = checkpoint[OURS]

    def on_train_start(self) -> None:
        """Go on exactly where the checkpoint was taken."""
        kept, self._restored = self._restored, None
        if kept is None:
            return
        self._plateau.load_state_dict(kept["plateau"])
        self._loss_frames = kept["loss_frames"]
        if kept["loss_sum"] is not None:
            self._loss_sum = torch.tensor(kept["loss_sum"], dtype=self._sum_type, device=self.device)
        self._new_generator(self.global_step)
        state = kept["augmentation"]
        # A state taken on another kind of device is of another size.
        if state is not None and self._generator is not None and len(state) == len(self._generator.get_state()):
            self._generator.set_state(state.cpu())
        restore_random_state(kept["random"], self.device)

    def on_train_epoch_start(self) -> None:
        """Augmentation depends on seed and epoch alone, so that a resumed run goes on as it would have."""
        self._new_generator(self.current_epoch)
        self._loss_sum, self._loss_frames = None, 0

    def _new_generator(self, stream: int) -> None:
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed((self._seed * _AUGMENTATION_STREAM + stream) % 2**63)

    @property
    def _sum_type(self) -> torch.dtype:
        return torch.float32 if self.device.type == "mps" else torch.float64

    @property
    def mean_loss(self) -> float:
        """Mean loss a frame of the epoch so far; reading it waits for the device."""
        return float("nan") if self._loss_sum is None else float(self._loss_sum) / self._loss_frames

    def on_train_batch_start(self, batch: Tensor, batch_idx: int) -> None:
        """Set the learning rate of this step."""
        self.rate = self.course.rate(self.global_step) * self._plateau.factor
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.rate

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Loss of one batch, augmented here."""
        bank = self._train_bank
        if self._generator is None:
            raise RuntimeError("training_step before on_train_epoch_start")
        with torch.no_grad(), self._full_precision():
            frames, points = bank.draw(batch)
            affine, mirrored = self.augmenter.affines(len(frames), bank.size, self._generator)
            bend = self.augmenter.bend(len(frames), bank.size, self._generator)
            frames, points = self.augmenter.move(frames, points, affine, mirrored, bank.fill, bend)
            frames = self.augmenter.recolour(bank.preprocessing.normalise(frames), self._generator)
        maps = self.network(frames.contiguous(memory_format=torch.channels_last))
        with self._full_precision():
            # A network that is supervised halfway returns several maps.
            drawn = maps if isinstance(maps, tuple) else (maps,)
            loss = torch.stack([self.loss(m, points, self.stride, self.input_sigma) for m in drawn]).sum()
        step_loss = loss.detach().to(self._sum_type) * len(batch)
        self._loss_sum = step_loss if self._loss_sum is None else self._loss_sum + step_loss
        self._loss_frames += len(batch)
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
        """Make `figures`."""
        self.figures = self._counter.figures(self._body_length)

    def end_epoch(self) -> None:
        """Give the plateau schedule what it watches; before the epoch's checkpoint, which has to know."""
        if self.settings.schedule == "plateau":
            self._plateau.watch(self.mean_loss if self.figures is None else self.figures.loss)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Carry the moving average on with each step, before anything looks at the state after it."""
        super().optimizer_step(*args, **kwargs)
        if self.averaged is not None:
            self.averaged.update(self.network)

    def configure_optimizers(self) -> Any:
        """As `settings` say; the learning rate is set at every step."""
        s = self.settings
        parameters = self.network.parameters()
        optimiser: torch.optim.Optimizer
        if s.optimiser == "adamw":
            optimiser = torch.optim.AdamW(parameters, lr=s.learning_rate, weight_decay=s.weight_decay)
        else:
            optimiser = torch.optim.Adam(
                parameters, lr=s.learning_rate, weight_decay=s.weight_decay, amsgrad=s.optimiser == "amsgrad"
            )
        return optimiser

    def _full_precision(self) -> torch.autocast:
        """Coordinates and losses are never computed in the reduced precision of the network."""
        return torch.autocast(self.device.type, enabled=False)
