"""Which way of computing is the fastest on this machine, for this model, and exact enough on these frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leaptui.errors import OperationFailed, UsageError
from leaptui.nn.backends import tolerance
from leaptui.nn.backends.base import Backend, Found, Pending
from leaptui.nn.backends.make import Maker, Say
from leaptui.nn.backends.plan import Plan, installed, versions
from leaptui.nn.hardware import cpu_multiplies_bf16
from leaptui.nn.model import PoseModel

SAMPLE = 128
"""Frames that are worth giving: half to measure ranges on, half to compare points."""
_MOST_STREAMS = 16
_REFERENCE_SECONDS = 2.0
_ROUND_SECONDS = 0.4
_INT8_TRIES = 3


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Args:
        device: where to compute.
        backend, precision: names of `leaptui.nn.backends.plan`, "auto" for the fastest that is exact enough.
        height, width: of the frames.
        batch: frames a batch.
        most: the most frames that fit into memory at once, over all streams.
    """

    device: torch.device
    backend: str
    precision: str
    height: int
    width: int
    batch: int
    most: int


def candidates(wanted: Wanted) -> list[Plan]:
    """Every way that is there and was not excluded, float32 last.

    Raises:
        UsageError: if what was asked for does not exist.
        OperationFailed: if it is not installed.
    """
    if wanted.device.type == "cpu":
        ways = [("openvino", "int8"), ("torch", "32"), ("openvino", "32")]
        if cpu_multiplies_bf16() or wanted.precision == "bf16":
            ways[1:1] = [("torch", "bf16"), ("openvino", "bf16")]
        if wanted.backend == "onnxruntime" or not installed("openvino"):
            # Slower to prepare than OpenVINO, and no faster in float32.
            ways.append(("onnxruntime", "32"))
    else:
        major = torch.cuda.get_device_capability(wanted.device)[0]
        ways = [("torch", "16"), *([("torch", "bf16")] if major >= 8 else []), ("torch", "32")]
    fitting = [
        (backend, precision)
        for backend, precision in ways
        if wanted.backend in ("auto", backend) and wanted.precision in ("auto", precision)
    ]
    if not fitting:
        raise UsageError(
            f"there is no precision {wanted.precision} with the backend {wanted.backend} on {wanted.device.type}",
            hint="int8 takes --backend openvino on a CPU, 16 a GPU; auto finds what there is.",
        )
    there = [(backend, precision) for backend, precision in fitting if installed(backend)]
    if not there:
        raise OperationFailed(
            f"{fitting[0][0]} is not installed",
            hint="Install it (pip install 'leaptui[cpu]'), or leave --backend and --precision out.",
        )
    return [_plan(backend, precision, wanted) for backend, precision in there]


def _plan(backend: str, precision: str, wanted: Wanted) -> Plan:
    on_cpu = wanted.device.type == "cpu"
    threads = torch.get_num_threads() if on_cpu else 1
    streams = max(1, min(threads, _MOST_STREAMS, wanted.most // wanted.batch)) if on_cpu else 1
    return Plan(
        backend=backend,
        precision=precision,
        device=str(wanted.device),
        height=wanted.height,
        width=wanted.width,
        batch=wanted.batch,
        streams=streams,
        threads=threads,
        compiled=not on_cpu,
        versions=versions(backend),
    )


def run_all(backend: Backend, frames: NDArray[np.uint8]) -> Found:
    """Points and scores of (n, C, H, W) frames, as many batches under way as the backend has streams."""
    pending: list[Pending] = [
        backend.submit(frames[start : start + backend.batch]) for start in range(0, len(frames), backend.batch)
    ]
    found = [entry.result() for entry in pending]
    return np.concatenate([points for points, _ in found]), np.concatenate([scores for _, scores in found])


@dataclass
class _Sample:
    """Frames to judge by.

    Args:
        ranges: frames to measure the ranges of int8 on.
        compared: frames to compare points on.
        reference: what torch finds in those in float32.
    """

    ranges: NDArray[np.uint8]
    compared: NDArray[np.uint8]
    reference: Found


def choose(model: PoseModel, wanted: Wanted, sample: NDArray[np.uint8], say: Say) -> tuple[Plan, Backend]:
    """Try what there is on (n, C, H, W) frames of the input; the winner with what was measured, ready to compute.

    What was asked for by name is taken whatever its shift, which is measured all the same.

    Raises:
        UsageError, OperationFailed: if what was asked for cannot be had.
    """
    plans, maker = candidates(wanted), Maker(model, say)
    prepared = _prepare(maker, plans[0], sample)
    limit = tolerance.tolerance_of(model.metadata, wanted.height, wanted.width)
    best: tuple[float, Plan, Backend] | None = None
    tried: list[dict[str, Any]] = []
    for plan in plans:
        if plan.precision == "32" and any(t["usable"] and t["precision"] in ("bf16", "16") for t in tried):
            # Where the machine has a shorter float at all, that is the faster one.
            continue
        for complete, backend in _versions(maker, plan, prepared, say, required=len(plans) == 1):
            shift = _shift(backend, prepared, limit)
            rate = measure_rate(backend, prepared.compared)
            usable = limit.allows(shift) or wanted.precision != "auto" or plan.precision == "32"
            tried.append(_record(complete, rate, shift, usable))
            if usable and (best is None or rate > best[0]):
                if best is not None:
                    best[2].close()
                best = rate, replace(complete, shift=_shift_record(shift, limit)), backend
            else:
                backend.close()
            if usable:
                # More layers in float only make it slower.
                break
    if best is None:
        raise OperationFailed("no way to compute that is installed takes this model and is exact enough")
    return replace(best[1], tried=tuple(tried)), best[2]


def again(
    model: PoseModel, known: Plan, wanted: Wanted, sample: NDArray[np.uint8], say: Say
) -> tuple[Plan, Backend] | None:
    """What was best for other frames, ranges measured on these; None if it is not exact enough here."""
    maker = Maker(model, say)
    prepared = _prepare(maker, known, sample)
    if known.precision == "int8":
        known = maker.with_ranges(known, prepared.ranges)
    backend = maker.make(known)
    limit = tolerance.tolerance_of(model.metadata, wanted.height, wanted.width)
    shift = _shift(backend, prepared, limit)
    if wanted.precision == "auto" and known.precision != "32" and not limit.allows(shift):
        backend.close()
        return None
    return replace(known, shift=_shift_record(shift, limit)), backend


def _prepare(maker: Maker, like: Plan, sample: NDArray[np.uint8]) -> _Sample:
    """Split the sample, and compute the reference on as much of it as two seconds allow."""
    if not len(sample):
        raise OperationFailed("there are no frames to try ways of computing on")
    backend = maker.make(replace(like, backend="torch", precision="32", compiled=False, ranges={}, kept=()))
    ranges, compared = (sample[1::2], sample[::2]) if len(sample) > 1 else (sample, sample)
    found: list[Found] = []
    started = time.perf_counter()
    step = backend.batch * backend.streams
    for start in range(0, len(compared), step):
        found.append(run_all(backend, compared[start : start + step]))
        if time.perf_counter() - started > _REFERENCE_SECONDS:
            break
    backend.close()
    points, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _Sample(ranges[: len(points)], compared[: len(points)], (points, scores))


def _versions(
    maker: Maker, plan: Plan, prepared: _Sample, say: Say, *, required: bool
) -> Iterator[tuple[Plan, Backend]]:
    """The plan and its backend; of int8 several, from the fastest to the most exact."""
    try:
        if plan.precision != "int8":
            yield plan, maker.make(plan)
            return
        measured = maker.with_ranges(plan, prepared.ranges)
        for kept in maker.kept_layers(plan)[:_INT8_TRIES]:
            complete = replace(measured, kept=tuple(kept))
            yield complete, maker.make(complete)
    except OperationFailed as error:
        if required:
            raise
        say(f"{plan.words()} is left out: {error.what}")


def _shift(backend: Backend, prepared: _Sample, limit: tolerance.Tolerance) -> tolerance.Shift:
    return tolerance.measure_shift(prepared.reference, run_all(backend, prepared.compared), limit.jump_px)


def _shift_record(shift: tolerance.Shift, limit: tolerance.Tolerance) -> dict[str, Any]:
    return shift.to_dict() | {"allowed_rms_px": round(limit.rms_px, 4)}


def _record(plan: Plan, rate: float, shift: tolerance.Shift, usable: bool) -> dict[str, Any]:
    return {
        "backend": plan.backend,
        "precision": plan.precision,
        "layers_in_float": len(plan.kept),
        "frames_per_s": round(rate, 1),
        "rms_px": round(shift.rms_px, 4),
        "jumps": round(shift.jumps, 5),
        "usable": usable,
    }


def measure_rate(backend: Backend, frames: NDArray[np.uint8]) -> float:
    """Frames a second, the best of three short rounds; other programs only ever make it less."""
    batches = [frames[start : start + backend.batch] for start in range(0, len(frames), backend.batch)]
    started = time.perf_counter()
    backend.submit(batches[0]).result()
    one = time.perf_counter() - started
    count = max(
        backend.streams, min(2 * len(batches) * backend.streams, int(_ROUND_SECONDS / 3 / one * backend.streams))
    )
    best = 0.0
    for _ in range(3 if one < _ROUND_SECONDS else 1):
        started = time.perf_counter()
        pending = [backend.submit(batches[i % len(batches)]) for i in range(count)]
        for entry in pending:
            entry.result()
        best = max(best, count * backend.batch / (time.perf_counter() - started))
    return best
