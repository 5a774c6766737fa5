"""The app: themes, keymap, and which screen is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.driver import Driver
from textual.screen import Screen

from leaptui.config import Config, load_config, remember_project
from leaptui.errors import LeaptuiError
from leaptui.graphics.terminal import Terminal
from leaptui.project import Project
from leaptui.tui import messages
from leaptui.tui.canvas_host import CanvasHost
from leaptui.tui.keymap import COMMANDS, bindings, commands, keymap_problems
from leaptui.tui.services import Services
from leaptui.tui.session import HasSession, HoldsWork, LabelStart, Session
from leaptui.tui.styles import style
from leaptui.tui.theme import DEFAULT, THEMES, tokens
from leaptui.words import visible, visible_lines

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from leaptui.graphics.probe import Probed
    from leaptui.tui.alerts import Alerts


class LeaptuiApp(CanvasHost):
    """leaptui in the terminal.

    Args:
        start: a project to open at once.
        run: a run directory to open at once.
        label: the place in the project `start` where labelling is to begin at once.
        services: ways to operations and runs; the real ones by default.
        terminal: what the terminal can show; one without pictures by default.
        driver_class: how Textual talks to the terminal; its own way by default.
    """

    TITLE = "leaptui"
    CSS_PATH = style("base")
    BINDINGS = bindings("app")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (150, "-very-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]

    def __init__(
        self,
        start: Path | None = None,
        *,
        run: Path | None = None,
        label: LabelStart | None = None,
        services: Services | None = None,
        terminal: Terminal | None = None,
        driver_class: type[Driver] | None = None,
    ) -> None:
        self._config_trouble: LeaptuiError | None = None
        try:
            self.config = load_config()
        except LeaptuiError as error:
            self.config, self._config_trouble = Config(), error
        super().__init__(terminal, driver_class=driver_class)
        self._start = start
        self._run = run
        self._label = label
        self.services = services or Services()
        self._opened = self.services.now()
        self._clashes_told: set[frozenset[str]] = set()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DEFAULT

    @property
    def user_keymap(self) -> Mapping[str, str]:
        """The user's keys by command id, those that can be used."""
        known = {command.id for command in COMMANDS}
        return {
            name: keys for name, keys in self.config.keymap.items() if name in known and keys.replace(",", "").strip()
        }

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return tokens(self.current_theme)

    def get_default_screen(self) -> Screen[None]:
        from leaptui.tui.screens.projects import ProjectsScreen

        return ProjectsScreen(self.services)

    def on_mount(self) -> None:
        self._apply_config()
        if self._start is not None:
            self.post_message(messages.OpenProject(self._start))
        if self._run is not None:
            self._read_run(self._run)

    def _apply_config(self) -> None:
        if self._config_trouble is not None:
            self.tell(self._config_trouble)
        if self.config.theme is not None:
            if self.config.theme in self.available_themes:
                self.theme = self.config.theme
            else:
                names = ", ".join(sorted(self.available_themes))
                self.warn(f"there is no theme '{self.config.theme}'; there are {names}")
        problems = keymap_problems(self.config.keymap)
        if problems:
            self.warn("; ".join(problems), title="Keymap")
        self.set_keymap(dict(self.user_keymap))

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:
        clash = frozenset(binding.id or binding.action for binding in clashed_bindings)
        if clash not in self._clashes_told:
            self._clashes_told.add(clash)
            self.warn(f"the keymap leaves no key for {', '.join(sorted(clash))}", title="Keymap")

    def warn(self, words: str, *, title: str = "") -> None:
        """Say something that should be looked after; foreign text in it is made visible."""
        self.notify(visible(words), title=title, severity="warning", timeout=12, markup=False)

    def tell(self, error: LeaptuiError) -> None:
        """Say what went wrong, where, and what to do."""
        self.notify(visible_lines(error), severity="error", timeout=15, markup=False)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        scopes = getattr(screen, "SCOPES", ())
        for command in commands(*scopes, "app"):
            if command.palette and (command.scope == "app" or screen.check_action(command.action, ())):
                target = self if command.scope == "app" else screen
                yield SystemCommand(
                    command.description, command.tooltip, lambda t=target, a=command.action: t.run_action(a)
                )

    async def action_quit(self) -> None:
        """Leave leaptui; if a screen holds what cannot be saved, only after asking."""
        words = [screen.unsaved() for screen in self.screen_stack if isinstance(screen, HoldsWork)]
        lost = "\n".join(each for each in words if each)
        if not lost:
            self.exit()
            return
        from leaptui.tui.screens.confirm import may_lose

        self.push_screen(may_lose(lost), lambda go: self.exit() if go else None)

    def action_redraw(self) -> None:
        """Paint everything anew."""
        self.redraw()

    def action_help(self) -> None:
        """Open the help; pressed in the help, close it."""
        from leaptui.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            scopes = getattr(self.screen, "SCOPES", ())
            self.push_screen(HelpScreen(self.user_keymap, scopes))

    @on(messages.OpenProject)
    def _open_project(self, message: messages.OpenProject) -> None:
        self._read_project(message.folder)

    @work(thread=True, group="open", exclusive=True)
    def _read_project(self, folder: Path) -> None:
        try:
            session = Session.open(folder)
        except LeaptuiError as error:
            self.post_message(messages.Trouble(error))
            return
        remember_project(session.folder)
        self.post_message(messages.ProjectOpened(session))

    @work(thread=True, group="open", exclusive=True)
    def _read_run(self, path: Path) -> None:
        """Open a run, over its project where it lies in one."""
        path = path.absolute()
        try:
            project = Project.containing(path)
        except LeaptuiError as error:
            self.post_message(messages.Trouble(error))
        else:
            if project is not None:
                self.post_message(messages.ProjectOpened(Session(project)))
        self.post_message(messages.OpenRun(path))

    @on(messages.ProjectOpened)
    def _show_project(self, message: messages.ProjectOpened) -> None:
        from leaptui.tui.screens.project import ProjectScreen

        self.push_screen(ProjectScreen(message.session, self.services))
        if self._label is not None:
            self.post_message(messages.OpenLabels(message.session, self._label.video, self._label.frame))
            self._label = None

    @on(messages.OpenLabels)
    def _open_labels(self, message: messages.OpenLabels) -> None:
        self._read_labels(message.session, LabelStart(message.video, message.frame), message.skeleton)

    @work(thread=True, group="open", exclusive=True)
    def _read_labels(self, session: Session, start: LabelStart, skeleton: bool) -> None:
        from leaptui.tui.label_desk import LabelDesk

        try:
            desk = LabelDesk.open(session, self.services, first_node="node 1" if skeleton else None)
            desk.begin(start.video, start.frame)
        except LeaptuiError as error:
            self.post_message(messages.Trouble(error))
            return
        self.post_message(messages.LabelsOpened(desk, skeleton))

    @on(messages.LabelsOpened)
    def _show_labels(self, message: messages.LabelsOpened) -> None:
        from leaptui.tui.screens.label import LabelScreen

        self.push_screen(LabelScreen(message.desk))
        if message.skeleton:
            self.post_message(messages.OpenSkeleton(message.desk))

    @on(messages.OpenSkeleton)
    def _open_skeleton(self, message: messages.OpenSkeleton) -> None:
        from leaptui.tui.screens.skeleton import SkeletonScreen

        self.push_screen(SkeletonScreen(message.desk, message.picture), message.desk.skeleton_edited)

    @on(messages.OpenForm)
    def _open_form(self, message: messages.OpenForm) -> None:
        from leaptui.tui.screens.operation import OperationScreen

        self.push_screen(
            OperationScreen(
                message.session, self.services, message.operation, given=message.given, hidden=message.hidden
            )
        )

    @on(messages.OpenRun)
    def _open_run(self, message: messages.OpenRun) -> None:
        from leaptui.tui.screens.run import RunScreen

        self.push_screen(RunScreen(message.path, self.services))

    @on(messages.OpenRuns)
    def _open_runs(self, message: messages.OpenRuns) -> None:
        from leaptui.tui.screens.runs import RunsScreen

        self.push_screen(RunsScreen(message.session, self.services))

    @on(messages.OpenComparison)
    def _open_comparison(self, message: messages.OpenComparison) -> None:
        from leaptui.tui.screens.compare import CompareScreen

        self.push_screen(CompareScreen(message.paths, self.services))

    @on(messages.RunsSeen)
    def _runs_seen(self, message: messages.RunsSeen) -> None:
        self.alerts.take(message.look.runs)

    @cached_property
    def alerts(self) -> Alerts:
        """Tells when a run ends."""
        from leaptui.runs.alerting import AlertWatch
        from leaptui.tui.alerts import Alerts

        return Alerts(
            self.config.alerts,
            terminal=lambda: self.terminal,
            write=self._write_aside,
            bell=self.bell,
            say=self._say_alert,
            complain=self._post_complaint,
            watch=AlertWatch(since=self._opened, kinds=self.config.alerts.on),
        )

    def _write_aside(self, text: str) -> None:
        """Send what leaves no trace on the screen."""
        if self.writer is not None:
            self.writer.write(text)

    def _say_alert(self, title: str, words: str, is_bad: bool) -> None:
        severity: SeverityLevel = "warning" if is_bad else "information"
        self.notify(visible(words), title=visible(title), severity=severity, timeout=12, markup=False)

    def _post_complaint(self, words: str) -> None:
        self.post_message(messages.AlertFailed(words))

    @on(messages.AlertFailed)
    def _alert_failed(self, message: messages.AlertFailed) -> None:
        self.warn(message.words, title="Alerts")

    def action_runs(self) -> None:
        """All runs of the open project."""
        from leaptui.tui.screens.runs import RunsScreen

        if isinstance(self.screen, RunsScreen):
            return
        session = next((each.session for each in self.screen_stack if isinstance(each, HasSession)), None)
        if session is None:
            self.warn("open a project first: its runs are shown together")
        else:
            self.post_message(messages.OpenRuns(session))

    @on(messages.RunStarted)
    def _run_started(self, message: messages.RunStarted) -> None:
        from leaptui.tui.screens.run import RunScreen

        self._close(message.form)
        self.push_screen(RunScreen(message.path, self.services))

    @on(messages.OperationDone)
    def _operation_done(self, message: messages.OperationDone) -> None:
        self._close(message.form)
        self.notify(visible_lines(message.words), markup=False, timeout=10)

    def _close(self, form: Screen[None]) -> None:
        """Close a form, with what was opened over it in the meantime."""
        while form in self.screen_stack:
            self.pop_screen()

    @on(messages.Trouble)
    def _trouble(self, message: messages.Trouble) -> None:
        self.tell(message.error)


def run_app(
    start: Path | None = None,
    *,
    run: Path | None = None,
    label: LabelStart | None = None,
    services: Services | None = None,
    probed: Probed | None = None,
) -> int:
    """Run the app until it is left.

    Args:
        start: a project to open at once; without one, the recent projects.
        run: a run directory to open at once.
        label: where in the project labelling is to begin at once.
        services: ways to operations and runs; the real ones by default.
        probed: what the terminal was found to be, and what was typed meanwhile.

    Returns:
        The exit status.
    """
    from leaptui.tui.terminal_driver import driver_for

    terminal = None if probed is None else probed.terminal
    driver = None if probed is None else driver_for(probed)
    app = LeaptuiApp(start, run=run, label=label, services=services, terminal=terminal, driver_class=driver)
    app.run()
    return app.return_code or 0
