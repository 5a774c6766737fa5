"""Flags from Requests, by tyro."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from leaptui.ops.requests import RequestField, range_text, request_fields


@dataclass(frozen=True)
class Flag:
    """A switch of a command that is no field of its Request, such as --json.

    Args:
        name: without its dashes.
        help: one sentence.
        metavar: for one that takes a value, what the help calls it.
    """

    name: str
    help: str
    metavar: str | None = None


JSON = Flag("json", "Print exactly one JSON object to stdout.")
DETACH = Flag("detach", "Start it and return at once; `leaptui attach RUN` follows it.")
QUEUE = Flag("queue", "Let it wait for a free GPU, or CPU slot, of this machine; `leaptui queue` lists what waits.")
AFTER = Flag(
    "after", "Let it wait until this run has finished, too; it is cancelled if that one does not finish.", "RUN"
)
ANYWAY = Flag("anyway", "With --after: begin however that run ends.")


@dataclass(frozen=True)
class Parsed:
    """A command line, read.

    Args:
        request: the Request.
        flags: names of the switches that were given.
        values: the values of those that take one.
    """

    request: Any
    flags: frozenset[str]
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)


def parse(command: str, request: type, args: Sequence[str], flags: Sequence[Flag] = ()) -> Parsed:
    """Read a command's arguments.

    Raises:
        SystemExit: with 2 after a usage message on stderr, with 0 after --help on stdout.
    """
    fields = request_fields(request)
    spec: list[Any] = [_member(field) for field in fields]
    for flag in flags:
        kind: Any = bool if flag.metavar is None else str | None
        hint = Annotated[kind, tyro.conf.arg(help=flag.help, metavar=flag.metavar, help_behavior_hint="")]
        spec.append((flag.name, hint, dataclasses.field(default=False if flag.metavar is None else None)))
    spec.sort(key=lambda member: len(member) == 3)
    form = dataclasses.make_dataclass(request.__name__, spec, frozen=True)
    form.__doc__ = request.__doc__
    values: Any = tyro.cli(
        form,
        prog=f"leaptui {command}",
        description=request.__doc__,
        args=list(args),
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    given = {field.name: getattr(values, field.name) for field in fields}
    told = {flag.name: getattr(values, flag.name) for flag in flags}
    return Parsed(
        request(**given),
        frozenset(name for name, value in told.items() if value is not False and value is not None),
        {name: value for name, value in told.items() if isinstance(value, str)},
    )


def _member(field: RequestField) -> tuple[Any, ...]:
    told = field.option
    hint: Any = Literal[told.choices] if told.choices else field.kind
    if field.many:
        hint = tuple[hint, ...]
    if field.optional:
        hint = hint | None
    help_text = told.help
    if told.minimum is not None or told.maximum is not None:
        help_text = f"{help_text} ({range_text(told)})"
    metavar = told.metavar or (field.kind.__name__.upper() if field.optional and not told.choices else None)
    says_default = field.required or field.default is None or field.many or field.kind is bool
    behaviour = ("(required)" if field.required and not field.many else "") if says_default else None
    hint = Annotated[hint, tyro.conf.arg(help=help_text, metavar=metavar, help_behavior_hint=behaviour)]
    if told.positional:
        hint = Annotated[hint, tyro.conf.Positional]
    if field.required:
        return (field.name, hint)
    return (field.name, hint, dataclasses.field(default=field.default))
