"""Text in a form to values of a Request and back, and the command line that asks the same."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leaptui.errors import UsageError
from leaptui.ops.requests import RequestField, range_text, request_fields


def label(field: RequestField) -> str:
    """Name of a field for people."""
    return field.name.replace("_", " ").capitalize()


def shown(field: RequestField, value: Any) -> str:
    """A value as text of an input; empty for None."""
    if value is None:
        return ""
    if field.many:
        return shlex.join(str(item) for item in value)
    return repr(value) if field.kind is float else str(value)


def parse(field: RequestField, text: str) -> Any:
    """The value a text means; an empty one means the default.

    Raises:
        UsageError: what is wrong with it, without naming the field.
    """
    if not text.strip():
        if field.required:
            raise UsageError("this is needed")
        return field.default
    if field.many:
        try:
            parts = shlex.split(text)
        except ValueError as error:
            raise UsageError("a quotation mark is not closed") from error
        return tuple(_one(field, part) for part in parts)
    return _one(field, text.strip())


def _one(field: RequestField, text: str) -> Any:
    if "\0" in text:
        raise UsageError("it holds a character that cannot be used")
    told = field.option
    value: Any = text
    if field.kind is int or field.kind is float:
        try:
            value = field.kind(text)
        except ValueError as error:
            kind = "a whole number" if field.kind is int else "a number"
            allowed = range_text(told)
            raise UsageError(f"it must be {kind}{' ' + allowed if allowed else ''}") from error
        low, high = told.minimum, told.maximum
        if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
            raise UsageError(f"it must be {range_text(told) or 'a finite number'}")
    elif field.kind is Path:
        value = _path(text)
    if told.choices and value not in told.choices:
        raise UsageError(f"choose one of {', '.join(told.choices)}")
    return value


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError("there is no such user") from error


def command_line(operation: str, request: type, values: Mapping[str, Any]) -> str:
    """The command that asks the same; what is at its default is left out.

    Args:
        operation: name of the command.
        request: its Request class.
        values: by field; a required one that is not there yet is shown by its name.
    """
    flags: list[str] = []
    positional: list[str] = []
    for field in request_fields(request):
        told = field.option
        if field.name not in values:
            if field.required:
                name = told.metavar or field.name.upper()
                positional.append(name) if told.positional else flags.extend((field.flag, name))
            continue
        value = values[field.name]
        texts = [shlex.quote(str(v)) for v in (value if field.many else (value,))]
        if told.positional:
            positional += texts
        elif field.required or value != field.default:
            flags += [field.flag] if field.kind is bool and not field.optional else [field.flag, *texts]
    return " ".join(["leaptui", operation, *positional, *flags])
