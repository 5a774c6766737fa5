"""ProjectScreen: videos, labels and runs of the open project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from leaptui.errors import LeaptuiError
from leaptui.ops.overview import ProjectOverview, VideoOverview
from leaptui.tui import messages
from leaptui.tui.keymap import bindings
from leaptui.tui.run_columns import best_error_words, progress_bar
from leaptui.tui.run_feed import RunFeed, ShowsRuns
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.run_shelf import ShelfLook
from leaptui.tui.services import Services
from leaptui.tui.session import Session
from leaptui.tui.styles import style
from leaptui.tui.text import cell
from leaptui.tui.theme import rich_style
from leaptui.tui.widgets.row_table import RowTable
from leaptui.tui.widgets.run_facts import fact_table
from leaptui.tui.widgets.title_bar import TitleBar
from leaptui.words import ago, count, plural, short_path, shortened, visible, visible_lines

_MOST_RUNS = 50
"""Runs in the small table; the screen of runs has them all."""

_BAR = 14
_BESIDE_NAME = 44
"""Cells of a small table of videos that its names cannot have."""

_VIDEO_COLUMNS = (
    ("mark", ""),
    ("name", "Video"),
    ("frames", "Frames"),
    ("labelled", "Labelled"),
    ("size", "Size"),
    ("reader", "Reader"),
    ("path", "Path"),
)
_RUN_COLUMNS = (
    ("run", "Run"),
    ("operation", "Operation"),
    ("state", "State"),
    ("progress", "Progress"),
    ("best", "Best error"),
    ("when", "Asked"),
)


class ProjectScreen(Screen[None]):
    """The open project at a glance, read again and again while it is looked at.

    Args:
        session: the open project.
        services: how to read runs.
    """

    CSS_PATH = style("project")
    BINDINGS = bindings("project")
    SCOPES = ("project", "table")
    AUTO_FOCUS = "#runs"

    def __init__(self, session: Session, services: Services) -> None:
        super().__init__()
        self._session = session
        self._services = services
        session.feed = self._feed = RunFeed(self, session, services)

    def compose(self) -> ComposeResult:
        yield TitleBar(self._session.project.name)
        with Horizontal(id="middle"):
            with Vertical(id="tables"):
                with Vertical(id="videos-panel", classes="panel"):
                    yield RowTable(_VIDEO_COLUMNS, id="videos")
                    yield Static(
                        "Press a to add videos, or i to import labels with theirs.", id="no-videos", classes="nothing"
                    )
                with Vertical(id="runs-panel", classes="panel"):
                    yield RowTable(_RUN_COLUMNS, id="runs")
                    yield Static(
                        "Nothing was run yet. Press t to train on the labels.", id="no-runs", classes="nothing"
                    )
            with VerticalScroll(id="labels-panel", classes="panel", can_focus=False):
                yield Static(id="labels")
                yield Static(id="problems", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        for name, title in (("videos", "videos"), ("runs", "runs"), ("labels", "labels")):
            self.query_one(f"#{name}-panel").border_title = title
        self._feed.start()
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._show())
        self._show()

    def on_screen_resume(self) -> None:
        self.action_refresh()

    def on_resize(self) -> None:
        self._show()

    def action_refresh(self) -> None:
        """Read project and runs again."""
        self._read_overview()
        self._feed.look()

    @work(thread=True, group="overview", exclusive=True)
    def _read_overview(self) -> None:
        try:
            self.post_message(messages.OverviewRead(self._session.read_overview()))
        except LeaptuiError as error:
            self.post_message(messages.Trouble(error))

    @on(messages.OverviewRead)
    def _overview_read(self, message: messages.OverviewRead) -> None:
        message.stop()
        self._session.take_overview(message.overview)
        self._show()

    @on(messages.RunsRead)
    def _runs_read(self, message: messages.RunsRead) -> None:
        message.stop()
        self._session.runs = message.look
        self._feed.taken(message.look)
        self.app.post_message(messages.RunsSeen(self._session, message.look))
        top = self.app.screen
        if top is self:
            self._show_runs(message.look)
        elif isinstance(top, ShowsRuns):
            top.show_runs(message.look)

    @property
    def session(self) -> Session:
        """The open project."""
        return self._session

    def _show(self) -> None:
        project, overview = self._session.project, self._session.overview
        skeleton = (
            "no skeleton yet" if project.skeleton is None else f"{project.skeleton.name}, {len(project.skeleton)} nodes"
        )
        bar = self.query_one(TitleBar)
        bar.show_crumbs(project.name)
        bar.show_note("reading …" if overview is None else skeleton)
        if overview is not None:
            self._show_videos(overview.videos)
            self._show_labels(overview)
        if self._session.runs is not None:
            self._show_runs(self._session.runs)

    def _show_videos(self, videos: Sequence[VideoOverview]) -> None:
        table = self.query_one("#videos", RowTable)
        columns = ("mark", "name", "frames", "labelled", "size") if self._is_narrow else None
        table.show_rows([(video.record.id, self._video_cells(video)) for video in videos], columns)
        table.display = bool(videos)
        self.query_one("#no-videos").display = not videos

    def _video_cells(self, video: VideoOverview) -> dict[str, Text]:
        record, variables = video.record, self.app.theme_variables
        bad, odd = rich_style(variables, "state-failed"), rich_style(variables, "state-stale")
        mark = cell("✗", bad) if video.missing else cell("!", odd) if record.problems else cell(" ")
        names = dict.fromkeys(name for name in (record.reader, record.colour_reader) if name)
        reader = "+".join(names) or "–"
        name = Path(record.path).name + (f":{record.dataset}" if record.dataset else "")
        return {
            "mark": mark,
            "name": cell(
                shortened(visible(name), max(self._table_width - _BESIDE_NAME, 24)), bad if video.missing else ""
            ),
            "frames": cell(count(record.frames), justify="right"),
            "labelled": cell(count(video.labelled), justify="right"),
            "size": cell(f"{record.width}×{record.height}"),
            "reader": cell("missing" if video.missing else reader, bad if video.missing else ""),
            "path": cell(Path(record.path).parent, rich_style(variables, "quiet")),
        }

    @property
    def _is_narrow(self) -> bool:
        return self.has_class("-narrow")

    @property
    def _table_width(self) -> int:
        return self.size.width - (4 if self._is_narrow else 48)

    def _show_labels(self, overview: ProjectOverview) -> None:
        if self._is_narrow and self.has_class("-short"):
            self._show_labels_briefly(overview)
            return
        labels, skeleton = overview.labels, overview.project.skeleton
        facts = [
            ("frames", plural(labels.frames, "labelled frame") if labels.frames else "none yet"),
            ("complete", count(labels.complete)),
            ("animals", count(labels.instances)),
            ("points", count(labels.points)),
        ]
        if skeleton is not None:
            facts.append(("skeleton", f"{skeleton.name}: {len(skeleton)} nodes, {len(skeleton.edges)} edges"))
            facts.append(("body axis", " – ".join(skeleton.body_axis) if skeleton.body_axis else "not defined"))
        facts.append(("folder", short_path(overview.project.folder, 200)))
        quiet = rich_style(self.app.theme_variables, "quiet")
        self.query_one("#labels", Static).update(fact_table(facts, quiet))
        problems = self.query_one("#problems", Static)
        problems.update(Content("\n".join("! " + visible_lines(p) for p in overview.problems)))
        problems.display = bool(overview.problems)

    def _show_labels_briefly(self, overview: ProjectOverview) -> None:
        """Three lines, for a small terminal."""
        labels, skeleton = overview.labels, overview.project.skeleton
        lines = ["no labelled frames yet"]
        if labels.frames:
            lines = [
                f"{plural(labels.frames, 'labelled frame')}, {count(labels.complete)} complete, {plural(labels.points, 'point')}"
            ]
        if skeleton is not None:
            axis = "no body axis" if skeleton.body_axis is None else "body axis " + " – ".join(skeleton.body_axis)
            lines.append(visible(f"{skeleton.name}: {len(skeleton)} nodes, {axis}"))
        self.query_one("#labels", Static).update(Content("\n".join(lines)))
        problems = self.query_one("#problems", Static)
        problems.update(Content("\n".join("! " + visible_lines(p) for p in overview.problems)))
        problems.display = bool(overview.problems)

    def _show_runs(self, look: ShelfLook) -> None:
        runs = look.runs[:_MOST_RUNS]
        older = look.older + len(look.runs) - len(runs)
        more = [f"reading {look.unread} more …"] if look.unread else []
        more += [f"{older} older ones: press r"] if older else []
        panel, words = self.query_one("#runs-panel"), ", ".join(more)
        if (panel.border_subtitle or "") != words:
            panel.border_subtitle = words
        table = self.query_one("#runs", RowTable)
        # The name of a run says its operation and when it was asked for.
        columns = ("run", "state", "progress", "best") if self._is_narrow else None
        table.show_rows([(str(run.path), self._run_cells(run)) for run in runs], columns)
        table.display = bool(runs)
        self.query_one("#no-runs").display = not runs

    def _run_cells(self, run: RunPicture) -> dict[str, Text]:
        state = rich_style(self.app.theme_variables, f"state-{run.state}")
        return {
            "run": cell(run.path.name),
            "operation": cell(run.operation or "–"),
            "state": cell(run.state, state),
            "progress": Text.assemble(*progress_bar(run, _BAR, self._colour), no_wrap=True),
            "best": cell(best_error_words(run), justify="right"),
            "when": cell(ago(run.created, self._services.now())),
        }

    def _colour(self, token: str) -> str:
        return rich_style(self.app.theme_variables, token)

    @on(DataTable.RowSelected, "#runs")
    def _run_selected(self, event: DataTable.RowSelected) -> None:
        self.post_message(messages.OpenRun(Path(event.row_key.value or "")))

    @on(DataTable.RowSelected, "#videos")
    def _video_selected(self, event: DataTable.RowSelected) -> None:
        """Say all that is known of a video, where a column was too narrow."""
        overview = self._session.overview
        for video in () if overview is None else overview.videos:
            if video.record.id == event.row_key.value:
                lines = [str(video.path), f"id {video.record.id}", *video.record.problems]
                if video.missing:
                    lines.insert(1, "the file is not there")
                self.app.notify("\n".join(visible(line) for line in lines), title="Video", markup=False, timeout=12)

    def action_runs(self) -> None:
        """All runs, with what can be done to them."""
        self.post_message(messages.OpenRuns(self._session))

    def action_train(self) -> None:
        """The form of training."""
        project = {"project": self._session.folder}
        self.post_message(messages.OpenForm(self._session, "train", project, ("project",)))

    def action_add(self) -> None:
        """The form of adding videos."""
        project = {"project": self._session.folder}
        self.post_message(messages.OpenForm(self._session, "add", project, ("project",)))

    def action_import_labels(self) -> None:
        """The form of importing labels."""
        project = {"project": self._session.folder}
        self.post_message(messages.OpenForm(self._session, "import", project, ("project",)))

    def action_predict(self) -> None:
        """The form of predicting, filled in with the run under the cursor and the videos that are there."""
        chosen = self.query_one("#runs", RowTable).chosen
        look = self._session.runs
        runs = {} if look is None else {str(run.path): run for run in look.runs}
        run = runs.get(chosen or "")
        trained = run is not None and run.operation == "train" and run.state in ("finished", "stopped")
        overview = self._session.overview
        videos = [] if overview is None else [video for video in overview.videos if not video.missing]
        out = self._session.project.exports_folder
        given: dict[str, object] = {
            "model": str(run.path) if run is not None and trained else str(self._session.folder),
            "inputs": tuple(video.path for video in videos),
            "out": out / f"{videos[0].path.stem}.predictions.h5" if len(videos) == 1 else out,
        }
        if len(videos) == 1:
            known = {"dataset": videos[0].record.dataset, "axes": videos[0].record.axes}
            given.update({name: value for name, value in known.items() if value is not None})
        self.post_message(messages.OpenForm(self._session, "predict", given, ()))

    def action_label(self) -> None:
        """Label the video under the cursor, or the first."""
        self.post_message(messages.OpenLabels(self._session, self._chosen_video()))

    def action_skeleton(self) -> None:
        """Edit the skeleton, on a frame."""
        self.post_message(messages.OpenLabels(self._session, self._chosen_video(), skeleton=True))

    def _chosen_video(self) -> str | None:
        """Id of the video under the cursor, while the table of videos has the focus."""
        table = self.query_one("#videos", RowTable)
        return table.chosen if table.has_focus else None

    def action_back(self) -> None:
        """Back to the recent projects."""
        self.app.pop_screen()
