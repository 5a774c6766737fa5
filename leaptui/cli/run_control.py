"""Commands that steer runs: go on with one, ask something of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from leaptui.cli.build import AFTER, ANYWAY, DETACH, JSON, QUEUE, parse
from leaptui.cli.follow import follow
from leaptui.cli.output import note, print_json
from leaptui.cli.queue_commands import in_queue, place_of, say_place
from leaptui.cli.results import show
from leaptui.cli.run_commands import find_run
from leaptui.errors import ExitCode, UsageError
from leaptui.ops.requests import Request, option, validate
from leaptui.ops.resume import resume as resume_run
from leaptui.ops.table import OPERATIONS
from leaptui.runs.answers import wait_for_answer
from leaptui.runs.control import (
    CHECKPOINT,
    EXTEND,
    LOWER_RATE,
    MOST_EPOCHS,
    SMALLEST_FACTOR,
    Ask,
    request_checkpoint,
    request_extension,
    request_lower_rate,
)
from leaptui.runs.layout import RunDirectory

_PATIENCE = 6.0
"""Seconds to wait for an answer: a step of the training, and a look into the folder from another host."""


@dataclass(frozen=True)
class ResumeRequest(Request):
    """Go on with a run that was stopped, failed or was killed, from its newest checkpoint.

    A training goes on with the same frames, optimiser, schedule and random numbers; a finished one can be given more
    epochs. A prediction goes on behind the frames that are done.
    """

    run: Path = option("A run directory, or PROJECT/RUN.", positional=True)
    more_epochs: int | None = option(
        "Train so many epochs more than were planned; also after the end.",
        default=None,
        minimum=1,
        maximum=MOST_EPOCHS,
        metavar="N",
    )


@dataclass(frozen=True)
class AskRequest(Request):
    """Ask a training for a checkpoint, a lower learning rate or more epochs while it goes on.

    The rate stays lowered to the end of the run. More epochs stretch the schedule: from there on the rate is what
    it would be, had they been planned from the start.
    """

    run: Path = option("A run directory, or PROJECT/RUN.", positional=True)
    what: str = option("What to ask for.", positional=True, choices=(CHECKPOINT, LOWER_RATE, EXTEND))
    factor: float | None = option(
        "lower-lr: what the learning rate is multiplied by; 0.1 when left out.",
        default=None,
        minimum=SMALLEST_FACTOR,
        maximum=0.999,
    )
    epochs: int | None = option(
        "extend: how many epochs more.", default=None, minimum=1, maximum=MOST_EPOCHS, metavar="N"
    )


def resume(args: Sequence[str]) -> int:
    """`leaptui resume`."""
    parsed = parse("resume", ResumeRequest, args, (JSON, DETACH, QUEUE, AFTER, ANYWAY))
    validate(parsed.request)
    run = find_run(parsed.request.run)
    status = resume_run(run, more_epochs=parsed.request.more_epochs, queue=in_queue(parsed))
    as_json = "json" in parsed.flags
    if status is None:
        # Until its turn comes its state is the former attempt's, so there is nothing to follow.
        if as_json:
            print_json({"run": run.path, **place_of(run.path)})
        else:
            say_place(run.path)
        return ExitCode.DONE
    if "detach" in parsed.flags:
        if as_json:
            print_json({"run": run.path, "attempt": status.attempt})
        else:
            note(f"attempt {status.attempt} of {run.id} goes on")
            note(f"  leaptui attach {run.path}    follows it")
        return ExitCode.DONE
    ended = follow(run.path)
    if ended.result is None:
        return ended.exit_code
    operation = run.read_request()["operation"]
    if as_json:
        print_json(ended.result)
    elif operation in OPERATIONS:
        show(operation, ended.result)
    return ended.exit_code


def ask(args: Sequence[str]) -> int:
    """`leaptui ask`."""
    parsed = parse("ask", AskRequest, args, (JSON,))
    request: AskRequest = parsed.request
    validate(request)
    run = find_run(request.run)
    asked = _asking(request)(run)
    answer = wait_for_answer(run, asked, _PATIENCE)
    if "json" in parsed.flags:
        print_json(
            {
                "run": run.path,
                "ask": asked.name,
                "by": asked.by,
                "new": asked.is_new,
                "answered": answer is not None,
                "accepted": None if answer is None else answer.accepted,
                "answer": None if answer is None else answer.words,
            }
        )
    else:
        if not asked.is_new:
            note(f"{asked.by or 'somebody'} had asked for that already, and it is not done yet: nothing was added")
        note("asked; the run has not answered yet" if answer is None else answer.words)
    return ExitCode.FAILED if answer is not None and not answer.accepted else ExitCode.DONE


def _asking(request: AskRequest) -> Callable[[RunDirectory], Ask]:
    """What to call with the run.

    Raises:
        UsageError: if a flag is missing, or belongs to something else.
    """
    if request.factor is not None and request.what != LOWER_RATE:
        raise UsageError(f"--factor belongs to {LOWER_RATE}")
    if request.epochs is not None and request.what != EXTEND:
        raise UsageError(f"--epochs belongs to {EXTEND}")
    if request.what == LOWER_RATE:
        factor = 0.1 if request.factor is None else request.factor
        return lambda run: request_lower_rate(run, factor)
    if request.what == EXTEND:
        epochs = request.epochs
        if epochs is None:
            raise UsageError("extend needs a number of epochs", hint="leaptui ask RUN extend --epochs N")
        return lambda run: request_extension(run, epochs)
    return request_checkpoint
