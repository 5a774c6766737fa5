"""`leaptui bench predict`: frames a second of networks and from file to file, next to LEAP's own network.

All ways to predict are measured in turn in one run, so that the ratios hold although the machine is not quiet. A way
is a network with a backend, a precision and a number of frames at a time; its rate is that of
`leaptui.nn.predictor.Predictor.submit`, from uint8 frames in memory to points: the copy to the device, the grey levels,
the network and the peaks are all in it.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leaptui.bench.goals import Goal
from leaptui.bench.machine import Peak, better, facts, peak
from leaptui.bench.rates import NOTHING, Quartiles, in_turn, ratio
from leaptui.bench.stages import Effort, FileToFile, repeated, timer
from leaptui.bench.untrained import NetworkFacts, network_facts
from leaptui.errors import LeaptuiError, OperationFailed
from leaptui.nn.backends.choose import Wanted, candidates
from leaptui.nn.hardware import choose_device
from leaptui.nn.predictor import Predictor

REFERENCE = "leap_cnn"
_BYTES = {"32": 4, "bf16": 2, "16": 2, "int8": 1}


def effort(device: torch.device, *, quick: bool) -> Effort:
    """What is enough on that device."""
    if device.type == "cpu":
        return Effort(2, 0.1, (4,), (None,), 500, 1) if quick else Effort(5, 1.0, (1, 4, 16), (None, 4, 16), 6000, 3)
    # A GPU compiles each of the prepared ways, which takes a minute.
    if quick:
        return Effort(2, 0.1, (64,), (None,), 20_000, 1)
    return Effort(7, 0.5, (1, 16, 64, 256, 512), (None,), 200_000, 3)


@dataclass(frozen=True)
class Way:
    """One way to predict.

    Args:
        network: name of the network.
        backend: "eager" for torch layer by layer, else one of `leaptui.nn.backends` after `Predictor.prepare`.
        precision: as asked for.
        batch: frames at a time; None for what the backend chooses.
    """

    network: str
    backend: str
    precision: str
    batch: int | None

    @property
    def name(self) -> str:
        """For keys and tables."""
        precision = {"32": "fp32", "16": "fp16"}.get(self.precision, self.precision)
        return f"{self.network} {self.backend} {precision} {'auto' if self.batch is None else f'x{self.batch}'}"

    @property
    def is_reference(self) -> bool:
        """Whether it is LEAP's network as torch computes it in fp32."""
        return (self.network, self.precision) == (REFERENCE, "32")


@dataclass(frozen=True)
class Rate:
    """What one way came to.

    Args:
        way: which.
        description: what the predictor says it computes with.
        frames_per_s: over the rounds.
        times_reference: how many times the fastest way of LEAP's network in fp32, round by round.
        flops_per_s: arithmetic reached, median.
        share_of_flops: of the measured peak of that precision; None where there is none to compare with.
        share_of_bytes: of the measured copy, the values that convolutions put out being written and read once.
        skipped: why it was not measured.
    """

    way: Way
    description: dict[str, Any] = field(default_factory=dict)
    frames_per_s: Quartiles = NOTHING
    times_reference: Quartiles = NOTHING
    flops_per_s: float | None = None
    share_of_flops: float | None = None
    share_of_bytes: float | None = None
    skipped: str | None = None


@dataclass(frozen=True)
class Report:
    """Everything that was measured."""

    machine: dict[str, Any]
    peak: Peak
    effort: Effort
    networks: list[NetworkFacts]
    rates: list[Rate]
    files: list[FileToFile]
    peak_memory_mb: int

    @property
    def best(self) -> Rate | None:
        """The fastest way of our networks."""
        ours = [r for r in self.rates if r.way.network != REFERENCE and r.frames_per_s.median is not None]
        return max(ours, key=lambda r: r.frames_per_s.median or 0.0, default=None)

    @property
    def best_ratio(self) -> float | None:
        """That way against the best of LEAP's network in fp32, whatever the number of frames at a time."""
        theirs = [r.frames_per_s.median for r in self.rates if r.way.is_reference and r.frames_per_s.median]
        if self.best is None or self.best.frames_per_s.median is None or not theirs:
            return None
        return self.best.frames_per_s.median / max(theirs)

    @property
    def goals(self) -> list[Goal]:
        """What is wanted."""
        box = next((f.frames_per_s.median for f in self.files if f.kind == "box"), None)
        if "cuda" in str(self.machine["device"]):
            return [Goal("box", "frames/s file to file", 35_000, True, box)]
        return [
            Goal("box", "frames/s file to file", 1000, True, box),
            Goal("network", "times leap_cnn in fp32, best against best", 150, True, self.best_ratio),
        ]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        best = self.best
        return {
            "machine": self.machine,
            "peak": self.peak,
            "effort": self.effort,
            "networks": self.networks,
            "rates": [{"name": r.way.name, **asdict(r)} for r in self.rates],
            "best": None if best is None else best.way.name,
            "best_times_reference": self.best_ratio,
            "files": self.files,
            "goals": [{**vars(goal), "met": goal.met} for goal in self.goals],
            "peak_memory_mb": self.peak_memory_mb,
        }


def measure(
    models: Mapping[str, Path],
    frames: NDArray[np.uint8],
    files: Callable[[Effort], list[FileToFile]],
    device_name: str,
    work: Effort,
    say: Callable[[str], None],
) -> Report:
    """Measure everything.

    Args:
        models: model file of each network; LEAP's under `REFERENCE`.
        frames: (N, H, W, C) uint8 to predict.
        files: measures from file to file.
        device_name: see `leaptui.nn.hardware`.
        work: how long.
        say: told what comes next.
    """
    device = choose_device(device_name)
    say("measuring what the machine can do at most")
    before = facts(device)
    budget = 0.2 if work.seconds >= 0.5 else 0.02
    most = peak(device, rounds=work.rounds, budget=budget)
    known = {name: network_facts(path, *frames.shape[1:3]) for name, path in models.items()}
    ways = ways_of(models, device, work)
    say(f"measuring {len(ways)} ways to predict, {work.rounds} rounds")
    rates = _rates(ways, models, frames, device, work, say)
    # Again, since something else may have run the first time.
    most = better(most, peak(device, rounds=work.rounds, budget=budget))
    rates = [_against(rate, most, known[rate.way.network]) for rate in rates]
    say("measuring from file to file")
    done = files(work)
    return Report(
        machine=before,
        peak=most,
        effort=work,
        networks=list(known.values()),
        rates=rates,
        files=done,
        peak_memory_mb=memory_peak(),
    )


def memory_peak() -> int:
    """Largest memory of this process so far, MB of the host."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 2**20 if sys.platform == "darwin" else most // 1024


def ways_of(networks: Iterable[str], device: torch.device, work: Effort) -> list[Way]:
    """Everything there is to measure on that device."""
    wanted = Wanted(device, "auto", "auto", work.side, work.side, batch=1, most=1)
    prepared = [] if device.type == "mps" else [(plan.backend, plan.precision) for plan in candidates(wanted)]
    ways = []
    for name in networks:
        ways += [Way(name, "eager", precision, batch) for batch in work.batches for precision in ("32", "bf16")]
        # LEAP's own network is a yardstick: torch's, which everybody has.
        mine = [way for way in prepared if name != REFERENCE or way[0] == "torch"]
        ways += [Way(name, backend, precision, batch) for backend, precision in mine for batch in work.prepared]
    return ways


def _rates(
    ways: Sequence[Way],
    models: Mapping[str, Path],
    frames: NDArray[np.uint8],
    device: torch.device,
    work: Effort,
    say: Callable[[str], None],
) -> list[Rate]:
    skipped: dict[Way, str] = {}
    predictors: dict[Way, Predictor] = {}
    timers: dict[str, Callable[[], float]] = {}
    for way in ways:
        say(f"getting ready: {way.name}")
        try:
            predictors[way] = open_predictor(way, models[way.network], device, frames, work.sample)
        except LeaptuiError as error:
            skipped[way] = str(error)
            continue
        predictor = predictors[way]
        count = way.batch if way.backend == "eager" and way.batch else predictor.batch_size(*frames.shape[1:3])
        timers[way.name] = timer(predictor, repeated(frames, count), work.seconds)
    say(f"measuring, {work.rounds} rounds")
    taken = in_turn(timers, work.rounds)
    reference = fastest([(way, taken[way.name]) for way in predictors if way.is_reference])
    rates = []
    for way in ways:
        if way in skipped:
            rates.append(Rate(way, skipped=skipped[way]))
            continue
        mine = taken[way.name]
        times = ratio(mine, reference) if reference else NOTHING
        rates.append(Rate(way, predictors[way].description, Quartiles.of(mine), times))
        predictors[way].close()
    return rates


def fastest(measured: Sequence[tuple[Way, list[float]]]) -> list[float]:
    """The rounds of the way with the highest median; none without any."""
    return max((rates for _, rates in measured), key=lambda rates: Quartiles.of(rates).median or 0.0, default=[])


def open_predictor(way: Way, model: Path, device: torch.device, frames: NDArray[np.uint8], sample: int) -> Predictor:
    """The predictor of one way, ready.

    Raises:
        LeaptuiError: if it cannot be had here.
    """
    if way.backend == "eager":
        predictor = Predictor(model, device=str(device), precision=way.precision)
        fitting = predictor.batch_size(*frames.shape[1:3])
        if way.batch is not None and way.batch > fitting:
            raise OperationFailed(f"{fitting} frames at a time are the most here")
        return predictor
    predictor = Predictor(model, device=str(device), precision=way.precision, backend=way.backend)
    predictor.prepare(repeated(frames, sample), batch_size=way.batch)
    return predictor


def _against(rate: Rate, most: Peak, about: NetworkFacts) -> Rate:
    """The rate with its shares of what the machine can do at most."""
    if rate.frames_per_s.median is None:
        return rate
    flops = rate.frames_per_s.median * about.flops
    limit = most.flops.get(rate.way.precision)
    moved = rate.frames_per_s.median * about.values * 2 * _BYTES[rate.way.precision]
    return replace(
        rate,
        flops_per_s=flops,
        share_of_flops=None if not limit else flops / limit,
        share_of_bytes=moved / most.bytes,
    )
