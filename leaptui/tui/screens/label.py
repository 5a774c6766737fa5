"""LabelScreen: place points on frames, or correct predicted ones, with the keyboard.

A key becomes a command of the labeller, which answers in words; the labels are staged at once and written by a
thread; the scene is made anew and the canvas sends what changed. Frames and predictions come from processes beside
the app and are shown when they arrive.
"""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Footer, Static

from leaptui.graphics.scene import Scene
from leaptui.labelling.done import Done, nothing
from leaptui.labelling.hints import HintGrid
from leaptui.labelling.scene_of import Colours, Names, SceneOptions, scene_of
from leaptui.pose.labels import FrameKey
from leaptui.tui import messages
from leaptui.tui.companions import Found, Frame, FrameTrouble
from leaptui.tui.keymap import bindings
from leaptui.tui.label_desk import LabelDesk
from leaptui.tui.predictions import Arrived
from leaptui.tui.screens.confirm import may_lose
from leaptui.tui.screens.label_frames import LabelFrames
from leaptui.tui.screens.label_points import LabelPoints
from leaptui.tui.screens.label_side import LabelSide
from leaptui.tui.screens.label_views import LabelViews
from leaptui.tui.styles import style
from leaptui.tui.widgets.frame_canvas import FrameCanvas
from leaptui.tui.widgets.node_list import NodeList
from leaptui.tui.widgets.prompt_line import PromptLine
from leaptui.tui.widgets.skeleton_thumbnail import SkeletonThumbnail
from leaptui.tui.widgets.status_line import StatusLine
from leaptui.tui.widgets.timeline_bar import TimelineBar
from leaptui.tui.widgets.title_bar import TitleBar

_LOOK_EVERY = 2.0
"""Seconds between looks at what other sessions have written, and between attempts to save after a failure."""
_DIGITS_WAIT = 1.5
"""Seconds in which a second digit makes another number."""
_AHEAD = (1, 2, -1)
"""Steps to the frames that are likely to be wanted next."""
_FORESEE_AFTER = 0.5
"""Seconds on a frame after which the next ones are sent to the terminal ahead."""


class LabelScreen(LabelPoints, LabelFrames, LabelViews, LabelSide):
    """The labelling screen.

    Args:
        desk: labels, frames and predictions; closed with the screen.
    """

    CSS_PATH = style("label")
    BINDINGS = bindings("label")
    SCOPES = ("label",)
    AUTO_FOCUS = "FrameCanvas"

    def __init__(self, desk: LabelDesk) -> None:
        super().__init__(desk)
        self._is_writing = False
        self._is_refreshing = False
        self._digits = ""
        self._digit_timer: Timer | None = None
        self._last_key: FrameKey | None = None
        self._way = 1
        self._foresee_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield TitleBar(self.desk.project.name)
        with Horizontal(id="desk"):
            yield FrameCanvas(id="canvas")
            with Vertical(id="side"):
                yield Static(id="animal", markup=False)
                yield NodeList(id="nodes")
                yield SkeletonThumbnail(id="thumbnail")
        yield TimelineBar(id="timeline")
        yield StatusLine()
        yield PromptLine()
        yield Footer()

    def on_mount(self) -> None:
        self.desk.start(self._frame_found, self._news)
        self.set_interval(_LOOK_EVERY, self._look)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.show_all())
        self._say_problems()
        model = "P predicts, " if self.desk.models else ""
        self.status.say(f"f places the selected node, {model}? lists every key")
        self._arrive()
        self.show_all()

    def on_screen_resume(self) -> None:
        self.show_all()

    def on_unmount(self) -> None:
        self.labeller.flush()
        self.desk.close()

    def _say_problems(self) -> None:
        problems = self.desk.store.problems
        if problems:
            first = problems[0]
            where = f"{first.file}, line {first.line}" if first.line else str(first.file)
            self.notify(
                f"{len(problems)} things in the labels cannot be read and were left as they are; the first: "
                f"{where}: {first.reason}",
                severity="warning",
                timeout=20,
                markup=False,
            )

    # From a command to the picture

    def done(self, done: Done) -> None:
        """Say what a command did, save it, show it."""
        self.status.say(done.words, "" if done.changed else "-refused")
        if done.edited:
            self._write()
        if self._last_key != self.labeller.key:
            self._arrive()
        self.show_all()

    def _arrive(self) -> None:
        """Another frame is in sight, or will be when it has been read."""
        before, key = self._last_key, self.labeller.key
        if before is not None and before.video == key.video:
            self._way = 1 if key.frame >= before.frame else -1
        self._last_key = key
        frames = self.desk.frames
        if frames is None:
            return
        found = frames.get(key)
        if found is not None:
            self._take(found)
        frames.ahead(self._next_frames(), deliver=len(_AHEAD))
        if self._foresee_timer is not None:
            self._foresee_timer.stop()
        self._foresee_timer = self.set_timer(_FORESEE_AFTER, self._foresee)

    def _next_frames(self) -> list[FrameKey]:
        """Frames that are likely to be wanted next, the likeliest first."""
        key, way = self.labeller.key, self._way
        found = [key._replace(frame=key.frame + way * step) for step in _AHEAD]
        return [k for k in found if 0 <= k.frame < self.labeller.video.frames]

    def _foresee(self) -> None:
        """Send the pictures of the next frames ahead, where the terminal keeps them."""
        frames = self.desk.frames
        if frames is None or not self.is_active:
            return
        held = [frame for key in self._next_frames() if (frame := frames.peek(key)) is not None]
        self.canvas.foresee([Scene(frame.image, tuple(frame.key), self.tone()) for frame in held])

    def show_all(self) -> None:
        """Show labels, picture and everything beside as they are now."""
        if not self.is_mounted:
            return
        self._show_picture()
        self.show_side()
        self._show_status()

    def _show_picture(self) -> None:
        picture = self.picture
        if picture is None or picture.key != self.labeller.key:
            return
        view = self.canvas.view
        if self.hints is not None and view is not None and view != self.hints.view:
            self.hints = HintGrid(view)
        compared = self._compared()
        options = SceneOptions(
            markers=self.look.markers and not self.is_peeking,
            edges=self.look.edges,
            names=Names.ALL if self.look.names else Names.SELECTED,
            colours=Colours.TRACK if self.look.by_track else Colours.SIDE,
            others=compared,
            notes=self.hints.notes() if self.hints is not None else (),
            guides=self.hints.guides() if self.hints is not None else (),
        )
        point = self.labeller.point
        if view is not None and point is not None and not view.is_fit and self.hints is None:
            self.followed(view, point)
        self.canvas.update_scene(scene_of(self.labeller, picture.image, self.tone(), options))

    def _show_status(self) -> None:
        labeller, look = self.labeller, self.look
        loading = self.picture is None or self.picture.key != labeller.key
        modes = [
            "HINTS" if self.hints is not None else "",
            "PLAY" if self.is_playing else "",
            "ANIMAL" if look.whole else "",
            "FINE" if look.fine else "",
            "FOLLOW" if look.follow else "",
            "loading" if loading else "",
        ]
        self.status.show_mode(" ".join(mode for mode in modes if mode))
        saved = labeller.saved
        classes = "-failed" if saved.error is not None else "-saving" if saved.unsaved else ""
        self.status.show_saved(saved.words, classes)

    # Frames and predictions arrive, in other threads

    def _frame_found(self, found: Found) -> None:
        self.post_message(messages.FrameFound(found))

    def _news(self, arrived: Arrived) -> None:
        self.post_message(messages.PredictionNews(arrived))

    @on(messages.FrameFound)
    def _on_frame_found(self, message: messages.FrameFound) -> None:
        message.stop()
        if message.found.key == self.labeller.key:
            self._take(message.found)
            self.show_all()

    def _take(self, found: Found) -> None:
        """The frame in sight is here, or cannot be had."""
        if isinstance(found, Frame):
            self.picture = found
            self.labeller.checksum = found.checksum
        elif isinstance(found, FrameTrouble):
            self.picture = None
            self.canvas.show(None)
            self.canvas.say(str(found.error))
            self.status.say(str(found.error), "-trouble")

    @on(messages.PredictionNews)
    def _on_prediction_news(self, message: messages.PredictionNews) -> None:
        message.stop()
        news = message.arrived
        if news.error is not None:
            self.status.say(str(news.error), "-trouble")
        elif news.path is None and news.key == self.labeller.key:
            self.status.say("predicted: correct what is wrong, then A accepts the rest")
        self.labeller.predictions_changed()
        self.show_all()

    def action_predict(self) -> None:
        """Have the newest model predict this frame."""
        self.status.say(self.desk.predict(self.labeller.key, self._model_changed))

    def _model_changed(self) -> None:
        self.post_message(messages.ModelWarmed())

    @on(messages.ModelWarmed)
    def _on_model_warmed(self, message: messages.ModelWarmed) -> None:
        message.stop()
        predictor = self.desk.predictor
        if predictor is not None:
            words = str(predictor.error) if predictor.error else f"the model is {predictor.warmth.value}"
            self.status.say(words, "-trouble" if predictor.error else "")

    # Saving, and what others save

    def _write(self) -> None:
        if not self._is_writing and self.labeller.saved.unsaved:
            self._is_writing = True
            self._write_all()

    @work(thread=True, group="save")
    def _write_all(self) -> None:
        self.labeller.flush()
        self.post_message(messages.LabelsWritten())

    @on(messages.LabelsWritten)
    def _on_written(self, message: messages.LabelsWritten) -> None:
        message.stop()
        self._is_writing = False
        if self.labeller.saved.error is None:
            self._write()
        self._show_status()

    def action_save(self) -> None:
        """Try to save again."""
        self._write()
        if not self.labeller.saved.unsaved:
            self.status.say("everything is saved")

    def _look(self) -> None:
        self._write()
        if not self._is_refreshing and self.is_active:
            self._is_refreshing = True
            self._read_others()

    @work(thread=True, group="others")
    def _read_others(self) -> None:
        self.post_message(messages.OthersRead(frozenset(self.labeller.refresh())))

    @on(messages.OthersRead)
    def _on_others_read(self, message: messages.OthersRead) -> None:
        message.stop()
        self._is_refreshing = False
        if message.keys:
            done = self.labeller.take_refreshed(message.keys)
            self.status.say(done.words)
            self.show_all()

    # Keys that are not bindings, and questions

    def take_key(self, key: str) -> bool:
        """Keys that stop the video, letters of the hint grid, numbers of nodes."""
        if not key.isdecimal():
            self._digits = ""
        if self.is_playing:
            self.stop_playing()
            return True
        if self.hints is not None and self.feed_hint(key):
            return True
        if key.isdecimal():
            self._type_digit(key)
            return True
        return False

    def _type_digit(self, digit: str) -> None:
        """The number of a node, digit by digit as long as it can go on."""
        count = len(self.labeller.skeleton)
        typed = self._digits + digit
        if not 1 <= int(typed) <= count:
            typed = digit
        if 1 <= int(typed) <= count:
            self.done(self.labeller.select_node(int(typed) - 1))
        self._digits = typed if int(typed) * 10 <= count else ""
        if self._digit_timer is not None:
            self._digit_timer.stop()
        self._digit_timer = self.set_timer(_DIGITS_WAIT, self._forget_digits)

    def _forget_digits(self) -> None:
        self._digits = ""

    def prompt_typed(self, question: str, value: str) -> None:
        """List the nodes that are meant so far."""
        if question == "node":
            self.show_side(self.labeller.find_nodes(value) if value else None)

    def prompt_answered(self, question: str, value: str) -> None:
        """Do what was asked for."""
        if question == "node":
            found = self.labeller.find_nodes(value)
            self.done(self.labeller.select_node(found[0]) if found else nothing(f"no node is called {value!r}"))
        elif question == "frame":
            self.done(self.go_to(value))
        elif question == "track":
            self.done(self.labeller.assign_track(value.strip() or None))

    def prompt_left(self) -> None:
        """List every node again."""
        self.show_all()

    @on(FrameCanvas.ViewChanged)
    def _view_changed(self, message: FrameCanvas.ViewChanged) -> None:
        message.stop()
        if self.hints is not None:
            self.show_all()

    # Leaving

    def action_skeleton(self) -> None:
        """Edit the skeleton on this frame."""
        self.post_message(messages.OpenSkeleton(self.desk, self.picture))

    def action_back(self) -> None:
        """Leave a mode, or the screen."""
        if self.hints is not None:
            self.hints = None
            self.show_all()
        elif self.look.whole or self.look.fine:
            self.look.whole = self.look.fine = False
            self.done(Done("arrows move the selected point by one pixel"))
        else:
            self.leave()

    def unsaved(self) -> str:
        """What cannot be saved, in words; empty if everything is."""
        saved = self.labeller.flush()
        return f"{saved.words}\nThey are lost when this screen is left." if saved.error is not None else ""

    @work
    async def leave(self) -> None:
        """Close the screen; if something cannot be saved, only after asking."""
        words = self.unsaved()
        if not words or await self.app.push_screen_wait(may_lose(words)):
            self.dismiss(None)
