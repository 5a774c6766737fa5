"""What is wanted of the figures, and whether they are that good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leaptui.bench.figures import Figures, Protocol

SIXEL, SIXEL_CELLS, KITTY = "sixel", "sixel-cells", "kitty"

_MOST_BYTES = {KITTY: 350, SIXEL: 700, SIXEL_CELLS: 3000}
_MOST_BYTES_OF_TEXT = 200
_LEAST_RATIO = {KITTY: 450, SIXEL: 85}


@dataclass(frozen=True)
class Goal:
    """One thing that is wanted.

    Args:
        protocol: of which protocol.
        what: in words, with the unit.
        limit: what the value may be at most, or has to be at least.
        at_least: which of the two.
        value: measured; None if there was nothing to measure or compare with.
    """

    protocol: str
    what: str
    limit: float
    at_least: bool
    value: float | None

    @property
    def met(self) -> bool | None:
        """Whether the value is that good; None without one."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def goals(measured: Protocol) -> list[Goal]:
    """What is wanted of a protocol."""
    return [*_of_nudges(measured), *_of_repeats(measured), *_of_pictures(measured)]


def ratios(measured: Protocol) -> dict[str, float | None]:
    """How many times less leaptui needs than textual-image."""
    ours, theirs = measured.ours, measured.textual_image

    def ratio(of: Callable[[Figures], float | None]) -> float | None:
        if theirs is None:
            return None
        less, more = of(ours), of(theirs)
        return None if less is None or more is None or less <= 0 else more / less

    return {
        "nudge_bytes": ratio(lambda f: f.nudge_bytes.median),
        "key_to_last_byte": ratio(lambda f: f.nudge_ms.median),
        "step_bytes": ratio(lambda f: f.step.n_bytes),
        "step_ms": ratio(lambda f: f.step.ms),
        "zoom_bytes": ratio(lambda f: f.zoom.n_bytes),
        "zoom_ms": ratio(lambda f: f.zoom.ms),
        "step_picture_bytes": ratio(lambda f: f.step_picture.n_bytes),
        "zoom_picture_bytes": ratio(lambda f: f.zoom_picture.n_bytes),
        "encoder_ms": ratio(lambda f: f.encoder.ms),
        "encoder_bytes": ratio(lambda f: f.encoder.n_bytes),
    }


def _of_nudges(measured: Protocol) -> Iterator[Goal]:
    name, ours, ratio = measured.name, measured.ours, ratios(measured)
    most = _MOST_BYTES.get(name) if measured.has_pixels else _MOST_BYTES_OF_TEXT
    if most is not None:
        yield Goal(name, "bytes a nudge, median", most, False, ours.nudge_bytes.median)
    if name in _LEAST_RATIO:
        yield Goal(name, "times fewer bytes a nudge", _LEAST_RATIO[name], True, ratio["nudge_bytes"])
    if measured.compared_with is not None:
        yield Goal(name, "times sooner from key to last byte", 8, True, ratio["key_to_last_byte"])


def _of_repeats(measured: Protocol) -> Iterator[Goal]:
    name, fast, slow = measured.name, measured.ours.repeats, measured.ours.repeats_slow
    yield Goal(name, "repeats shown at full speed", fast.changes, True, fast.shown)
    yield Goal(name, "repeats shown at 64 kB/s", slow.changes, True, slow.shown)
    yield Goal(name, "ms after the last key at 64 kB/s", 50, False, slow.lag_ms)


def _of_pictures(measured: Protocol) -> Iterator[Goal]:
    name, ours, theirs = measured.name, measured.ours, measured.textual_image
    if name == KITTY:
        yield Goal(name, "bytes a frame step, the picture", 12_000, False, ours.step_picture.n_bytes)
        yield Goal(name, "bytes a zoom step, the picture", 100, False, ours.zoom_picture.n_bytes)
    if name == SIXEL:
        yield Goal(name, "times faster full frame, the encoder", 4, True, ratios(measured)["encoder_ms"])
        limit = theirs.encoder.psnr if theirs is not None else None
        value = None if limit is None else ours.encoder.psnr
        yield Goal(name, "dB of the full frame, against textual-image's", limit or 0.0, True, value)
