"""Fields of a Request: one declaration for flag, form, range check and JSON.

A Request is a frozen dataclass whose fields are made by `option`. The command line builds its flags and
help from them, a screen its form, a run directory its request.json.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from leaptui.config import home
from leaptui.errors import UsageError

_MISSING = dataclasses.MISSING


@dataclass(frozen=True)
class Option:
    """What is known of a field beyond its type and default.

    Args:
        help: one sentence; shown by --help and beside the form's field.
        positional: given by position on the command line.
        minimum, maximum: inclusive range of a number.
        choices: allowed values of a string, in the order to offer them.
        advanced: shown only when a form is asked for all its fields.
        metavar: what --help shows in place of the value.
    """

    help: str
    positional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    metavar: str | None = None


def option(
    help: str,
    *,
    default: Any = _MISSING,
    positional: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    advanced: bool = False,
    metavar: str | None = None,
) -> Any:
    """A dataclass field that carries an Option."""
    told = Option(help, positional, minimum, maximum, choices, advanced, metavar)
    return dataclasses.field(default=default, metadata={"option": told})


@dataclass(frozen=True)
class Request:
    """What is asked of an operation; subclasses are frozen dataclasses with fields made by `option`."""

    def check(self) -> None:
        """Refuse what cannot succeed, before anything starts and without anything heavy.

        Raises:
            LeaptuiError: what is wrong, where, and what to do.
        """

    def takes_long(self) -> bool:
        """Whether it is to run in a detached worker rather than while a person waits."""
        return False

    def runs_folder(self) -> Path:
        """Where its run directory goes, if it takes long."""
        return home() / "runs"


@dataclass(frozen=True)
class RequestField:
    """One field of a Request, ready for a flag or a form.

    Args:
        name: as in the dataclass; flags write it with dashes.
        kind: bool, int, float, str or Path.
        optional: None is allowed.
        many: a tuple of `kind`.
        default: the default, or dataclasses.MISSING where a value must be given.
        option: the rest.
    """

    name: str
    kind: type
    optional: bool
    many: bool
    default: Any
    option: Option

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is _MISSING

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return "--" + self.name.replace("_", "-")


def request_fields(cls: type) -> tuple[RequestField, ...]:
    """The fields of a Request class, in order."""
    hints = typing.get_type_hints(cls)
    found = []
    for item in dataclasses.fields(cls):
        kind, optional, many = _kind(hints[item.name])
        found.append(RequestField(item.name, kind, optional, many, item.default, item.metadata["option"]))
    return tuple(found)


def _kind(hint: Any) -> tuple[type, bool, bool]:
    optional = False
    if isinstance(hint, types.UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        optional, hint = len(inner) < len(typing.get_args(hint)), inner[0]
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], optional, True
    return hint, optional, False


def validate(request: Request) -> None:
    """Check every field against its range and choices.

    Raises:
        UsageError: naming the flag, the value and what is allowed.
    """
    for field in request_fields(type(request)):
        value = getattr(request, field.name)
        for item in value if field.many else (value,):
            _validate_value(field, item)


def _validate_value(field: RequestField, value: Any) -> None:
    told = field.option
    if value is None:
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = told.minimum, told.maximum
        if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
            raise UsageError(f"{field.flag} {value}: it must be {range_text(told) or 'a finite number'}")
    if told.choices and value not in told.choices:
        raise UsageError(f"{field.flag} {value}: choose one of {', '.join(told.choices)}")


def range_text(told: Option) -> str:
    """The range in words, empty when there is none."""
    low = None if told.minimum is None else f"{told.minimum:g}"
    high = None if told.maximum is None else f"{told.maximum:g}"
    if low is not None and high is not None:
        return f"between {low} and {high}"
    if low is not None:
        return f"at least {low}"
    return "" if high is None else f"at most {high}"


def to_json(request: Request) -> dict[str, Any]:
    """Plain form for request.json; paths become absolute, so that the run does not depend on a folder."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return str(value.absolute())
        if isinstance(value, tuple):
            return [plain(v) for v in value]
        return value

    return {f.name: plain(getattr(request, f.name)) for f in request_fields(type(request))}


R = TypeVar("R")


def from_json(cls: type[R], values: Mapping[str, Any]) -> R:
    """Rebuild a Request; fields it does not know are left out, missing ones take their defaults.

    Raises:
        UsageError: if a field without default is missing or a value has the wrong kind.
    """
    given: dict[str, Any] = {}
    for field in request_fields(cls):
        if field.name not in values:
            if field.required:
                raise UsageError(f"the request lacks '{field.name}'")
            continue
        value = values[field.name]
        given[field.name] = (
            tuple(_read(field, v) for v in value) if field.many and value is not None else _read(field, value)
        )
    return cls(**given)


def _read(field: RequestField, value: Any) -> Any:
    if value is None:
        return None
    try:
        return field.kind(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"'{field.name}' of the request: {error}") from error
