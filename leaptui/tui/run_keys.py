"""The keys of the screen of one run, of its curves and of its log.

Adding a new command: a line here, and its action in `screens/run*.py`, `widgets/curve_plot.py` or
`widgets/log_panel.py`.
"""

from __future__ import annotations

from leaptui.tui.command import Command


def _panel(key: str, name: str, description: str, tooltip: str) -> Command:
    return Command(f"run.panel-{name}", key, f"panel('{name}')", description, tooltip, show=False, group="Panels")


def _of(
    scope: str, name: str, keys: str, action: str, description: str, tooltip: str, *, show: bool = False
) -> Command:
    return Command(f"{scope}.{name}", keys, action, description, tooltip, show=show, palette=False)


RUN_COMMANDS: tuple[Command, ...] = (
    Command("run.stop", "s", "stop", "Stop", "Ask the run to stop: after its step, or at once."),
    Command("run.resume", "r", "resume", "Resume", "Go on from the last checkpoint, with the same split and schedule."),
    Command("run.checkpoint", "C", "checkpoint", "Checkpoint", "Have the training save where it is.", show=False),
    Command("run.lower-rate", "L", "lower_rate", "Lower rate", "Multiply the learning rate by a factor.", show=False),
    Command("run.extend", "E", "extend", "Extend", "Train for more epochs than were planned.", show=False),
    _panel("1", "loss", "Loss", "Training and validation loss."),
    _panel("2", "error", "Validation error", "Mean distance on the frames held back, in pixels."),
    _panel("3", "nodes", "Nodes", "Validation error of each body part."),
    _panel("4", "host", "GPU", "GPU, processor and memory of the machine."),
    _panel("5", "log", "Log", "What the run logged, and what its program printed."),
    _panel("6", "previews", "Previews", "Validation frames with predicted and true points, epoch by epoch."),
    _panel("7", "rate", "Learning rate", "The learning rate over time."),
    _panel("8", "metric", "Other curve", "Any other curve that was logged."),
    _panel("9", "outcome", "Outcome", "Why the run failed, or what came out."),
    Command("run.maximise", "z", "maximise", "Maximise", "Give the panel in front the whole screen, or take it back."),
    Command("run.hide", "h", "hide", "Hide panel", "Leave the panel in front out; its number brings it back.", show=False),
    Command("run.log-scale", "l", "log_scale", "Log scale", "Loss and error on a logarithmic or linear axis.", show=False),
    Command("run.smoother", "right_square_bracket", "smooth(1)", "Smoother", "Smooth curves more.", show=False),
    Command("run.rougher", "left_square_bracket", "smooth(-1)", "Rougher", "Smooth curves less, down to not at all.", show=False),
    Command("run.steps", "x", "by_step", "Steps", "Curves over steps or over epochs.", show=False),
    Command("run.metric", "m", "metric", "Choose curve", "Choose which other curve is shown.", show=False),
    Command("run.search", "slash", "search", "Search", "Search the log."),
    Command("run.next-hit", "n", "hit(1)", "Next hit", "The next line of the log with what was searched.", show=False),
    Command("run.hit-before", "N", "hit(-1)", "Hit before", "The line before with what was searched.", show=False),
    Command("run.copy-path", "y", "copy_path", "Copy path", "Copy the path of the run directory.", show=False),
    Command("run.back", "escape", "back", "Back", "Leave this screen; the run goes on.", palette=False),
    Command("run.quit", "q", "app.quit", "Quit", "Leave leaptui; runs go on without it.", show=False, palette=False),
)  # fmt: skip

PLOT_COMMANDS: tuple[Command, ...] = (
    _of("plot", "cursor", "c", "cursor", "Cursor", "A cursor that reads values off; left and right move it.", show=True),
    _of("plot", "zoom-in", "plus,equals_sign", "zoom_in", "Zoom in", "Look closer; the wheel does it too."),
    _of("plot", "zoom-out", "minus", "zoom_out", "Zoom out", "Look from farther away."),
    _of("plot", "left", "left", "pan_left", "Left", "Move the view, or the cursor; dragging moves the view too."),
    _of("plot", "right", "right", "pan_right", "Right", "Move the view, or the cursor."),
    _of("plot", "far-left", "shift+left", "jump_left", "Far left", "Move farther."),
    _of("plot", "far-right", "shift+right", "jump_right", "Far right", "Move farther."),
    _of("plot", "up", "up", "pan_up", "Up", "Look at larger values."),
    _of("plot", "down", "down", "pan_down", "Down", "Look at smaller values."),
    _of("plot", "taller", "greater_than_sign", "zoom_y_in", "Taller", "Stretch the values; the wheel with Ctrl does it too."),
    _of("plot", "flatter", "less_than_sign", "zoom_y_out", "Flatter", "Squeeze the values."),
    _of("plot", "reset", "0", "reset_scales", "Whole", "Show the whole curve again.", show=True),
)  # fmt: skip

LOG_COMMANDS: tuple[Command, ...] = (
    _of("log", "source", "o", "source", "Output", "What the run logged, or all that its program printed.", show=True),
    _of("log", "wrap", "w", "wrap", "Wrap", "Long lines go on in the next row, or are cut.", show=True),
    _of("log", "down", "down,j", "scroll(1)", "Down", "Scroll down."),
    _of("log", "up", "up,k", "scroll(-1)", "Up", "Scroll up; the log then stays where it is."),
    _of("log", "page-down", "pagedown,space", "page(1)", "Page down", "Scroll down by a page."),
    _of("log", "page-up", "pageup", "page(-1)", "Page up", "Scroll up by a page."),
    _of("log", "top", "home,g", "top", "Oldest", "To the oldest line."),
    _of("log", "follow", "end,G", "follow", "Follow", "To the newest line, and stay with it.", show=True),
    _of("log", "left", "left", "sideways(-20)", "Left", "Earlier columns of cut lines."),
    _of("log", "right", "right", "sideways(20)", "Right", "Later columns of cut lines."),
)  # fmt: skip
