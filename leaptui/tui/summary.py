"""One row of the recent projects: read from disk, cheaply first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from leaptui.errors import LeaptuiError
from leaptui.project import Project


@dataclass(frozen=True)
class ProjectSummary:
    """A project at a glance.

    Args:
        folder: where it is, or was.
        name: what people call it.
        skeleton: name of its skeleton and number of its nodes; empty without one.
        videos: number of its videos.
        labelled: labelled frames; None while they are not counted.
        runs: number of run directories; None while they are not counted.
        changed: when something in it last changed, seconds since the epoch.
        problem: why it cannot be opened; empty when it can.
    """

    folder: Path
    name: str
    skeleton: str = ""
    videos: int | None = None
    labelled: int | None = None
    runs: int | None = None
    changed: float | None = None
    problem: str = ""

    @property
    def missing(self) -> bool:
        """It cannot be opened."""
        return bool(self.problem)


def first_look(folder: Path) -> ProjectSummary:
    """What project.toml alone says; reads one small file and loads nothing heavy."""
    try:
        project = Project.open(folder)
    except LeaptuiError as error:
        return ProjectSummary(folder, folder.name, problem=error.what)
    skeleton = "" if project.skeleton is None else f"{project.skeleton.name} ({len(project.skeleton)})"
    return ProjectSummary(folder, project.name, skeleton, len(project.videos), changed=_changed(project))


def second_look(summary: ProjectSummary) -> ProjectSummary:
    """The same with labelled frames and runs counted."""
    if summary.missing:
        return summary
    from leaptui.pose.store import LabelStore
    from leaptui.runs.layout import list_runs

    try:
        project = Project.open(summary.folder)
        labelled = 0
        if project.skeleton is not None:
            labelled = LabelStore(project.labels_folder, project.skeleton).labels().counts().frames
        return replace(summary, labelled=labelled, runs=len(list_runs(project.runs_folder)))
    except LeaptuiError as error:
        return replace(summary, problem=error.what)


def _changed(project: Project) -> float | None:
    places = (project.manifest, project.labels_folder / "journal", project.labels_folder, project.runs_folder)
    times = []
    for place in places:
        try:
            times.append(place.stat().st_mtime)
        except OSError:
            continue
    return max(times, default=None)
