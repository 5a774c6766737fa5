from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from format_files import (
    deepposekit_set,
    dlc_project,
    frames_with_bright_points,
    leap_labels,
    random_points,
    write_images,
    write_mat,
)

from leaptui.errors import UnusableInput, UsageError
from leaptui.formats.guess import guess, read_labels
from leaptui.formats.leap_box import write_box


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    points = random_points(2)
    box = tmp_path / "box.h5"
    write_box(frames_with_bright_points(points), box)
    project = dlc_project(tmp_path / "p", {"cam": points}, ["a", "b", "c", "d", "e", "f"])
    return {
        "deepposekit": deepposekit_set(tmp_path / "set.hdf", points),
        "leap": write_mat(tmp_path / "box.labels.mat", "v7", leap_labels(points, str(box))),
        "box": box,
        "deeplabcut": project,
    }


@pytest.mark.parametrize("format", ["deepposekit", "leap", "deeplabcut"])
def test_formats_are_told_by_content(files: dict[str, Path], format: str) -> None:
    assert guess([files[format]]) == format
    imported = read_labels([files[format]])
    assert imported.format == format
    assert len(imported.frames) == 2


def test_a_suffix_means_nothing(files: dict[str, Path], tmp_path: Path) -> None:
    moved = files["leap"].rename(tmp_path / "labels.csv")
    assert guess([moved, files["box"]]) == "leap"


def test_a_box_belongs_to_labels_and_alone_is_no_labels(files: dict[str, Path]) -> None:
    assert guess([files["box"], files["leap"]]) == "leap"
    with pytest.raises(UnusableInput, match=r"no labels\n.*leaptui add"):
        guess([files["box"]])
    with pytest.raises(UnusableInput, match=r"box\.h5"):
        guess([files["deepposekit"], files["box"]])


def test_files_of_several_formats(files: dict[str, Path]) -> None:
    with pytest.raises(UnusableInput, match=r"set\.hdf \(deepposekit\), box\.labels\.mat \(leap\)"):
        guess([files["deepposekit"], files["leap"]])


def test_what_fits_nothing_is_described(tmp_path: Path) -> None:
    contents = {
        "v.mp4": (b"\0\0\0\x18ftypmp42" + b"\0" * 50, "a video (mp4"),
        "i.h5": (b"\x89PNG\r\n\x1a\n\0\0", "an image (png)"),
        "t.csv": (b"name,parent\n", "text file that starts with 'name,parent'"),
        "b.bin": (b"\1\0\2", "binary"),
        "e.mat": (b"", "it is empty"),
        "esc.txt": (b"\x1b]0;pwned\x07", "\\x1b]0;pwned\\x07"),
    }
    for name, (content, words) in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UnusableInput) as caught:
            guess([path])
        assert words in str(caught.value)
        assert "deeplabcut" in str(caught.value)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["speed"] = np.zeros(3)
    with pytest.raises(UnusableInput, match="HDF5 file with speed"):
        guess([tmp_path / "x.h5"])
    with pytest.raises(UnusableInput, match="MATLAB file with speed"):
        guess([write_mat(tmp_path / "y.mat", "v7", {"speed": np.zeros(3)})])
    write_images(tmp_path / "pictures", np.zeros((1, 20, 33, 1), np.uint8), ["i0.png"])
    with pytest.raises(UnusableInput, match=r"folder with i0\.png"):
        guess([tmp_path / "pictures"])


def test_wrong_questions(tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(UsageError):
        guess([])
    with pytest.raises(UnusableInput, match="no such file"):
        guess([tmp_path / "none"])
    with pytest.raises(UsageError, match="known: deepposekit"):
        read_labels([files["leap"]], "slp")
    with pytest.raises(UnusableInput, match="lacks"):
        read_labels([files["box"]], "deepposekit")
