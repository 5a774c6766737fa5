"""Predictions and models are found where runs and exports put them."""

from __future__ import annotations

import os
from pathlib import Path

from leaptui.ops.predictions import find_predictions, trained_models
from leaptui.project import Project
from leaptui.runs.files import write_object
from leaptui.runs.layout import RunDirectory
from leaptui.runs.status import State, Status, write_status


def finished(project: Project, operation: str, result: dict[str, object] | None, **request: object) -> RunDirectory:
    run = RunDirectory.create(project.runs_folder, operation, request)
    if result is not None:
        write_object(run.result, result)
        write_status(run, Status(State.FINISHED))
    return run


def put(path: Path, when: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    os.utime(path, (when, when))
    return path


def test_predictions_newest_first(tmp_path: Path):
    project = Project.create(tmp_path / "p")
    old = put(tmp_path / "elsewhere" / "old.h5", 1000)
    exported = put(project.exports_folder / "new.h5", 3000)
    put(project.exports_folder / "table.csv", 3000)
    put(project.exports_folder / ".new.h5.1-a.tmp.h5", 3000)
    inside = put(project.exports_folder / "inside.h5", 2000)
    run = finished(project, "predict", {"files": [str(old), str(tmp_path / "gone.h5")]}, model="/m/one")
    again = finished(project, "predict", {"files": [str(inside)]}, model="/m/two")
    finished(project, "predict", None)
    finished(project, "train", {"files": [str(put(tmp_path / "no.h5", 9))]})
    found = find_predictions(project)
    assert [(each.path, each.run, each.model) for each in found] == [
        (exported, None, None),
        (inside, again.id, "/m/two"),
        (old, run.id, "/m/one"),
    ]


def test_a_project_without_any(tmp_path: Path):
    project = Project.create(tmp_path / "p")
    assert find_predictions(project) == []
    assert trained_models(project) == []


def test_models_of_finished_runs_come_first(tmp_path: Path):
    project = Project.create(tmp_path / "p")
    first = finished(project, "train", {})
    second = finished(project, "train", {})
    broken = finished(project, "train", None)
    finished(project, "train", {})
    for run, created in ((first, 1.0), (second, 2.0), (broken, 3.0)):
        run.model.write_bytes(b"")
        asked = run.read_request()
        run.request.chmod(0o644)
        write_object(run.request, {**asked, "created": created})
    assert trained_models(project) == [second.model, first.model, broken.model]
