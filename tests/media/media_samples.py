"""Videos, boxes and pictures whose every frame carries its own index, made on the spot.

The index is burnt in as a barcode of `BITS` dark or bright blocks along the top, wide enough to survive
lossy coding at quarter-size chroma; the rest of the frame is a drifting texture, so that codecs have motion to code.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

BITS = 10
BAR = 16
SIZE = (96, BITS * BAR)
FPS = 25


def picture(index: int, size: tuple[int, int] = SIZE, channels: int = 1) -> NDArray[np.uint8]:
    """(H, W, C) frame `index`; the red, green and blue of a colour frame differ below the barcode."""
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width]
    grey = 110 + 50 * np.sin((columns + 2 * index) / 9.0) * np.cos((rows - index) / 7.0)
    frame = np.repeat(grey[:, :, None], channels, axis=2)
    if channels == 3:
        frame += np.array([40.0, 0.0, -40.0])
    for bit in range(BITS):
        frame[: 2 * BAR, bit * BAR : (bit + 1) * BAR] = 225 if index >> bit & 1 else 30
    return np.clip(frame, 0, 255).astype(np.uint8)


def index_of(frame: NDArray[np.uint8]) -> int:
    """The index burnt into an (H, W, C) frame."""
    grey = frame.mean(axis=2)
    blocks = [grey[BAR // 2 : 3 * BAR // 2, bit * BAR + 4 : (bit + 1) * BAR - 4].mean() for bit in range(BITS)]
    return sum(1 << bit for bit, value in enumerate(blocks) if value > 128)


def write_video(
    path: Path,
    count: int = 60,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    size: tuple[int, int] = SIZE,
    channels: int = 1,
    gop: int = 12,
    bframes: int = 3,
    stamps: list[int] | None = None,
    rotation: int = 0,
    full_range: bool = False,
    format_name: str | None = None,
) -> Path:
    """Encode `count` frames; `stamps` (in 1/1000 s) makes the frame rate vary."""
    with av.open(str(path), "w", format=format_name) as container:
        stream = container.add_stream(codec, rate=FPS, options=options or {})
        stream.height, stream.width = size
        stream.pix_fmt = pix_fmt
        context = stream.codec_context
        context.gop_size = gop
        context.max_b_frames = bframes
        context.time_base = Fraction(1, 1000) if stamps else Fraction(1, FPS)
        if full_range:
            context.color_range = 2
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(count):
            source = picture(index, size, channels)
            frame = (
                av.VideoFrame.from_ndarray(np.ascontiguousarray(source[:, :, 0]), format="gray")
                if channels == 1
                else av.VideoFrame.from_ndarray(source, format="rgb24")
            )
            frame = frame.reformat(format=pix_fmt, dst_color_range=2 if full_range else None)
            frame.pts = stamps[index] if stamps else index
            frame.time_base = context.time_base
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def remux(source: Path, target: Path, *, shift: int = 0, skip: int = 0, format_name: str | None = None) -> Path:
    """Copy the packets of a video into another container, `shift` frames earlier, without the first `skip` packets.

    Frames shifted before zero are kept by the file and hidden by its edit list, as `ffmpeg -ss … -c copy` does.
    """
    with av.open(str(source)) as old, av.open(str(target), "w", format=format_name) as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        assert stream.time_base is not None
        ticks = round(shift / FPS / stream.time_base)
        for number, packet in enumerate(old.demux(stream)):
            if packet.size == 0 or number < skip:
                continue
            if packet.pts is not None:
                packet.pts -= ticks
            if packet.dts is not None:
                packet.dts -= ticks
            packet.stream = copy
            new.mux(packet)
    return target
