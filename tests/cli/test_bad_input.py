"""Bad input gets one clear error, exit code 3, and nothing half-written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from leaptui.demo import simulate, write_video
from tests.cli.conftest import Cli, write_annotations

Prepare = Callable[[Path], tuple[list[str], str]]


def missing_file(_: Path) -> tuple[list[str], str]:
    return ["add", "p", "nowhere.mp4"], "nowhere.mp4"


def text_named_mp4(folder: Path) -> tuple[list[str], str]:
    (folder / "notes.mp4").write_text("Monday: fed the flies.\n" * 50)
    return ["add", "p", "notes.mp4"], "notes.mp4"


def empty_file(folder: Path) -> tuple[list[str], str]:
    (folder / "empty.mp4").touch()
    return ["add", "p", "empty.mp4"], "empty.mp4"


def truncated_video(folder: Path) -> tuple[list[str], str]:
    write_video(simulate(60, size=(64, 64)), folder / "whole.mp4", 50)
    whole = (folder / "whole.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    return ["add", "p", "cut.mp4"], "cut.mp4"


def hdf5_without_frames(folder: Path) -> tuple[list[str], str]:
    with h5py.File(folder / "table.h5", "w") as file:
        file["numbers"] = np.arange(12)
    return ["add", "p", "table.h5"], "numbers"


def mat_without_labels(folder: Path) -> tuple[list[str], str]:
    scipy.io.savemat(folder / "other.mat", {"speed": np.arange(3)})
    return ["import", "p", "other.mat"], "other.mat"


def unknown_labels(folder: Path) -> tuple[list[str], str]:
    (folder / "labels.txt").write_text("head 1 2")
    return ["import", "p", "labels.txt"], "labels.txt"


def other_skeleton(folder: Path) -> tuple[list[str], str]:
    write_annotations(folder / "a.h5", 3)
    return ["import", "mice", "a.h5"], "does not match"


def no_project(folder: Path) -> tuple[list[str], str]:
    (folder / "folder").mkdir()
    return ["train", "folder"], "no leaptui project"


def no_labels(_: Path) -> tuple[list[str], str]:
    return ["train", "mice"], "no labelled frames"


def too_few_labels(folder: Path) -> tuple[list[str], str]:
    return ["train", "labelled", "--labels", "50"], "fewer than the 50"


def no_skeleton_file(_: Path) -> tuple[list[str], str]:
    return ["new", "q", "--skeleton", "hexapod"], "hexapod"


def no_model(folder: Path) -> tuple[list[str], str]:
    write_annotations(folder / "a.h5", 3)
    return ["predict", "p", "a.h5", "--out", "out.h5"], "no trained model"


def model_that_is_none(folder: Path) -> tuple[list[str], str]:
    write_annotations(folder / "a.h5", 3)
    (folder / "model.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00 not a model at all")
    return ["predict", "model.safetensors", "a.h5", "--out", "out.h5"], "not a leaptui model"


def truth_without_labels(folder: Path) -> tuple[list[str], str]:
    (folder / "labels.txt").write_text("head 1 2")
    return ["evaluate", "p", "--truth", "labels.txt"], "no trained model"


def images_missing(folder: Path) -> tuple[list[str], str]:
    table = folder / "dlc" / "labeled-data" / "video" / "CollectedData_me.csv"
    table.parent.mkdir(parents=True)
    table.write_text(
        "scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\n"
        "labeled-data/video/img01.png,1,2\nlabeled-data/video/img02.png,3,4\n"
    )
    return ["import", "p", str(table)], "img01.png"


def in_the_way(folder: Path) -> tuple[list[str], str]:
    (folder / "file").write_text("x")
    return ["new", "file/project"], "file/project"


CASES = [
    *(missing_file, text_named_mp4, empty_file, truncated_video, hdf5_without_frames, mat_without_labels),
    *(unknown_labels, other_skeleton, no_project, no_labels, too_few_labels, no_skeleton_file, no_model),
    *(model_that_is_none, truth_without_labels, images_missing, in_the_way),
]


@pytest.fixture
def places(cli: Cli, tmp_path: Path) -> Path:
    """An empty project, one with a skeleton and one with labels."""
    assert cli("new", "p").code == 0
    assert cli("new", "mice", "--skeleton", "mouse").code == 0
    write_annotations(tmp_path / "labelled.h5", 4)
    assert cli("new", "labelled").code == 0
    assert cli("import", "labelled", "labelled.h5").code == 0
    return tmp_path


@pytest.mark.parametrize("prepare", CASES, ids=lambda case: case.__name__)
def test_one_clear_error_and_exit_code_3(cli: Cli, places: Path, prepare: Prepare):
    args, said = prepare(places)
    before = sorted(p for p in places.rglob("*"))
    done = cli(*args)
    assert done.code == 3, done.err
    assert done.out == ""
    assert said in done.err
    assert done.err.count("error:") == 1
    assert "Traceback" not in done.err
    kept = [p for p in before if p.exists()]
    assert kept == before
    made = {p for p in places.rglob("*")} - set(before)
    assert not [p for p in made if p.name == "out.h5" or ".tmp" in p.name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_said(cli: Cli, tmp_path: Path):
    (tmp_path / "locked").mkdir(mode=0o500)
    done = cli("new", "locked/project")
    assert done.code == 3
    assert "locked/project" in done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["frobnicate"], "neither a command nor a project"),
        (["trian", "p"], "Did you mean `train`"),
        (["train"], "project"),
        (["train", "p", "--profile", "best"], "best"),
        (["train", "p", "--labels", "0"], "at least 1"),
        (["new", "p", "--no-such-flag"], "no-such-flag"),
        ([], "needs a terminal"),
    ],
)
def test_wrong_usage_is_exit_code_2(cli: Cli, args: list[str], said: str):
    done = cli(*args)
    assert done.code == 2, done.err
    assert done.out == ""
    assert said in done.err


def test_names_with_escape_sequences_reach_no_terminal(cli: Cli, places: Path):
    done = cli("add", "p", "evil\x1b[2Jname.mp4")
    assert done.code == 3
    assert "\x1b" not in done.err
    assert "\\x1b[2Jname" in done.err
