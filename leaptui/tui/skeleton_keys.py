"""Keys of the skeleton screen.

Adding a new command: a line here, and its action in `screens/skeleton.py`.
"""

from __future__ import annotations

from leaptui.tui.command import Command


def _row(name: str, keys: str, action: str, description: str, tooltip: str, *, show: bool = False) -> Command:
    moves = action.startswith(("move(", "node("))
    return Command(f"skeleton.{name}", keys, action, description, tooltip, show=show, palette=not moves)


SKELETON_COMMANDS: tuple[Command, ...] = (
    _row("next-node", "tab", "node(1)", "Next node", "Select the next node."),
    _row("previous-node", "shift+tab", "node(-1)", "Previous node", "Select the node before."),
    _row("find-node", "slash", "ask('find')", "Find node", "Select a node by a few letters of its name."),
    _row("add", "a", "ask('add')", "Add", "Add a node at the end.", show=True),
    _row("rename", "n", "ask('rename')", "Rename", "Give the node another name; its points follow.", show=True),
    _row("delete", "x,delete", "delete", "Delete", "Take the node away; its points come back with undo.", show=True),
    _row("parent", "p", "ask('parent')", "Parent", "Draw an edge to this node from another one, or from none.", show=True),
    _row("mirror", "m", "ask('mirror')", "Mirror", "Say which node is this one's mirror image, or none."),
    _row("order-down", "J,shift+down", "order(1)", "Down", "Move the node down in the order."),
    _row("order-up", "K,shift+up", "order(-1)", "Up", "Move the node up in the order."),
    _row("colour", "c", "colour(1)", "Colour", "Give the node the next colour."),
    _row("colour-by-side", "C", "colour(0)", "Colour by side", "Give the node the colour of its side again."),
    _row("body-axis", "b", "ask('axis')", "Body length", "Measure the body length from this node to another one."),
    _row("take-pose", "t", "take_pose", "Take pose", "Make the labelled points of this frame the reference pose."),
    _row("left", "left,h", "move(-1, 0)", "Left", "Move the point of the reference pose 1 px left."),
    _row("right", "right,l", "move(1, 0)", "Right", "Move the point of the reference pose 1 px right."),
    _row("up", "up,k", "move(0, -1)", "Up", "Move the point of the reference pose 1 px up."),
    _row("down", "down,j", "move(0, 1)", "Down", "Move the point of the reference pose 1 px down."),
    _row("far-left", "shift+left,H", "move(-5, 0)", "5 left", "Move the point of the reference pose 5 px left."),
    _row("far-right", "shift+right,L", "move(5, 0)", "5 right", "Move the point of the reference pose 5 px right."),
    _row("far-up", "ctrl+up", "move(0, -5)", "5 up", "Move the point of the reference pose 5 px up."),
    _row("far-down", "ctrl+down", "move(0, 5)", "5 down", "Move the point of the reference pose 5 px down."),
    _row("hint", "f", "hint", "Hint grid", "Place the point of the reference pose by letters."),
    _row("zoom-in", "plus,equals_sign", "zoom(1)", "Zoom in", "Look closer."),
    _row("zoom-out", "minus", "zoom(-1)", "Zoom out", "Look from farther away."),
    _row("undo", "u", "undo", "Undo", "Take the last change of the skeleton back.", show=True),
    _row("redo", "ctrl+r,U", "redo", "Redo", "Do again what was undone."),
    _row("back", "escape", "back", "Back", "Leave; every change is saved already."),
)  # fmt: skip
