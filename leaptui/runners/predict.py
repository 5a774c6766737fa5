"""Predict points in videos with a model, in constant memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leaptui.errors import LeaptuiError, OperationFailed
from leaptui.ops.predict import PredictRequest, PredictResult
from leaptui.runners.predict_file import predict_file
from leaptui.runners.predict_job import Done, open_job
from leaptui.runners.predict_workers import places_for, share_out
from leaptui.runs.context import RunContext
from leaptui.words import ranges


def run(request: PredictRequest, context: RunContext) -> PredictResult:
    """Predict each input into a file of its own; one that cannot be used does not lose the others.

    A later attempt goes on behind the frames that are done.
    """
    request = replace(request, resume=request.resume or context.attempt > 1)
    sources = request.sources()
    work = list(zip(sources, request.outputs(sources), strict=True))
    tally = _Tally(work)
    places = places_for(request, len(work))
    if places:
        made, started = share_out(request, context, places, work, tally)
    else:
        job = open_job(request, context)
        made, started = dict(job.made), time.perf_counter()
        for number, (source, out) in enumerate(work):
            try:
                done = predict_file(job, source, out)
            except LeaptuiError as error:
                if len(work) == 1:
                    raise
                context.emit("log", level="error", message=str(error))
                tally.refuse(number, str(error))
                continue
            tally.add(number, done)
            if done.stopped:
                break
        job.predictor.close()
    tally.check()
    _tell_failed(context, tally.failed, len(work))
    seconds = time.perf_counter() - started
    waited = tally.shares()
    description = made | tally.description
    return PredictResult(
        frames=tally.frames,
        seconds=seconds,
        fps=tally.frames / seconds if seconds else 0.0,
        device=description["device"],
        precision=description["precision"],
        backend=description["backend"],
        waited=waited,
        bounded_by=max(waited, key=lambda stage: waited[stage], default=None),
        out=request.out,
        files=tally.files,
        bad_frames=tally.bad,
        unreadable=tally.unreadable,
        failed=tally.failed,
        stopped=tally.stopped,
        provenance=description,
    )


@dataclass
class _Tally:
    """What all inputs came to together, by their number."""

    work: Sequence[tuple[Path, Path]]
    stopped: bool = False
    done: dict[int, Done] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, done: Done) -> None:
        """One that was predicted, as far as it came."""
        self.done[number] = done
        self.stopped |= done.stopped

    def refuse(self, number: int, reason: str) -> None:
        """One that could not be."""
        self.refused[number] = reason

    def stop(self) -> None:
        """It ends before all were begun."""
        self.stopped = True

    @property
    def frames(self) -> int:
        return sum(done.frames for done in self.done.values())

    @property
    def bad(self) -> int:
        return sum(len(done.bad) for done in self.done.values())

    @property
    def unreadable(self) -> dict[str, str]:
        return {str(self.work[i][0]): ranges(self.done[i].bad) for i in sorted(self.done) if self.done[i].bad}

    @property
    def files(self) -> list[Path]:
        return [self.work[i][1] for i in sorted(self.done) if not self.done[i].stopped]

    @property
    def failed(self) -> dict[str, str]:
        return {str(self.work[i][0]): self.refused[i] for i in sorted(self.refused)}

    @property
    def description(self) -> dict[str, Any]:
        """What computed the first of them that anything was computed for."""
        found = (self.done[i].description for i in sorted(self.done))
        return next((each for each in found if each), {})

    def shares(self) -> dict[str, float]:
        """Of the time spent waiting, by stage."""
        waited: Counter[str] = Counter()
        for done in self.done.values():
            waited.update(done.waited)
        total = sum(waited.values())
        return {stage: round(seconds / total, 3) for stage, seconds in waited.items()} if total else {}

    def check(self) -> None:
        """Raise if nothing came of any of them."""
        if self.refused and not self.done and not self.stopped:
            raise OperationFailed(
                "none of the inputs could be predicted",
                where=", ".join(self.failed),
                hint=next(iter(self.failed.values())),
            )


def _tell_failed(context: RunContext, failed: dict[str, str], inputs: int) -> None:
    """The names once more at the end, where whoever comes back looks first."""
    if failed:
        names = ", ".join(Path(path).name for path in failed)
        context.emit(
            "log", level="error", message=f"{len(failed):,} of {inputs:,} inputs could not be predicted: {names}"
        )
