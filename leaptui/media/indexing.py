"""Making a VideoIndex: one pass over the packets, the first pictures decoded to check it, all of them where needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from av.video.frame import VideoFrame

from leaptui.errors import UnusableInput
from leaptui.media.demux import MAX_THREADS, Label, PacketStream, available_threads, x264_options
from leaptui.media.identity import file_identity
from leaptui.media.index import Labels, Progress, VideoIndex
from leaptui.media.planes import Converter, Orientation, orientation_of

CHECKED_PICTURES = 200
_FIELD_SHARE = 0.3  # more packets without a picture, and no error, mean that packets are fields
_REORDERED = 32  # places a picture may stand from where its stamp belongs
_COLOUR_SAMPLES = 6
_FIRST_SAMPLES = (0, 50, 100, 150)


@dataclass
class _Scan:
    """What the packets of a file say."""

    pts: list[int | None] = field(default_factory=list)
    dts: list[int | None] = field(default_factory=list)
    key: list[bool] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    incomplete: int = 0
    options: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    rate: float = 0.0


@dataclass
class _Decoded:
    """What the first pictures, or all, say."""

    labels: list[int] = field(default_factory=list)
    complete: bool = False
    reorders: bool = False
    neutral: bool = True
    orientation: Orientation = field(default_factory=Orientation)
    size: tuple[int, int] = (0, 0)
    damaged: bool = False


def build_index(path: Path, *, progress: Progress | None = None, complete: bool = False) -> VideoIndex:
    """The index of a video file.

    Args:
        path: the file.
        progress: called with (done, total) frames now and then; while packets are counted the total is an estimate.
        complete: decode the whole file for the frame list even if the first pictures are as the packets promise.

    Raises:
        UnusableInput: if it is no video or none of its pictures can be decoded.
    """
    scan = _scan_packets(path, progress)
    label, values = _choose_label(scan)
    shown = [value for value, hidden in zip(values, scan.hidden, strict=True) if not hidden]
    if not shown:
        raise UnusableInput("The video holds no frames.", where=path, hint="It may have been cut off: copy it again.")
    expected = np.unique(np.array(shown, np.int64))
    decoded = _decode(path, label, scan.options, CHECKED_PICTURES, None)
    notes: list[str] = []
    if complete or not _agrees(decoded, expected, label):
        decoded = _decode(path, label, scan.options, None, progress, total=len(expected))
    if not decoded.labels:
        raise UnusableInput(
            "No picture of the video can be decoded.", where=path, hint="It may be damaged: try to play it elsewhere."
        )
    labels = _frame_list(decoded, expected, label, scan.facts["codec"], notes) if decoded.complete else expected
    index = _assemble(path, scan, label, values, labels, decoded, notes)
    return replace(index, grey=_stays_neutral(path, index)) if index.grey else index


def _scan_packets(path: Path, progress: Progress | None) -> _Scan:
    scan = _Scan()
    stream = PacketStream(path, "pts", {})
    total = path.stat().st_size
    try:
        for packet in stream.packets():
            if packet.size == 0:
                break
            if not scan.key:
                scan.options = x264_options(stream.stream, bytes(packet))
            scan.pts.append(packet.pts)
            scan.dts.append(packet.dts)
            scan.key.append(packet.is_keyframe)
            scan.hidden.append(packet.is_discard)
            scan.incomplete += packet.is_corrupt
            if progress is not None and len(scan.key) % 1000 == 0:
                progress(len(scan.key), round(len(scan.key) * max(1.0, total / (packet.pos or total))))
        video = stream.stream
        base = video.time_base
        scan.facts = {
            "codec": video.codec_context.name,
            "pixel_format": video.codec_context.pix_fmt or "",
            "container": stream.format,
            "metadata_count": int(video.frames),
            "time_base": (base.numerator, base.denominator) if base else (1, 1),
        }
        scan.rate = float(video.average_rate or video.guessed_rate or 0)
        scan.errors = stream.errors
    finally:
        stream.close()
    return scan


def _choose_label(scan: _Scan) -> tuple[Label, list[int]]:
    """The first kind of label that names every packet, and the packets' labels."""
    # AVI stores no presentation stamps; what FFmpeg makes up there differs between reading on and seeking.
    if scan.facts["container"] != "avi":
        stamps = _complete(scan.pts, scan.hidden)
        if stamps is not None:
            return "pts", stamps
    stamps = _complete(scan.dts, scan.hidden)
    if stamps is not None:
        return "dts", stamps
    return "ordinal", list(range(len(scan.pts)))


def _complete(stamps: Sequence[int | None], hidden: Sequence[bool]) -> list[int] | None:
    """The stamps if every packet has one and no two shown packets share one."""
    known = [stamp for stamp in stamps if stamp is not None]
    shown = [stamp for stamp, away in zip(stamps, hidden, strict=True) if not away]
    return known if len(known) == len(stamps) and len(set(shown)) == len(shown) else None


def _decode(
    path: Path, label: Label, options: dict[str, str], limit: int | None, progress: Progress | None, total: int = 0
) -> _Decoded:
    """Labels of the first `limit` pictures, or of all, as they come out."""
    stream = PacketStream(path, label, options, min(available_threads(), MAX_THREADS))
    decoded = _Decoded()
    converter = Converter(Orientation())
    try:
        for packet in stream.packets():
            for frame in stream.decode(packet):
                _note_picture(decoded, frame, converter)
            decoded.complete = packet.size == 0
            if limit is not None and len(decoded.labels) >= limit:
                break
            if progress is not None and len(decoded.labels) % 500 == 0:
                progress(min(len(decoded.labels), total), total)
        else:
            decoded.complete = True
        decoded.damaged = decoded.damaged or bool(stream.errors)
        decoded.reorders = bool(stream.stream.codec_context.has_b_frames)
    finally:
        stream.close()
    return decoded


def _note_picture(decoded: _Decoded, frame: VideoFrame, converter: Converter) -> None:
    count = len(decoded.labels)
    if count == 0:
        decoded.orientation = orientation_of(frame)
        decoded.size = (frame.height, frame.width)
    if count in _FIRST_SAMPLES and decoded.neutral:
        decoded.neutral = converter.is_neutral(frame)
    decoded.damaged = decoded.damaged or frame.is_corrupt
    if frame.pts is not None:
        decoded.labels.append(frame.pts)


def _agrees(decoded: _Decoded, expected: Labels, label: Label) -> bool:
    """True if the pictures come out just as the packets promise."""
    if label != "pts" and decoded.reorders and not decoded.complete:
        return False
    got = decoded.labels if decoded.complete else decoded.labels[:CHECKED_PICTURES]
    return len(got) <= len(expected) and bool(got) and got == expected[: len(got)].tolist()


def _frame_list(decoded: _Decoded, expected: Labels, label: Label, codec: str, notes: list[str]) -> Labels:
    """The frames of a file that was decoded whole: pictures, and places for those lost to damage.

    Packets without a picture are no frames where pairs of fields share one, and in MPEG-4 part 2, where a frame equal to
    the one before is written as "not coded".
    """
    labels = np.array(list(dict.fromkeys(decoded.labels)), np.int64)
    in_order = bool(np.all(np.diff(labels) > 0))
    first = labels[0] if in_order else labels.min()
    leading = int(np.sum(expected < first))
    if leading:
        notes.append(f"{leading} packets before the first picture that can be decoded are not counted as frames")
    lost = np.setdiff1d(expected[leading:], labels)
    if not len(lost):
        return labels
    if not decoded.damaged and (len(lost) > _FIELD_SHARE * len(labels) or "mpeg4" in codec):
        notes.append(f"{len(lost)} packets carry no picture of their own; the pictures are counted")
        return labels
    notes.append(f"{len(lost)} frames cannot be decoded")
    # Around damage decoders let pictures out in the wrong order; a stamp far from its place is damaged itself.
    displaced = np.abs(np.argsort(np.argsort(labels)) - np.arange(len(labels))).max()
    if in_order or (label == "pts" and displaced <= _REORDERED):
        return np.union1d(labels, lost)
    for missing in lost:
        before = np.flatnonzero(labels < missing)
        place = int(before[np.argmax(labels[before])]) + 1 if len(before) else 0
        labels = np.insert(labels, place, missing)
    return labels


def _assemble(
    path: Path,
    scan: _Scan,
    label: Label,
    values: list[int],
    labels: Labels,
    decoded: _Decoded,
    notes: list[str],
) -> VideoIndex:
    stat = path.stat()
    keys, stamps, positions = _key_frames(scan, label, values, labels)
    rate, variable = _rate(scan, label, labels)
    if scan.options:
        notes.append(f"coded by x264 build {scan.options['x264_build']}, whose 4:4:4 pictures need a decoder option")
    if scan.incomplete:
        notes.append(f"{scan.incomplete} packets of the file are incomplete")
    if scan.errors:
        notes.append(f"the file has unreadable stretches ({scan.errors[0]})")
    return VideoIndex(
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        identity=file_identity(path),
        label=label,
        labels=labels,
        ranks=_ranks(values, labels),
        key_labels=keys,
        key_stamps=stamps,
        key_positions=positions,
        height=decoded.size[0],
        width=decoded.size[1],
        orientation=decoded.orientation,
        fps=rate,
        variable_rate=variable,
        grey=decoded.neutral,
        options=scan.options,
        notes=tuple(notes),
        **scan.facts,
    )


def _key_frames(scan: _Scan, label: Label, values: list[int], labels: Labels) -> tuple[Labels, Labels, Labels]:
    """Labels, stamps to seek to, and first decodable frames of the key frames."""
    in_order = bool(np.all(np.diff(labels) > 0))
    places = {} if in_order else {int(value): place for place, value in enumerate(labels)}
    rows: list[tuple[int, int, int]] = []
    for number in np.flatnonzero(scan.key):
        value = values[number]
        place = int(np.searchsorted(labels, value)) if in_order else places.get(value, -1)
        known = [stamp for stamp in (scan.pts[number], scan.dts[number]) if stamp is not None]
        if place >= 0:
            rows.append((value, value if label == "dts" else min(known, default=0), place))
    table = np.array(_rising(rows), np.int64).reshape(-1, 3)
    return table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy()


def _rising(rows: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Key frames whose labels and places rise; one with a damaged stamp must not cost the others."""
    forward: list[tuple[int, int, int]] = []
    for row in rows:
        if not forward or (row[0] > forward[-1][0] and row[2] >= forward[-1][2]):
            forward.append(row)
    backward: list[tuple[int, int, int]] = []
    for row in reversed(rows):
        if not backward or (row[0] < backward[-1][0] and row[2] <= backward[-1][2]):
            backward.append(row)
    return max(forward, backward[::-1], key=len)


def _ranks(values: list[int], labels: Labels) -> Labels:
    """Place in the file of the packet of each frame."""
    packets = np.array(values, np.int64)
    order = np.argsort(packets, kind="stable")
    return order[np.searchsorted(packets[order], labels, "right") - 1].astype(np.int64)


def _rate(scan: _Scan, label: Label, labels: Labels) -> tuple[float, bool]:
    """Mean frames a second, and whether the distances between frames differ by more than rounding."""
    if label != "pts" or len(labels) < 2:
        return scan.rate, False
    steps = np.diff(labels)
    numerator, denominator = scan.facts["time_base"]
    seconds = float(labels[-1] - labels[0]) * numerator / denominator
    rate = (len(labels) - 1) / seconds if seconds > 0 else scan.rate
    return rate, bool(np.ptp(steps) > max(2, 0.02 * float(np.median(steps))))


def _stays_neutral(path: Path, index: VideoIndex) -> bool:
    """True if key frames spread over the whole file have no colour either."""
    from leaptui.media.decoder import Decoder

    late = index.key_positions[index.key_positions > max(_FIRST_SAMPLES)]
    late = late[late < len(index)]
    if index.pixel_format.startswith("gray") or not len(late):
        return True
    decoder = Decoder(path, index)
    converter = Converter(Orientation())
    try:
        picks = np.unique(late[np.linspace(0, len(late) - 1, min(len(late), _COLOUR_SAMPLES)).astype(int)])
        frames = (decoder.find(int(position)) for position in picks)
        return all(converter.is_neutral(found.frame) for found in frames if found is not None)
    finally:
        decoder.close()
