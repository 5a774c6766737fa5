"""Make a project, with its skeleton and first videos."""

from __future__ import annotations

from pathlib import Path

from leaptui.errors import UnusableInput
from leaptui.ops.new import NewRequest, NewResult
from leaptui.pose.builtin import BUILTIN_SKELETONS
from leaptui.pose.skeleton import Skeleton
from leaptui.project import Project
from leaptui.runners.videos import register
from leaptui.runs.context import RunContext


def run(request: NewRequest, context: RunContext) -> NewResult:
    """Make the project; the skeleton is read first, so that a wrong one leaves nothing behind."""
    skeleton, notes = (None, ()) if request.skeleton is None else _skeleton(request.skeleton)
    for path in request.video:
        if not path.exists():
            raise UnusableInput("there is no such file", where=path, hint="Check the path.")
    project = Project.create(request.project, name=request.name, skeleton=skeleton)
    records = [register(project, path, context) for path in request.video]
    return NewResult(
        project=project.folder,
        skeleton=None if skeleton is None else skeleton.name,
        nodes=0 if skeleton is None else len(skeleton),
        videos=[record.id for record, _ in records],
        notes=list(notes),
    )


def _skeleton(name: str) -> tuple[Skeleton, tuple[str, ...]]:
    if name in BUILTIN_SKELETONS:
        return BUILTIN_SKELETONS[name](), ()
    path = Path(name)
    if not path.exists():
        raise UnusableInput(
            "there is no such skeleton",
            where=name,
            hint=f"Built in are {', '.join(BUILTIN_SKELETONS)}; otherwise give a .toml or .csv file.",
        )
    from leaptui.formats.skeleton_file import read_skeleton

    return read_skeleton(path)
