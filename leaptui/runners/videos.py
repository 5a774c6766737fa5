"""Videos of a project: registering them, opening them again as they were, and reading a frame to look at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leaptui.errors import UnusableInput
from leaptui.media import open_video
from leaptui.media.grey import frame_checksum, to_grey
from leaptui.media.preflight import preflight
from leaptui.media.readers import VIDEO_FILE_READERS, kind_of
from leaptui.media.video import Image, Video, VideoSource
from leaptui.project import Project, VideoRecord, short_id
from leaptui.runs.context import RunContext

if TYPE_CHECKING:
    from leaptui.media.index import VideoIndex


def register(
    project: Project, source: VideoSource | Path, context: RunContext, *, full: bool = True
) -> tuple[VideoRecord, bool]:
    """Prove a video readable and list it in the project.

    Args:
        full: decode every frame of a video file once, for its checksum.

    Returns:
        Its record, and whether it is new to the project.

    Raises:
        UnusableInput: if it cannot be read.
    """
    if isinstance(source, Path):
        source = VideoSource(source)
    known = _known(project, source)
    if known is not None:
        return known, False

    def progress(done: int, total: int) -> None:
        context.emit("progress", done=done, total=total, unit="frames", label=f"checking {source.path.name}")

    verdict = preflight(source, progress=progress, full=full)
    for record in project.videos:
        if record.identity == verdict.identity and record.dataset == source.dataset:
            if not project.video_path(record).exists():
                moved = replace(record, path=project.stored_path(source.path))
                project.videos[project.videos.index(record)] = moved
                project.save()
                context.emit("log", level="info", message=f"{source.path} is video {record.id}, found again")
                return moved, False
            return record, False
    height, width, channels = verdict.shape
    record = VideoRecord(
        id=short_id(verdict.identity, [v.id for v in project.videos]),
        path=project.stored_path(source.path),
        identity=verdict.identity,
        frames=verdict.count,
        height=height,
        width=width,
        channels=channels,
        dataset=source.dataset,
        axes=source.axes,
        reader=verdict.reader,
        colour_reader=verdict.colour_reader,
        continuous=verdict.continuous,
        problems=tuple(verdict.problems),
    )
    if verdict.index is not None:
        verdict.index.save(project.index_folder / f"{record.id}.npz")
    project.videos.append(record)
    project.save()
    return record, True


def _known(project: Project, source: VideoSource) -> VideoRecord | None:
    for record in project.videos:
        same = project.video_path(record).resolve() == source.path.resolve()
        if same and source.dataset in (None, record.dataset):
            return record
    return None


def open_record(project: Project, record: VideoRecord) -> Video:
    """Open a video of the project, and make sure that it is still the one that was added.

    Raises:
        UnusableInput: if it is missing or another.
    """
    path = project.video_path(record)
    if not path.exists():
        raise UnusableInput(
            f"video {record.id} of the project is not there",
            where=path,
            hint=f"Show where it is: leaptui add {project.folder} PATH",
        )
    source = VideoSource(path, record.dataset, record.axes)
    video = open_video(source, index=_index(project, record))
    if len(video) != record.frames or video.identity != record.identity:
        video.close()
        raise UnusableInput(
            f"this is not the video that was added ({record.frames} frames then, {len(video)} now)",
            where=path,
            hint="Put the old file back, or add this one as a new video.",
        )
    return video


def stored_index(project: Project, path: Path) -> VideoIndex | None:
    """The index of a video file that is in the project, as it was when the video was added; None if there is none."""
    from leaptui.media.index import VideoIndex

    wanted = path.resolve()
    for record in project.videos:
        stored = project.index_folder / f"{record.id}.npz"
        if project.video_path(record).resolve() == wanted and stored.is_file():
            try:
                index = VideoIndex.load(stored)
            except UnusableInput:
                return None
            return index if index.matches(path) else None
    return None


def _index(project: Project, record: VideoRecord) -> Path | None:
    path = project.index_folder / f"{record.id}.npz"
    return path if path.is_file() else None


class HeldFrame(NamedTuple):
    """Pixels (H, W, C) uint8 of a frame, and its checksum."""

    pixels: Image
    checksum: int


def read_frame(video: Video, index: int, *, grey: bool) -> HeldFrame:
    """A frame with its checksum, each picture decoded once.

    Raises:
        IndexError, FrameError: as `Video.get`.
    """
    is_file = kind_of(video.source.path) in VIDEO_FILE_READERS
    counted = video.get(index, grey=is_file)
    checksum = frame_checksum(counted)
    wants_grey = grey or video.shape[2] == 1
    if not is_file:
        return HeldFrame(to_grey(counted) if wants_grey else counted, checksum)
    return HeldFrame(counted if wants_grey else video.get(index), checksum)
