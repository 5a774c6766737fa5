"""Which files and frames a prediction means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leaptui.errors import LeaptuiError, UnusableInput, UsageError
from leaptui.formats.predictions import Predictions, write_predictions
from leaptui.ops.inputs import chosen_frames, expand
from leaptui.ops.predict import PredictRequest
from leaptui.pose.skeleton import make_skeleton


def predictions_at(path: Path) -> None:
    skeleton = make_skeleton("s", ["a"])
    write_predictions(Predictions(np.zeros((1, 1, 1, 2)), np.ones((1, 1, 1)), np.arange(1), skeleton), path)


def test_patterns_come_in_the_order_of_their_numbers_without_our_own_files(tmp_path: Path) -> None:
    for name in ("fly10.mp4", "fly2.mp4", "a.h5", ".hidden.mp4", "fly2.predictions.h5", "deep/er/x.mp4", "a[1].mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    predictions_at(tmp_path / "named-otherwise.h5")
    (tmp_path / "out.h5.parts").mkdir()

    def names(*patterns: str) -> list[str]:
        return [str(path.relative_to(tmp_path)) for path in expand([tmp_path / each for each in patterns])]

    assert names("fly*") == ["fly2.mp4", "fly10.mp4"]
    assert names("*.h5") == ["a.h5"]
    assert names("fly10.mp4", "fly*.mp4") == ["fly10.mp4", "fly2.mp4"]
    assert names("**/x.*") == ["deep/er/x.mp4"]
    assert names("a[1].mp4") == ["a[1].mp4"]
    assert names("named-otherwise.h5") == ["named-otherwise.h5"]
    with pytest.raises(UnusableInput, match="nothing matches"):
        names("named*.h5")
    with pytest.raises(UnusableInput, match="no such file"):
        names("fly3.mp4")


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        (None, range(10)),
        ("2:5", [2, 3, 4]),
        ("7:", [7, 8, 9]),
        ("::4", [0, 4, 8]),
        ("-3:", [7, 8, 9]),
        ("1:-1:3", [1, 4, 7]),
        ("3", [3]),
        ("-1", [9]),
        ("5:99", range(5, 10)),
    ],
)
def test_frames_count_as_python_does(text: str | None, indices: list[int]) -> None:
    assert list(chosen_frames(text, 10)) == list(indices)


@pytest.mark.parametrize("text", ["5:5", "10:", "a", "1:2:3:4", "::0", "::-1", "", "1.5", "10", "-11"])
def test_frames_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--frames"):
        chosen_frames(text, 10)


def test_no_two_inputs_have_one_output_and_none_is_an_input(tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ("x/a.mp4", "y/a.mp4", "a-1.mp4", "b.mp4")]
    for path in sources:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    request = PredictRequest(tmp_path / "m.safetensors", tuple(sources), tmp_path / "out")
    outs = [path.name.removesuffix(".predictions.h5") for path in request.outputs(sources)]
    assert len(set(outs)) == 4
    assert outs[2:] == ["a-1", "b"]
    assert outs[1] == "a-2"
    (tmp_path / "m.safetensors").touch()
    predictions_at(tmp_path / "c.predictions.h5")
    (tmp_path / "c.mp4").touch()
    both = (tmp_path / "c.mp4", tmp_path / "c.predictions.h5")
    with pytest.raises(LeaptuiError, match="overwrite an input"):
        PredictRequest(tmp_path / "m.safetensors", both, tmp_path).check()
