"""Several looks at a frame, merged into one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leaptui.errors import UsageError
from leaptui.formats.predictions import read_predictions
from leaptui.nn.backends.choose import run_all
from leaptui.nn.calibration import Calibration, default
from leaptui.nn.looks import Looks
from leaptui.nn.model import PoseModel, load_model, save_model
from leaptui.nn.points_graph import PointsGraph
from leaptui.nn.predictor import Predictor
from leaptui.ops.predict import PredictRequest
from leaptui.runners import predict
from tests.nn.backend_models import Learned
from tests.nn.conftest import Recorder
from tests.nn.test_backends import _scaled
from tests.nn.test_predict_files import asked

TWINS = (1, 0, 2)


def _views_of(truth: torch.Tensor, looks: Looks) -> torch.Tensor:
    """What every view shows of points (J, 2) of one frame: (count, J, 2), left and right as the view has them."""
    ones = torch.ones(*truth.shape[:1], 1)
    inverse = [torch.linalg.inv(torch.cat([b, torch.tensor([[0.0, 0.0, 1.0]])])) for b in looks.back]
    seen = torch.stack([(torch.cat([truth, ones], dim=1) @ m.T)[:, :2] for m in inverse])
    return seen.flatten(0, 1)[looks.order].reshape(seen.shape)


@pytest.mark.parametrize("count", [1, 4, 8, 16])
@pytest.mark.parametrize("swap", [None, TWINS])
def test_what_all_views_agree_on_comes_back(count: int, swap: tuple[int, ...] | None) -> None:
    looks = Looks(count, 64, swap, 3.0, 3)
    truth = torch.tensor([[10.25, 20.0], [41.0, 7.5], [31.5, 31.5]])
    points, scores = looks.merge(_views_of(truth, looks), torch.full((count, 3), 0.75))
    torch.testing.assert_close(points[0], truth, rtol=0, atol=1e-3)
    torch.testing.assert_close(scores[0], torch.full((3,), 0.75), rtol=0, atol=1e-4)


def test_a_view_that_is_alone_is_outvoted_and_lowers_the_score() -> None:
    looks = Looks(8, 64, TWINS, 3.0, 3)
    truth = torch.tensor([[10.25, 20.0], [41.0, 7.5], [31.5, 31.5]])
    seen = _views_of(truth, looks)
    seen[2, 1] += 25.0
    sure = torch.full((8, 3), 0.5)
    sure[2, 1] = 1.0
    points, scores = looks.merge(seen, sure)
    torch.testing.assert_close(points[0], truth, rtol=0, atol=1e-3)
    assert sorted(scores[0].tolist()) == pytest.approx([0.5 * 7 / 8, 0.5, 0.5], abs=1e-3)


def test_nothing_found_anywhere_is_no_score_and_no_nan() -> None:
    points, scores = Looks(4, 64, None, 3.0, 2).merge(torch.zeros(4, 2, 2), torch.zeros(4, 2))
    assert torch.isfinite(points).all() and (scores == 0).all()


def test_views_show_the_points_where_merging_looks_for_them() -> None:
    looks = Looks(8, 65, TWINS, 3.0, 3)
    frame = torch.full((1, 1, 65, 65), 7.0)
    frame[0, 0, 20, 40] = 200.0
    views = looks.views(frame, torch.tensor(7.0).reshape(1, 1, 1, 1))
    assert views.shape == (8, 1, 65, 65)
    brightest = torch.stack([torch.tensor(divmod(int(v.argmax()), 65)).flip(0) for v in views]).float()
    points, _ = looks.merge(brightest[:, None].expand(-1, 3, -1), torch.ones(8, 3))
    torch.testing.assert_close(points[0], torch.tensor([[40.0, 20.0]]).expand(3, -1), rtol=0, atol=0.75)
    assert float(views[:, 0, 0, 0].max()) == pytest.approx(7.0)


@pytest.mark.parametrize(("scale", "size"), [(1.0, (48, 56)), (0.5, (95, 113))])
def test_a_graph_with_looks_finds_the_same_animal(learned: Learned, scale: float, size: tuple[int, int]) -> None:
    frames = torch.from_numpy(np.ascontiguousarray(learned.frames.transpose(0, 3, 1, 2)))
    frames = torch.nn.functional.interpolate(frames.float(), size=size).byte()
    model = _scaled(learned.model, scale)
    with torch.inference_mode():
        one = PointsGraph(model, *size)(frames)[0]
        four, scores = PointsGraph(replace(model, looks=4), *size)(frames)
    # Twins look the same: only head and tail are the same in every view.
    apart = (four - one).norm(dim=-1)[:, :2]
    assert float(apart.median()) * scale < 1.0
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize(("calibration", "expected"), [(Calibration(), 0.8), (default(3.0), 0.903)])
def test_the_mean_score_of_looks_is_calibrated_where_the_model_is(
    learned: Learned, monkeypatch: pytest.MonkeyPatch, calibration: Calibration, expected: float
) -> None:
    frames = torch.from_numpy(np.ascontiguousarray(learned.frames.transpose(0, 3, 1, 2)))
    model = replace(learned.model, looks=4, metadata=replace(learned.model.metadata, calibration=calibration))
    merge = Looks.merge
    monkeypatch.setattr(Looks, "merge", lambda *given: (merge(*given)[0], torch.tensor([[0.8]])))
    with torch.inference_mode():
        scores = PointsGraph(model, *frames.shape[-2:])(frames)[1]
    assert float(scores) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("count", [4, 16])
def test_openvino_looks_as_torch_does(learned: Learned, count: int) -> None:
    pytest.importorskip("openvino", reason="OpenVINO (extra cpu) is not installed")
    from leaptui.nn.backends.openvino_cpu import OpenVinoCPU, convert

    model = replace(learned.model, looks=count)
    frames = np.ascontiguousarray(learned.frames[:3, :45, :53].transpose(0, 3, 1, 2))
    with torch.inference_mode():
        points, scores = (t.numpy() for t in PointsGraph(model, 45, 53)(torch.from_numpy(frames)))
    found = run_all(OpenVinoCPU(convert(model, 45, 53, 5), "32", 1, 1), frames)
    np.testing.assert_allclose(found[0], points, atol=0.02)
    np.testing.assert_allclose(found[1], scores, atol=1e-3)


def test_the_file_says_how_often_was_looked(learned: Learned, tmp_path: Path) -> None:
    once = asked(learned, tmp_path, precision="32")
    predict.run(once, Recorder(tmp_path))
    often = replace(once, looks=4, out=tmp_path / "often.h5")
    predict.run(often, Recorder(tmp_path))
    first, second = read_predictions(once.out), read_predictions(often.out)
    assert first.provenance["looks"] == 1 and second.provenance["looks"] == 4
    assert first.points.shape == second.points.shape
    assert (first.points != second.points).any()


def test_int8_is_measured_on_turned_frames_too(learned: Learned, tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="OpenVINO (extra cpu) is not installed")
    exact = asked(learned, tmp_path, precision="32", looks=4)
    predict.run(exact, Recorder(tmp_path))
    short = replace(exact, precision="int8", backend="openvino", out=tmp_path / "short.h5")
    predict.run(short, Recorder(tmp_path))
    first, second = read_predictions(exact.out), read_predictions(short.out)
    assert second.provenance["plan"]["precision"] == "int8"
    apart = np.linalg.norm(first.points - second.points, axis=-1)
    assert 0 < float(np.median(apart)) < 1.0


def test_maps_are_those_of_the_frame_as_it_is(learned: Learned) -> None:
    one = Predictor(learned.path, "cpu", "32").predict_with_maps(learned.frames[0])
    four = Predictor(learned.path, "cpu", "32", looks=4).predict_with_maps(learned.frames[0])
    np.testing.assert_array_equal(four.maps, one.maps)
    np.testing.assert_array_equal(four.points, one.points)


def test_what_makes_no_sense_is_refused(learned: Learned, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1, 4, 8, 16"):
        Predictor(learned.path, looks=3)
    with pytest.raises(UsageError, match="one look"):
        Predictor(learned.path, looks=4, whole_peaks=True)
    model = load_model(learned.path)
    settings = replace(model.metadata.settings, rotation=15.0)
    upright = PoseModel(model.network, model.preprocessing, replace(model.metadata, settings=settings))
    save_model(tmp_path / "upright.safetensors", upright)
    with pytest.raises(UsageError, match="up to 15 degrees"):
        Predictor(tmp_path / "upright.safetensors", looks=4)
    request = PredictRequest(learned.path, (tmp_path / "box.h5",), tmp_path / "out.h5")
    for wrong in ({"looks": 5}, {"looks": 4, "peaks": "whole"}):
        with pytest.raises(UsageError, match="look"):
            replace(request, **wrong).check()
