"""Keys of the labelling screen, after vim's and LEAP's habits where they agree.

Each group is a heading of the help screen. Actions with arguments are written as Textual parses them.

Adding a new command: a line here, and its action in the screen's module for that group.
"""

from __future__ import annotations

from leaptui.tui.command import Command

_FOOTER = frozenset({"hint", "accept-all", "next-unlabelled", "undo"})
"""Few, so that Help has its place beside them in 80 columns."""


def _group(heading: str, *rows: tuple[str, str, str, str, str]) -> tuple[Command, ...]:
    return tuple(
        Command(
            f"label.{name}",
            keys,
            action,
            description,
            tooltip,
            show=name in _FOOTER,
            palette=not action.startswith(("move(", "turn(")),
            group=heading,
        )
        for name, keys, action, description, tooltip in rows
    )


NODES = _group(
    "Which body part",
    ("next-node", "tab", "node(1)", "Next node", "Select the next node."),
    ("previous-node", "shift+tab", "node(-1)", "Previous node", "Select the node before."),
    ("find-node", "slash", "find_node", "Find node", "Select a node by a few letters of its name; 0 to 9 type its number."),
    ("doubtful-node", "d", "doubtful_node", "Doubtful", "Select the predicted point the model is least sure of."),
)  # fmt: skip

PLACING = _group(
    "Placing points",
    ("hint", "f", "hint", "Hint grid", "Put letters over the picture: two letters and a key of q-w-e, a-s-d, z-x-c place the point."),
    ("place", "p", "place", "Place here", "Place the point where it is expected, to be moved from there."),
    ("accept", "enter", "accept", "Accept", "Take the predicted point as it is, and go to the next node."),
    ("accept-all", "A", "accept_all", "Accept all", "Take every predicted point of this animal."),
    ("snap", "s", "snap", "Snap", "Move to the peak of the confidence map, or the nearest corner or spot."),
    ("occluded", "o", "occluded", "Occluded", "Mark the point as hidden by the body, or as visible again."),
    ("delete-point", "x,delete", "delete_point", "Delete point", "Take the point away."),
    ("reset", "r", "reset", "To prediction", "Put the point back to where the model predicted it."),
    ("mirror", "m", "mirror", "Mirror", "Exchange the left and the right points of this animal."),
    ("copy-before", "c", "copy_from(-1)", "Copy before", "Copy the points of the labelled frame before."),
    ("copy-after", "C", "copy_from(1)", "Copy after", "Copy the points of the labelled frame after."),
    ("interpolate", "i", "interpolate", "Interpolate", "Fill in between the labelled frames before and after."),
    ("undo", "u", "undo", "Undo", "Take the last change back; what you did before a restart too."),
    ("redo", "ctrl+r,U", "redo", "Redo", "Do again what was undone."),
)  # fmt: skip

MOVING = _group(
    "Moving points",
    ("left", "left,h", "move(-1, 0, 1)", "Left", "Move the point 1 px left."),
    ("right", "right,l", "move(1, 0, 1)", "Right", "Move the point 1 px right."),
    ("up", "up,k", "move(0, -1, 1)", "Up", "Move the point 1 px up."),
    ("down", "down,j", "move(0, 1, 1)", "Down", "Move the point 1 px down."),
    ("far-left", "shift+left,H", "move(-1, 0, 5)", "5 left", "Move the point 5 px left."),
    ("far-right", "shift+right,L", "move(1, 0, 5)", "5 right", "Move the point 5 px right."),
    ("far-up", "shift+up,K", "move(0, -1, 5)", "5 up", "Move the point 5 px up."),
    ("far-down", "shift+down,J", "move(0, 1, 5)", "5 down", "Move the point 5 px down."),
    ("bit-left", "ctrl+left", "move(-1, 0, 0)", "Bit left", "Move the point a quarter of a pixel left."),
    ("bit-right", "ctrl+right", "move(1, 0, 0)", "Bit right", "Move the point a quarter of a pixel right."),
    ("bit-up", "ctrl+up", "move(0, -1, 0)", "Bit up", "Move the point a quarter of a pixel up."),
    ("bit-down", "ctrl+down", "move(0, 1, 0)", "Bit down", "Move the point a quarter of a pixel down."),
    ("fine", "y", "fine", "Fine steps", "Arrows move a quarter of a pixel, for terminals that keep Ctrl and arrows for themselves."),
    ("whole", "e", "whole", "Whole animal", "Arrows move every point of the animal."),
    ("turn-left", "left_parenthesis", "turn(-1)", "Turn left", "Rotate the animal 5 degrees counter-clockwise, 1 with fine steps."),
    ("turn-right", "right_parenthesis", "turn(1)", "Turn right", "Rotate the animal 5 degrees clockwise, 1 with fine steps."),
)  # fmt: skip

ANIMALS = _group(
    "Animals",
    ("add-animal", "a", "add_animal", "Add animal", "Add an animal to this frame."),
    ("delete-animal", "D", "delete_animal", "Delete animal", "Take this animal away from this frame."),
    ("next-animal", "semicolon", "animal(1)", "Next animal", "Select the next animal of this frame."),
    ("previous-animal", "colon", "animal(-1)", "Previous animal", "Select the animal before."),
    ("track", "t", "track", "Track", "Say which animal this is over time."),
)  # fmt: skip

FRAMES = _group(
    "Going to frames",
    ("next-frame", "full_stop", "step(1)", "Next frame", "One frame on."),
    ("previous-frame", "comma", "step(-1)", "Frame before", "One frame back."),
    ("ten-on", "greater_than_sign", "step(10)", "10 on", "Ten frames on."),
    ("ten-back", "less_than_sign", "step(-10)", "10 back", "Ten frames back."),
    ("hundred-on", "right_curly_bracket,pagedown", "step(100)", "100 on", "A hundred frames on."),
    ("hundred-back", "left_curly_bracket,pageup", "step(-100)", "100 back", "A hundred frames back."),
    ("next-unlabelled", "space", "unlabelled(1)", "Unlabelled", "The next frame that is not completely labelled."),
    ("previous-unlabelled", "backspace", "unlabelled(-1)", "Unlabelled before", "The frame before that is not completely labelled."),
    ("next-labelled", "right_square_bracket", "labelled(1)", "Next labelled", "The next labelled frame."),
    ("previous-labelled", "left_square_bracket", "labelled(-1)", "Labelled before", "The labelled frame before."),
    ("next-suggestion", "n", "suggestion(1)", "Suggestion", "The next frame that is worth labelling, and why."),
    ("previous-suggestion", "N", "suggestion(-1)", "Suggestion before", "The suggestion before."),
    ("go-to", "g", "go_to", "Go to frame", "Go to a frame by its number."),
    ("jump-back", "ctrl+o,alt+left", "jump(-1)", "Back", "Where you were before the last jump."),
    ("jump-forward", "ctrl+n,alt+right", "jump(1)", "Forward", "Forward again through the jumps."),
    ("play", "v", "play", "Play", "Play the video; any key stops it."),
    ("video", "V", "video", "Video", "Go to another video of the project."),
)  # fmt: skip

VIEWS = _group(
    "Seeing",
    ("zoom-in", "plus,equals_sign", "zoom(1)", "Zoom in", "Look closer, about the selected point; the wheel does it too."),
    ("zoom-out", "minus", "zoom(-1)", "Zoom out", "Look from farther away."),
    ("zoom-node", "z", "zoom_node", "Zoom on node", "Look closely at the selected point; again: the whole frame."),
    ("follow", "Z", "follow", "Follow", "Keep the selected point in the middle of the view."),
    ("fit", "w", "fit", "Whole frame", "Show the whole frame."),
    ("brighter", "b", "brightness(1)", "Brighter", "Show dark parts brighter."),
    ("darker", "B", "brightness(-1)", "Darker", "Show bright parts darker."),
    ("contrast", "ctrl+t", "contrast", "Contrast", "Stretch the contrast: none, a little, more."),
    ("invert", "I", "invert", "Invert", "Show white as black."),
    ("peek", "grave_accent", "peek", "Peek", "Hide the markers for as long as the key is held."),
    ("markers", "X", "toggle_view('markers')", "Markers", "Hide or show the markers."),
    ("edges", "E", "toggle_view('edges')", "Edges", "Hide or show the edges."),
    ("names", "quotation_mark", "toggle_view('names')", "Names", "Show or hide the names of the nodes."),
    ("by-track", "T", "toggle_view('by_track')", "Colours by track", "Colours by animal instead of by body side."),
    ("compare", "M", "compare", "Compare", "Show the predictions beside the labels, as small crosses."),
    ("panel", "f2", "panel", "Side panel", "Hide or show the list of nodes."),
)  # fmt: skip

REST = _group(
    "Model, saving, leaving",
    ("predict", "P", "predict", "Predict", "Let the newest model predict this frame."),
    ("model", "f3", "model", "Predictions", "Choose the predictions that are shown."),
    ("skeleton", "S", "skeleton", "Skeleton", "Edit nodes, edges and the reference pose on this frame."),
    ("save", "ctrl+s", "save", "Save now", "Every change is saved at once; this tries again after a failure."),
    ("back", "escape", "back", "Back", "Leave a mode; then this screen. Everything is saved."),
)  # fmt: skip

LABEL_COMMANDS: tuple[Command, ...] = (*NODES, *PLACING, *MOVING, *FRAMES, *ANIMALS, *VIEWS, *REST)
