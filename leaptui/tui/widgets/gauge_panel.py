"""GaugePanel: what the host of a run is doing: processors, memory and GPUs, with a short history of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from textual.strip import Strip

from leaptui.tui.run_picture import Gauge, GpuGauge
from leaptui.tui.widgets.cell_panel import CellPanel, spark
from leaptui.words import ago, duration, visible

_GIB = 1 << 30
_LABEL, _VALUE, _GAP = 6, 14, 2
_ONE_COLUMN, _TWO_COLUMNS = 82, 166
"""Widths up to which meters stand below each other, and in two columns; four beyond."""
_WITH_HISTORY = 40
_OLD = 60.0
"""Seconds after which it is said how old the newest gauge is."""
_HOTTEST = 100.0


@dataclass(frozen=True)
class _Meter:
    """One thing that is measured: how much of it there is in words and as a share, now and before."""

    label: str
    value: str
    share: float | None
    history: Sequence[float | None]
    token: str = "primary"


class GaugePanel(CellPanel):
    """Bars and histories, as many as there is room for; without any gauge words that say so.

    Args:
        clock: wall time.
        id, classes: as for every widget.
    """

    DEFAULT_CSS = """
    GaugePanel { height: 1fr; }
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.time, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._gauges: Sequence[Gauge] = ()
        self._host = ""
        self._seen: tuple[float, float] | None = None
        self._clock = clock
        self._nothing = ""

    def show(self, gauges: Sequence[Gauge], host: str | None = None, *, nothing: str = "") -> None:
        """Show the newest gauge and what came before.

        Args:
            gauges: oldest first.
            host: where they were measured.
            nothing: why there is none, in words.
        """
        newest = gauges[-1].t if gauges else None
        if newest is not None and self._gauges and newest != self._gauges[-1].t:
            # Clocks of two hosts differ, so from now on only this one is asked.
            self._seen = (newest, self._clock())
        self._gauges, self._host, self._nothing = gauges, host or "", nothing
        self.redraw()

    @property
    def height_wanted(self) -> int:
        """Rows that show everything in the width there is now."""
        return len(self._full(max(self.size.width, 1)))

    def lines(self, width: int, height: int) -> list[Strip]:
        if not self._gauges:
            words = "no gauges: " + (self._nothing or "nothing was measured yet")
            return [Strip([Segment(visible(words)[:width], self.token("quiet"))])]
        full = self._full(width)
        return full if len(full) <= height else self._small(width, height)

    def _full(self, width: int) -> list[Strip]:
        if not self._gauges:
            return [Strip([])]
        columns = 1 if width < _ONE_COLUMN else 2 if width < _TWO_COLUMNS else 4
        newest = self._gauges[-1]
        found = [self._head(width, columns), *self._rows(self._host_meters(), width, columns)]
        run = self._run_words(newest)
        if run:
            found.append(self._words(run, width))
        for gpu in newest.gpus:
            found.append(self._gpu_head(gpu, width))
            found += self._rows(self._gpu_meters(gpu), width, columns)
        if not newest.gpus:
            found.append(self._words("no GPU", width))
        return found

    def _small(self, width: int, height: int) -> list[Strip]:
        """One line for the host and one for each GPU."""
        newest = self._gauges[-1]
        cpu, memory = self._host_meters()
        found = [self._head(width, 1)] if height > len(newest.gpus) + 1 else []
        found.append(self._line("CPU", cpu, [cpu.value, memory.value, self._run_words(newest)], width))
        for gpu in newest.gpus:
            use, *others = self._gpu_meters(gpu)
            more = [f"+{gpu.others}"] if gpu.others else []
            found.append(self._line(f"GPU {gpu.index}", use, [use.value, *(m.value for m in others), *more], width))
        if len(found) > height:
            hidden = len(found) - height + 1
            found[height - 1 :] = [self._words(f"… {hidden} more", width)]
        return found

    def _line(self, label: str, meter: _Meter, values: Sequence[str], width: int) -> Strip:
        head = f"{label:<{_LABEL}}"
        text = ""
        for value in values:
            if value and len(head) + len(text) + len(value) + 8 <= width:
                text += "  " + value if text else value
        bar = max(min(width - len(head) - len(text) - 1, 20), 0)
        return Strip(
            [
                Segment(head, self.token("quiet")),
                *self.bar(meter.share, bar, meter.token),
                Segment(f" {text}", self.rich_style),
            ]
        )

    def _head(self, width: int, columns: int) -> Strip:
        newest = self._gauges[-1]
        room = (width - _GAP * (columns - 1)) // columns
        parts = [visible(self._host)] if self._host else []
        cells = _history_width(room)
        if cells and len(self._gauges) > 1:
            span = newest.t - self._gauges[-min(cells, len(self._gauges))].t
            parts.append(f"the last {duration(round(span / 10) * 10 if span < 300 else round(span / 60) * 60)}")
        now = self._clock()
        age = now - (self._seen[1] if self._seen is not None and self._seen[0] == newest.t else newest.t)
        if age >= _OLD:
            parts.append(ago(now - age, now))
        return self._words(" · ".join(parts) or "this host", width)

    def _words(self, text: str, width: int) -> Strip:
        return Strip([Segment(text[:width], self.token("quiet"))])

    def _gpu_head(self, gpu: GpuGauge, width: int) -> Strip:
        others = "" if not gpu.others else f"{gpu.others} other process{'' if gpu.others == 1 else 'es'}"
        if len(others) + 12 > width:
            others = f"+{gpu.others}"
        name = f"GPU {gpu.index}  {visible(gpu.name)}"[: width - len(others) - 1]
        return Strip(
            [
                Segment(name.ljust(width - len(others)), self.rich_style),
                Segment(others, self.token("warning")),
            ]
        )

    def _rows(self, meters: Sequence[_Meter], width: int, columns: int) -> list[Strip]:
        room = (width - _GAP * (columns - 1)) // columns
        gap = Segment(" " * _GAP, self.rich_style)
        found = []
        for start in range(0, len(meters), columns):
            segments: list[Segment] = []
            for meter in meters[start : start + columns]:
                segments += [*([gap] if segments else []), *self._meter(meter, room)]
            found.append(Strip(segments))
        return found

    def _meter(self, meter: _Meter, width: int) -> list[Segment]:
        cells = _history_width(width)
        bar = max(width - _LABEL - _VALUE - (cells + 1 if cells else 0) - 1, 0)
        found = [Segment(meter.label.ljust(_LABEL), self.token("quiet")), *self.bar(meter.share, bar, meter.token)]
        found.append(Segment(f" {meter.value:>{_VALUE}}", self.rich_style))
        if cells:
            found.append(Segment(f" {spark(meter.history, cells)}", self.token(meter.token)))
        return found

    def _host_meters(self) -> list[_Meter]:
        newest = self._gauges[-1]
        memory = [_share(g.memory, g.memory_total) for g in self._gauges]
        return [
            _Meter("CPU", _percent(newest.cpu), newest.cpu, [g.cpu for g in self._gauges]),
            _Meter("mem", _of(newest.memory, newest.memory_total), memory[-1], memory, _strain(memory[-1])),
        ]

    def _run_words(self, gauge: Gauge) -> str:
        parts = [] if gauge.process_cpu is None else [f"{gauge.process_cpu:.1f} cores"]
        parts += [] if gauge.process_memory is None else [f"{gauge.process_memory / _GIB:.1f} GiB"]
        return "this run " + ", ".join(parts) if parts else ""

    def _gpu_meters(self, gpu: GpuGauge) -> list[_Meter]:
        past = [next((g for g in gauge.gpus if g.index == gpu.index), None) for gauge in self._gauges]

        def history(of: Callable[[GpuGauge], float | None]) -> list[float | None]:
            return [None if g is None else of(g) for g in past]

        memory, heat = _share(gpu.memory, gpu.memory_total), _heat(gpu)
        heat_token = "error" if (heat or 0) >= 0.9 else "warning" if (heat or 0) >= 0.8 else "primary"
        limit = "" if gpu.power_limit_w is None else f"/{gpu.power_limit_w:.0f}"
        power = "–" if gpu.power_w is None else f"{gpu.power_w:.0f}{limit} W"
        degrees = "–" if gpu.temperature_c is None else f"{gpu.temperature_c:.0f} °C"
        return [
            _Meter("use", _percent(gpu.use), gpu.use, history(lambda g: g.use)),
            _Meter(
                "mem",
                _of(gpu.memory, gpu.memory_total),
                memory,
                history(lambda g: _share(g.memory, g.memory_total)),
                _strain(memory),
            ),
            _Meter("temp", degrees, heat, history(_heat), heat_token),
            _Meter("power", power, _power(gpu), history(_power)),
        ]


def _history_width(width: int) -> int:
    """Columns of a meter that show its history."""
    return 0 if width < _WITH_HISTORY else (width - _LABEL - _VALUE - 2) * 3 // 5


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def _heat(gpu: GpuGauge) -> float | None:
    return _share(gpu.temperature_c, _HOTTEST)


def _power(gpu: GpuGauge) -> float | None:
    return _share(gpu.power_w, gpu.power_limit_w)


def _strain(share: float | None) -> str:
    """Colour of memory: it is what ends runs."""
    return "primary" if share is None or share < 0.9 else "warning" if share < 0.97 else "error"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _of(part: float | None, whole: float | None) -> str:
    if part is None:
        return "–"
    return f"{part / _GIB:.1f}" + (" GiB" if whole is None else f"/{whole / _GIB:.1f} GiB")
