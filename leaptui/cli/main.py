"""Which command, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from leaptui import __version__
from leaptui.errors import ExitCode, LeaptuiError
from leaptui.ops.table import OPERATIONS
from leaptui.registry import resolve


@dataclass(frozen=True)
class Command:
    """A command that is more, or other, than one operation.

    Args:
        summary: one line for help texts.
        target: "module:function", called with the arguments, returning the exit code.
    """

    summary: str
    target: str


COMMANDS: dict[str, Command] = {
    "runs": Command("list the runs of a project", "leaptui.cli.run_commands:runs"),
    "attach": Command("follow a run live; leaving does not stop it", "leaptui.cli.run_commands:attach"),
    "stop": Command("ask a run to stop", "leaptui.cli.run_commands:stop"),
    "resume": Command("go on with a run that was stopped, failed or was killed", "leaptui.cli.run_control:resume"),
    "ask": Command("ask a run for a checkpoint, a lower learning rate or more epochs", "leaptui.cli.run_control:ask"),
    "queue": Command("list, reorder and cancel the runs that wait on this machine", "leaptui.cli.queue_commands:queue"),
    "watch": Command("follow a run that another program logs: Lightning CSV, TensorBoard", "leaptui.cli.watch:watch"),
    "compare": Command("put the settings and figures of several runs side by side", "leaptui.cli.compare:compare"),
    "note": Command("write notes and tags on a run", "leaptui.cli.run_notes:note_run"),
    "trash": Command("move a run to the trash, or back from it", "leaptui.cli.run_notes:trash"),
    "labels": Command("list who changed which labels, and when: labels log", "leaptui.cli.labels_log:labels"),
    "doctor": Command("say what the terminal can show, and what else is found here", "leaptui.cli.doctor:doctor"),
    "label": Command("place points on frames with the keyboard", "leaptui.cli.app:label"),
    "demo": Command(OPERATIONS["demo"].summary, "leaptui.cli.demo:demo"),
    "show": Command("print a frame with its points, right in the terminal", "leaptui.cli.show:show"),
    "bench": Command("measured figures as JSON: bench canvas", "leaptui.bench.command:bench"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(args)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else ExitCode.USAGE
    except LeaptuiError as error:
        from leaptui.cli.output import print_error

        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.FAILED


def _dispatch(args: list[str]) -> int:
    if not args or args[0] == "--graphics" or args[0].startswith("--graphics="):
        return _app(args)
    first, rest = args[0], args[1:]
    if first in ("-h", "--help", "help"):
        return _help()
    if first in ("-V", "--version"):
        sys.stdout.write(f"leaptui {__version__}\n")
        return ExitCode.DONE
    if first in COMMANDS:
        command: Callable[[list[str]], int] = resolve(COMMANDS[first].target)
        return command(rest)
    if first in OPERATIONS:
        from leaptui.cli.commands import operate

        return operate(OPERATIONS[first], rest)
    if first.startswith("-") or not Path(first).exists():
        return _unknown(first)
    return _app(args)


def _app(args: list[str]) -> int:
    command: Callable[[list[str]], int] = resolve("leaptui.cli.app:app")
    return command(args)


def _unknown(word: str) -> int:
    import difflib

    near = difflib.get_close_matches(word, [*OPERATIONS, *COMMANDS], n=1)
    guess = f" Did you mean `{near[0]}`?" if near else ""
    sys.stderr.write(
        f"leaptui: {word!r} is neither a command nor a project.{guess}\n  `leaptui --help` lists the commands.\n"
    )
    return ExitCode.USAGE


def _help() -> int:
    rows = [(name, operation.summary) for name, operation in OPERATIONS.items() if name not in COMMANDS]
    rows += [(name, command.summary) for name, command in COMMANDS.items()]
    width = max(len(name) for name, _ in rows)
    lines = [
        "leaptui: LEAP in the terminal. Animal pose estimation over SSH.",
        "",
        "usage: leaptui                    the app: recent projects",
        "       leaptui PROJECT            the app on that project (--graphics: how to draw)",
        "       leaptui COMMAND --help     what a command takes",
        "",
        *(f"  {name:<{width}}  {summary}" for name, summary in rows),
        "",
        "Results go to stdout (--json: one JSON object), words and progress to stderr.",
        "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unusable input, 130 interrupted.",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return ExitCode.DONE
