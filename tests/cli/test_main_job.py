"""The main job from the command line: labels in, network, predictions with a measured error out."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from leaptui.formats.leap_box import write_box
from leaptui.formats.predictions import read_predictions
from tests.cli.conftest import NODES, Cli, run_cli, write_annotations

Trained = tuple[Path, dict[str, Any]]


def test_training_reports_what_the_contract_asks_for(trained: Trained):
    project, result = trained
    assert Path(result["run"]).parent == project / "runs"
    assert Path(result["model"]).is_file()
    assert (result["labels"], result["val_frames"], result["epochs"]) == (34, 6, 5)
    assert result["parameters"] > 100_000
    assert result["seconds"] > 0
    assert result["device"]
    assert set(result["per_node"]) == set(NODES)
    assert result["val_error_px"] < 4, "five short epochs find drawn animals"
    assert result["val_error_body"] == pytest.approx(result["val_error_px"] / 24, rel=0.05)


def test_a_box_is_predicted_and_evaluated_against_its_labels(cli: Cli, trained: Trained, tmp_path: Path):
    project, _ = trained
    with h5py.File(project.parent / "animals.h5") as file:
        images = file["images"][:]
        truth = file["annotations"][:]
    write_box(images, tmp_path / "box.h5")
    predicted = cli("predict", project, tmp_path / "box.h5", "--out", tmp_path / "out.h5", "--json")
    assert predicted.code == 0, predicted.err
    assert predicted.json["frames"] == 40
    assert predicted.json["fps"] > 0
    assert predicted.json["out"] == str(tmp_path / "out.h5")
    found = read_predictions(tmp_path / "out.h5")
    assert found.points.shape == (40, 1, 4, 2)
    assert found.skeleton.node_names == NODES

    figures = cli("evaluate", tmp_path / "out.h5", "--truth", project.parent / "animals.h5", "--json")
    assert figures.code == 0, figures.err
    said = figures.json
    distances = np.linalg.norm(found.points[:, 0] - truth, axis=-1)
    assert said["mean_px"] == pytest.approx(float(distances.mean()), rel=1e-4)
    assert said["median_px"] == pytest.approx(float(np.median(distances)), rel=1e-4)
    assert said["matched_by"] == "checksum"
    assert (said["frames"], said["points"]) == (40, 160)
    assert said["seen_in_training"] == 34
    assert said["unseen"]["frames"] == 6
    assert set(said["per_node"]) == set(NODES)
    # Mistakes are told of the frames that were not trained on.
    assert said["judged_frames"] == 6
    table = said["reliability"]
    assert table["within_px"] == pytest.approx(0.03 * said["body_length_px"])
    assert table["points"] == sum(each["points"] for each in table["bins"]) == 24
    assert sum(said["misses"].values()) == round(24 * (1 - said["unseen"]["within_3pct_body"]))
    assert table["right"] == pytest.approx(said["unseen"]["within_3pct_body"])


def test_predictions_in_another_order_are_still_paired_by_content(cli: Cli, trained: Trained, tmp_path: Path):
    project, _ = trained
    with h5py.File(project.parent / "animals.h5") as file:
        images = file["images"][:]
    write_box(images[::-1], tmp_path / "reversed.h5")
    assert cli("predict", project, tmp_path / "reversed.h5", "--out", tmp_path / "out.h5").code == 0
    forward = cli("evaluate", project, "--truth", project, "--json").json
    backward = cli("evaluate", tmp_path / "out.h5", "--truth", project, "--json").json
    assert backward["mean_px"] == pytest.approx(forward["mean_px"], rel=1e-3)
    assert backward["seen_in_training"] == 34


def test_a_model_can_look_several_times_and_made_predictions_cannot(cli: Cli, trained: Trained, tmp_path: Path):
    project, _ = trained
    once, often = (cli("evaluate", project, "--truth", project, "--looks", n, "--json") for n in ("1", "4"))
    assert (once.code, often.code) == (0, 0), often.err
    assert often.json["mean_px"] != once.json["mean_px"]
    assert often.json["provenance"]["looks"] == 4
    write_annotations(tmp_path / "a.h5", 3, seed=1)
    assert cli("predict", project, tmp_path / "a.h5", "--out", tmp_path / "p.h5", "--looks", "4").code == 0
    refused = cli("evaluate", tmp_path / "p.h5", "--truth", tmp_path / "a.h5", "--looks", "4")
    assert refused.code == 2
    assert "--looks is for a model" in refused.err
    assert "choose one of 1, 4, 8, 16" in cli("evaluate", project, "--truth", project, "--looks", "5").err


def test_frames_never_trained_on_are_said_to_be_so(cli: Cli, trained: Trained, tmp_path: Path):
    write_annotations(tmp_path / "others.h5", 10, seed=99)
    done = cli("evaluate", trained[0], "--truth", tmp_path / "others.h5")
    assert done.code == 0, done.err
    assert "trained on none of these frames" in done.err
    assert "10 frames, 40 points" in done.out
    assert "Mistakes on 10 frames" in done.out
    assert "Do the scores mean what they say?" in done.out
    assert "calibration error" in done.out


def test_several_inputs_and_one_that_cannot_be_used(cli: Cli, trained: Trained, tmp_path: Path):
    project, _ = trained
    for name, seed in (("a", 1), ("b", 2)):
        write_annotations(tmp_path / f"{name}.h5", 5, seed=seed)
    (tmp_path / "broken.mp4").write_text("this is no video")
    done = cli(
        *("predict", project, tmp_path / "a.h5", tmp_path / "broken.mp4", tmp_path / "b.h5"),
        *("--out", tmp_path / "out", "--json"),
    )
    assert done.code == 1, done.err
    assert [Path(f).name for f in done.json["files"]] == ["a.predictions.h5", "b.predictions.h5"]
    assert list(done.json["failed"]) == [str(tmp_path / "broken.mp4")]
    assert "broken.mp4" in done.err


def test_export_writes_labels_and_predictions(cli: Cli, trained: Trained, tmp_path: Path):
    project, _ = trained
    assert cli("export", project, tmp_path / "labels.csv").code == 0
    with (tmp_path / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40 * len(NODES)
    with h5py.File(project.parent / "animals.h5") as file:
        assert float(rows[5]["x"]) == pytest.approx(float(file["annotations"][1, 1, 0]), abs=0.01)

    write_annotations(tmp_path / "a.h5", 5, seed=1)
    assert cli("predict", project, tmp_path / "a.h5", "--out", tmp_path / "p.h5").code == 0
    assert cli("export", tmp_path / "p.h5", tmp_path / "leap.h5", "--format", "leap-predictions").code == 0
    with h5py.File(tmp_path / "leap.h5") as file:
        assert file["positions_pred"].shape == (5, 2, 4)
    compared = cli("evaluate", tmp_path / "leap.h5", "--truth", tmp_path / "a.h5", "--json")
    assert compared.code == 0, compared.err
    assert compared.json["matched_by"] == "frame"
    assert compared.json["seen_in_training"] is None


def test_a_moved_project_trains_and_predicts_where_it_is_now(trained: Trained, tmp_path: Path, isolated_home: Path):
    shutil.copytree(trained[0].parent, tmp_path / "moved")
    moved = tmp_path / "moved" / "animals"
    info = run_cli("info", moved, "--json", cwd=tmp_path, home=isolated_home).json
    assert info["problems"] == []
    assert info["facts"]["labelled_frames"] == 40
    assert info["facts"]["runs"] >= 1
    figures = run_cli("evaluate", moved, "--truth", moved, "--json", cwd=tmp_path, home=isolated_home)
    assert figures.code == 0, figures.err


def test_labels_asked_for_is_labels_trained_on(cli: Cli, trained: Trained):
    done = cli(
        "train", trained[0], "--labels", "10", "--profile", "fast", "--epochs", "1", "--steps-per-epoch", "5", "--json"
    )
    assert done.code == 0, done.err
    assert (done.json["labels"], done.json["val_frames"]) == (10, 30)


def test_importing_twice_changes_nothing(cli: Cli, tmp_path: Path):
    write_annotations(tmp_path / "a.h5", 6)
    assert cli("new", "p").code == 0
    assert cli("import", "p", "a.h5").code == 0
    again = cli("import", "p", "a.h5", "--json")
    assert "6 frames held these labels already" in again.json["notes"]
    facts = cli("info", "p", "--json").json["facts"]
    assert (facts["labelled_frames"], facts["labelled_points"], facts["videos"]) == (6, 24, 1)
