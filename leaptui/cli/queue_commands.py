"""The queue of this machine on the command line, and the flags that let a run wait in it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.cli.build import JSON, Parsed, parse
from leaptui.cli.output import note, plain, print_json, print_rows
from leaptui.cli.run_commands import find_run
from leaptui.errors import ExitCode, UsageError
from leaptui.ops.requests import Request, option
from leaptui.ops.submit import InQueue
from leaptui.runs import queue as runs_queue
from leaptui.runs.layout import RunDirectory
from leaptui.runs.queue import Entry
from leaptui.runs.queue_entries import Notice
from leaptui.runs.slots import SlotLook
from leaptui.words import ago

_SAID_WITHIN = 86400.0
"""Seconds for which what the dispatcher had to say is shown."""


@dataclass(frozen=True)
class QueueRequest(Request):
    """List the runs that wait for this machine, and its slots. `leaptui queue move` and `leaptui queue cancel` change
    the order.

    A slot is a GPU, or a place for a run on the processors. The table [queue] of config.toml, or the environment,
    says which there are: cpu_slots = 1 (LEAPTUI_CPU_SLOTS), gpus = [0, 1] (LEAPTUI_GPUS=0,1; all when left out),
    busy_mb = 1024 (LEAPTUI_BUSY_MB: a GPU with more memory in use by other programs is not free). All users of a
    machine share its slots in /tmp/leaptui-slots (LEAPTUI_SLOTS).
    """


@dataclass(frozen=True)
class MoveRequest(Request):
    """Move a run to another place in the queue."""

    run: str = option("Its name, a run directory, or PROJECT/RUN.", positional=True)
    to: str = option("first, last, up, down, or a place from 1.", positional=True)


@dataclass(frozen=True)
class CancelRequest(Request):
    """Take a run out of the queue; it does not begin."""

    run: str = option("Its name, a run directory, or PROJECT/RUN.", positional=True)


def queue(args: Sequence[str]) -> int:
    """`leaptui queue`."""
    if args and args[0] == "move":
        return _move(args[1:])
    if args and args[0] == "cancel":
        return _cancel(args[1:])
    if args and not args[0].startswith("-"):
        raise UsageError(f"there is no `leaptui queue {args[0]}`", hint="There are `move RUN PLACE` and `cancel RUN`.")
    parsed = parse("queue", QueueRequest, args, (JSON,))
    waiting, slots, said = runs_queue.entries(), runs_queue.slots(), _said()
    if "json" in parsed.flags:
        print_json(_as_json(waiting, slots, said))
    else:
        _show(waiting, slots, said)
    return ExitCode.DONE


def in_queue(parsed: Parsed) -> InQueue | None:
    """What --queue, --after and --anyway ask for; None when a run is to begin at once.

    Raises:
        UsageError: if --anyway is given without --after.
        UnusableInput: if there is no run of that name to wait for.
    """
    after = parsed.values.get("after")
    anyway = "anyway" in parsed.flags
    if after is None and anyway:
        raise UsageError("--anyway belongs to --after RUN")
    if after is None:
        return InQueue() if "queue" in parsed.flags else None
    return InQueue(_named(after).path, anyway)


def say_place(run: Path) -> None:
    """Where a run is in the queue, on stderr."""
    place = runs_queue.waiting(RunDirectory(run))
    note("its turn has come" if place is None else f"it is {place[1]}")


def place_of(run: Path) -> dict[str, Any]:
    """The same as JSON."""
    place = runs_queue.waiting(RunDirectory(run))
    return {"queued": place is not None, "place": None if place is None else place[0]}


def _move(args: Sequence[str]) -> int:
    parsed = parse("queue move", MoveRequest, args, (JSON,))
    told: str = parsed.request.to
    run = _named(parsed.request.run)
    place = runs_queue.move(run, int(told) if told.isdecimal() and len(told) < 10 else told)
    if "json" in parsed.flags:
        print_json({"run": run.path, "place": place})
    else:
        note(f"{run.id} is now {runs_queue.ordinal(place)} in the queue")
    return ExitCode.DONE


def _cancel(args: Sequence[str]) -> int:
    parsed = parse("queue cancel", CancelRequest, args, (JSON,))
    run = _named(parsed.request.run)
    runs_queue.cancel(run)
    if "json" in parsed.flags:
        print_json({"run": run.path, "cancelled": True})
    else:
        note(f"{run.id} is taken out of the queue; `leaptui resume` would still begin it")
    return ExitCode.DONE


def _named(told: str) -> RunDirectory:
    """The run a person means: of those that wait, by name or by the end of it, else by its directory."""
    if "/" not in told and not Path(told).exists():
        named = [each.run for each in runs_queue.entries(others=False) if each.run and each.name.endswith(told)]
        if len(named) == 1:
            return RunDirectory(named[0])
        if named:
            raise UsageError(f"{len(named)} runs that wait have a name that ends in {told!r}", hint="Give all of it.")
    return find_run(Path(told))


def _said() -> list[Notice]:
    now = time.time()
    return [each for each in runs_queue.notices() if abs(now - each.t) < _SAID_WITHIN]


def _show(waiting: Sequence[Entry], slots: Sequence[SlotLook], said: Sequence[Notice]) -> None:
    now = time.time()
    if waiting:
        rows = [
            [each.name, each.place, each.user, each.wants, ago(each.since or None, now), each.reason]
            for each in waiting
        ]
        print_rows(["run", "place", "user", "wants", "since", "reason"], rows, title="Waiting")
    else:
        note("nothing waits")
    rows = [[each.slot.label, *_holder(each, now)] for each in slots]
    print_rows(["slot", "state", "user", "run", "since"], rows, title="Slots")
    for each in said:
        note(f"{ago(each.t, now)}: {Path(each.run).name + ': ' if each.run else ''}{each.what}")


def _holder(look: SlotLook, now: float) -> list[str]:
    if look.is_free:
        return ["free", "", "", ""]
    if look.is_held is False:
        return [f"{(look.foreign or 0) / (1 << 30):.1f} GiB used by other programs", "", "", ""]
    holder = look.holder
    if look.is_held is None or holder is None:
        return ["held" if look.is_held else "cannot be told", "", "", ""]
    return ["held", holder.user, holder.run.name if holder.run else "", ago(holder.since, now)]


def _as_json(waiting: Sequence[Entry], slots: Sequence[SlotLook], said: Sequence[Notice]) -> dict[str, Any]:
    found: dict[str, Any] = plain(
        {
            "waiting": [
                {
                    "place": each.place,
                    "run": each.run or each.name,
                    "user": each.user,
                    "own": each.is_own,
                    "wants": each.wants,
                    "state": "queued",
                    "reason": each.reason,
                    "since": each.since,
                    "after": each.after,
                    "host": each.host,
                }
                for each in waiting
            ],
            "slots": [
                {
                    "slot": each.slot.label,
                    "name": each.slot.name,
                    "free": each.is_free,
                    "held": each.is_held,
                    "user": each.holder.user if each.holder else None,
                    "run": each.holder.run if each.holder else None,
                    "pid": each.holder.pid if each.holder else None,
                    "since": each.holder.since if each.holder else None,
                    "other_programs_bytes": each.foreign,
                }
                for each in slots
            ],
            "notices": [{"t": each.t, "run": each.run or None, "what": each.what} for each in said],
        }
    )
    return found
