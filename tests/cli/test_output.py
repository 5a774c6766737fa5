"""What is printed: safe for a terminal, and JSON that is JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.cli.output import duration, plain, print_json, visible


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str):
    assert visible(text).isprintable()


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"])).filter(str.isprintable))
def test_ordinary_text_is_left_alone(text: str):
    assert visible(text) == text


class Kind(Enum):
    A = "a"


@dataclass
class Result:
    path: Path
    value: float
    many: tuple[object, ...]


def test_results_become_plain_json(capsys: pytest.CaptureFixture[str]):
    print_json(Result(Path("/x"), float("nan"), (1, float("inf"), Kind.A, {"k": None})))
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"path": "/x", "value": None, "many": [1, None, "a", {"k": None}]}


def test_numpy_scalars_become_numbers():
    import numpy as np

    assert plain({"a": np.float64(1.5), "b": np.float32(2.0), "c": np.int64(3), "d": np.bool_(True)}) == {
        "a": 1.5,
        "b": 2.0,
        "c": 3,
        "d": True,
    }


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "-"), (0.4, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (7300, "2 h 01 min")]
)
def test_durations_read_well(seconds: float | None, said: str):
    assert duration(seconds) == said
