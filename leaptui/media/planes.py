"""Decoded pictures as arrays: grey from the luma plane, RGB otherwise, turned as the file says.

Grey is the luma plane, stretched by `grey.stretch` unless the picture is tagged full range (or is
of a `gray` or `yuvj` format, which are); deeper planes are cut to 8 bit first. RGB formats become grey by
`grey.to_grey`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from leaptui.media.grey import stretch, to_grey
from leaptui.media.video import Image

_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_LIMITED_RANGE = 1  # AVCOL_RANGE_MPEG
_NEUTRAL = 2


@dataclass(frozen=True)
class Orientation:
    """Turns and mirrorings by right angles, applied in this order.

    Args:
        transpose: swap rows and columns.
        flip_rows: then turn upside down.
        flip_columns: then swap left and right.
    """

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    def apply(self, image: Image) -> Image:
        """(H, W, C) image as it is meant to be seen."""
        if self.transpose:
            image = image.transpose(1, 0, 2)
        if self.flip_rows:
            image = image[::-1]
        if self.flip_columns:
            image = image[:, ::-1]
        return image

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) after turning."""
        return (width, height) if self.transpose else (height, width)


def orientation_of(frame: VideoFrame) -> Orientation:
    """The turn in a picture's display matrix (ISO/IEC 14496-12, section 6.2.2); turns by other angles are ignored."""
    stored = cast(SideDataContainer, frame.side_data)
    for number in range(len(stored)):
        data = stored[number]
        if data.type == Type.DISPLAYMATRIX:
            a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
            if a == 0 and d == 0 and b and c:
                return Orientation(True, b < 0, c < 0)
            if b == 0 and c == 0 and a and d:
                return Orientation(False, d < 0, a < 0)
    return Orientation()


class Converter:
    """Turns decoded pictures into arrays; belongs to one reader, since its scaler keeps state."""

    def __init__(self, orientation: Orientation) -> None:
        self._orientation = orientation
        self._scaler = VideoReformatter()
        self._planar = VideoReformatter()  # one that does nothing else keeps its state

    def grey(self, frame: VideoFrame) -> Image:
        """(H, W, 1) grey levels, in memory of their own."""
        kind = _luma_kind(frame.format)
        if kind == "rgb":
            return np.ascontiguousarray(self._orientation.apply(to_grey(self._rgb24(frame))))
        if kind == "other":
            frame = self._scaler.reformat(frame, format="yuv444p", threads=1)
        luma = _plane8(frame, 0)
        own = luma.copy() if _is_full_range(frame) else stretch(luma)
        return np.ascontiguousarray(self._orientation.apply(own[:, :, None]))

    def rgb(self, frame: VideoFrame) -> Image:
        """(H, W, 3) RGB, in memory of its own."""
        return np.ascontiguousarray(self._orientation.apply(self._rgb24(frame)))

    def is_neutral(self, frame: VideoFrame) -> bool:
        """True if the picture has no colour: no chroma, or chroma within 2 levels of neutral everywhere."""
        kind = _luma_kind(frame.format)
        if kind == "rgb":
            rgb = self._rgb24(frame).astype(np.int16)
            return bool(np.abs(rgb - rgb[:, :, :1]).max() <= _NEUTRAL)
        if kind == "other":
            frame = self._scaler.reformat(frame, format="yuv444p", threads=1)
        if frame.format.name.startswith("gray"):
            return True
        chroma = [_plane8(frame, number).astype(np.int16) for number in range(1, min(3, len(frame.planes)))]
        return all(int(np.abs(plane - 128).max()) <= _NEUTRAL for plane in chroma)

    def _rgb24(self, frame: VideoFrame) -> Image:
        if frame.format.name == "nv12":
            # Turned into RGB at once it would come out a little different from the same picture of a decoder that
            # keeps its planes apart; taking the planes apart first changes nothing.
            frame = self._planar.reformat(frame, format="yuv420p", threads=1)
        converted = self._scaler.reformat(frame, format="rgb24", threads=1)
        return np.asarray(converted.to_ndarray(), np.uint8)


def picture_bytes(frame: VideoFrame) -> int:
    """Memory a decoded picture holds."""
    return sum(plane.buffer_size for plane in frame.planes)


def _luma_kind(pixels: VideoFormat) -> str:
    """ "luma" if plane 0 is luma as it is, "rgb" if luma must be computed, else "other"."""
    name = pixels.name
    if pixels.is_rgb or pixels.has_palette or name.startswith(("mono", "bayer", "xyz")):
        return "rgb"
    bits = pixels.components[0].bits
    if name.startswith("gray"):
        return "luma" if 8 <= bits <= 16 and "f" not in name else "rgb"
    if name.startswith("nv") and bits == 8:
        return "luma"
    return "luma" if name.startswith("yuv") and pixels.is_planar and bits <= 16 and not _is_packed(pixels) else "other"


def _is_packed(pixels: VideoFormat) -> bool:
    return len({component.plane for component in pixels.components}) == 1


def _is_full_range(frame: VideoFrame) -> bool:
    name = frame.format.name
    if name.startswith("yuvj"):
        return True
    if name.startswith("gray"):
        return frame.color_range != _LIMITED_RANGE
    return frame.color_range == _FULL_RANGE


def _plane8(frame: VideoFrame, number: int) -> NDArray[np.uint8]:
    """(H, W) one plane of a planar picture, the high 8 bits of each sample; may share the picture's memory."""
    plane = frame.planes[number]
    bits = frame.format.components[0].bits
    interleaved = 2 if number and frame.format.name.startswith("nv") else 1
    if bits == 8:
        rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return rows[: plane.height, : plane.width * interleaved]
    order = ">u2" if frame.format.name.endswith("be") else "<u2"
    deep = np.frombuffer(memoryview(plane), order).reshape(-1, plane.line_size // 2)
    high: NDArray[np.uint8] = (deep[: plane.height, : plane.width] >> (bits - 8)).astype(np.uint8)
    return high
