"""Which curves and marks each panel of a run draws: plain values made from a RunPicture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaptui.tui.run_picture import EpochPoint, RunPicture
from leaptui.tui.widgets.curve_drawing import Across, Mark, Series

_KINDS = {"best": "best checkpoint", "last": "last checkpoint", "asked": "checkpoint asked for"}


@dataclass(frozen=True)
class Drawing:
    """What a panel draws.

    Args:
        series: its curves.
        marks: what happened.
        across: what the x axis counts.
        log: only a logarithmic axis does it justice.
    """

    series: tuple[Series, ...]
    marks: tuple[Mark, ...]
    across: Across
    log: bool = False


class RunCurves:
    """The curves of one look.

    Args:
        picture: the run.
        by_step: count steps where both can be counted.
    """

    def __init__(self, picture: RunPicture, *, by_step: bool = False) -> None:
        self._picture = picture
        each = picture.plan.get("steps_per_epoch")
        self._each = float(each) if isinstance(each, int | float) and each > 0 else None
        self._by_step = by_step or (self._each is None and bool(picture.steps))
        if self._each is None:
            self.across = Across("step" if self._by_step else "epoch")
        elif self._by_step:
            self.across = Across("step", "epoch", 1 / self._each)
        else:
            self.across = Across("epoch", "step", self._each)

    def loss(self) -> Drawing:
        """Training and validation loss."""
        points = self._by_steps(self._picture.steps)
        if not points:
            points = self._epochs("train_loss")
        validation = self._epochs("val_loss")
        series = [
            Series("training", "curve-train", points, smooth=True),
            Series("validation", "curve-validation", validation, dots=_are_few(validation)),
        ]
        best = self._picture.best
        marks = list(self._events())
        if best is not None and best.val_loss is not None:
            marks.append(Mark(self._place(best), "●", "curve-best", f"best: epoch {best.epoch}", y=best.val_loss))
        return self._drawing(series, marks)

    def error(self) -> Drawing:
        """Validation error in pixels."""
        points = self._epochs("val_error_px")
        series = [Series("validation error, px", "curve-error", points, dots=_are_few(points))]
        marks = list(self._events())
        best = self._picture.best
        if best is not None and best.val_error_px is not None:
            words = f"best {best.val_error_px:.3g} px"
            marks.append(Mark(self._place(best), "●", "curve-best", words, y=best.val_error_px))
        return self._drawing(series, marks)

    def rate(self) -> Drawing:
        """Learning rate."""
        points = self._by_steps(self._picture.rates) or self._epochs("lr")
        drawing = self._drawing([Series("learning rate", "curve-train", points)], self._events())
        values = [y for _, y in points if y > 0]
        return Drawing(drawing.series, drawing.marks, drawing.across, bool(values) and max(values) > 20 * min(values))

    def metric(self, name: str) -> Drawing:
        """Any other curve."""
        points = self._by_steps(self._picture.metrics.get(name, ()))
        return self._drawing([Series(name, "curve-validation", points, smooth=True)], self._events())

    def _drawing(self, series: Sequence[Series], marks: Sequence[Mark]) -> Drawing:
        return Drawing(tuple(series), tuple(marks), self.across)

    def _by_steps(self, points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
        if self._by_step or self._each is None:
            return points
        return [(step / self._each, y) for step, y in points]

    def _place(self, point: EpochPoint) -> float:
        """Where the end of an epoch is."""
        if not self._by_step:
            return float(point.epoch)
        if point.step is not None:
            return float(point.step)
        return point.epoch * (self._each or 1.0)

    def _epochs(self, name: str) -> list[tuple[float, float]]:
        values = ((self._place(point), getattr(point, name)) for point in self._picture.epochs)
        return [(x, y) for x, y in values if y is not None]

    def _at_epoch(self, epoch: float) -> float | None:
        if not self._by_step:
            return epoch
        return None if self._each is None else epoch * self._each

    def _events(self) -> list[Mark]:
        """Checkpoints on the axis, those asked for and the newest of the others; lines where an attempt began."""
        marks = []
        for epoch in self._picture.resumed_at:
            x = self._at_epoch(epoch)
            if x is not None:
                marks.append(Mark(x, "┊", "warning", "resumed here", line=True))
        said = [each for each in self._picture.checkpoints if each.epoch is not None]
        newest = {each.kind: each for each in said}
        for each in said:
            x = self._at_epoch(each.epoch or 0.0)
            if x is not None and (each.kind == "asked" or newest[each.kind] is each):
                marks.append(Mark(x, "◆", "curve-best", _KINDS.get(each.kind, f"{each.kind} checkpoint")))
        return marks


def _are_few(points: Sequence[object]) -> bool:
    return len(points) <= 12
