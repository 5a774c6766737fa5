"""Commands of the labelling screen that go to other frames."""

from __future__ import annotations

import re
from pathlib import PurePath

from textual.timer import Timer

from leaptui.labelling.done import Done, nothing
from leaptui.tui.screens.choose import ChooseScreen
from leaptui.tui.screens.label_base import LabelBase

_PLAY_EVERY = 1 / 20
_RELATIVE = re.compile(r"([+-])(\d+)")


class LabelFrames(LabelBase):
    """Stepping, jumping, playing."""

    _player: Timer | None = None

    def action_step(self, by: int) -> None:
        """Some frames on or back."""
        self.done(self.labeller.step(by))

    def action_unlabelled(self, way: int) -> None:
        """The next frame that is not completely labelled."""
        self.done(self.labeller.next_unlabelled(way))

    def action_labelled(self, way: int) -> None:
        """The next labelled frame."""
        self.done(self.labeller.next_labelled(way))

    def action_suggestion(self, way: int) -> None:
        """The next frame worth labelling."""
        self.done(self.labeller.next_suggestion(way))

    def action_jump(self, way: int) -> None:
        """Back and forward through the jumps."""
        self.done(self.labeller.forward() if way > 0 else self.labeller.back())

    def action_go_to(self) -> None:
        """Ask for a frame."""
        last = self.labeller.video.frames - 1
        self.prompt.ask("frame", "Frame:", placeholder=f"0 to {last}; +50 or -50 from here; 30% of the video")

    def go_to(self, text: str) -> Done:
        """Go to a frame as a person says it: a number, +N or -N, or a share of the video."""
        text = text.strip().replace(",", "").replace("_", "")
        frames = self.labeller.video.frames
        if match := _RELATIVE.fullmatch(text):
            by = int(match[2])
            return self.labeller.go(min(max(self.labeller.frame + (by if match[1] == "+" else -by), 0), frames - 1))
        if text.endswith("%") and text[:-1].isdecimal():
            return self.labeller.go(min(int(text[:-1]), 100) * (frames - 1) // 100)
        if text.isdecimal():
            return self.labeller.go(int(text))
        return nothing(f"{text!r} is no frame: type a number, +50, -50 or 30%")

    def action_play(self) -> None:
        """Play the video, or stop."""
        if self._player is None:
            self._player = self.set_interval(_PLAY_EVERY, self._play_on)
            self.done(Done("playing; any key stops"))
        else:
            self.stop_playing()

    @property
    def is_playing(self) -> bool:
        """Whether frames go by on their own."""
        return self._player is not None

    def stop_playing(self) -> None:
        """Stay on this frame."""
        if self._player is not None:
            self._player.stop()
            self._player = None
            self.done(Done(f"stopped at frame {self.labeller.frame:,}"))

    def _play_on(self) -> None:
        """One frame on, as soon as the last one is on its way."""
        arrived = self.picture is not None and self.picture.key == self.labeller.key
        if not arrived or not self.canvas.host.is_link_free:
            return
        step = self.labeller.step(1)
        if step.changed:
            self.done(step)
        else:
            self.stop_playing()

    def action_video(self) -> None:
        """Ask for a video."""
        videos = self.labeller.videos
        if len(videos) == 1:
            self.done(nothing("the project has one video"))
            return
        counts = [len(self.labeller.index.labelled(video.id)) for video in videos]
        names = [
            f"{PurePath(v.path).name}  {v.frames:,} frames, {n:,} labelled" for v, n in zip(videos, counts, strict=True)
        ]
        now = videos.index(self.labeller.video)
        self.app.push_screen(ChooseScreen("Video", names, now), self._video_chosen)

    def _video_chosen(self, choice: int | None) -> None:
        if choice is not None:
            self.done(self.labeller.go(0, self.labeller.videos[choice].id))
