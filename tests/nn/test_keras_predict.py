"""From LEAP's run directory and box to LEAP's predictions, as the command line does it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest

from leaptui.errors import UsageError
from leaptui.formats import leap_predictions
from leaptui.formats.predictions import PredictionsFile
from leaptui.ops.info import InfoRequest
from leaptui.ops.predict import PredictRequest
from leaptui.runners import info, predict
from tests.nn.conftest import Recorder
from tests.nn.test_keras_models import unpack


def _request(folder: Path) -> tuple[PredictRequest, np.ndarray]:
    """A run directory of LEAP, a box of four frames, and where the first one's peaks are."""
    run = folder / "run"
    run.mkdir()
    path, there = unpack(run, "keras-2.1.6", "stacked_hourglass")
    path.rename(run / "best_model.h5")
    turned = [there["frames"], there["frames"][:, ::-1], there["frames"][:, :, ::-1], there["frames"]]
    with h5py.File(folder / "box.h5", "w") as file:
        file.create_dataset("box", data=np.concatenate(turned).transpose(0, 3, 2, 1), chunks=(1, 1, 32, 48))
    request = PredictRequest(run, (folder / "box.h5",), folder / "out.h5", device="cpu", precision="32")
    return request, there["peaks"][0]


def test_whole_peaks_of_a_leap_network_in_leaps_layout(tmp_path: Path) -> None:
    request, peaks = _request(tmp_path)
    (tmp_path / "fly.toml").write_text('name = "fly"\nnodes = ["head", "abdomen"]\n')
    request = dataclasses.replace(request, peaks="whole", skeleton=tmp_path / "fly.toml")
    result = predict.run(request, Recorder(tmp_path))
    assert (result.frames, result.bad_frames) == (4, 0)
    with PredictionsFile(request.out) as found:
        assert found.skeleton.node_names == ("head", "abdomen")
        assert found.provenance["peaks"] == "whole"
        assert found.provenance["model"]["path"] == str((tmp_path / "run" / "best_model.h5").resolve())
        assert found.provenance["model"]["architecture"] == "stacked_hourglass"
        leap_predictions.write(found, tmp_path / "leap.h5")
    with h5py.File(tmp_path / "leap.h5") as file:
        positions, confidence = file["positions_pred"][:], file["conf_pred"][:]
        assert file.attrs["model_name"] == "best_model.h5"
        assert file.attrs["img_size"].tolist() == [48, 32, 1]
    assert positions.shape == (4, 2, 2)
    for row in (0, 3):
        np.testing.assert_array_equal(positions[row], peaks[:2])
        np.testing.assert_allclose(confidence[row], peaks[2], atol=1e-4)
    assert (positions[1] != positions[0]).any()


def test_refined_peaks_are_near_the_whole_ones(tmp_path: Path) -> None:
    request, peaks = _request(tmp_path)
    predict.run(request, Recorder(tmp_path))
    with PredictionsFile(request.out) as found:
        assert found.skeleton.node_names == ("node1", "node2")
        assert found.provenance["peaks"] == "refined"
        distance = np.abs(found.read().points[0, 0] - peaks[:2].T)
    assert 0 < distance.max() <= 0.5


def test_a_skeleton_of_another_animal_is_refused(tmp_path: Path) -> None:
    request, _ = _request(tmp_path)
    (tmp_path / "fly.toml").write_text('name = "fly"\nnodes = ["head", "thorax", "abdomen"]\n')
    with pytest.raises(UsageError, match="3 nodes, the model predicts 2"):
        predict.run(dataclasses.replace(request, skeleton=tmp_path / "fly.toml"), Recorder(tmp_path))


def test_info_says_what_it_is(tmp_path: Path) -> None:
    _request(tmp_path)
    found = info.run(InfoRequest(tmp_path / "run" / "best_model.h5"), Recorder(tmp_path))
    assert found.kind == "Keras model"
    assert found.facts["architecture"] == "stacked_hourglass"
    assert found.facts["keras"] == "2.1.6"
    assert found.facts["frames"] == "32 x 48"
