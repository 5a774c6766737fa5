"""Commands of the labelling screen on how the frame is seen."""

from __future__ import annotations

from typing import Literal

from textual.timer import Timer

from leaptui.graphics.geometry import View
from leaptui.graphics.scene import Tone
from leaptui.graphics.tone import stretch
from leaptui.labelling.done import Done, nothing
from leaptui.tui.screens.choose import ChooseScreen
from leaptui.tui.screens.label_base import LabelBase
from leaptui.tui.widgets.canvas_mouse import ZOOM_STEP

_CLOSE = 40.0
"""Source pixels seen along the shorter side when zoomed on a node."""
_PEEK = 0.7
"""Seconds the markers stay hidden after the last repeat of the key."""
_CONTRAST_WORDS = ("contrast as recorded", "contrast stretched", "contrast stretched more")
_GAMMA_STEP = 1.2
_DARKEST, _BRIGHTEST = 4.0, 0.25

Toggle = Literal["markers", "edges", "names", "by_track"]
_TOGGLE_WORDS: dict[str, tuple[str, str]] = {
    "markers": ("markers shown", "markers hidden"),
    "edges": ("edges shown", "edges hidden"),
    "names": ("names shown", "names hidden"),
    "by_track": ("colours by track", "colours by body side"),
}


class LabelViews(LabelBase):
    """Zoom, brightness, what lies over the frame."""

    is_peeking = False
    _peek_timer: Timer | None = None
    _tone_of: tuple[object, Tone] | None = None

    def action_zoom(self, way: int) -> None:
        """Closer or farther, about the selected point."""
        self.canvas.zoom(ZOOM_STEP**way, self.labeller.point)

    def action_zoom_node(self) -> None:
        """Close to the selected point, or the whole frame again."""
        view, point = self.canvas.view, self.labeller.point
        if view is None:
            return
        if not view.is_fit:
            self.canvas.fit()
        elif point is None:
            self.done(nothing(f"{self.labeller.node_name} is not placed yet"))
        else:
            close = min(view.area[0] * view.cell[0], view.area[1] * view.cell[1]) / _CLOSE
            self.canvas.set_view(view.zoomed(close / view.scale).centred(point))

    def action_fit(self) -> None:
        """The whole frame."""
        self.canvas.fit()

    def action_follow(self) -> None:
        """Keep the selected point in the middle."""
        self.look.follow = not self.look.follow
        self.done(Done("the view follows the selected point" if self.look.follow else "the view stays"))

    def followed(self, view: View, point: tuple[float, float]) -> None:
        """Keep the selected point in sight."""
        if self.look.follow and not view.is_fit:
            self.canvas.centre_on(point)
        else:
            self.canvas.follow(point)

    def action_brightness(self, way: int) -> None:
        """Brighter or darker."""
        self.look.gamma = min(max(self.look.gamma * _GAMMA_STEP**-way, _BRIGHTEST), _DARKEST)
        self.done(Done(f"brightness {1 / self.look.gamma:.2f}"))

    def action_contrast(self) -> None:
        """The next contrast."""
        self.look.contrast = (self.look.contrast + 1) % len(self.CONTRASTS)
        self.done(Done(_CONTRAST_WORDS[self.look.contrast]))

    def action_invert(self) -> None:
        """White as black."""
        self.look.invert = not self.look.invert
        self.done(Done("white is shown black" if self.look.invert else "white is shown white"))

    def tone(self) -> Tone:
        """How brightness is shown; the stretch is made from the frame in sight."""
        share = self.CONTRASTS[self.look.contrast]
        picture = self.picture
        if share is None or picture is None:
            return Tone(gamma=self.look.gamma, invert=self.look.invert)
        name = (picture.key, share)
        if self._tone_of is None or self._tone_of[0] != name:
            self._tone_of = (name, stretch(picture.image, *share))
        found = self._tone_of[1]
        return Tone(found.low, found.high, self.look.gamma, self.look.invert)

    def action_peek(self) -> None:
        """Hide the markers while the key is held: until its repeats end, for terminals tell no release."""
        self.is_peeking = True
        if self._peek_timer is not None:
            self._peek_timer.stop()
        self._peek_timer = self.set_timer(_PEEK, self._peeked)
        self.show_all()

    def _peeked(self) -> None:
        self.is_peeking = False
        self.show_all()

    def action_toggle_view(self, what: Toggle) -> None:
        """Show or hide something."""
        now = not getattr(self.look, what)
        setattr(self.look, what, now)
        self.done(Done(_TOGGLE_WORDS[what][0 if now else 1]))

    def action_panel(self) -> None:
        """The list of nodes."""
        self.toggle_class("-no-panel")

    def action_compare(self) -> None:
        """Another model's predictions beside the labels."""
        files = self._files()
        if self.look.compared is not None:
            self.look.compared = None
            self.done(Done("no predictions are shown beside"))
        elif not files:
            self.done(nothing("there are no predictions of this video: predict it with p on the project's screen"))
        elif len(files) == 1:
            self._compare(0)
        else:
            self.app.push_screen(ChooseScreen("Predictions to show beside", files), self._compare)

    def _compare(self, choice: int | None) -> None:
        if choice is not None:
            self.look.compared = choice
            self.done(Done(f"beside, as small crosses: {self._files()[choice]}"))

    def action_model(self) -> None:
        """Which predictions points begin from."""
        files = self._files()
        if not files:
            self.done(nothing("there are no predictions of this video: predict it with p on the project's screen"))
            return
        self.app.push_screen(ChooseScreen("Predictions to start from", files), self._prefer)

    def _prefer(self, choice: int | None) -> None:
        predictions = self.desk.predictions
        if choice is None or predictions is None:
            return
        look = predictions.files(self.labeller.key.video)[choice]
        predictions.prefer(look.path)
        self.labeller.predictions_changed()
        self.done(Done(f"points start from {look.path.name}"))

    def _files(self) -> list[str]:
        """Names of the predictions files of this video."""
        predictions = self.desk.predictions
        if predictions is None:
            return []
        looks = predictions.files(self.labeller.key.video)
        return [f"{look.path.name} ({look.path.parent.name}), {len(look.frames):,} frames" for look in looks]
