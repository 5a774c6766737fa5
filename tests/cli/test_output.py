"""What is printed: safe for a terminal, and JSON that is JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest

from leaptui.cli.output import plain, print_json


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
