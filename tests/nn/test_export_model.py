"""Models written for other tools, and the frames that a choice is made on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.formats.leap_box import write_box
from leaptui.media.video import VideoSource
from leaptui.nn import onnx_export
from leaptui.nn.model import PoseModel, save_model
from leaptui.ops.export import ExportRequest
from leaptui.runners.export import run
from leaptui.runners.sampling import sample_frames
from tests.nn.conftest import Recorder
from tests.nn.test_model import _model


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, int, int, NDArray[np.uint8]]]:
    """What the exporter was asked for, in place of seconds of exporting."""
    calls: list[tuple[Path, int, int, NDArray[np.uint8]]] = []

    def export(model: PoseModel, path: Path, height: int, width: int, frames: NDArray[np.uint8]) -> float:
        assert len(model.metadata.skeleton) == 4
        calls.append((path, height, width, frames))
        return 0.002

    monkeypatch.setattr(onnx_export, "export", export)
    return calls


@pytest.mark.parametrize(("size", "expected"), [(None, (40, 56)), ("300x200", (200, 300)), ("24x16", (16, 24))])
def test_a_model_is_exported_for_frames_of_its_size_or_another(
    size: str | None, expected: tuple[int, int], tmp_path: Path, recorder: Recorder,
    asked: list[tuple[Path, int, int, NDArray[np.uint8]]],
) -> None:  # fmt: skip
    save_model(tmp_path / "model.safetensors", _model(3))
    request = ExportRequest(tmp_path, tmp_path / "out.onnx", "onnx", size)
    request.check()
    result = run(request, recorder)
    ((path, height, width, frames),) = asked
    assert path == tmp_path / "out.onnx" and (height, width) == expected == result.frame_size
    assert frames.shape == (4, 3, *expected) and frames.dtype == np.uint8 and frames.std() > 1
    assert result.worst_px == 0.002 and result.frames is None


def test_a_size_that_is_none_is_refused() -> None:
    for size in ("big", "10x", "0x5", "-3x4", "100000x2", "10x10x10"):
        with pytest.raises(UsageError, match="frame-size"):
            ExportRequest(Path("m"), Path("o"), "onnx", size).check()
    with pytest.raises(UsageError, match="onnx only"):
        ExportRequest(Path("m"), Path("o"), "csv", "10x10").check()


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "_NEEDED", ("numpy", "no_such_package"))
    with pytest.raises(OperationFailed, match="no_such_package") as caught:
        onnx_export.export(_model(), tmp_path / "out.onnx", 40, 56, np.zeros((0, 1, 40, 56), np.uint8))
    assert "leaptui[cpu]" in str(caught.value.hint) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("total", [1, 5, 40, 500])
def test_a_sample_is_from_all_over_the_video(total: int, tmp_path: Path) -> None:
    frames = (np.full((1, 8, 8, 1), i % 251, np.uint8) for i in range(total))
    write_box(frames, tmp_path / "box.h5")
    source = VideoSource(tmp_path / "box.h5")
    found = sample_frames(source, grey=True, count=32)
    indices = found[:, 0, 0, 0].tolist()
    assert len(indices) == len(set(indices)) == min(total, 32) or total > 251
    assert found.shape[1:] == (8, 8, 1) and len(found) <= 32
    assert indices[0] == 0 and indices[-1] == (total - 1) % 251
    assert np.array_equal(sample_frames(source, grey=True, count=32), found)


def test_a_video_without_frames_gives_no_sample(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput):
        sample_frames(VideoSource(tmp_path / "none.h5"), grey=True)
