"""A run in a few lines of text, from the same picture that the screens show."""

from __future__ import annotations

from collections.abc import Sequence

from leaptui.cli.text_plot import Row, Trace, plot
from leaptui.tui.run_picture import EpochPoint, Gauge, GpuGauge, RunPicture, Waiting
from leaptui.words import duration, error_text, figure, plural, shortened, visible

_STATES = {
    "queued": "warn",
    "starting": "busy",
    "running": "good",
    "stopping": "warn",
    "finished": "good",
    "stopped": "warn",
    "failed": "bad",
    "broken": "bad",
    "stale": "warn",
}
_BAR = 24
_CURVE_ROWS = 9
_FEWEST_CURVE_ROWS = 4
_LOG_LINES = 3
_METRICS = 6
_WIDEST = 120


def attach_lines(picture: RunPicture, width: int, height: int, *, hint: str = "", unicode: bool = True) -> list[Row]:
    """The run in at most `height` lines; what is written last is shown where there is room.

    Args:
        picture: the run as it is now.
        width, height: of the place for it.
        hint: what the keys do.
        unicode: whether the output can show more than ASCII.
    """
    width = min(width, _WIDEST)
    above = [_title(picture, width), *_waiting(picture), *_progress(picture, width, unicode)]
    below = [*_errors(picture), *_metrics(picture), *_gauges(picture)]
    log = _log(picture)
    last: list[Row] = [[(hint, "dim")]] if hint else []
    room = height - len(above) - len(below) - len(log) - len(last)
    if room < _FEWEST_CURVE_ROWS:
        room += len(log)
        log = []
    curve = _curve(picture, width, min(room, _CURVE_ROWS), unicode) if room >= _FEWEST_CURVE_ROWS else []
    rows = [*above, *curve, *below, *log]
    return [*rows[: max(height - len(last), 1)], *last][: max(height, 1)]


def progress_words(picture: RunPicture) -> str:
    """Where the run is, in words: epoch or count, loss, rate, time left."""
    parts: list[str] = []
    epochs = picture.plan.get("epochs")
    if picture.epoch is not None:
        parts.append(f"epoch {picture.epoch}" + (f"/{epochs}" if epochs else ""))
    elif picture.epochs:
        parts.append(f"epoch {picture.epochs[-1].epoch}" + (f"/{epochs}" if epochs else ""))
    progress = picture.progress
    if progress is not None:
        total = f" of {progress.total:,.0f}" if progress.total else ""
        named = "" if progress.label == progress.unit else f"{progress.label}  "
        parts.append(f"{named}{progress.done:,.0f}{total} {progress.unit}".strip())
    if picture.steps:
        parts.append(f"loss {figure(picture.steps[-1][1])}")
    if picture.rate is not None:
        parts.append(f"{figure(picture.rate)} samples/s")
    elif progress is not None and progress.rate:
        parts.append(f"{figure(progress.rate)}/s")
    if picture.eta is not None and not picture.is_final:
        parts.append(f"{duration(picture.eta)} left")
    return "  ".join(visible(part) for part in parts)


def waiting_words(waiting: Waiting) -> str:
    """The place in the queue, and why it waits; the reason may name the place itself."""
    if " in the queue" in waiting.reason:
        return waiting.reason
    return f"place {waiting.place} in the queue: {waiting.reason}"


def epoch_line(point: EpochPoint, epochs: object = None) -> str:
    """One epoch as a line."""
    parts = [f"epoch {point.epoch}" + (f"/{epochs}" if epochs else "")]
    for value, label in ((point.train_loss, "train loss"), (point.val_loss, "val loss")):
        if value is not None:
            parts.append(f"{label} {value:.4f}")
    if point.val_error_px is not None:
        parts.append(f"val error {error_text(point.val_error_px, point.val_error_body)}")
    if point.best:
        parts.append("best")
    return "  ".join(parts)


def title(picture: RunPicture) -> str:
    """What kind of run it is, in a word or two."""
    return picture.foreign or picture.operation or "run"


def _title(picture: RunPicture, width: int) -> Row:
    row: Row = [(visible(title(picture)), "bold"), (" · ", "dim"), (picture.state, _STATES.get(picture.state, ""))]
    if picture.attempt > 1:
        row.append((f" (attempt {picture.attempt})", "dim"))
    if picture.elapsed is not None:
        row.append((f" · {duration(picture.elapsed)}", "dim"))
    if not picture.here and picture.host:
        row.append((f" · on {visible(picture.host)}", "dim"))
    used = sum(len(text) for text, _ in row) + 3
    if width - used >= 12:
        row.append((f" · {shortened(visible(picture.path.name), width - used)}", "dim"))
    return row


def _waiting(picture: RunPicture) -> list[Row]:
    found: list[Row] = []
    if picture.waiting is not None:
        found.append([(visible(waiting_words(picture.waiting)), "warn")])
    elif picture.reason and not (picture.state == "failed" and picture.error is not None):
        found.append([(visible(picture.reason), _STATES.get(picture.state, ""))])
    if picture.error is not None:
        found.append([(visible(picture.error.what), "bad")])
    found += [[(visible(problem), "warn")] for problem in picture.problems[:2]]
    return found


def _progress(picture: RunPicture, width: int, unicode: bool) -> list[Row]:
    words = progress_words(picture)
    share = picture.fraction
    if share is None:
        return [[(words, "")]] if words else []
    bar = max(min(_BAR, width - len(words) - 8), 6)
    full = round(share * bar)
    done, left = ("━", "─") if unicode else ("#", "-")
    row: Row = [(done * full, "good"), (left * (bar - full), "dim"), (f" {100 * share:3.0f} %", "")]
    return [[*row, (f"  {words}", "")] if words else row]


def _curve(picture: RunPicture, width: int, height: int, unicode: bool) -> list[Row]:
    each = picture.plan.get("steps_per_epoch")
    by_epoch = isinstance(each, int | float) and each > 0
    scale = float(each) if by_epoch and isinstance(each, int | float) else 1.0
    training = [(step / scale, loss) for step, loss in picture.steps]
    is_by_epoch = by_epoch or not training
    if not training:
        training = [(float(p.epoch), p.train_loss) for p in picture.epochs if p.train_loss is not None]
    validation = [(float(p.epoch), p.val_loss) for p in picture.epochs if p.val_loss is not None]
    if training and not is_by_epoch:
        validation = [(float(p.step), p.val_loss) for p in picture.epochs if p.val_loss and p.step is not None]
    rows = plot([Trace(training, "train"), Trace(validation, "val")], width, height - 1, unicode=unicode)
    if not rows:
        return []
    heading: Row = [("loss by epoch" if is_by_epoch else "loss by step", "dim")]
    heading += [("  training", "train")] if training else []
    heading += [("  validation", "val")] if validation else []
    return [heading, *rows]


def _errors(picture: RunPicture) -> list[Row]:
    measured = [point for point in picture.epochs if point.val_error_px is not None]
    best = picture.best
    if measured:
        newest = measured[-1]
        row: Row = [("val error ", "dim"), (error_text(newest.val_error_px, newest.val_error_body), "")]
        if best is not None and best.val_error_px is not None:
            row.append((f"  best {error_text(best.val_error_px, best.val_error_body)} at epoch {best.epoch}", "good"))
        return [row]
    losses = [point for point in picture.epochs if point.val_loss is not None]
    if not losses:
        return []
    row = [("val loss ", "dim"), (figure(losses[-1].val_loss), "")]
    if best is not None and best.val_loss is not None:
        row.append((f"  lowest {figure(best.val_loss)} at epoch {best.epoch}", "good"))
    return [row]


def _metrics(picture: RunPicture) -> list[Row]:
    """The newest values: the learning rate, and all the rest where another program names them."""
    if picture.foreign is None:
        return [[("learning rate ", "dim"), (figure(picture.rates[-1][1]), "")]] if picture.rates else []
    row: Row = []
    for name in list(picture.metrics)[:_METRICS]:
        points = picture.metrics[name]
        if points:
            row += [(f"{shortened(visible(name), 24)} ", "dim"), (f"{figure(points[-1][1])}  ", "")]
    left = len(picture.metrics) - _METRICS
    if left > 0:
        row.append((f"and {plural(left, 'more metric')}", "dim"))
    return [row] if row else []


def _gauges(picture: RunPicture) -> list[Row]:
    if not picture.gauges or picture.is_final:
        return []
    gauge = picture.gauges[-1]
    rows = [_gpu(gpu) for gpu in gauge.gpus[:2]]
    host = _host(gauge)
    return [*rows, host] if host else rows


def _gpu(gpu: GpuGauge) -> Row:
    parts = [
        None if gpu.use is None else f"{100 * gpu.use:.0f} %",
        _memory(gpu.memory, gpu.memory_total),
        None if gpu.temperature_c is None else f"{gpu.temperature_c:.0f} °C",
        None if gpu.power_w is None else f"{gpu.power_w:.0f} W",
        None if not gpu.others else plural(gpu.others, "other process").replace("processs", "processes"),
    ]
    return [(f"GPU {gpu.index} {visible(gpu.name)}  ", "dim"), ("  ".join(part for part in parts if part), "")]


def _host(gauge: Gauge) -> Row:
    parts = [
        None if gauge.cpu is None else f"{100 * gauge.cpu:.0f} %",
        None if gauge.process_cpu is None else f"{gauge.process_cpu:.1f} cores by the run",
        _memory(gauge.memory, gauge.memory_total),
    ]
    said = "  ".join(part for part in parts if part)
    return [("CPU  ", "dim"), (said, "")] if said else []


def _memory(used: int | None, total: int | None) -> str | None:
    if used is None:
        return None
    return f"{used / 1e9:.1f}" + (f" of {total / 1e9:.0f} GB" if total else " GB")


def _log(picture: RunPicture) -> list[Row]:
    styles = {"warning": "warn", "error": "bad"}
    lines: Sequence[Row] = [
        [(visible(line.message), styles.get(line.level, "dim"))] for line in list(picture.log)[-_LOG_LINES:]
    ]
    return list(lines)
