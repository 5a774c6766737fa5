"""Sources that cannot be used are refused with a sentence that says why and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from media_samples import index_of, write_video

from leaptui.errors import UnusableInput
from leaptui.media import open_video
from leaptui.media.preflight import preflight
from leaptui.media.readers import READERS, reader_class


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="no such file") as caught:
        open_video(tmp_path / "gone.mp4")
    assert caught.value.hint


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(UnusableInput, match="empty"):
        open_video(tmp_path / "empty.mp4")


@pytest.mark.parametrize("text", ["#EXTM3U\nhttp://example.org/a.ts\n", "frame,x,y\n1,2,3\n", "Überschrift\n" * 500])
def test_text_named_as_a_video(tmp_path: Path, text: str) -> None:
    (tmp_path / "notes.mp4").write_text(text, encoding="utf-8")
    with pytest.raises(UnusableInput, match="text"):
        open_video(tmp_path / "notes.mp4")


def test_garbage(tmp_path: Path) -> None:
    (tmp_path / "garbage.mp4").write_bytes(np.random.default_rng(0).integers(0, 256, 20000, np.uint8).tobytes())
    with pytest.raises(UnusableInput, match="not a video"):
        open_video(tmp_path / "garbage.mp4")


def test_recording_without_its_table_of_contents(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", 30)
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(UnusableInput, match="moov"):
        open_video(tmp_path / "cut.mp4")


def test_sound_without_pictures(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(UnusableInput, match="no video stream") as caught:
        open_video(tmp_path / "sound.mkv")
    assert caught.value.hint is not None
    assert "audio" in caught.value.hint


def test_folder_without_images_names_the_folders_inside(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UnusableInput, match="no images") as caught:
        open_video(tmp_path)
    assert caught.value.hint is not None
    assert "inside" in caught.value.hint


def test_truncated_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "box.h5", "w") as file:
        file["box"] = np.zeros((20, 1, 40, 40), np.uint8)
    data = (tmp_path / "box.h5").read_bytes()
    (tmp_path / "box.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnusableInput, match="cannot be opened"):
        open_video(tmp_path / "box.h5")


def test_every_reader_resolves() -> None:
    for name in READERS:
        if name != "decord":
            assert reader_class(name) is not None


def test_opening_one_kind_loads_no_other_library(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "box.h5", "w") as file:
        file["box"] = np.zeros((2, 1, 8, 8), np.uint8)
    code = (
        "import sys, leaptui.media\n"
        "heavy = {'av', 'h5py', 'PIL', 'tifffile', 'decord', 'torch'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
        "leaptui.media.open_video(sys.argv[1])\n"
        "assert heavy & sys.modules.keys() == {'h5py'}, heavy & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "box.h5")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("seed", range(12))
def test_damaged_table_of_contents_is_refused_or_read_but_never_a_crash(tmp_path: Path, seed: int) -> None:
    data = bytearray(write_video(tmp_path / "v.mp4", 20).read_bytes())
    table = data.index(b"moov")
    rng = np.random.default_rng(seed)
    for place in rng.integers(table - 4, len(data), 8):
        data[place] ^= int(rng.integers(1, 256))
    (tmp_path / "v.mp4").write_bytes(data)
    try:
        verdict = preflight(tmp_path / "v.mp4")
    except UnusableInput:
        return
    assert verdict.count >= 1


@pytest.mark.parametrize("seed", range(6))
def test_bit_errors_in_the_pictures_do_not_move_the_others(tmp_path: Path, seed: int) -> None:
    data = bytearray(write_video(tmp_path / "v.mp4", 120).read_bytes())
    first, last = data.index(b"mdat") + 8, data.index(b"moov") - 8
    rng = np.random.default_rng(seed)
    for place in rng.integers(first, last, 4):
        data[place] ^= int(rng.integers(1, 256))
    (tmp_path / "v.mp4").write_bytes(data)
    verdict = preflight(tmp_path / "v.mp4")
    video = open_video(tmp_path / "v.mp4", index=verdict.index)
    assert len(video) == 120
    shown = [
        (block.start + offset, index_of(frame))
        for block in video.blocks(grey=True)
        for offset, frame in enumerate(block.frames)
        if block.start + offset not in block.bad
    ]
    assert len(shown) > 40
    assert sum(index != seen for index, seen in shown) <= 1
