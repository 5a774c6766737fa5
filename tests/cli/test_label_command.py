"""`leaptui label`: what it refuses, and that it needs a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaptui.cli.main import main
from leaptui.pose.skeleton import make_skeleton
from leaptui.project import Project, VideoRecord

WORM = make_skeleton("worm", ["head", "tail"], [("head", "tail")])


def project(folder: Path, *, skeleton: bool = True, video: bool = True) -> Path:
    made = Project.create(folder, skeleton=WORM if skeleton else None)
    if video:
        made.videos.append(VideoRecord("aaaa", "worm.mp4", "a" * 32, 10, 8, 8, 1))
        made.save()
    return folder


@pytest.mark.parametrize(
    ("made", "flags", "code", "words"),
    [
        ({"skeleton": False}, [], 3, "no skeleton yet"),
        ({"video": False}, [], 3, "no video to label"),
        ({}, ["--video", "other.mp4"], 2, "no video called other.mp4"),
        ({}, ["--frame", "10"], 2, "there is no frame 10"),
        ({}, ["--frame", "-1"], 2, "frame"),
        ({}, ["--graphics", "paper"], 2, "paper"),
        ({}, [], 2, "the app needs a terminal"),
    ],
)
def test_what_cannot_be_labelled_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], made: dict[str, bool], flags: list[str], code: int, words: str
) -> None:
    assert main(["label", str(project(tmp_path / "p", **made)), *flags]) == code
    said = capsys.readouterr()
    assert words in " ".join(said.err.split()) and said.out == ""


def test_a_folder_that_is_no_project_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", str(tmp_path)]) == 3
    assert "no leaptui project" in capsys.readouterr().err


def test_the_app_alone_needs_a_terminal_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(project(tmp_path / "p")), "--graphics", "half"]) == 2
    assert "needs a terminal" in capsys.readouterr().err
