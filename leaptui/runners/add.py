"""Add videos to a project."""

from __future__ import annotations

from leaptui.errors import UnusableInput
from leaptui.media.video import VideoSource
from leaptui.ops.add import AddRequest, AddResult
from leaptui.project import Project
from leaptui.runners.videos import register
from leaptui.runs.context import RunContext


def run(request: AddRequest, context: RunContext) -> AddResult:
    """Register each video; one that cannot be read ends it, those before stay."""
    project = Project.open(request.project)
    for path in request.videos:
        if not path.exists():
            raise UnusableInput("there is no such file", where=path, hint="Check the path.")
    added, skipped = [], []
    for path in request.videos:
        source = VideoSource(path, request.dataset, request.axes)
        record, new = register(project, source, context, full=not request.quick)
        if new:
            added.append({**record.to_dict(), "problems": list(record.problems)})
        else:
            skipped.append(str(path))
    return AddResult(project.folder, added, skipped)
