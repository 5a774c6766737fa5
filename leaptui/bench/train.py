"""`leaptui bench train`: samples a second of training, and what a step spends its time on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment

from leaptui.bench.machine import facts
from leaptui.bench.predict import memory_peak
from leaptui.bench.rates import NOTHING, Quartiles
from leaptui.bench.timeline import PARTS, Busy, Timeline
from leaptui.bench.untrained import Silent, settings_of
from leaptui.demo import sample_poses
from leaptui.errors import LeaptuiError
from leaptui.nn.batches import FrameBank, IndexStream, InOrder
from leaptui.nn.data import TrainingData
from leaptui.nn.hardware import choose_device, choose_precision
from leaptui.nn.manners import quiet, repeatable
from leaptui.nn.model import build_network
from leaptui.nn.module import PoseModule
from leaptui.nn.preprocessing import measure as measure_frames
from leaptui.pose.skeleton import Skeleton

_MOST_STEPS = 10_000


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        rounds: of every way, in turn.
        seconds: of each measurement.
        least: steps of each, however long they take.
        side: height and width of the frames, px.
        frames, validation_frames: to train on and to validate with.
    """

    rounds: int
    seconds: float
    least: int
    side: int = 192
    frames: int = 64
    validation_frames: int = 16


def effort(device: torch.device, *, quick: bool) -> Effort:
    """What is enough on that device."""
    if quick:
        return Effort(1, 0.5, 2)
    return Effort(3, 8.0, 3) if device.type == "cpu" else Effort(3, 8.0, 20)


@dataclass(frozen=True)
class Way:
    """One way to train.

    Args:
        network: its architecture, trained as by its profile.
        precision: "32" or "bf16".
        batch: frames a step.
    """

    network: str
    precision: str
    batch: int

    @property
    def name(self) -> str:
        """For keys and tables."""
        return f"{self.network} {'fp32' if self.precision == '32' else self.precision} x{self.batch}"


@dataclass(frozen=True)
class Rate:
    """What one way came to.

    Args:
        way: which.
        steps: how many were counted.
        samples_per_s: frames a second, over the rounds; without validation.
        step_ms: of one step, median of all.
        parts: share of a step by part, see `leaptui.bench.timeline`; together 1.
        busy: share of the time in which the GPU computed; None on a processor.
        validation_ms: of one validation, median.
        epoch_seconds: of an epoch of the profile, validation and all.
        validation_share: of such an epoch.
        skipped: why it was not measured.
    """

    way: Way
    steps: int = 0
    samples_per_s: Quartiles = NOTHING
    step_ms: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    busy: float | None = None
    validation_ms: float | None = None
    epoch_seconds: float | None = None
    validation_share: float | None = None
    skipped: str | None = None


@dataclass(frozen=True)
class Report:
    """Everything that was measured."""

    machine: dict[str, Any]
    effort: Effort
    rates: list[Rate]
    peak_memory_mb: int

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "machine": self.machine,
            "effort": self.effort,
            "rates": [{"name": r.way.name, **asdict(r)} for r in self.rates],
            "times_reference": times_reference(self.rates),
            "peak_memory_mb": self.peak_memory_mb,
        }


def times_reference(rates: Sequence[Rate]) -> dict[str, float]:
    """How many times the samples a second of leap_cnn in fp32, by way."""
    theirs = [r.samples_per_s.median for r in rates if (r.way.network, r.way.precision) == ("leap_cnn", "32")]
    known = [value for value in theirs if value]
    if not known:
        return {}
    return {r.way.name: r.samples_per_s.median / known[0] for r in rates if r.samples_per_s.median is not None}


@dataclass
class _Taken:
    """Of one way, over the rounds."""

    parts: list[dict[str, float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    validations: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)


def measure(
    networks: Sequence[str], device_name: str, batch: int | None, work: Effort, say: Callable[[str], None]
) -> Report:
    """Measure training.

    Args:
        networks: architectures.
        device_name: see `leaptui.nn.hardware`.
        batch: frames a step; None is each profile's own.
        work: how long.
        say: told what comes next.
    """
    device = choose_device(device_name)
    before = facts(device)
    data, skeleton = _flies(work)
    ways = [Way(n, p, batch or settings_of(n).batch_size) for n in networks for p in ("32", "bf16")]
    taken = {way: _Taken() for way in ways}
    skipped: dict[Way, str] = {}
    for round_ in range(work.rounds):
        for at in range(len(ways)):
            way = ways[(at + round_) % len(ways)]
            if way in skipped:
                continue
            say(f"round {round_ + 1} of {work.rounds}: {way.name}")
            try:
                _once(way, data, skeleton, device, work, taken[way], last=round_ + 1 == work.rounds)
            except (LeaptuiError, torch.OutOfMemoryError) as error:
                skipped[way] = str(error)
    return Report(before, work, [_rate(way, taken[way], skipped.get(way)) for way in ways], memory_peak())


def _flies(work: Effort) -> tuple[TrainingData, Skeleton]:
    side = work.side
    made = sample_poses(work.frames + work.validation_frames, seed=3, size=(side, side), scale=side / 192)
    points = np.where(made.inside[..., None], made.points, np.nan)[:, 0]
    return TrainingData(list(made.frames), points), made.skeleton


def _module(way: Way, data: TrainingData, skeleton: Skeleton, device: torch.device, frames: int) -> PoseModule:
    height, width = data.frames[0].shape[:2]
    settings = replace(settings_of(way.network), batch_size=way.batch).resolved(height, width)
    network = build_network(settings, data.frames[0].shape[-1], len(skeleton))
    multiple: int = network.padding_multiple  # type: ignore[assignment]
    sides = np.split(np.arange(len(data)), [frames])
    scale = settings.input_scale or 1.0
    preprocessing = measure_frames(list(data.frames[:frames]), input_scale=scale, padding_multiple=multiple)
    train, validation = (FrameBank(data, side, preprocessing, device) for side in sides)
    return PoseModule(network, settings, skeleton.swap, train, validation, seed=0, body_length=None)


def _once(
    way: Way, data: TrainingData, skeleton: Skeleton, device: torch.device, work: Effort, taken: _Taken, *, last: bool
) -> None:
    """Train for a while."""
    choose_precision(way.precision, device)
    with tempfile.TemporaryDirectory(prefix="leaptui-bench-") as name:
        context = Silent(Path(name))
        with quiet(context), repeatable(0, device):
            module = _module(way, data, skeleton, device, work.frames)
            line = Timeline(device, warm_up=2, least=work.least, most_seconds=work.seconds)
            trainer = _trainer(way, device, Path(name), line, steps=_MOST_STEPS)
            stream = IndexStream(work.frames, way.batch, _MOST_STEPS, 0, lambda: 0)
            validation = InOrder(torch.arange(work.validation_frames), way.batch)
            trainer.fit(module, stream, validation)
            parts = line.parts()
            total = sum(sum(step.values()) for step in parts)
            taken.parts += parts
            taken.rates.append(len(parts) * way.batch / total)
            taken.validations += line.validation_seconds[-1:]
            if last and device.type == "cuda":
                taken.busy.append(_busy(way, module, device, work.frames, Path(name)))


def _busy(way: Way, module: PoseModule, device: torch.device, frames: int, folder: Path) -> float:
    """Share of the time that the device computes in some steps more, once everything is warm."""
    watch = Busy(device, warm_up=10, steps=30)
    stream = IndexStream(frames, way.batch, 50, 0, lambda: 0)
    _trainer(way, device, folder, watch, steps=50).fit(module, stream)
    return watch.share or 0.0


def _trainer(way: Way, device: torch.device, folder: Path, watch: pl.Callback, *, steps: int) -> pl.Trainer:
    devices: Any = [device.index or 0] if device.type == "cuda" else 1
    return pl.Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=devices,
        precision="bf16-mixed" if way.precision == "bf16" else "32-true",
        plugins=[LightningEnvironment()],
        max_epochs=1,
        limit_train_batches=steps,
        callbacks=[watch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
    )


def _rate(way: Way, taken: _Taken, skipped: str | None) -> Rate:
    if skipped is not None or not taken.parts:
        return Rate(way, skipped=skipped or "no step was finished")
    shares, step = shares_of(taken.parts)
    validation = Quartiles.of(taken.validations).median
    steps = settings_of(way.network).steps_per_epoch
    epoch = None if validation is None else steps * step + validation
    return Rate(
        way=way,
        steps=len(taken.parts),
        samples_per_s=Quartiles.of(taken.rates),
        step_ms=1000 * step,
        parts=shares,
        busy=Quartiles.of(taken.busy).median,
        validation_ms=None if validation is None else 1000 * validation,
        epoch_seconds=epoch,
        validation_share=None if epoch is None or validation is None else validation / epoch,
    )


def shares_of(parts: Sequence[dict[str, float]]) -> tuple[dict[str, float], float]:
    """Share of each part in all the time of these steps, and the median time of a step in seconds."""
    total = sum(sum(step.values()) for step in parts)
    shares = {name: sum(step[name] for step in parts) / total for name in PARTS}
    return shares, Quartiles.of([sum(step.values()) for step in parts]).median or 0.0
