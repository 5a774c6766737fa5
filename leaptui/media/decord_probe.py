"""Does decord return frame i for frame i of a file?"""

from __future__ import annotations

import numpy as np

from leaptui.errors import UnusableInput
from leaptui.media.decord_reader import check_agreement, decord_frame, open_decord
from leaptui.media.grey import frame_checksum, to_grey
from leaptui.media.index import VideoIndex, probe_positions
from leaptui.media.pyav_reader import PyAVVideo
from leaptui.media.video import Image, VideoSource

_PROBED_FRAMES = 2000
_ALIKE = 10.0  # mean difference in grey levels; rounding makes about 1


def probe_decord(source: VideoSource, index: VideoIndex) -> str:
    """ "exact", or what is wrong, in words.

    Jumps are compared with decord's own reading in order by checksum, reading in order with PyAV by likeness, since
    the two convert to RGB with slightly different rounding.

    Args:
        source: a colour video file.
        index: its index.
    """
    if index.damaged is not None and len(index.damaged):
        return "not used on a damaged file"
    positions = probe_positions(index, _PROBED_FRAMES)
    try:
        check_agreement(source, index)
        in_order = _in_order(source, sorted(positions))
        jumping = open_decord(source.path)
    except UnusableInput as error:
        return error.what.rstrip(".")
    wrong = 0
    for position in positions:
        frame = decord_frame(jumping, position)
        wrong += frame is None or frame_checksum(frame) != in_order[position][0]
    del jumping
    if wrong:
        return f"wrong frames after {wrong} of {len(positions)} jumps"
    shifted = _shifted(source, index, in_order)
    return f"shifted at {shifted} of {len(positions)} frames" if shifted else "exact"


def _in_order(source: VideoSource, positions: list[int]) -> dict[int, tuple[int, Image]]:
    """Checksum and thinned grey levels of frames, read from the first on."""
    reader = open_decord(source.path)
    wanted = set(positions)
    kept: dict[int, tuple[int, Image]] = {}
    for position in range(positions[-1] + 1 if positions else 0):
        frame = decord_frame(reader, position)
        if frame is None:
            raise UnusableInput(f"decord cannot read frame {position}.", where=source.path)
        if position in wanted:
            kept[position] = frame_checksum(frame), _thinned(frame)
    return kept


def _shifted(source: VideoSource, index: VideoIndex, in_order: dict[int, tuple[int, Image]]) -> int:
    """How many frames look more like a neighbour than like the frame of their number."""
    video = PyAVVideo(source, index)
    shifted = 0
    try:
        for position, (_, seen) in in_order.items():
            around = [near for near in (position, position - 1, position + 1) if 0 <= near < len(video)]
            distances = [_distance(seen, _thinned(video.get(near))) for near in around]
            shifted += min(distances) < distances[0] or distances[0] > _ALIKE
    finally:
        video.close()
    return shifted


def _distance(one: Image, other: Image) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


def _thinned(frame: Image) -> Image:
    """Grey levels of every second row and column: enough to tell frames apart, little to keep."""
    return to_grey(frame[::2, ::2])
