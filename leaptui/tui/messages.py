"""What screens tell the app, and what threads tell screens.

Screens post the wishes; the app opens what they ask for. Threads never touch widgets: they post news, and
frequent news replaces older news of its kind that was not read yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.screen import Screen

from leaptui.errors import LeaptuiError

if TYPE_CHECKING:
    from leaptui.ops.overview import ProjectOverview
    from leaptui.pose.labels import FrameKey
    from leaptui.tui.companions import Found, Frame
    from leaptui.tui.label_desk import LabelDesk
    from leaptui.tui.predictions import Arrived
    from leaptui.tui.run_picture import RunPicture
    from leaptui.tui.run_queue import QueueLook
    from leaptui.tui.run_shelf import ShelfLook
    from leaptui.tui.session import Session
    from leaptui.tui.summary import ProjectSummary


class OpenProject(Message):
    """Somebody wants to work on a project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__()


class ProjectOpened(Message):
    """A project was opened."""

    def __init__(self, session: Session) -> None:
        self.session = session
        super().__init__()


class OpenRun(Message):
    """Somebody wants to see a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__()


class OpenRuns(Message):
    """Somebody wants to see all runs of a project."""

    def __init__(self, session: Session) -> None:
        self.session = session
        super().__init__()


class OpenComparison(Message):
    """Somebody wants to see several runs side by side."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        super().__init__()


class OpenForm(Message):
    """Somebody wants to start an operation.

    Args:
        operation: its name in the table of operations.
        given: values to begin with.
        hidden: fields that the form does not show.
    """

    def __init__(self, session: Session, operation: str, given: Mapping[str, Any], hidden: Sequence[str]) -> None:
        self.session = session
        self.operation = operation
        self.given = given
        self.hidden = hidden
        super().__init__()


class OpenLabels(Message):
    """Somebody wants to label.

    Args:
        session: the open project.
        video: id of the video to begin with, or None for the first.
        frame: the frame to begin with, or None for the first that is not completely labelled.
        skeleton: the skeleton is to be edited.
    """

    def __init__(
        self, session: Session, video: str | None = None, frame: int | None = None, *, skeleton: bool = False
    ) -> None:
        self.session = session
        self.video = video
        self.frame = frame
        self.skeleton = skeleton
        super().__init__()


class LabelsOpened(Message):
    """The labels of a project were read."""

    def __init__(self, desk: LabelDesk, skeleton: bool = False) -> None:
        self.desk = desk
        self.skeleton = skeleton
        super().__init__()


class OpenSkeleton(Message):
    """Somebody wants to edit the skeleton.

    Args:
        desk: the labels it belongs to.
        picture: the frame to edit the reference pose on, if one is in sight.
    """

    def __init__(self, desk: LabelDesk, picture: Frame | None = None) -> None:
        self.desk = desk
        self.picture = picture
        super().__init__()


class FrameFound(Message):
    """A frame that was asked for was read, or cannot be."""

    def __init__(self, found: Found) -> None:
        self.found = found
        super().__init__()


class PredictionNews(Message):
    """Predictions that were asked for are here, or cannot be had."""

    def __init__(self, arrived: Arrived) -> None:
        self.arrived = arrived
        super().__init__()


class ModelWarmed(Message):
    """The model that predicts single frames is further."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ModelWarmed)


class LabelsWritten(Message):
    """An attempt to write labels has ended."""


class OthersRead(Message):
    """What other sessions have written was read."""

    def __init__(self, keys: frozenset[FrameKey]) -> None:
        self.keys = keys
        super().__init__()


class RunStarted(Message):
    """A form started a run, which takes the form's place."""

    def __init__(self, form: Screen[None], path: Path) -> None:
        self.form = form
        self.path = path
        super().__init__()


class OperationDone(Message):
    """An operation that a form waited for has ended well."""

    def __init__(self, form: Screen[None], words: str) -> None:
        self.form = form
        self.words = words
        super().__init__()


class Trouble(Message):
    """Something expected went wrong."""

    def __init__(self, error: LeaptuiError) -> None:
        self.error = error
        super().__init__()


class ProjectSummarised(Message):
    """A row of the recent projects was read."""

    def __init__(self, summary: ProjectSummary) -> None:
        self.summary = summary
        super().__init__()


class OverviewRead(Message):
    """The open project was read again."""

    def __init__(self, overview: ProjectOverview) -> None:
        self.overview = overview
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, OverviewRead)


class RunsRead(Message):
    """The runs of the open project were read again."""

    def __init__(self, look: ShelfLook) -> None:
        self.look = look
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunsRead)


class RunsSeen(Message):
    """The runs of the open project were read again: news for whoever alerts."""

    def __init__(self, session: Session, look: ShelfLook) -> None:
        self.session = session
        self.look = look
        super().__init__()


class QueueRead(Message):
    """The queue of this machine was read again; or cannot be, and why."""

    def __init__(self, look: QueueLook | None, error: LeaptuiError | None = None) -> None:
        self.look = look
        self.error = error
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, QueueRead)


class RunsChanged(Message):
    """Something was done to runs: they are to be read again.

    Args:
        paths: of the runs.
        words: what was done.
    """

    def __init__(self, paths: Sequence[Path], words: str) -> None:
        self.paths = paths
        self.words = words
        super().__init__()


class ComparedRead(Message):
    """Runs that are compared were read again."""

    def __init__(self, pictures: Sequence[RunPicture]) -> None:
        self.pictures = pictures
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ComparedRead)


class AlertFailed(Message):
    """The user's command for alerts did not work."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()


class RunRead(Message):
    """A run was read again.

    Args:
        picture: the run.
        output: what its program printed, the last lines.
        dropped: how many lines before them are not kept.
    """

    def __init__(self, picture: RunPicture, output: tuple[str, ...] = (), dropped: int = 0) -> None:
        self.picture = picture
        self.output = output
        self.dropped = dropped
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunRead)
