"""One video stream of one file: packets with labels, and the pictures they decode to.

A label names a packet for good, and the decoder hands it on to the picture the packet carries, whatever the
order pictures come out in. Usually it is the presentation stamp. AVI has none worth the name, there it is the
decoding stamp, which the file's own index numbers; raw H.264 has no stamps at all, there it is the count of packets
before it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import av
import av.error
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from leaptui.errors import UnusableInput

Label = Literal["pts", "dts", "ordinal"]
MAX_THREADS = 8
_READ_RETRIES = 20


def available_threads() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def open_container(path: Path, accelerator: HWAccel | None = None) -> InputContainer:
    """Open a video file.

    Args:
        path: the file.
        accelerator: what decodes instead of the cores.

    Raises:
        UnusableInput: if it is no video file or its table of contents is missing.
    """
    try:
        # The prefix keeps names such as "a:b.mp4" or "concat:x" from being taken for protocols.
        return av.open(f"file:{path}", "r", metadata_errors="replace", hwaccel=accelerator)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _unopenable(path, error) from error


def _unopenable(path: Path, error: Exception) -> UnusableInput:
    if isinstance(error, PermissionError):
        return UnusableInput("The file may not be read.", where=path, hint="Check its permissions.")
    boxes = _mp4_boxes(path)
    if boxes and b"moov" not in boxes:
        return UnusableInput(
            "The video is cut off: its table of contents (moov) is missing.",
            where=path,
            hint="Copy it again; an interrupted recording can be repaired with untrunc and a whole one beside it.",
        )
    return UnusableInput(
        "The file is not a video that can be read.",
        where=path,
        hint="It may be damaged, incomplete, or of another kind: try to play it with another program.",
    )


def _mp4_boxes(path: Path) -> list[bytes]:
    """Types of the top-level boxes (ISO/IEC 14496-12, section 4.2) if it looks like an mp4 or mov file."""
    found: list[bytes] = []
    size = path.stat().st_size
    with path.open("rb") as stream:
        position = 0
        while position + 8 <= size and len(found) < 1000:
            stream.seek(position)
            head = stream.read(16)
            length, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if not re.fullmatch(rb"[a-z0-9 ]{4}", kind):
                break
            found.append(kind)
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:
                break
            position += length
    return found if found[:1] in ([b"ftyp"], [b"mdat"], [b"moov"], [b"wide"], [b"free"], [b"skip"]) else []


def choose_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is no cover picture.

    Raises:
        UnusableInput: if there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    held = ", ".join(sorted({stream.type for stream in container.streams})) or "none"
    raise UnusableInput("The file holds no video stream.", where=path, hint=f"Kinds of streams in it: {held}.")


class PacketStream:
    """An open file, read packet by packet.

    Args:
        path: the file.
        label: what names a packet.
        options: options of the decoder.
        threads: decoder threads; more than one decodes several frames at a time, with as many frames of delay.
        accelerator: what decodes instead of the cores, one frame at a time.
    """

    def __init__(
        self,
        path: Path,
        label: Label,
        options: dict[str, str],
        threads: int = 1,
        accelerator: HWAccel | None = None,
    ) -> None:
        self._path = path
        self._label = label
        self._options = options
        self._threads = threads if accelerator is None else 1
        self._accelerator = accelerator
        self.errors: list[str] = []
        self._open()

    def _open(self) -> None:
        self._container = open_container(self._path, self._accelerator)
        self.stream = choose_stream(self._container, self._path)
        context = self.stream.codec_context
        context.thread_count = self._threads
        context.thread_type = "AUTO" if self._threads > 1 else "NONE"
        if self._options:
            context.options = dict(self._options)

    @property
    def format(self) -> str:
        """Name of the container format."""
        return self._container.format.name

    def restart(self) -> None:
        """Go back to the first packet."""
        self.close()
        self._open()

    def seek(self, stamp: int) -> bool:
        """Go to the last key frame at or before a stamp, as the container finds it; False if it cannot."""
        try:
            self._container.seek(stamp, stream=self.stream, backward=True)
        except (av.error.FFmpegError, OSError):
            return False
        return True

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Packets to the end of the file, each with its label as `pts`, then one empty packet.

        An unreadable stretch is passed over; what happened is added to `errors`.
        """
        ordinal = 0
        failures = 0
        while failures <= _READ_RETRIES:
            try:
                for packet in self._container.demux(self.stream):
                    if packet.size == 0:
                        if packet.pts is None and packet.dts is None:
                            yield packet
                            return
                        continue  # AVI marks a dropped frame so; to the decoder it would mean the end
                    failures = 0
                    if self._label == "dts":
                        packet.pts = packet.dts
                    elif self._label == "ordinal":
                        packet.pts = ordinal
                    ordinal += 1
                    yield packet
                return
            except (av.error.FFmpegError, OSError) as error:
                failures += 1
                self.errors.append(f"reading: {_reason(error)}")

    def decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """Pictures that come out when a packet goes in; none, and an entry in `errors`, if it is damaged."""
        try:
            return self.stream.codec_context.decode(packet if packet.size else None)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.errors.append(f"decoding: {_reason(error)}")
            return []

    def close(self) -> None:
        """Close the file."""
        self._container.close()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def x264_options(stream: VideoStream, first_packet: bytes) -> dict[str, str]:
    """Decoder options for 4:4:4 H.264 by x264 before build 151.

    Those builds coded 4:4:4 in their own way; the decoder learns the build from a message in the first packet
    and forgets it on every seek, after which pictures are garbage unless it is told.
    """
    context = stream.codec_context
    if context.name != "h264" or "444" not in (context.pix_fmt or ""):
        return {}
    found = re.search(rb"x264 - core (\d+)", (context.extradata or b"") + first_packet[:65536])
    if found is None or int(found[1]) >= 151:
        return {}
    return {"x264_build": found[1].decode()}
