"""What the parts of the labelling screen share: the desk, the canvas, and the way from a command to the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leaptui.graphics.scene import Tone
from leaptui.labelling.done import Done
from leaptui.labelling.hints import HintGrid
from leaptui.labelling.labeller import Labeller
from leaptui.tui.companions import Frame
from leaptui.tui.label_desk import LabelDesk
from leaptui.tui.screens.serial_keys import SerialKeys
from leaptui.tui.widgets.frame_canvas import FrameCanvas
from leaptui.tui.widgets.prompt_line import PromptLine
from leaptui.tui.widgets.status_line import StatusLine


@dataclass
class LabelLook:
    """How the frame is shown, apart from where.

    Args:
        markers, edges, names: what lies over it.
        by_track: colours by animal instead of by side.
        compared: position in the desk's predictions files of the one shown beside, or None.
        contrast: position in the list of contrasts.
        gamma: brightness; below 1 lifts the dark.
        invert: white as black.
        follow: the selected point stays in the middle.
        fine: small steps.
        whole: arrows move the whole animal.
    """

    markers: bool = True
    edges: bool = True
    names: bool = False
    by_track: bool = False
    compared: int | None = None
    contrast: int = 0
    gamma: float = 1.0
    invert: bool = False
    follow: bool = False
    fine: bool = False
    whole: bool = False


class LabelBase(SerialKeys):
    """The labelling screen without its commands."""

    CONTRASTS: ClassVar[tuple[tuple[float, float] | None, ...]] = (None, (0.5, 99.5), (2.0, 98.0))

    def __init__(self, desk: LabelDesk) -> None:
        super().__init__()
        self.desk = desk
        self.look = LabelLook()
        self.picture: Frame | None = None
        """The frame that is shown, which is the labeller's once it has arrived."""
        self.hints: HintGrid | None = None

    @property
    def labeller(self) -> Labeller:
        """The person's place among the labels."""
        return self.desk.labeller

    @property
    def canvas(self) -> FrameCanvas:
        """The picture."""
        return self.query_one(FrameCanvas)

    @property
    def status(self) -> StatusLine:
        """The line of words."""
        return self.query_one(StatusLine)

    @property
    def prompt(self) -> PromptLine:
        """The line for questions."""
        return self.query_one(PromptLine)

    def done(self, done: Done) -> None:
        """A command was carried out: say it, save it, show it."""
        raise NotImplementedError

    def show_all(self) -> None:
        """Show everything as it is now."""
        raise NotImplementedError

    def tone(self) -> Tone:
        """How brightness is shown."""
        raise NotImplementedError
