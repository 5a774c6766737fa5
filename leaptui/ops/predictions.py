"""Which predictions and models a project has, by its folders and runs alone; no prediction is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leaptui.project import Project
from leaptui.runs.files import read_object
from leaptui.runs.layout import RunDirectory, list_runs
from leaptui.runs.status import State, read_status

_ENDINGS = (".h5", ".hdf5")


@dataclass(frozen=True)
class FoundPredictions:
    """A file that should hold predictions.

    Args:
        path: absolute path of the file.
        made: when it was written, seconds since the epoch.
        run: id of the run that made it, None if it was found among the exports.
        model: the model that was asked for, if that is known.
    """

    path: Path
    made: float
    run: str | None = None
    model: str | None = None


def find_predictions(project: Project) -> list[FoundPredictions]:
    """Predictions files of the project's runs and exports that are there, newest first.

    Which video each is of stands in the files themselves; whoever opens them finds out.
    """
    found: dict[Path, FoundPredictions] = {}
    for candidate in (*_of_runs(project), *_of_exports(project)):
        found.setdefault(candidate.path, candidate)
    return sorted(found.values(), key=lambda each: (each.made, str(each.path)), reverse=True)


def trained_models(project: Project) -> list[Path]:
    """Model files of the project's training runs, newest first; those of runs that did not finish come last."""
    finished: list[Path] = []
    others: list[Path] = []
    for run in list_runs(project.runs_folder):
        if run.model.is_file():
            status = read_status(run)
            is_finished = status is not None and status.state is State.FINISHED
            (finished if is_finished else others).append(run.model)
    return finished + others


def _of_runs(project: Project) -> Iterator[FoundPredictions]:
    for run in list_runs(project.runs_folder):
        asked, result = read_object(run.request) or {}, read_object(run.result) or {}
        files = result.get("files")
        if asked.get("operation") != "predict" or not isinstance(files, list):
            continue
        request = asked.get("request")
        model = request.get("model") if isinstance(request, dict) else None
        for name in files:
            if isinstance(name, str):
                yield from _there(_from(run, name), run.id, model if isinstance(model, str) else None)


def _from(run: RunDirectory, name: str) -> Path:
    """A path of a result; relative ones are meant from the run's folder, where its worker stood."""
    return (run.path / name).resolve()


def _of_exports(project: Project) -> Iterator[FoundPredictions]:
    try:
        files = sorted(project.exports_folder.iterdir())
    except OSError:
        return
    for path in files:
        if path.suffix.lower() in _ENDINGS and not path.name.startswith("."):
            yield from _there(path.resolve(), None, None)


def _there(path: Path, run: str | None, model: str | None) -> Iterator[FoundPredictions]:
    try:
        stat = path.stat()
    except OSError:
        return
    yield FoundPredictions(path, stat.st_mtime, run, model)
