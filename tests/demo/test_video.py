"""Recordings written as video files."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from leaptui.demo import simulate, stream, write_video
from leaptui.errors import OperationFailed, UsageError


def read(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="gray")[:, :, None] for f in container.decode(video=0)])


def test_frames_come_back_in_number_order_and_content(tmp_path: Path) -> None:
    r = simulate(130, seed=1)
    path = tmp_path / "fly.mp4"
    assert write_video(r, path) == 130
    back = read(path)
    assert back.shape == r.frames.shape
    assert np.abs(back.astype(int) - r.frames).mean() < 1.5
    assert [p.name for p in tmp_path.iterdir()] == ["fly.mp4"]


def test_stream_format_rate_and_closed_groups(tmp_path: Path) -> None:
    path = tmp_path / "fly.mp4"
    assert write_video(stream(120, block=32, seed=2, size=(96, 128), scale=0.4), path, fps=25) == 120
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height) == (128, 96) and float(video.average_rate) == 25.0
        packets = [p for p in container.demux(video) if p.pts is not None]
    keys = [p.pts for p in packets if p.is_keyframe]
    assert len(packets) == 120 and len(keys) >= 3
    # Closed: nothing that follows a key frame in the file is shown before it.
    latest = -1
    for packet in packets:
        latest = packet.pts if packet.is_keyframe else latest
        assert packet.pts >= latest


def test_same_file_for_recording_and_stream(tmp_path: Path) -> None:
    options = {"seed": 5, "size": (64, 64), "scale": 0.3}
    write_video(simulate(40, **options), tmp_path / "a.mp4")
    write_video(stream(40, block=7, **options), tmp_path / "b.mp4")
    write_video(stream(40, block=40, **options), tmp_path / "c.mp4")
    first, *others = [(tmp_path / name).read_bytes() for name in ("a.mp4", "b.mp4", "c.mp4")]
    assert all(other == first for other in others)


def test_odd_sizes_are_refused_with_the_size_to_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="even") as caught:
        write_video(simulate(2, size=(63, 80), scale=0.3), tmp_path / "odd.mp4")
    assert "80 x 64" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_no_frames_and_bad_rates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_video(simulate(3, draw=False), tmp_path / "x.mp4")
    with pytest.raises(UsageError):
        write_video([], tmp_path / "x.mp4")
    with pytest.raises(UsageError):
        write_video(simulate(2, size=(32, 32), scale=0.1), tmp_path / "x.mp4", fps=0.0)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "fly.mp4"
    path.write_bytes(b"old")

    def broken():
        yield simulate(4, size=(32, 32), scale=0.1)
        raise RuntimeError("camera unplugged")

    with pytest.raises(RuntimeError):
        write_video(broken(), path)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(OperationFailed):
        write_video(simulate(2, size=(32, 32), scale=0.1), tmp_path / "no" / "fly.mp4")
