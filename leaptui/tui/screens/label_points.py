"""Commands of the labelling screen on points and animals."""

from __future__ import annotations

from textual import on

from leaptui.labelling.done import Done, nothing
from leaptui.labelling.hints import Fed, HintGrid
from leaptui.tui.screens.label_base import LabelBase
from leaptui.tui.widgets.frame_canvas import FrameCanvas
from leaptui.tui.widgets.node_list import NodeList
from leaptui.tui.widgets.skeleton_thumbnail import SkeletonThumbnail

_STEPS = {0: 0.25, 1: 1.0, 5: 5.0}
_FINE_STEPS = {0: 0.25, 1: 0.25, 5: 1.0}
_TURN = 5.0
_FINE_TURN = 1.0
_REACH = 1.5
"""Cells around a click within which a point is taken hold of."""


class LabelPoints(LabelBase):
    """Nodes, points, animals, undo."""

    # Which node

    def action_node(self, by: int) -> None:
        """Select another node."""
        self.done(self.labeller.next_node(by))

    def action_doubtful_node(self) -> None:
        """Select the least certain predicted node."""
        self.done(self.labeller.next_doubtful_node())

    def action_find_node(self) -> None:
        """Ask for a node's name."""
        self.prompt.ask("node", "Node:", placeholder="letters of its name, or its number; Enter takes the first")

    @on(NodeList.Chosen)
    @on(SkeletonThumbnail.Chosen)
    def _node_chosen(self, message: NodeList.Chosen | SkeletonThumbnail.Chosen) -> None:
        self.done(self.labeller.select_node(message.index))

    # Placing

    def action_hint(self) -> None:
        """Put letters over the picture."""
        view = self.canvas.view
        if view is None or self.picture is None:
            self.done(nothing("there is no frame to place a point on"))
            return
        self.hints = HintGrid(view)
        self._hint_serial += 1
        self.show_all()

    def feed_hint(self, key: str) -> bool:
        """A key while letters cover the picture; False if it means what it means without them."""
        grid = self.hints
        if grid is None or (len(key) == 1 and key.isupper()):
            return False
        placed = grid.point is not None
        fed = grid.feed(key)
        if fed is Fed.UNKNOWN:
            return False
        if fed is Fed.POINT and grid.point is not None:
            repeat = ("hint", self._hint_serial)
            self.done(self.labeller.place(grid.point, advance=False, repeat=repeat))
            return True
        if fed is Fed.CLOSED:
            self.hints = None
        if placed and fed is not Fed.OPEN:
            self._hint_serial += 1
            left = self.labeller.next_open_node()
            self.done(Done(self.labeller.node_name if left else "every node of this animal has a point"))
        else:
            self.show_all()
        return True

    _hint_serial = 0
    """Tells the refinements of one point from those of the next."""

    def action_place(self) -> None:
        """Put the point where it is expected."""
        view = self.canvas.view
        middle = None if view is None else view.to_image((view.area[0] / 2, view.area[1] / 2))
        fallback = None if middle is None else (float(middle[0]), float(middle[1]))
        self.done(self.labeller.place_expected(fallback))

    def action_accept(self) -> None:
        """Accept the point, go on."""
        self.done(self.labeller.accept("node"))

    def action_accept_all(self) -> None:
        """Accept every point of the animal."""
        self.done(self.labeller.accept("all"))

    def action_snap(self) -> None:
        """Snap to what is near."""
        if self.picture is None or self.picture.key != self.labeller.key:
            self.done(nothing("the frame is not here yet"))
            return
        self.done(self.labeller.snap(self.picture.image))

    def action_occluded(self) -> None:
        """Hidden or visible."""
        self.done(self.labeller.set_occluded())

    def action_delete_point(self) -> None:
        """Take the point away."""
        self.done(self.labeller.delete_point())

    def action_reset(self) -> None:
        """Back to the prediction."""
        self.done(self.labeller.reset_to_prediction())

    def action_mirror(self) -> None:
        """Exchange left and right."""
        self.done(self.labeller.mirror())

    def action_copy_from(self, direction: int) -> None:
        """Copy from a labelled frame."""
        self.done(self.labeller.copy_from("previous" if direction < 0 else "next"))

    def action_interpolate(self) -> None:
        """Fill in between labelled frames."""
        self.done(self.labeller.interpolate())

    def action_undo(self) -> None:
        """Take the last change back."""
        self.done(self.labeller.undo())

    def action_redo(self) -> None:
        """Do it again."""
        self.done(self.labeller.redo())

    # Moving

    def action_move(self, dx: int, dy: int, size: int) -> None:
        """Move the point, or the animal."""
        step = (_FINE_STEPS if self.look.fine else _STEPS)[size]
        move = self.labeller.move_instance if self.look.whole else self.labeller.move
        self.done(move(dx * step, dy * step))

    def action_turn(self, way: int) -> None:
        """Rotate the animal."""
        self.done(self.labeller.rotate(way * (_FINE_TURN if self.look.fine else _TURN)))

    def action_fine(self) -> None:
        """Small steps or usual ones."""
        self.look.fine = not self.look.fine
        self.done(Done("arrows move a quarter of a pixel" if self.look.fine else "arrows move one pixel"))

    def action_whole(self) -> None:
        """Move the animal or the point."""
        self.look.whole = not self.look.whole
        self.done(Done("arrows move the whole animal" if self.look.whole else "arrows move the selected point"))

    @on(FrameCanvas.PointClicked)
    def _clicked(self, message: FrameCanvas.PointClicked) -> None:
        message.stop()
        if message.button == 3:
            self.action_delete_point()
            return
        near = self.labeller.nearest_node(message.point, self._reach())
        if near is not None and not message.ctrl:
            self.done(self.labeller.select_point(*near))
        else:
            self.done(self.labeller.place(message.point))

    @on(FrameCanvas.PointDragged)
    def _dragged(self, message: FrameCanvas.PointDragged) -> None:
        message.stop()
        if message.button != 1:
            return
        if self._held != message.start:
            near = self.labeller.nearest_node(message.start, self._reach())
            if near is None:
                return
            self._held = message.start
            self.labeller.select_point(*near)
        self.done(self.labeller.place(message.point, advance=False, repeat=message.start, how="dragged"))
        if message.done:
            self._held = None

    _held: tuple[float, float] | None = None
    """Where the point that is dragged was taken hold of."""

    def _reach(self) -> float:
        """Source pixels around a click within which a point is meant."""
        view = self.canvas.view
        return 3.0 if view is None else max(1.0, _REACH * view.cell[0] / view.scale)

    # Animals

    def action_animal(self, by: int) -> None:
        """Select another animal."""
        self.done(self.labeller.next_instance(by))

    def action_add_animal(self) -> None:
        """Add an animal."""
        self.done(self.labeller.add_instance())

    def action_delete_animal(self) -> None:
        """Take the animal away."""
        self.done(self.labeller.delete_instance())

    def action_track(self) -> None:
        """Ask for the name of a track."""
        known = ", ".join(self.labeller.tracks()) or "none yet"
        self.prompt.ask("track", "Track:", self.labeller.animal.track or "", f"a name ({known}); empty for not known")
