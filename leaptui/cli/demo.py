"""`leaptui demo`: the main job on the synthetic fly, as a person would do it with the other commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaptui.cli.app import open_app
from leaptui.cli.build import JSON, parse
from leaptui.cli.commands import perform_here
from leaptui.cli.follow import follow
from leaptui.cli.output import note, plain, print_facts, print_json
from leaptui.config import remember_project
from leaptui.errors import ExitCode, LeaptuiError, OperationFailed
from leaptui.ops.demo import DemoRequest, DemoResult
from leaptui.ops.evaluate import EvaluateRequest
from leaptui.ops.models import find_model
from leaptui.ops.predict import PredictRequest
from leaptui.ops.requests import Request
from leaptui.ops.submit import submit
from leaptui.ops.train import TrainRequest
from leaptui.runs.files import read_object
from leaptui.words import duration, percent


def demo(args: Sequence[str]) -> int:
    """Make, train, predict, evaluate, print the table, and open the app where there is a terminal."""
    parsed = parse("demo", DemoRequest, args, (JSON,))
    request = parsed.request
    made: DemoResult = perform_here(request)
    remember_project(made.project)
    note(f"a synthetic fly in {made.project}: {made.frames:,} frames, {made.labels} of them labelled")
    trained = _trained(made, request)
    out = made.project / "exports" / "fly.predictions.h5"
    predicted = _wait(PredictRequest(Path(trained["model"]), (made.video,), out))
    figures = plain(perform_here(EvaluateRequest(out, made.truth)))
    summary = _summary(made, trained, predicted, figures)
    if "json" in parsed.flags:
        print_json(summary)
    else:
        _print(summary)
    if request.no_tui or "json" in parsed.flags or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return ExitCode.DONE
    input("\nEnter opens the app (q leaves it) … ")
    return open_app(made.project)


def _trained(made: DemoResult, request: DemoRequest) -> dict[str, Any]:
    """The result of the training run, a former one if there is one."""
    try:
        found = read_object(find_model(made.project).parent / "result.json")
    except LeaptuiError:
        found = None
    if found is not None:
        note("the network trained before is used again")
        return found
    return _wait(TrainRequest(made.project, profile=request.profile, seed=request.seed))


def _wait(request: Request) -> dict[str, Any]:
    run = submit(request)
    ended = follow(run.path)
    if ended.result is None or ended.exit_code != ExitCode.DONE:
        raise OperationFailed("the demo ended here", where=run.path, hint="The same command goes on from what is done.")
    return ended.result


def _summary(
    made: DemoResult, trained: dict[str, Any], predicted: dict[str, Any], figures: dict[str, Any]
) -> dict[str, Any]:
    unseen = figures["unseen"] or figures
    return {
        "project": made.project,
        "labels": made.labels,
        "trained_on": trained["labels"],
        "epochs": trained["epochs"],
        "training_seconds": trained["seconds"],
        "val_frames": trained["val_frames"],
        "val_error_px": trained["val_error_px"],
        "val_error_body": trained["val_error_body"],
        "test_frames": unseen["frames"],
        "test_error_px": unseen["mean_px"],
        "test_error_body": unseen["mean_body"],
        "fps": predicted["fps"],
        "device": predicted["device"],
        "video": made.video,
        "model": trained["model"],
        "predictions": predicted["out"],
        "truth": made.truth,
    }


def _print(summary: dict[str, Any]) -> None:
    def error(kind: str) -> str | None:
        px, body = summary[f"{kind}_error_px"], summary[f"{kind}_error_body"]
        return None if px is None else f"{px:.2f} px, {percent(body)} of body length"

    print_facts(
        {
            "labels": f"{summary['labels']} frames ({summary['trained_on']} to train, {summary['val_frames']} held back)",
            "epochs": f"{summary['epochs']} in {duration(summary['training_seconds'])}",
            "validation error": error("val"),
            "error on the rest": f"{error('test')} ({summary['test_frames']:,} frames never trained on)",
            "prediction": f"{summary['fps']:,.0f} frames/s on {summary['device']}",
            "video": summary["video"],
            "model": summary["model"],
            "predictions": summary["predictions"],
            "project": summary["project"],
        },
        title="\nLEAP's main job on a synthetic fly",
    )
