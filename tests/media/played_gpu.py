"""A GPU that decodes, played by the cores."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from av.codec import Codec
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

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

    `spoil` may change or drop pictures, an error in `refusal` is raised instead of opening; `decoded` counts the pictures
    it gave. Trials go by a clock of its own, which every picture moves: `seconds` by one of the GPU, 1 by one of the cores.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spoil: Spoil = lambda frame: frame
        self.refusal: Exception | None = None
        self.seconds = 0.1
        self.decoded = 0
        self._clock = 0.0
        player, scaler = self, VideoReformatter()

        class Stream(PacketStream):
            def __init__(self, *args: Any) -> None:
                *plain, accelerator = args
                self.on_gpu = isinstance(accelerator, Accelerator)
                if self.on_gpu and player.refusal is not None:
                    raise player.refusal
                super().__init__(*plain)

            def decode(self, packet: Packet[Any]) -> list[VideoFrame]:
                frames = super().decode(packet)
                player.pass_time(len(frames) * (player.seconds if self.on_gpu else 1.0))
                if not self.on_gpu:
                    return frames
                player.decoded += len(frames)
                given = [player.spoil(scaler.reformat(frame, format="nv12")) for frame in frames]
                return [frame for frame in given if frame is not None]

        monkeypatch.setattr(decoder, "PacketStream", Stream)
        monkeypatch.setattr(nvdec, "HWAccel", Accelerator)
        monkeypatch.setattr(nvdec, "hwdevices_available", lambda: ["cuda"])
        monkeypatch.setattr(nvdec, "WORTH_BYTES", 0)
        monkeypatch.setattr(nvdec, "_TRIAL_S", 1000.0)
        monkeypatch.setattr(nvdec, "time", SimpleNamespace(perf_counter=lambda: self._clock))

    def pass_time(self, seconds: float) -> None:
        """Move the clock."""
        self._clock += seconds
