"""What a frame canvas says: the mouse over it, in points of the image, and its view.

Click and drag become messages; the wheel zooms about the pointer; dragging with the middle button or with Shift
moves the view. Where the terminal reports pixels, points are finer than cells.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widget import Widget

from leaptui.graphics.geometry import View

ZOOM_STEP = 1.25
"""Of one click of the wheel."""
_MIDDLE = 2
_SLACK = 3.0
"""Screen pixels a click may wander before it is a drag."""

Point = tuple[float, float]


class PointMessage(Message):
    """Something was done at a point of the image.

    Args:
        canvas: where.
        point: (x, y) image coordinates; may lie outside the frame.
        button: 1 left, 2 middle, 3 right.
        shift, ctrl: which were held.
    """

    def __init__(self, canvas: CanvasMouse, point: Point, button: int, *, shift: bool, ctrl: bool) -> None:
        super().__init__()
        self.canvas = canvas
        self.point = point
        self.button = button
        self.shift = shift
        self.ctrl = ctrl

    @property
    def control(self) -> CanvasMouse:
        """The canvas."""
        return self.canvas


@dataclass
class _Grip:
    """A button that is held."""

    cell: Point
    point: Point
    button: int
    shift: bool
    ctrl: bool
    view: View
    dragged: bool = False

    @property
    def pans(self) -> bool:
        return self.button == _MIDDLE or self.shift


class CanvasMouse(Widget):
    """What the mouse does; `view` and `set_view` are the canvas's."""

    class PointClicked(PointMessage, namespace="frame_canvas"):
        """A button was pressed and released at a point."""

    class PointDragged(PointMessage, namespace="frame_canvas"):
        """A button is held and moved.

        Args:
            start: where it was pressed, in image coordinates.
            done: the button was released: this is the last message of the drag.
        """

        def __init__(self, canvas: CanvasMouse, start: Point, now: Point, grip: _Grip, *, done: bool) -> None:
            super().__init__(canvas, now, grip.button, shift=grip.shift, ctrl=grip.ctrl)
            self.start = start
            self.done = done

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, CanvasMouse.PointDragged) and message.start == self.start and not message.done

    class ViewChanged(Message, namespace="frame_canvas"):
        """Another part of the frame is seen, or it is seen in another size.

        Args:
            canvas: the canvas.
            view: what is seen where now.
        """

        def __init__(self, canvas: CanvasMouse, view: View) -> None:
            super().__init__()
            self.canvas = canvas
            self.view = view

        @property
        def control(self) -> CanvasMouse:
            """The canvas."""
            return self.canvas

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, CanvasMouse.ViewChanged) and message.canvas is self.canvas

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._grip: _Grip | None = None
        self._has_fractions = False

    @property
    def view(self) -> View | None:
        """What is seen where."""
        raise NotImplementedError

    def set_view(self, view: View) -> None:
        """Show another part of the frame."""
        raise NotImplementedError

    def point_at(self, event: events.MouseEvent) -> Point | None:
        """The image point under the pointer; None without a picture."""
        view = self.view
        if view is None:
            return None
        x, y = view.to_image(self._cell_at(event, view))
        return (float(x), float(y))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        view, point = self.view, self.point_at(event)
        if view is None or point is None:
            return
        event.stop()
        self._grip = _Grip(self._cell_at(event, view), point, event.button, event.shift, event.ctrl, view)
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        grip, view = self._grip, self.view
        if grip is None or view is None:
            return
        event.stop()
        cell = self._cell_at(event, view)
        distance = max(abs(cell[i] - grip.cell[i]) * view.cell[i] for i in (0, 1))
        if not grip.dragged and distance <= (_SLACK if self._has_fractions else 0.0):
            return
        grip.dragged = True
        if grip.pans:
            x, y = grip.view.to_image(cell)
            self.set_view(grip.view.panned(grip.point[0] - float(x), grip.point[1] - float(y)))
        else:
            self._drag(grip, event, done=False)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        grip, self._grip = self._grip, None
        self.release_mouse()
        if grip is None:
            return
        event.stop()
        if not grip.dragged:
            self.post_message(self.PointClicked(self, grip.point, grip.button, shift=grip.shift, ctrl=grip.ctrl))
        elif not grip.pans:
            self._drag(grip, event, done=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._zoom_about(event, ZOOM_STEP)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._zoom_about(event, 1 / ZOOM_STEP)

    def _zoom_about(self, event: events.MouseEvent, factor: float) -> None:
        view, point = self.view, self.point_at(event)
        if view is not None and point is not None:
            event.stop()
            self.set_view(view.zoomed(factor, point))

    def _drag(self, grip: _Grip, event: events.MouseEvent, *, done: bool) -> None:
        point = self.point_at(event)
        if point is not None:
            self.post_message(self.PointDragged(self, grip.point, point, grip, done=done))

    def _cell_at(self, event: events.MouseEvent, view: View) -> Point:
        """The pointer in area coordinates: the middle of its pixel, or of its cell where only cells are reported."""
        x, y = event.pointer_x, event.pointer_y
        self._has_fractions = self._has_fractions or not (float(x).is_integer() and float(y).is_integer())
        if self._has_fractions:
            return (x + 0.5 / view.cell[0], y + 0.5 / view.cell[1])
        return (x + 0.5, y + 0.5)
