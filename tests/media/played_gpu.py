"""A GPU that decodes, played by the cores."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from av.codec import Codec
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from leaptui.errors import UnusableInput
from leaptui.media import decoder, nvdec
from leaptui.media.demux import PacketStream

Spoil = Callable[[VideoFrame], VideoFrame | None]


class Accelerator:
    """Stands for a GPU."""

    def __init__(self, kind: str, device: str, allow_software_fallback: bool) -> None:
        assert (kind, device, allow_software_fallback) == ("cuda", "0", False)

    def create(self, codec: Codec) -> None:
        """There is a GPU."""


class PlayedGpu:
    """Decodes on the cores, and hands pictures over in a GPU's format, from its making to the end of the patch.

    `spoil` may change or drop pictures, `opens` false makes it refuse, `cores_delay` is added to each packet that the
    cores decode without it; `decoded` counts the pictures it gave.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spoil: Spoil = lambda frame: frame
        self.opens = True
        self.cores_delay = 0.0
        self.decoded = 0
        player, scaler = self, VideoReformatter()

        class Stream(PacketStream):
            def __init__(self, *args: Any) -> None:
                *plain, accelerator = args
                self.on_gpu = isinstance(accelerator, Accelerator)
                if self.on_gpu and not player.opens:
                    raise UnusableInput("The GPU is gone.")
                super().__init__(*plain)

            def decode(self, packet: Packet[Any]) -> list[VideoFrame]:
                frames = super().decode(packet)
                if not self.on_gpu:
                    time.sleep(player.cores_delay)
                    return frames
                player.decoded += len(frames)
                given = [player.spoil(scaler.reformat(frame, format="nv12")) for frame in frames]
                return [frame for frame in given if frame is not None]

        monkeypatch.setattr(decoder, "PacketStream", Stream)
        monkeypatch.setattr(nvdec, "HWAccel", Accelerator)
        monkeypatch.setattr(nvdec, "hwdevices_available", lambda: ["cuda"])
        monkeypatch.setattr(nvdec, "WORTH_BYTES", 0)
