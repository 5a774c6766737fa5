"""Some frames of a video are what they are in the whole of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from leaptui.demo import stream, write_video
from leaptui.formats.leap_box import write_box
from leaptui.media import open_video
from leaptui.media.chosen import ChosenFrames

COUNT = 90


@pytest.fixture(scope="module", params=["mp4", "h5"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / f"fly.{request.param}"
    blocks = stream(COUNT, seed=2, size=(48, 64), scale=0.25)
    if request.param == "mp4":
        write_video(blocks, path)
    else:
        write_box((block.frames for block in blocks), path)
    return path


@pytest.mark.parametrize("chosen", [range(3, 88, 3), range(5, 90, 40), range(7, 20), range(0, 90, 64), range(89, 90)])
def test_any_step_gives_the_same_frames(film: Path, chosen: range) -> None:
    with closing(open_video(film)) as video:
        (whole,) = video.blocks(0, COUNT, COUNT, grey=True)
    assert whole.checksums is not None
    with closing(ChosenFrames(open_video(film), chosen)) as some:
        assert len(some) == len(chosen)
        blocks = list(some.blocks(0, len(chosen), 4, grey=True))
        assert some.checksum(len(chosen) - 1) == whole.checksums[chosen[-1]]
        np.testing.assert_array_equal(some.get(0, grey=True), whole.frames[chosen[0]])
        (later,) = some.blocks(len(chosen) // 2, None, 100, grey=True)
    assert [block.start for block in blocks] == list(range(0, len(chosen), 4))
    np.testing.assert_array_equal(np.concatenate([block.frames for block in blocks]), whole.frames[list(chosen)])
    found = np.concatenate([block.checksums for block in blocks])
    np.testing.assert_array_equal(found, whole.checksums[list(chosen)])
    np.testing.assert_array_equal(later.frames, whole.frames[list(chosen)[len(chosen) // 2 :]])
    with pytest.raises(IndexError):
        some.get(len(chosen))
