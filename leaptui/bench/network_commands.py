"""`leaptui bench predict` and `leaptui bench train`: flags, and tables for people."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaptui.cli.build import JSON, parse
from leaptui.cli.output import note, print_facts, print_json, print_rows
from leaptui.errors import ExitCode, UsageError
from leaptui.ops.compute import device_option
from leaptui.ops.requests import Request, option, validate

if TYPE_CHECKING:
    from leaptui.bench.curve import Curve
    from leaptui.bench.machine import Peak
    from leaptui.bench.predict import Report as PredictReport
    from leaptui.bench.rates import Quartiles
    from leaptui.bench.stages import Effort as PredictEffort
    from leaptui.bench.stages import FileToFile
    from leaptui.bench.train import Report as TrainReport

MET = {True: "met", False: "NOT met", None: "not measured"}


@dataclass(frozen=True)
class BenchPredictRequest(Request):
    """Measure frames a second of our networks, next to LEAP's own, and from file to file."""

    model: Path | None = option(
        "Measure this trained model rather than the default network with random weights.", default=None, metavar="MODEL"
    )
    networks: str = option(
        "Architectures to measure next to leap_cnn, with commas between.", default="unet", metavar="NAMES"
    )
    batches: str | None = option(
        "Frames at a time, with commas between; by device when left out.", default=None, metavar="NUMBERS"
    )
    frames: int | None = option("Frames of the files; by device when left out.", default=None, minimum=1)
    rounds: int | None = option("How often every way is measured.", default=None, minimum=1, maximum=1000)
    video: bool = option("Measure an h264 video from file to file as well.", default=False)
    files: bool = option("Measure from file to file.", default=True)
    quick: bool = option("Few rounds and short ones: a minute, and less certain.", default=False)
    device: str = device_option()


@dataclass(frozen=True)
class BenchTrainRequest(Request):
    """Measure samples a second of training and what a step spends its time on, or error against seconds."""

    networks: str = option("Architectures, with commas between.", default="unet,leap_cnn", metavar="NAMES")
    batch: int | None = option(
        "Frames a step; each profile's own when left out.", default=None, minimum=1, maximum=4096
    )
    curve: str | None = option(
        "Measure the error of held-out frames against seconds of training instead, on these labels (a file, a folder, a "
        "project) or on the synthetic fly: demo.",
        default=None,
        metavar="DATA",
    )
    profiles: str = option("Profiles of the curve, with commas between.", default="fast,standard", metavar="NAMES")
    shares: str = option(
        "Shares of the epochs of a profile, each a training of its own, with commas between.",
        default="0.25,0.5,1",
        metavar="NUMBERS",
    )
    labels: int | None = option(
        "Train the curve on so many frames and hold out all others.", default=None, minimum=1, metavar="N"
    )
    draws: int = option("Trainings every point of the curve is a mean of.", default=2, minimum=1, maximum=100)
    folds: int = option(
        "Folds the frames of the curve are dealt into, without --labels.", default=5, minimum=2, maximum=100
    )
    quick: bool = option("One short round: a minute, and less certain.", default=False)
    device: str = device_option()


def bench_predict(args: Sequence[str]) -> int:
    """`leaptui bench predict`."""
    parsed = parse("bench predict", BenchPredictRequest, args, (JSON,))
    request: BenchPredictRequest = parsed.request
    validate(request)
    from leaptui.bench import predict
    from leaptui.bench.stages import file_to_file, flies
    from leaptui.bench.untrained import untrained_model
    from leaptui.nn.hardware import choose_device
    from leaptui.ops.models import find_model

    work = _effort(request, predict.effort(choose_device(request.device), quick=request.quick))
    with tempfile.TemporaryDirectory(prefix="leaptui-bench-") as name:
        folder = Path(name)
        if request.model is not None:
            models = {"model": find_model(request.model)}
        else:
            models = {
                network: untrained_model(folder, network, work.side) for network in _architectures(request.networks)
            }
        first = next(iter(models.values()))
        models.setdefault(predict.REFERENCE, untrained_model(folder, predict.REFERENCE, work.side))

        def files(work: PredictEffort) -> list[FileToFile]:
            kinds = (["box"] if request.files else []) + (["video"] if request.video else [])
            return [
                file_to_file(kind, first, folder, work, request.device, note)  # type: ignore[arg-type]
                for kind in kinds
            ]

        frames = flies(max(work.batches), work.side)
        report = predict.measure(models, frames, files, request.device, work, note)
    if "json" in parsed.flags:
        print_json(report.as_json())
    else:
        _print_predict(report)
    return ExitCode.DONE


def _effort(request: BenchPredictRequest, usual: PredictEffort) -> PredictEffort:
    from dataclasses import replace

    if request.batches is not None:
        batches = tuple(int(n) for n in _numbers("--batches", request.batches, whole=True))
        usual = replace(usual, batches=batches, prepared=(None, *batches))
    if request.frames is not None:
        usual = replace(usual, frames=request.frames)
    return usual if request.rounds is None else replace(usual, rounds=request.rounds)


def bench_train(args: Sequence[str]) -> int:
    """`leaptui bench train`."""
    parsed = parse("bench train", BenchTrainRequest, args, (JSON,))
    request: BenchTrainRequest = parsed.request
    validate(request)
    found: Curve | TrainReport = _speed(request) if request.curve is None else _curve(request, request.curve)
    if "json" in parsed.flags:
        print_json(found.as_json())
    elif request.curve is None:
        _print_train(found)  # type: ignore[arg-type]
    else:
        _print_curve(found)  # type: ignore[arg-type]
    return ExitCode.DONE


def _speed(request: BenchTrainRequest) -> TrainReport:
    from leaptui.bench import train
    from leaptui.nn.hardware import choose_device

    work = train.effort(choose_device(request.device), quick=request.quick)
    return train.measure(_architectures(request.networks), request.device, request.batch, work, note)


def _curve(request: BenchTrainRequest, data: str) -> Curve:
    from leaptui.bench import curve
    from leaptui.bench.holdout import load
    from leaptui.nn.settings import PROFILES

    profiles = _names("--profiles", request.profiles, tuple(PROFILES))
    return curve.measure(
        data,
        load(data),
        profiles,
        _numbers("--shares", request.shares),
        labels=request.labels,
        draws=request.draws,
        folds=request.folds,
        device=request.device,
        say=note,
    )


def _architectures(asked: str) -> tuple[str, ...]:
    from leaptui.registry import ARCHITECTURES

    return _names("--networks", asked, tuple(ARCHITECTURES))


def _names(flag: str, asked: str, known: Sequence[str]) -> tuple[str, ...]:
    """Names with commas between.

    Raises:
        UsageError: if one is unknown, or there is none.
    """
    names = tuple(dict.fromkeys(name.strip() for name in asked.split(",") if name.strip()))
    if not names or not set(names) <= set(known):
        raise UsageError(f"{flag} {asked}: choose from {', '.join(known)}")
    return names


def _numbers(flag: str, asked: str, *, whole: bool = False) -> tuple[float, ...]:
    """Positive numbers with commas between.

    Raises:
        UsageError: if one is none.
    """
    try:
        numbers = tuple(int(part) if whole else float(part) for part in asked.split(","))
    except ValueError as error:
        raise UsageError(f"{flag} {asked}: give numbers with commas between") from error
    if not all(0 < number < 1e6 for number in numbers):
        raise UsageError(f"{flag} {asked}: numbers are above 0")
    return numbers


def _print_predict(report: PredictReport) -> None:
    note(_machine(report.machine))
    print_facts(_peaks(report.peak), title="The most the machine did")
    print_rows(
        ["network", "parameters", "GFLOP a frame", "input"],
        [[n.architecture, n.parameters, n.flops / 1e9, f"{n.input[1]} x {n.input[0]}"] for n in report.networks],
        title="Networks",
    )
    rows = [
        [
            rate.way.name,
            *_spread(rate.frames_per_s),
            rate.times_reference.median,
            _percent(rate.share_of_flops),
            _percent(rate.share_of_bytes),
            _shift(rate.description),
        ]
        for rate in report.rates
        if rate.skipped is None
    ]
    headings = ["way", "frames/s", "quartiles", "x leap", "% FLOP/s", "% bytes/s", "shift px"]
    print_rows(
        headings, rows, title=f"From frames in memory to points, median of {report.effort.rounds} rounds in turn"
    )
    note("  x leap: times the fastest leap_cnn in fp32; %: of the most the machine did; shift: from torch in fp32")
    for rate in report.rates:
        if rate.skipped is not None:
            note(f"not measured: {rate.way.name}: {rate.skipped}")
    headings = ["file", "frames", "frames/s", "quartiles", "read", "predict", "write", "bound by", "% of it"]
    files = [
        [f.kind, f.frames, *_spread(f.frames_per_s), *f.stages.values(), f.bound, _percent(f.share_of_bound)]
        for f in report.files
    ]
    if files:
        print_rows(headings, files, title="From file to file, and each stage alone, frames/s")
    goals = [[goal.what, f">= {goal.limit:,.5g}", goal.value, MET[goal.met]] for goal in report.goals]
    print_rows(["goal", "wanted", "measured", ""], goals, title="Goals")


def _print_train(report: TrainReport) -> None:
    from leaptui.bench.timeline import PARTS
    from leaptui.bench.train import times_reference

    note(_machine(report.machine))
    done = [rate for rate in report.rates if rate.skipped is None]
    times = times_reference(report.rates)
    print_rows(
        ["way", "frames/s", "quartiles", "step ms", "epoch s", "x leap", "GPU busy %"],
        [
            [r.way.name, *_spread(r.samples_per_s), r.step_ms, r.epoch_seconds, times.get(r.way.name), _percent(r.busy)]
            for r in done
        ],
        title=f"Training, median of {report.effort.rounds} rounds in turn",
    )
    print_rows(
        ["% of a step", *PARTS, "validation"],
        [[r.way.name, *(_percent(r.parts[part]) for part in PARTS), _percent(r.validation_share)] for r in done],
        title="What a step spends its time on; validation, % of an epoch of the profile",
    )
    for rate in report.rates:
        if rate.skipped is not None:
            note(f"not measured: {rate.way.name}: {rate.skipped}")


def _print_curve(curve: Curve) -> None:
    note(_machine(curve.machine))
    print_rows(
        ["profile", "epochs", "labels", "seconds", "mean px", "median px", "p90 px", "mean % of body", "% within 3 %"],
        [
            [
                *(p.profile, p.epochs, p.labels, p.seconds, p.mean_px, p.median_px, p.p90_px),
                *(_percent(p.mean_body), _percent(p.within_3pct_body)),
            ]
            for p in curve.points
        ],
        title=f"{curve.data}: error of held-out frames against seconds of training",
    )


def _machine(machine: dict[str, Any]) -> str:
    load = machine["load"]
    return f"{machine['device']}, torch {machine['torch']}" + ("" if load is None else f", load before {load:.1f}")


def _peaks(peak: Peak) -> dict[str, Any]:
    return {
        "product or convolution, fp32": None if not peak.flops["32"] else f"{peak.flops['32'] / 1e9:,.0f} GFLOP/s",
        "product or convolution, bf16": None if not peak.flops["bf16"] else f"{peak.flops['bf16'] / 1e9:,.0f} GFLOP/s",
        "copy, read and written": f"{peak.bytes / 1e9:,.1f} GB/s",
        "upload to the device": None if peak.upload is None else f"{peak.upload / 1e9:,.1f} GB/s",
    }


def _spread(values: Quartiles) -> tuple[float | None, str]:
    """The median, and the quartiles in words."""
    if values.median is None or values.low is None or values.high is None:
        return None, "-"
    return values.median, f"{values.low:,.3g}–{values.high:,.3g}"


def _shift(description: dict[str, Any]) -> float | None:
    """How far its points lie from those of torch in float32, px, where that was measured."""
    shift = (description.get("plan") or {}).get("shift") or {}
    value = shift.get("rms_px")
    return float(value) if isinstance(value, int | float) else None


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)
