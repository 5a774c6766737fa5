"""Text in a form to values and back, and the command line that asks the same."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.cli.build import parse as parse_command_line
from leaptui.errors import UsageError
from leaptui.ops.requests import Request, option, request_fields
from leaptui.ops.train import TrainRequest
from leaptui.tui.form_values import command_line, label, parse, shown


@dataclass(frozen=True)
class EveryKind(Request):
    """A request with a field of every kind."""

    place: Path = option("A path.", positional=True)
    inputs: tuple[Path, ...] = option("Several paths.", positional=True, metavar="INPUT …")
    number: int = option("A whole number.", default=3, minimum=1, maximum=9)
    share: float = option("A number.", default=0.5, minimum=0.0, maximum=1.0)
    maybe: int | None = option("Perhaps a number.", default=None, minimum=0)
    size: float | None = option("Perhaps a length.", default=None, minimum=0.5, advanced=True)
    words: str = option("Words.", default="some")
    kind: str = option("One of two.", default="a", choices=("a", "b"))
    other: str | None = option("Perhaps one of two.", default=None, choices=("x", "y"), advanced=True)
    quick: bool = option("Be quick.", default=False)
    mirror: bool | None = option("Perhaps mirror.", default=None, advanced=True)


FIELDS = {field.name: field for field in request_fields(EveryKind)}
printable = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20).filter(
    lambda text: text.strip() == text and not text.startswith(("~", "-"))
)
paths = printable.filter(lambda text: text not in (".", "..")).map(lambda text: Path("/data") / text.replace("/", "_"))


@given(st.integers(1, 9), st.floats(0, 1), paths, st.lists(paths, min_size=1, max_size=4))
def test_what_is_shown_is_read_back(number: int, share: float, place: Path, inputs: list[Path]) -> None:
    values: dict[str, Any] = {"number": number, "share": share, "place": place, "inputs": tuple(inputs)}
    for name, value in values.items():
        assert parse(FIELDS[name], shown(FIELDS[name], value)) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("number", "x", "a whole number between 1 and 9"),
        ("number", "2.5", "a whole number"),
        ("number", "0", "between 1 and 9"),
        ("number", "10", "between 1 and 9"),
        ("share", "nan", "between 0 and 1"),
        ("share", "inf", "between 0 and 1"),
        ("share", "half", "a number between 0 and 1"),
        ("maybe", "-1", "at least 0"),
        ("size", "0.4", "at least 0.5"),
        ("place", "  ", "needed"),
        ("inputs", "", "needed"),
        ("inputs", "'open", "quotation"),
        ("place", "a\0b", "character"),
        ("place", "~nobody-of-that-name/x", "user"),
        ("kind", "c", "a, b"),
    ],
)
def test_bad_text_is_refused_in_words(name: str, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse(FIELDS[name], text)


def test_an_empty_text_means_the_default() -> None:
    assert parse(FIELDS["number"], "") == 3
    assert parse(FIELDS["maybe"], " ") is None
    assert parse(FIELDS["words"], "") == "some"


def test_a_tilde_is_the_home_folder() -> None:
    assert parse(FIELDS["place"], "~/x") == Path.home() / "x"


def test_labels_are_for_people() -> None:
    assert label(next(f for f in request_fields(TrainRequest) if f.name == "batch_size")) == "Batch size"


def test_the_command_line_says_only_what_differs() -> None:
    values = {"project": Path("my flies"), "profile": "fast", "seed": 0, "labels": None, "epochs": 3}
    assert command_line("train", TrainRequest, values) == "leaptui train 'my flies' --profile fast --epochs 3"


def test_what_is_still_missing_is_shown_by_name() -> None:
    assert command_line("do", EveryKind, {}) == "leaptui do PLACE INPUT …"


@given(
    place=paths,
    inputs=st.lists(paths, min_size=1, max_size=3),
    number=st.integers(1, 9),
    share=st.floats(0, 1),
    maybe=st.none() | st.integers(0, 99),
    words=printable,
    kind=st.sampled_from("ab"),
    other=st.sampled_from([None, "x", "y"]),
    quick=st.booleans(),
    mirror=st.sampled_from([None, True, False]),
)
def test_the_command_line_asks_the_same(inputs: list[Path], **values: Any) -> None:
    request = EveryKind(inputs=tuple(inputs), **values)
    text = command_line("do", EveryKind, {field: getattr(request, field) for field in FIELDS})
    program, command, *args = shlex.split(text)
    assert (program, command) == ("leaptui", "do")
    assert parse_command_line("do", EveryKind, args).request == request
