"""What a project holds, for screens and `info`: counts that are read, not remembered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leaptui.pose.labels import LabelCounts
from leaptui.pose.store import LabelStore
from leaptui.project import Project, VideoRecord


@dataclass(frozen=True)
class VideoOverview:
    """One video of a project.

    Args:
        record: as kept in project.toml.
        path: where it should be.
        missing: it is not there.
        labelled: labelled frames in it.
    """

    record: VideoRecord
    path: Path
    missing: bool
    labelled: int


@dataclass(frozen=True)
class ProjectOverview:
    """A project at a glance.

    Args:
        project: the open project.
        videos: its videos.
        labels: how much is labelled.
        problems: what is wrong, in words.
    """

    project: Project
    videos: list[VideoOverview]
    labels: LabelCounts
    problems: list[str]


def project_overview(folder: Path) -> ProjectOverview:
    """Read a project and count its labels.

    Raises:
        UnusableInput: if it is no project.
    """
    project = Project.open(folder)
    problems: list[str] = []
    if project.skeleton is None:
        counts = LabelCounts(0, 0, 0, 0, {})
    else:
        store = LabelStore(project.labels_folder, project.skeleton)
        counts = store.labels().counts()
        problems += [f"{p.file.name}, line {p.line}: {p.reason}" for p in store.problems]
    videos = []
    for record in project.videos:
        path = project.video_path(record)
        missing = not path.exists()
        if missing:
            problems.append(f"the video {path} is not there")
        problems += [f"{path.name}: {problem}" for problem in record.problems]
        videos.append(VideoOverview(record, path, missing, counts.by_video.get(record.id, 0)))
    known = {record.id for record in project.videos}
    lost = sum(n for video, n in counts.by_video.items() if video not in known)
    if lost:
        problems.append(f"{lost} labelled frames are of videos that project.toml does not list")
    return ProjectOverview(project, videos, counts, problems)
