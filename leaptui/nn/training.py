"""Train a network on labelled frames and write the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.nn.asks import AskDesk
from leaptui.nn.batches import FrameBank, IndexStream, InOrder
from leaptui.nn.calibrating import calibrated
from leaptui.nn.callbacks import RunReporter
from leaptui.nn.checkpoints import OURS, Checkpoints, Found, PlainCheckpointIO, load, newest
from leaptui.nn.course import Course
from leaptui.nn.data import Split, TrainingData, split
from leaptui.nn.figures import FigureCounter, Figures
from leaptui.nn.hardware import choose_device, choose_precision, describe, memory_errors
from leaptui.nn.manners import quiet, repeatable
from leaptui.nn.model import PoseModel, build_network, count_parameters, save_model
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.module import PoseModule
from leaptui.nn.onlookers import Onlooker
from leaptui.nn.preprocessing import measure
from leaptui.nn.previews import PreviewWriter
from leaptui.nn.settings import TrainingSettings
from leaptui.pose.skeleton import Skeleton
from leaptui.runs.context import RunContext

LIVE_VALIDATION_FRAMES = 256
"""Most frames validated after each epoch, drawn once by the seed; the figures in the end are of all frames."""


@dataclass(frozen=True)
class TrainingOutcome:
    """What came out of a training run.

    Args:
        model: the file written: the weights of the best epoch in validation, or without validation the last.
        labels: frames trained on.
        val_frames: frames validated with.
        left_out: frames in neither, see `leaptui.nn.data.split`.
        epochs: epochs finished, a stopped one included, in all attempts.
        best_epoch: from 1; None without validation.
        seconds: of training in all attempts, without the time to load libraries.
        device, precision: that it ran with.
        parameters: trained weights.
        val_error_px, val_median_px: distance from the labels over all validation frames, source px.
        val_error_body: `val_error_px` as share of the body length.
        node_error_px: mean distance a node, by name; None where a node has no label in validation.
        body_length_px: mean over all labelled frames; None when undefined.
        stopped: somebody asked to stop before the end.
        settings: as used, nothing left to be chosen.
    """

    model: Path
    labels: int
    val_frames: int
    left_out: int
    epochs: int
    best_epoch: int | None
    seconds: float
    device: str
    precision: str
    parameters: int
    val_error_px: float | None
    val_median_px: float | None
    val_error_body: float | None
    node_error_px: dict[str, float | None]
    body_length_px: float | None
    stopped: bool
    settings: TrainingSettings


@dataclass(frozen=True)
class _Job:
    """What is fixed before the first step."""

    data: TrainingData
    skeleton: Skeleton
    settings: TrainingSettings
    seed: int
    device: torch.device
    precision: str
    parts: Split
    body_length: float | None


def train(
    data: TrainingData,
    skeleton: Skeleton,
    settings: TrainingSettings,
    *,
    seed: int,
    context: RunContext,
    checkpoints: Path,
    model_path: Path,
    provenance: Mapping[str, Any],
    device: str = "auto",
    precision: str = "auto",
    labels: int | None = None,
    val_fraction: float = 0.15,
    parts: Split | None = None,
    resume: bool = False,
    loggers: Sequence[Any] = (),
) -> TrainingOutcome:
    """Train and write the model.

    The same seed gives the same split and, on the same machine, the same network. A stop asked for through
    the context ends the run at the next step; it is validated then, and its best weights are written. Resumed with
    the same data, settings and seed it goes on from the newest checkpoint as if nothing had happened: on a CPU with
    the very same losses, on a GPU as far as its kernels are repeatable.

    Args:
        data: labelled frames.
        skeleton: its nodes are axis J of the points.
        settings: see there; a profile, or changed from one.
        seed: of split, weights, order and augmentation; not negative.
        context: gets the events.
        checkpoints: folder for them, see `leaptui.nn.checkpoints`, and for what was changed on the way.
        model_path: the model file to write.
        provenance: plain JSON that goes into the model.
        device, precision: see `leaptui.nn.hardware`.
        labels, val_fraction: see `leaptui.nn.data.split`.
        parts: a split that was made before, in place of those.
        resume: go on from the newest checkpoint in the folder; without a usable one, from the start.
        loggers: of Lightning, told the losses too.

    Raises:
        UnusableInput: if the data cannot be trained on, or files cannot be written.
        UsageError: if an argument is out of range.
        OperationFailed: if the device is missing or too small, or training diverged.
    """
    if data.points.shape[1] != len(skeleton):
        raise UnusableInput(
            f"the labels have {data.points.shape[1]} nodes, the skeleton {len(skeleton)}", where=skeleton.name
        )
    if seed < 0:
        raise UsageError(f"the seed must not be negative, it is {seed}")
    target = choose_device(device)
    height, width = (max(f.shape[axis] for f in data.frames) for axis in (0, 1))
    job = _Job(
        data=data,
        skeleton=skeleton,
        settings=settings.resolved(height, width),
        seed=seed,
        device=target,
        precision=choose_precision(precision, target),
        parts=split(data, val_fraction=val_fraction, labels=labels, seed=seed) if parts is None else parts,
        body_length=data.body_length(skeleton.body_axis_indices),
    )
    hint = "Make batch_size smaller, or input_scale."
    with quiet(context), repeatable(seed, target), memory_errors(hint):
        return _run(job, context, checkpoints, model_path, provenance, resume, loggers)


def _run(
    job: _Job,
    context: RunContext,
    folder: Path,
    model_path: Path,
    provenance: Mapping[str, Any],
    resume: bool,
    loggers: Sequence[Any],
) -> TrainingOutcome:
    course = Course(job.settings, folder / "course.json")
    found = _pick_up(course, context, folder, job.settings.steps_per_epoch) if resume else None
    module, model = _prepare(job, provenance, course)
    plan = _plan(job, model.metadata.parameters)
    desk = AskDesk(context, course, lambda: context.emit("plan", epochs=course.epochs, **plan))
    desk.serve(0 if found is None else found.step)
    context.emit("plan", epochs=course.epochs, **plan)
    checkpoints = Checkpoints(folder, context, job.settings.steps_per_epoch)
    reporter = RunReporter(context, checkpoints, desk, course)
    previews = Onlooker("the preview", context, lambda: _previews(job, context, module))
    trainer = _trainer(job, [reporter, previews], loggers, course.epochs, folder)
    stream = IndexStream(
        len(job.parts.train),
        job.settings.batch_size,
        job.settings.steps_per_epoch,
        job.seed,
        lambda: trainer.current_epoch,
    )
    live = _live_validation(len(module.val_bank), job)
    path = None if found is None else found.path
    trainer.fit(module, stream, live if len(live) else None, ckpt_path=path, weights_only=True)
    best_epoch = _take_best(module, reporter, checkpoints)
    outcome = _finish(job, module, model, reporter, best_epoch, model_path)
    previews.attempt(lambda writer: writer.finish(module, best_epoch))
    if not outcome.stopped:
        # There for a last one that is torn, which the model just written has outlived.
        checkpoints.previous.unlink(missing_ok=True)
    return outcome


def _pick_up(course: Course, context: RunContext, folder: Path, steps_per_epoch: int) -> Found | None:
    """What an earlier attempt left, and words about it."""

    def say(message: str, level: str = "warning") -> None:
        context.emit("log", level=level, message=message)

    course.load(say)
    found = newest(folder, say)
    step = 0 if found is None else found.step
    if found is None:
        say("there is no checkpoint to go on from: training begins from the start", "info")
    elif found.cut_short:
        say(f"only a state after an epoch that was cut short is left: training goes on behind it, from step {step}")
    path = None if found is None else str(found.path)
    context.emit("resumed", attempt=context.attempt, epoch=step / steps_per_epoch, step=step, checkpoint=path)
    return found


def _plan(job: _Job, parameters: int) -> dict[str, Any]:
    """The fields of a `plan` event that stay as they are."""
    return {
        "steps_per_epoch": job.settings.steps_per_epoch,
        "train_frames": len(job.parts.train),
        "val_frames": len(job.parts.val),
        "parameters": parameters,
        "architecture": job.settings.architecture,
        "device": describe(job.device),
        "precision": job.precision,
        "body_length_px": job.body_length,
        "nodes": list(job.skeleton.node_names),
    }


def _previews(job: _Job, context: RunContext, module: PoseModule) -> PreviewWriter:
    shown = job.parts.val if len(job.parts.val) else job.parts.train
    preprocessing = module.val_bank.preprocessing
    return PreviewWriter(context, job.data, shown, job.skeleton, preprocessing, job.device, job.precision)


def _prepare(job: _Job, provenance: Mapping[str, Any], course: Course) -> tuple[PoseModule, PoseModel]:
    """Network, banks and module, and the model that they will become."""
    settings, data, parts = job.settings, job.data, job.parts
    if settings.sigma is None or settings.input_scale is None:
        raise ValueError("settings must be resolved")
    channels = data.frames[0].shape[-1]
    network = build_network(settings, channels, len(job.skeleton))
    frames = [data.frames[i] for i in parts.train]
    multiple: int = network.padding_multiple  # type: ignore[assignment]
    preprocessing = measure(frames, input_scale=settings.input_scale, padding_multiple=multiple)
    train_bank, val_bank = (FrameBank(data, side, preprocessing, job.device) for side in (parts.train, parts.val))
    module = PoseModule(network, settings, job.skeleton.swap, train_bank, val_bank, job.seed, job.body_length, course)
    known = [[c for i in side if (c := data.checksums[i]) is not None] for side in (parts.train, parts.val)]
    metadata = ModelMetadata(
        skeleton=job.skeleton,
        settings=settings,
        preprocessing=preprocessing.to_dict(),
        activation=module.loss.activation,
        output_stride=module.stride,
        parameters=count_parameters(network),
        provenance=dict(provenance),
        training_checksums=tuple(sorted(known[0])),
        validation_checksums=tuple(sorted(known[1])),
    )
    _require_json(metadata)
    return module, PoseModel(network, preprocessing, metadata)


def _require_json(metadata: ModelMetadata) -> None:
    """Find out before the training, not after it, that the metadata cannot be written."""
    try:
        metadata.to_json()
    except (TypeError, ValueError) as error:
        raise UsageError(f"the provenance is not plain JSON: {error}") from error


def _trainer(
    job: _Job, callbacks: Sequence[pl.Callback], loggers: Sequence[Any], epochs: int, folder: Path
) -> pl.Trainer:
    devices: Any = [job.device.index or 0] if job.device.type == "cuda" else 1
    return pl.Trainer(
        accelerator={"cuda": "gpu"}.get(job.device.type, job.device.type),
        devices=devices,
        precision="bf16-mixed" if job.precision == "bf16" else "32-true",
        # One process, also inside an allocation of a cluster's scheduler.
        plugins=[LightningEnvironment(), PlainCheckpointIO()],
        max_epochs=epochs,
        callbacks=list(callbacks),
        gradient_clip_val=job.settings.gradient_clip or None,
        logger=list(loggers) or False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
    )


def _live_validation(frames: int, job: _Job) -> InOrder:
    positions = np.random.default_rng((job.seed, 1)).permutation(frames)[:LIVE_VALIDATION_FRAMES]
    return InOrder(torch.from_numpy(np.sort(positions)), job.settings.batch_size)


def _take_best(module: PoseModule, reporter: RunReporter, checkpoints: Checkpoints) -> int | None:
    """Load the weights of the best epoch, without validation the last; returns that epoch.

    The epoch is the one the file names: a run that was killed right after it kept its best epoch may have found
    another, in doing the same steps again.
    """
    if reporter.best_epoch is None:
        module.load_state_dict(load(checkpoints.last)["state_dict"])
        return None
    record = load(checkpoints.best)
    module.load_state_dict(record["state_dict"])
    epoch: int | None = record[OURS]["best_epoch"]
    return epoch


def _finish(
    job: _Job, module: PoseModule, model: PoseModel, reporter: RunReporter, best_epoch: int | None, model_path: Path
) -> TrainingOutcome:
    """Measure the weights on all validation frames, write the model."""
    seconds = reporter.seconds
    network = module.validated.eval()
    figures = _measure(job, module.to(job.device), module.val_bank)
    finite = all(bool(torch.isfinite(p).all()) for p in network.parameters())
    if not finite or (figures is not None and not math.isfinite(figures.loss)):
        raise OperationFailed("training diverged", hint="Make the learning rate smaller.")
    plain = {} if figures is None else _named(figures, job.skeleton)
    outcome = TrainingOutcome(
        model=model_path,
        labels=len(job.parts.train),
        val_frames=len(job.parts.val),
        left_out=len(job.parts.left_out),
        epochs=reporter.epochs,
        best_epoch=best_epoch,
        seconds=seconds,
        device=describe(job.device),
        precision=job.precision,
        parameters=model.metadata.parameters,
        val_error_px=None if figures is None else figures.error_px,
        val_median_px=None if figures is None else figures.median_px,
        val_error_body=None if figures is None else figures.error_body,
        node_error_px=plain.get("node_error_px", {}),
        body_length_px=job.body_length,
        stopped=reporter.stopped,
        settings=replace(job.settings, epochs=module.course.epochs),
    )
    written = {"labels": outcome.labels, "val_frames": outcome.val_frames, "best_epoch": best_epoch}
    written |= {"seconds": round(seconds, 1), "body_length_px": job.body_length} | plain
    finished = PoseModel(network, model.preprocessing, replace(model.metadata, figures=written))
    save_model(model_path, calibrated(finished, job.data, job.parts.val, job.body_length, job.device))
    return outcome


def _measure(job: _Job, module: PoseModule, val_bank: FrameBank) -> Figures | None:
    counter = FigureCounter()
    with torch.inference_mode(), torch.autocast(job.device.type, torch.bfloat16, enabled=job.precision == "bf16"):
        for positions in InOrder(torch.arange(len(val_bank)), job.settings.batch_size):
            counter.add(*module.measure(positions))
    return counter.figures(job.body_length)


def _named(figures: Figures, skeleton: Skeleton) -> dict[str, Any]:
    plain = asdict(figures)
    plain["node_error_px"] = dict(zip(skeleton.node_names, figures.node_error_px, strict=True))
    return plain
