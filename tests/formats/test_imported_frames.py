"""The frames that importers name, read back through the readers: a label must lie on the pixel it marks."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from format_files import (
    deepposekit_set,
    dlc_project,
    frames_with_bright_points,
    leap_labels,
    random_points,
    write_mat,
)

from leaptui.formats.guess import read_labels
from leaptui.formats.leap_box import write_box
from leaptui.media import open_video


def make(format: str, folder: Path, points: np.ndarray) -> Path:
    if format == "deepposekit":
        return deepposekit_set(folder / "set.h5", points)
    if format == "deeplabcut":
        return dlc_project(folder / "p", {"cam": points}, ["a", "b", "c", "d", "e", "f"])
    write_box(frames_with_bright_points(points), folder / "box.h5")
    return write_mat(folder / "box.labels.mat", format.removeprefix("leap "), leap_labels(points, "box.h5"))


@pytest.mark.parametrize("format", ["deepposekit", "leap v7", "leap v7.3", "deeplabcut"])
def test_every_label_lies_on_its_pixel(tmp_path: Path, format: str) -> None:
    points = random_points(12)
    points[3] = np.nan
    points[5, 2] = np.nan
    imported = read_labels([make(format, tmp_path, points)])
    (source,) = imported.videos
    with closing(open_video(source)) as video:
        assert video.shape == (20, 33, 1)
        assert len(video) == 12
        assert [frame.frame for frame in imported.frames] == [0, 1, 2, *range(4, 12)]
        for frame in imported.frames:
            (instance,) = frame.instances
            image = video.get(frame.frame)
            marked = {(int(x), int(y)) for x, y in instance.points[instance.placed]}
            ys, xs = np.nonzero(image[..., 0])
            assert marked == set(zip(xs.tolist(), ys.tolist(), strict=True))
