"""Keys of panels of the run screen that take the focus: previews, and errors of the nodes.

Adding a new command: a line here, and its action in the panel of that scope.
"""

from __future__ import annotations

from leaptui.tui.command import Command


def _of(scope: str, *rows: tuple[str, str, str, str, str], footer: frozenset[str]) -> tuple[Command, ...]:
    return tuple(
        Command(f"{scope}.{name}", keys, action, words, tooltip, show=name in footer, palette=False)
        for name, keys, action, words, tooltip in rows
    )


RUN_PANEL_COMMANDS: tuple[Command, ...] = (
    *_of(
        "preview",
        ("older", "comma,left_square_bracket", "epoch(-1)", "Older", "The epoch before; the picture then stays."),
        ("newer", "full_stop,right_square_bracket", "epoch(1)", "Newer", "The next epoch."),
        ("first", "home", "first", "First epoch", "The first epoch that is kept."),
        ("newest", "end", "newest", "Newest epoch", "The newest epoch, and each new one as it comes."),
        ("next-frame", "n", "frame(1)", "Next frame", "The next of the validation frames."),
        ("previous-frame", "p", "frame(-1)", "Frame before", "The validation frame before."),
        ("all", "t", "all_frames", "All frames", "All frames beside each other, or one of them large."),
        ("maps", "m", "maps", "Maps", "Confidence maps: the highest of all nodes, of one node, or none."),
        ("node-down", "down", "node(1)", "Next node", "The confidence map of the next node."),
        ("node-up", "up", "node(-1)", "Node before", "The confidence map of the node before."),
        ("points", "x", "points", "Points", "Show or hide predicted and true points."),
        ("zoom-in", "plus,equals_sign", "zoom(1.5)", "Zoom in", "Look closer; the wheel does it too."),
        ("zoom-out", "minus", "zoom(0.667)", "Zoom out", "Look from farther away."),
        ("fit", "0", "fit", "Whole frame", "Show the whole frame."),
        footer=frozenset({"older", "newer", "next-frame", "maps"}),
    ),
    *_of(
        "nodes",
        ("sort", "o", "sort", "Order", "Worst nodes first, or in the order of the skeleton."),
        ("down", "down,j", "scroll(1)", "Down", "Scroll down."),
        ("up", "up,k", "scroll(-1)", "Up", "Scroll up."),
        ("page-down", "pagedown", "page(1)", "Page down", "Scroll down by a page."),
        ("page-up", "pageup", "page(-1)", "Page up", "Scroll up by a page."),
        footer=frozenset({"sort"}),
    ),
)
