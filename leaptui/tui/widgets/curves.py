"""CurvePanel: a plot of curves with a title in its border."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from leaptui.tui.widgets.curve_drawing import EPOCHS, Across, Mark, Series
from leaptui.tui.widgets.curve_plot import CurvePlot
from leaptui.words import visible

__all__ = ["Across", "CurvePanel", "CurvePlot", "Mark", "Series"]


class CurvePanel(Vertical):
    """Curves with a title, a legend with values, and words where there is nothing to show yet.

    Args:
        title: what is drawn; foreign text in it is made visible.
        nothing: shown while there is nothing.
        id: of the widget.
    """

    def __init__(self, title: str, nothing: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._plot = CurvePlot(nothing)
        self.retitle(title)

    def compose(self) -> ComposeResult:
        yield self._plot

    @property
    def plot(self) -> CurvePlot:
        """The plot in it."""
        return self._plot

    def retitle(self, title: str) -> None:
        """Say what is drawn; a new title paints the whole panel anew."""
        self.border_title = Content(visible(title))

    def show(
        self,
        series: Sequence[Series],
        *,
        marks: Sequence[Mark] = (),
        across: Across = EPOCHS,
        log: bool = False,
        smoothing: float = 0.0,
        caption: str = "",
    ) -> None:
        """See `CurvePlot.show`."""
        self._plot.show(series, marks=marks, across=across, log=log, smoothing=smoothing, caption=caption)
