"""Flags from Requests, by tyro."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from leaptui.ops.requests import RequestField, range_text, request_fields


@dataclass(frozen=True)
class Flag:
    """A switch of a command that is no field of its Request, such as --json."""

    name: str
    help: str


JSON = Flag("json", "Print exactly one JSON object to stdout.")
DETACH = Flag("detach", "Start it and return at once; `leaptui attach RUN` follows it.")


@dataclass(frozen=True)
class Parsed:
    """A command line, read.

    Args:
        request: the Request.
        flags: names of the switches that were given.
    """

    request: Any
    flags: frozenset[str]


def parse(command: str, request: type, args: Sequence[str], flags: Sequence[Flag] = ()) -> Parsed:
    """Read a command's arguments.

    Raises:
        SystemExit: with 2 after a usage message on stderr, with 0 after --help on stdout.
    """
    fields = request_fields(request)
    spec: list[Any] = [_member(field) for field in fields]
    for flag in flags:
        spec.append(
            (
                flag.name,
                Annotated[bool, tyro.conf.arg(help=flag.help, help_behavior_hint="")],
                dataclasses.field(default=False),
            )
        )
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
    return Parsed(request(**given), frozenset(flag.name for flag in flags if getattr(values, flag.name)))


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
