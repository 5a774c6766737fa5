"""How frames are to be computed, as plain JSON: made once, recorded, and made again from the record."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from leaptui.errors import UnusableInput

BACKENDS = ("auto", "torch", "openvino", "onnxruntime")
"""Names that can be asked for."""
PRECISIONS = ("auto", "32", "bf16", "16", "int8")
"""Precisions that prediction can be asked for; 32, bf16 and 16 are floats."""


@dataclass(frozen=True)
class Plan:
    """One way to compute, complete: a backend made from it gives the same points on the same machine.

    Args:
        backend: "torch", "openvino" or "onnxruntime".
        precision: "32", "bf16", "16" or "int8".
        device: as torch names it.
        height, width: of the frames.
        batch, streams, threads: see `leaptui.nn.backends.base.Backend`; threads over all streams.
        compiled: whether torch compiles the graph.
        ranges, kept: of int8, see `leaptui.nn.backends.quantise`.
        versions: of what computes.
        shift: how far points lie from float32 on the user's frames, see `leaptui.nn.backends.tolerance`.
        tried: frames a second, shift and verdict of everything that was tried.
    """

    backend: str
    precision: str
    device: str
    height: int
    width: int
    batch: int
    streams: int
    threads: int
    compiled: bool = False
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    shift: Mapping[str, Any] | None = None
    tried: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Plan:
        """Read the plain form; what is unknown is ignored.

        Raises:
            UnusableInput: if something is missing or makes no sense.
        """
        try:
            numbers = {name: int(plain[name]) for name in ("height", "width", "batch", "streams", "threads")}
            made = cls(
                backend=str(plain["backend"]),
                precision=str(plain["precision"]),
                device=str(plain["device"]),
                compiled=bool(plain["compiled"]),
                ranges={str(k): (float(v[0]), float(v[1])) for k, v in dict(plain["ranges"]).items()},
                kept=tuple(str(name) for name in plain["kept"]),
                versions={str(k): str(v) for k, v in dict(plain["versions"]).items()},
                shift=None if plain["shift"] is None else dict(plain["shift"]),
                tried=tuple(dict(entry) for entry in plain["tried"]),
                **numbers,
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UnusableInput(f"the record of how frames were computed is incomplete ({error})") from error
        known = made.backend in BACKENDS[1:] and made.precision in PRECISIONS[1:]
        if not known or min(numbers.values()) < 1 or made.streams > made.threads:
            raise UnusableInput("the record of how frames were computed makes no sense")
        return made

    def identity(self) -> dict[str, Any]:
        """What decides the points to the last bit: two plans that agree in it write the same file."""
        plain = self.to_dict()
        # How many batches run side by side changes none of them; how many cores share one does.
        threads_a_stream = self.threads // self.streams
        left_out = ("shift", "tried", "streams", "threads")
        return {k: v for k, v in plain.items() if k not in left_out} | {"threads_a_stream": threads_a_stream}

    def words(self) -> str:
        """Such as "OpenVINO int8, 16 frames a batch, 2 at a time"."""
        title = {"torch": "torch", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}[self.backend]
        precision = "fp32" if self.precision == "32" else "fp16" if self.precision == "16" else self.precision
        return f"{title}{' compiled' if self.compiled else ''} {precision}, {self.batch} frames a batch" + (
            f", {self.streams} at a time" if self.streams > 1 else ""
        )

    def summary(self) -> str:
        """What was chosen and why, in one line."""
        text = f"computing with {self.words()}"
        if self.shift is not None and self.precision != "32":
            text += f"; points {self.shift['rms_px']:.3f} px from fp32 ({self.shift['allowed_rms_px']:.3f} allowed)"
        rates = [
            f"{t['backend']} {t['precision']} {t['frames_per_s']:,.0f}" + ("" if t["usable"] else " (too inexact)")
            for t in self.tried
        ]
        return text + (f"; frames/s when tried: {', '.join(rates)}" if len(rates) > 1 else "")


_PACKAGES = {"torch": ("torch",), "openvino": ("torch", "openvino"), "onnxruntime": ("torch", "onnxruntime", "onnx")}


def installed(backend: str) -> bool:
    """Whether what a backend needs is there; nothing is loaded."""
    needed = {"torch": ("torch",), "openvino": ("openvino",), "onnxruntime": ("onnxruntime", "onnx", "onnxscript")}
    return all(importlib.util.find_spec(name) is not None for name in needed[backend])


def versions(backend: str) -> dict[str, str]:
    """Of the packages that a backend computes with."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES[backend]}
