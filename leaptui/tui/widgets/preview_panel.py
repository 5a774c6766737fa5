"""PreviewPanel: validation frames as each epoch's network saw them, with predicted and true points and maps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from leaptui.errors import UnusableInput
from leaptui.formats.previews import EpochPreview, list_previews, read_preview
from leaptui.tui.keymap import bindings
from leaptui.tui.preview_scene import Shown, scene_of_preview
from leaptui.tui.run_picture import Preview
from leaptui.tui.widgets.cell_panel import CellPanel
from leaptui.tui.widgets.frame_canvas import FrameCanvas
from leaptui.words import figure, visible

FOLLOW_EVERY = 4.0
"""Seconds between two pictures that come by themselves: each may be 30 kB on the wire."""

_LEGEND = ("◇ predicted", "● true", "○ true, hidden")


class PreviewPanel(Vertical, can_focus=True):
    """One large picture, a line above that says what it is, and one below that explains the marks.

    It follows the newest epoch until somebody scrubs back; then it stays until the newest is asked for.

    Args:
        read: reads the file of an epoch; raises UnusableInput.
        clock: monotonic time.
        id, classes: as for every widget.
    """

    BINDINGS = bindings("preview")
    DEFAULT_CSS = """
    PreviewPanel { height: 1fr; }
    PreviewPanel CellPanel { height: 1; }
    PreviewPanel.-low #preview-foot { display: none; }
    """

    class Loaded(Message):
        """A file was read, in a thread; `preview` is None where it could not be."""

        def __init__(self, path: Path, epoch: int, preview: EpochPreview | None, words: str, kept: set[int]) -> None:
            self.path, self.epoch, self.preview, self.words, self.kept = path, epoch, preview, words, kept
            super().__init__()

    def __init__(
        self,
        *,
        read: Callable[[Path], EpochPreview] = read_preview,
        clock: Callable[[], float] = time.monotonic,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._read, self._clock = read, clock
        self._paths: dict[int, Path] = {}
        self._gone: set[int] = set()
        self._pinned: int | None = None
        self._preview: EpochPreview | None = None
        self._path: Path | None = None
        self._trouble = ""
        self._tried: tuple[Path, float] | None = None
        self._loading = False
        self._timer: Timer | None = None
        self._look = Shown()

    def compose(self) -> ComposeResult:
        yield _Line(id="preview-head")
        canvas = FrameCanvas(id="preview-canvas")
        canvas.can_focus = False
        yield canvas
        yield _Line(id="preview-foot")

    def on_mount(self) -> None:
        self.query_one("#preview-foot", _Line).show(_LEGEND, "   ")
        self.call_after_refresh(self._begin)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 8, "-low")
        if self._look.frame is None:
            self.call_after_refresh(self._paint)

    def _begin(self) -> None:
        self._paint()
        self._load()

    # What there is

    @property
    def epoch(self) -> int | None:
        """The epoch that is shown, or will be once it is read."""
        if self._pinned is not None:
            return self._pinned
        return max(self._paths, default=None)

    @property
    def follows(self) -> bool:
        """Whether new epochs are shown as they come."""
        return self._pinned is None

    @property
    def preview(self) -> EpochPreview | None:
        """What is shown."""
        return self._preview

    @property
    def looks(self) -> Shown:
        """What of it is shown."""
        return self._look

    def show(self, previews: Sequence[Preview]) -> None:
        """Show the newest of these, or stay where somebody has scrubbed to; files are read in a thread."""
        paths = {each.epoch: each.path for each in previews}
        if paths != self._paths:
            folders = {path.parent for path in paths.values()}
            if not {path.parent for path in self._paths.values()} & folders:
                self._pinned, self._preview, self._path, self._gone, self._trouble = None, None, None, set(), ""
            self._paths = paths
            if self._preview is None:
                self._paint()
            if self._pinned is not None and self._pinned not in paths:
                self._pinned = None
            self._say()
        self._load(patient=True)

    def _epochs(self) -> list[int]:
        """Epochs whose files are there, as far as is known, in order."""
        newest = max(self._paths, default=None)
        return sorted(epoch for epoch in self._paths if epoch not in self._gone or epoch == newest)

    # Reading

    def _load(self, *, patient: bool = False) -> None:
        """Read the file that should be shown, unless it is.

        Args:
            patient: nobody has asked, so it need not be at once.
        """
        epoch = self.epoch
        if epoch is None or not self.is_mounted:
            return
        path = self._paths[epoch]
        if self._loading or (path == self._path and self._preview is not None):
            return
        if patient and self._tried is not None:
            wait = self._tried[1] + FOLLOW_EVERY - self._clock()
            if wait > 0:
                if self._timer is None:
                    self._timer = self.set_timer(wait, self._load_now)
                return
        self._load_now()

    def _load_now(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        epoch = self.epoch
        if epoch is None or self._loading or not self.is_mounted:
            return
        self._loading = True
        path = self._paths[epoch]
        self._tried = (path, self._clock())
        self.run_worker(lambda: self._read_file(path, epoch), thread=True, group="preview", exit_on_error=True)

    def _read_file(self, path: Path, epoch: int) -> None:
        preview, words = None, ""
        try:
            preview = self._read(path)
        except UnusableInput as problem:
            words = problem.what
        self.post_message(self.Loaded(path, epoch, preview, words, set(list_previews(path.parent))))

    @on(Loaded)
    def _on_loaded(self, message: Loaded) -> None:
        message.stop()
        self._loading = False
        wanted = self.epoch
        if wanted is None or self._paths.get(message.epoch) != message.path:
            self._load()
            return
        if message.kept:
            self._gone = set(self._paths) - message.kept
        if message.preview is None:
            words = "is not there: only some are kept"
            if message.epoch in message.kept:
                words = f"cannot be shown: {message.words}"
            self._trouble = f"the preview of epoch {message.epoch} {words}"
            if message.epoch == wanted:
                self._preview, self._path = None, None
                self._paint()
        else:
            self._preview, self._path, self._trouble = message.preview, message.path, ""
            self._paint()
        if message.epoch != wanted:
            self._load()

    # Showing

    def _paint(self) -> None:
        if not self.is_mounted:
            return
        canvas = self.query_one("#preview-canvas", FrameCanvas)
        preview = self._preview
        if preview is None:
            canvas.show(None)
            canvas.say(self._trouble or ("reading the preview" if self._paths else "no previews yet"))
        else:
            self._look = _fitting(self._look, preview)
            width, height = canvas.size
            cell = canvas.host.terminal.cell_size
            aspect = width * cell[0] / (height * cell[1]) if width and height else 1.0
            canvas.update_scene(scene_of_preview(preview, self._look, aspect))
        self._say()

    def _say(self) -> None:
        if self.is_mounted:
            self.query_one("#preview-head", _Line).show(self._words())

    def _words(self) -> list[str]:
        """Epoch, frame, error and map, most important first: there may not be room for all."""
        epoch, newest = self.epoch, max(self._paths, default=None)
        if epoch is None or newest is None:
            return []
        parts = [f"epoch {epoch}" if self.follows else f"epoch {epoch} of {newest}, staying"]
        preview, look = self._preview, self._look
        if preview is not None and preview.epoch == epoch:
            if look.frame is None:
                frames: Sequence[int] = range(len(preview))
                parts.append(f"{len(preview)} frames")
            else:
                frames = (look.frame,)
                parts.append(f"frame {look.frame + 1}/{len(preview)}")
            errors = np.stack([preview.errors(frame) for frame in frames])
            parts += _error_words(preview, errors, look)
        elif preview is not None:
            parts.append("reading")
        return parts

    # Keys

    def action_epoch(self, step: int) -> None:
        """Scrub through the epochs."""
        epochs, now = self._epochs(), self.epoch
        if now is None or not epochs:
            return
        beyond = [e for e in epochs if (e - now) * step > 0]
        if not beyond:
            return
        target = min(beyond) if step > 0 else max(beyond)
        self._go(None if target == max(self._paths) else target)

    def action_first(self) -> None:
        """The first epoch that is kept."""
        epochs = self._epochs()
        if epochs:
            self._go(epochs[0])

    def action_newest(self) -> None:
        """Follow the newest epoch."""
        self._go(None)

    def _go(self, epoch: int | None) -> None:
        self._pinned = epoch
        self._say()
        self._load()

    def action_frame(self, step: int) -> None:
        """Another of the frames."""
        if self._preview is not None:
            now = self._look.frame
            frame = (0 if step > 0 else -1) if now is None else now + step
            self._change(replace(self._look, frame=frame % len(self._preview)))

    def action_all_frames(self) -> None:
        """All frames in one picture, or one."""
        self._change(replace(self._look, frame=0 if self._look.frame is None else None))

    def action_maps(self) -> None:
        """The highest of all maps, the map of one node, none."""
        look = self._look
        if not look.maps:
            self._change(replace(look, maps=True, node=None))
        elif look.node is None:
            self._change(replace(look, node=0))
        else:
            self._change(replace(look, maps=False, node=None))

    def action_node(self, step: int) -> None:
        """The map of another node."""
        if self._preview is not None:
            now = self._look.node
            node = (0 if step > 0 else -1) if now is None else now + step
            self._change(replace(self._look, maps=True, node=node % len(self._preview.nodes)))

    def action_points(self) -> None:
        """Show or hide the points."""
        self._change(replace(self._look, points=not self._look.points))

    def action_zoom(self, factor: float) -> None:
        """Closer or farther; with a node chosen, about its predicted point."""
        preview, look = self._preview, self._look
        about = None
        if preview is not None and look.node is not None and look.frame is not None:
            x, y = preview.to_picture(preview.points[look.frame], look.frame)[look.node]
            about = (float(x), float(y)) if math.isfinite(x) and math.isfinite(y) else None
        self.query_one("#preview-canvas", FrameCanvas).zoom(factor, about)

    def action_fit(self) -> None:
        """The whole frame."""
        self.query_one("#preview-canvas", FrameCanvas).fit()

    def _change(self, look: Shown) -> None:
        self._look = look
        if self._preview is not None:
            self._paint()


class _Line(CellPanel):
    """One line of quiet words: as many parts as there is room for."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._parts: Sequence[str] = ()
        self._between = ""

    def show(self, parts: Sequence[str], between: str = " · ") -> None:
        """Show these, the most important first."""
        if (parts, between) != (self._parts, self._between):
            self._parts, self._between = parts, between
            self.redraw()

    def lines(self, width: int, height: int) -> list[Strip]:
        text = ""
        for part in map(visible, self._parts):
            longer = text + self._between + part if text else part
            if text and cell_len(longer) > width:
                break
            text = longer
        return [Strip([Segment(text, self.token("quiet"))])]


def _fitting(look: Shown, preview: EpochPreview) -> Shown:
    """The same look where frames or nodes it names are not there."""
    frame = None if look.frame is None else min(look.frame, len(preview) - 1)
    node = None if look.node is None else min(look.node, len(preview.nodes) - 1)
    return replace(look, frame=frame, node=node)


def _error_words(preview: EpochPreview, errors: NDArray[np.float64], look: Shown) -> list[str]:
    """What the distances (frames, nodes) in source pixels say, and which map is seen."""
    if look.maps and look.node is not None:
        of = errors[:, look.node]
        parts = [f"map of {preview.nodes[look.node]}"]
        if look.frame is not None:
            parts.append(f"score {preview.scores[look.frame, look.node]:.2f}")
        return [*parts, *([figure(float(np.nanmean(of)), "px")] if np.isfinite(of).any() else [])]
    parts = []
    if np.isfinite(errors).any():
        worst = int(np.nanargmax(np.where(np.isfinite(errors), errors, -1).max(axis=0)))
        parts.append(f"mean {figure(float(np.nanmean(errors)), 'px')}")
        parts.append(f"worst {preview.nodes[worst]} {figure(float(np.nanmax(errors[:, worst])), 'px')}")
    return parts if look.maps else ["no maps", *parts]
