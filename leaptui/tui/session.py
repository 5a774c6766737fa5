"""Session: what is open. Screens get it by constructor and keep no copy of what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from leaptui.project import Project

if TYPE_CHECKING:
    from leaptui.ops.overview import ProjectOverview
    from leaptui.tui.run_feed import RunFeed
    from leaptui.tui.run_shelf import ShelfLook


@dataclass(frozen=True)
class LabelStart:
    """Where labelling begins.

    Args:
        video: id of a video, or None for the first.
        frame: a frame of it, or None for the first that is not completely labelled.
    """

    video: str | None = None
    frame: int | None = None


@runtime_checkable
class HoldsWork(Protocol):
    """A screen that may hold what is not on disk."""

    def unsaved(self) -> str:
        """What would be lost now, in words, after a last attempt to save it; empty if nothing."""


class Session:
    """One open project.

    Args:
        project: the project, as project.toml has it.

    Attributes:
        overview: its counts, once they are read.
        runs: its runs, newest first, once they are read.
        feed: reads them again and again while the project is open.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.overview: ProjectOverview | None = None
        self.runs: ShelfLook | None = None
        self.feed: RunFeed | None = None

    @classmethod
    def open(cls, folder: Path) -> Session:
        """Open a project.

        Raises:
            UnusableInput: if it is none.
        """
        return cls(Project.open(folder))

    @property
    def folder(self) -> Path:
        """Folder of the project."""
        return self.project.folder

    def look_again(self, *runs: Path) -> None:
        """Have the runs read soon, these whatever they were."""
        if self.feed is not None:
            self.feed.look(*runs)

    def read_overview(self) -> ProjectOverview:
        """Read the project again; for a thread, `take_overview` puts it in place.

        Raises:
            UnusableInput: if the project is gone.
        """
        from leaptui.ops.overview import project_overview

        return project_overview(self.folder)

    def take_overview(self, overview: ProjectOverview) -> None:
        """What a thread has read becomes what is open."""
        self.overview = overview
        self.project = overview.project


@runtime_checkable
class HasSession(Protocol):
    """A screen that is there as long as a project is open."""

    @property
    def session(self) -> Session:
        """The open project."""
