"""Figures of a program on a terminal, taken with the keys that both programs know."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leaptui.bench.drive import Driven
from leaptui.bench.encoders import Encoded
from leaptui.bench.updates import Arrivals

NUDGE, SELECT, TYPICAL, HARDEST = b"\x1b[C", b"s", b"t", b"h"
STEP, CLOSER, FARTHER, MARKS, WHOLE = b"n", b"+", b"-", b"m", b"f"
STEPS = 4
"""Frames stepped through, and zoom steps."""


@dataclass(frozen=True)
class Spread:
    """Of several values; None without any."""

    median: float | None
    p90: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Median, and the value that nine in ten do not exceed."""
        if not values:
            return cls(None, None, 0)
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))], len(ordered))


@dataclass(frozen=True)
class Cost:
    """Medians: bytes, and milliseconds from the key to the last byte."""

    n_bytes: float | None
    ms: float | None


@dataclass(frozen=True)
class Repeats:
    """A key held down.

    Args:
        keys: how often it was pressed.
        changes: how many of them change the picture; in cells of text, not every pixel does.
        shown: updates that arrived with the point at a new place; see `updates`.
        lag_ms: from the last key to the last byte of the last of them; None without any.
        settled_ms: from the last key to the last byte of all.
        n_bytes: all.
    """

    keys: int
    changes: int
    shown: int
    lag_ms: float | None
    settled_ms: float | None
    n_bytes: int

    @classmethod
    def of(cls, arrivals: Arrivals, updates: Sequence[float], changes: int) -> Repeats:
        """From what arrived."""
        last = arrivals.keys[-1]
        return cls(
            len(arrivals.keys),
            changes,
            min(len(updates), changes),
            (updates[-1] - last) * 1e3 if updates else None,
            (arrivals.arrived[-1][0] - last) * 1e3 if arrivals.arrived else None,
            len(arrivals.data),
        )


@dataclass(frozen=True)
class Figures:
    """Of one program on one terminal.

    Args:
        nudge_bytes: of the nudges that changed the picture, one of each point in turn.
        nudge_ms: from the key to the last byte.
        unchanged: nudges that changed nothing.
        repeats: of the typical point, as fast as it goes.
        repeats_slow: over a slow line.
        hardest_slow: the same with the point that has the longest edges; None where all points cost the same.
        redraw: the whole screen again; None where there is no such key.
        step, zoom: another frame, and the same frame closer, with its points.
        step_picture, zoom_picture: without points.
        encoder: the encoder alone.
    """

    nudge_bytes: Spread
    nudge_ms: Spread
    unchanged: int
    repeats: Repeats
    repeats_slow: Repeats
    hardest_slow: Repeats | None
    redraw: Cost | None
    step: Cost
    zoom: Cost
    step_picture: Cost
    zoom_picture: Cost
    encoder: Encoded


@dataclass(frozen=True)
class Protocol:
    """Figures of a protocol.

    Args:
        name: of the protocol.
        has_pixels: rather than characters.
        ours: leaptui's.
        textual_image: textual-image's; None if it is not installed or has nothing alike.
        compared_with: which of its widgets; None if it has nothing alike.
    """

    name: str
    has_pixels: bool
    ours: Figures
    textual_image: Figures | None
    compared_with: str | None


def take(
    start: Callable[[float | None], Driven],
    updates: Callable[[Arrivals], list[float]],
    encoder: Encoded,
    *,
    nudges: int,
    repeats: int,
    changes: tuple[int, int],
    slow: float,
    is_ours: bool,
) -> Figures:
    """Drive a program and take its figures.

    Args:
        start: runs the program on a line of a rate in bytes a second, or any.
        updates: tells what of its bytes was a new picture.
        encoder: figures of its encoder.
        nudges: how many points to nudge once each.
        repeats: how often to repeat the key.
        changes: how many of these repeats change the picture, of the typical and of the hardest point.
        slow: rate of the slow line.
        is_ours: the program redraws on a key, and some points cost it more than others.
    """
    with start(None) as program:
        program.await_start()
        answers = []
        for _ in range(nudges):
            program.press(SELECT)
            answers.append(program.press(NUDGE))
        zoom, step = _cost(program, CLOSER, FARTHER), _cost(program, STEP)
        redraw = _cost(program, WHOLE) if is_ours else None
    with start(None) as program:
        program.await_start()
        program.press(TYPICAL)
        fast = program.repeat(NUDGE, repeats)
        program.press(MARKS)
        zoom_picture, step_picture = _cost(program, CLOSER, FARTHER), _cost(program, STEP)
    with start(slow) as program:
        program.await_start(2.0)
        program.press(TYPICAL)
        slowly = program.repeat(NUDGE, repeats)
        program.press(HARDEST)
        hardest = program.repeat(NUDGE, repeats) if is_ours else None
    changed = [answer for answer in answers if answer.n_bytes]
    return Figures(
        nudge_bytes=Spread.of([answer.n_bytes for answer in changed]),
        nudge_ms=Spread.of([answer.last for answer in changed if answer.last is not None]),
        unchanged=len(answers) - len(changed),
        repeats=Repeats.of(fast, updates(fast), changes[0]),
        repeats_slow=Repeats.of(slowly, updates(slowly), changes[0]),
        hardest_slow=None if hardest is None else Repeats.of(hardest, updates(hardest), changes[1]),
        redraw=redraw,
        step=step,
        zoom=zoom,
        step_picture=step_picture,
        zoom_picture=zoom_picture,
        encoder=encoder,
    )


def _cost(program: Driven, key: bytes, way_back: bytes | None = None) -> Cost:
    """Medians of a key, pressed several times; after all of them, the way back."""
    answers = [program.press(key) for _ in range(STEPS)]
    if way_back is not None:
        for _ in answers:
            program.press(way_back)
    last = Spread.of([answer.last for answer in answers if answer.last is not None])
    return Cost(Spread.of([answer.n_bytes for answer in answers]).median, last.median)
