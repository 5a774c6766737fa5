"""SkeletonScreen: nodes, edges, symmetries, order, colours and the reference pose, edited on a frame.

Every change is saved at once, in project.toml and, where the labels are concerned, in their journal; `u` takes it
back in both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Footer, Static

from leaptui.errors import LeaptuiError
from leaptui.graphics.scene import OVERLAY, Line, Mark, Scene
from leaptui.labelling import fuzzy
from leaptui.labelling.done import Done, nothing
from leaptui.labelling.hints import Fed, HintGrid
from leaptui.labelling.reference import reference_pose
from leaptui.labelling.scene_of import node_colours
from leaptui.labelling.skeleton_editor import SkeletonEditor
from leaptui.pose.skeleton import Skeleton
from leaptui.tui.companions import Frame
from leaptui.tui.keymap import bindings
from leaptui.tui.label_desk import LabelDesk
from leaptui.tui.screens.confirm import ConfirmScreen
from leaptui.tui.screens.serial_keys import SerialKeys
from leaptui.tui.styles import style
from leaptui.tui.widgets.canvas_mouse import ZOOM_STEP
from leaptui.tui.widgets.frame_canvas import FrameCanvas
from leaptui.tui.widgets.node_list import NodeList, NodeRow
from leaptui.tui.widgets.prompt_line import PromptLine
from leaptui.tui.widgets.status_line import StatusLine
from leaptui.tui.widgets.title_bar import TitleBar
from leaptui.words import plural

Pose = NDArray[np.float64]

_QUESTIONS = {
    "find": ("Node:", "letters of its name; Enter takes the first"),
    "add": ("New node:", "its name"),
    "rename": ("New name:", "of the selected node"),
    "parent": ("Edge from:", "the node it hangs on, by a few letters; empty for none"),
    "mirror": ("Mirror image:", "the node on the other side, by a few letters; empty for none"),
    "axis": ("Body length to:", "the other end, by a few letters; empty for no body length"),
}
_SMALLEST = 0.2
"""Share of the frame that a reference pose must take to be shown as it is kept."""
_BLANK = 40
"""Grey of the ground where there is no frame."""


class SkeletonScreen(SerialKeys):
    """The skeleton of a project.

    Args:
        desk: the labels it belongs to.
        picture: the frame to draw on, if there is one.
    """

    CSS_PATH = style("label")
    BINDINGS = bindings("skeleton")
    SCOPES = ("skeleton",)
    AUTO_FOCUS = "FrameCanvas"

    def __init__(self, desk: LabelDesk, picture: Frame | None = None) -> None:
        super().__init__()
        self._desk = desk
        self._picture = picture
        self._editor = SkeletonEditor(desk.project, desk.store)
        self._node = 0
        self._hints: HintGrid | None = None
        video = desk.labeller.video
        self._frame_size = (video.width, video.height)

    def compose(self) -> ComposeResult:
        yield TitleBar(self._desk.project.name, "skeleton")
        with Horizontal(id="desk"):
            yield FrameCanvas(id="canvas")
            with Vertical(id="side"):
                yield Static(id="animal", markup=False)
                yield NodeList(id="nodes")
        yield StatusLine()
        yield PromptLine()
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(StatusLine).show_saved("saved")
        self._show()

    @property
    def _skeleton(self) -> Skeleton:
        return self._editor.skeleton

    @property
    def _node_name(self) -> str:
        return self._skeleton.node_names[self._node]

    @property
    def _middle_point(self) -> Pose:
        return np.array([(self._frame_size[0] - 1) / 2, (self._frame_size[1] - 1) / 2])

    def _pose(self) -> Pose:
        """(J, 2) the reference pose, in the middle of the frame: as it is kept, if it can be seen like that."""
        kept = self._skeleton.reference
        if kept is not None and _SMALLEST <= np.ptp(np.array(kept), axis=0).max() / min(self._frame_size) <= 1:
            return np.array(kept) + self._middle_point
        return (
            reference_pose(self._skeleton, self._desk.labeller.labelled_poses(), min(self._frame_size))
            + self._middle_point
        )

    # From a change to the picture

    def _done(self, done: Done) -> None:
        self._node = min(self._node, len(self._skeleton) - 1)
        self.query_one(StatusLine).say(done.words, "" if done.changed else "-refused")
        self._show()

    def _try(self, change: object, *args: object) -> None:
        """Make a change; say why not, if it is refused."""
        try:
            self._done(change(*args))  # type: ignore[operator]
        except LeaptuiError as error:
            self.query_one(StatusLine).say(str(error), "-trouble")

    def _show(self) -> None:
        skeleton, pose = self._skeleton, self._pose()
        colours = node_colours(skeleton)
        self._show_list(skeleton, colours)
        canvas = self.query_one(FrameCanvas)
        marks = [
            Mark(float(x), float(y), colours[i], selected=i == self._node, name=skeleton.node_names[i])
            for i, (x, y) in enumerate(pose)
        ]
        marks.sort(key=lambda mark: mark.selected)
        lines = [
            Line(
                float(pose[a, 0]),
                float(pose[a, 1]),
                float(pose[b, 0]),
                float(pose[b, 1]),
                colours[b],
                moving=self._node in (a, b),
            )
            for a, b in skeleton.edge_indices
        ]
        image = (
            np.full((self._frame_size[1], self._frame_size[0], 1), _BLANK, np.uint8)
            if self._picture is None
            else self._picture.image
        )
        key = None if self._picture is None else tuple(self._picture.key)
        grid = self._hints
        notes, guides = ((), ()) if grid is None else (grid.notes(), grid.guides())
        canvas.update_scene(Scene(image, key, marks=tuple(marks), lines=(*lines, *guides), notes=notes))

    def _show_list(self, skeleton: Skeleton, colours: Sequence[int]) -> None:
        names, parents, swap = skeleton.node_names, skeleton.parents, skeleton.swap
        rows = []
        for i, name in enumerate(names):
            links = "" if parents[i] < 0 else f" ← {names[parents[i]]}"
            links += "" if swap[i] == i else f" ⇄ {names[swap[i]]}"
            rows.append(NodeRow(name + links, "placed", "#{:02x}{:02x}{:02x}".format(*OVERLAY[colours[i]])))
        self.query_one(NodeList).show(rows, self._node)
        axis = skeleton.body_axis
        length = "no body length" if axis is None else f"body length {axis[0]} – {axis[1]}"
        self.query_one("#animal", Static).update(Content(f"{plural(len(names), 'node')}, {length}"))

    # Nodes

    def action_node(self, by: int) -> None:
        """Select another node."""
        self._select((self._node + by) % len(self._skeleton))

    def _select(self, node: int) -> None:
        self._node = node
        self._done(Done(f"node {node + 1} of {len(self._skeleton)}: {self._node_name}"))

    @on(NodeList.Chosen)
    def _chosen(self, message: NodeList.Chosen) -> None:
        message.stop()
        self._select(message.index)

    def action_ask(self, question: str) -> None:
        """Ask for a name."""
        words, placeholder = _QUESTIONS[question]
        self.query_one(PromptLine).ask(question, words, self._node_name if question == "rename" else "", placeholder)

    def prompt_typed(self, question: str, value: str) -> None:
        """Say which nodes are meant so far."""
        if question in ("find", "parent", "mirror", "axis") and value:
            found = fuzzy.ranked(value, self._skeleton.node_names)
            if found:
                self.query_one(StatusLine).say(", ".join(self._skeleton.node_names[i] for i in found[:6]))

    def prompt_answered(self, question: str, value: str) -> None:
        """Do what was asked for."""
        value = value.strip()
        if question == "add":
            self._try(self._add, value)
        elif question == "rename":
            self._try(self._editor.rename, self._node_name, value)
        else:
            self._link(question, value)

    def _add(self, name: str) -> Done:
        done = self._editor.add(name)
        self._node = len(self._skeleton) - 1
        return done

    def _link(self, question: str, text: str) -> None:
        """Questions that are answered by a node."""
        found = fuzzy.ranked(text, self._skeleton.node_names) if text else ()
        if text and not found:
            self._done(nothing(f"no node is called {text!r}"))
            return
        other = self._skeleton.node_names[found[0]] if found else None
        if question == "find":
            self._select(found[0] if found else self._node)
        elif question == "parent":
            self._try(self._editor.set_parent, self._node_name, other)
        elif question == "mirror":
            self._try(self._editor.set_symmetry, self._node_name, other)
        else:
            self._try(self._editor.set_body_axis, None if other is None else (self._node_name, other))

    @work
    async def action_delete(self) -> None:
        """Delete the node, after asking."""
        name = self._node_name
        points = self._editor.points_of(name)
        words = (
            f"{plural(points, 'labelled point')} of it will be put aside; u brings them back with the node.\n"
            "Models trained before keep predicting it."
            if points
            else "It has no labelled points."
        )
        question = ConfirmScreen(f"Delete {name}?", words, yes="Delete", no="Keep")
        if await self.app.push_screen_wait(question):
            self._try(self._editor.delete, name)

    def action_order(self, by: int) -> None:
        """Move the node in the order."""
        name = self._node_name
        self._try(self._editor.move, name, by)
        self._node = self._skeleton.index(name)
        self._show()

    def action_colour(self, by: int) -> None:
        """The next colour, or that of the side."""
        if not by:
            self._try(self._editor.set_colour, self._node_name, None)
            return
        now = node_colours(self._skeleton)[self._node]
        self._try(
            self._editor.set_colour, self._node_name, "#{:02x}{:02x}{:02x}".format(*OVERLAY[(now + by) % len(OVERLAY)])
        )

    def action_undo(self) -> None:
        """Take the last change back."""
        self._try(self._editor.undo)

    def action_redo(self) -> None:
        """Do it again."""
        self._try(self._editor.redo)

    # The reference pose

    def action_move(self, dx: int, dy: int) -> None:
        """Move a point of the reference pose."""
        x, y = self._pose()[self._node]
        self._place((x + dx, y + dy))

    def _place(self, point: tuple[float, float]) -> None:
        pose = self._pose()
        pose[self._node] = np.clip(point, 0, np.array(self._frame_size) - 1)
        self._try(self._set_pose, pose, f"{self._node_name} moved in the reference pose")

    def _set_pose(self, pose: Pose, words: str) -> Done:
        return self._editor.set_reference([(float(x), float(y)) for x, y in pose - self._middle_point], words)

    def action_take_pose(self) -> None:
        """The labelled points of this frame become the reference pose."""
        animal = self._desk.labeller.animal
        if not animal.shown.all():
            missing = len(self._skeleton) - int(animal.shown.sum())
            self._done(nothing(f"{plural(missing, 'node')} of this frame's animal has no point yet"))
            return
        pose = animal.points - animal.points.mean(axis=0) + self._middle_point
        self._try(self._set_pose, pose, "reference pose taken from this frame")

    def action_hint(self) -> None:
        """Letters over the picture."""
        view = self.query_one(FrameCanvas).view
        if view is not None:
            self._hints = HintGrid(view)
            self._show()

    def take_key(self, key: str) -> bool:
        """Letters of the hint grid."""
        grid = self._hints
        if grid is None:
            return False
        fed = grid.feed(key)
        if fed is Fed.UNKNOWN:
            return False
        if fed is Fed.POINT and grid.point is not None:
            self._place(grid.point)
            return True
        if fed in (Fed.NEXT, Fed.DONE):
            self._node = (self._node + 1) % len(self._skeleton)
        if fed is Fed.CLOSED:
            self._hints = None
        self._show()
        return True

    @on(FrameCanvas.PointClicked)
    def _clicked(self, message: FrameCanvas.PointClicked) -> None:
        message.stop()
        if message.ctrl:
            self._place(message.point)
        else:
            away = np.linalg.norm(self._pose() - np.array(message.point), axis=1)
            self._select(int(away.argmin()))

    @on(FrameCanvas.PointDragged)
    def _dragged(self, message: FrameCanvas.PointDragged) -> None:
        message.stop()
        if message.done:
            self._node = int(np.linalg.norm(self._pose() - np.array(message.start), axis=1).argmin())
            self._place(message.point)

    def action_zoom(self, way: int) -> None:
        """Closer or farther."""
        x, y = self._pose()[self._node]
        self.query_one(FrameCanvas).zoom(ZOOM_STEP**way, (float(x), float(y)))

    def action_back(self) -> None:
        """Leave the letters, or the screen."""
        if self._hints is not None:
            self._hints = None
            self._show()
        else:
            self.dismiss(None)
