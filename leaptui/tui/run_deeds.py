"""What can be done to runs from a table of them: stop, resume, write notes, delete, restore, reorder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from textual import work
from textual.screen import Screen

from leaptui.errors import LeaptuiError
from leaptui.tui import messages
from leaptui.tui.run_columns import GOING
from leaptui.tui.run_picture import RunPicture
from leaptui.tui.run_queue import QueueLook
from leaptui.tui.services import Services
from leaptui.words import plural, visible

_NAMED = 6
"""Runs that a question names; of more it says how many."""


class RunDeeds(Screen[None]):
    """The deeds of a screen that has a table of runs."""

    @property
    def services(self) -> Services:
        """What can be done to runs."""
        raise NotImplementedError

    @property
    def chosen(self) -> RunPicture | None:
        """The run under the cursor."""
        raise NotImplementedError

    @property
    def targets(self) -> list[RunPicture]:
        """What is done is done to these."""
        raise NotImplementedError

    @property
    def project(self) -> Path:
        """Folder of the project."""
        raise NotImplementedError

    @property
    def queue_look(self) -> QueueLook | None:
        """The queue as it was last."""
        raise NotImplementedError

    def action_stop(self) -> None:
        """Ask whether to stop, or to take out of the queue."""
        runs = [run for run in self.targets if run.can_stop]
        if not runs:
            self._say("None of these runs is going on.")
            return
        waiting = [run for run in runs if self._waits(run)]
        going = [run for run in runs if run not in waiting]
        words = []
        if going:
            words.append(f"These finish their step, save what they have and end:\n{_named(going)}")
        if waiting:
            words.append(f"These wait, and are taken out of the queue:\n{_named(waiting)}")
        question = "Stop this run?" if len(runs) == 1 else f"Stop {len(runs)} runs?"
        done = f"asked {plural(len(runs), 'run')} to stop"
        deeds = [(run.path, self.services.cancel) for run in waiting]
        deeds += [(run.path, self.services.stop) for run in going]
        self._ask(question, "\n\n".join(words), "Stop", "Let it go on", lambda: self._do(deeds, done))

    def action_resume(self) -> None:
        """Go on with what was stopped, failed or was killed."""
        runs = [run for run in self.targets if run.resumable]
        if not runs:
            self._say("None of these runs can be resumed: they go on, are finished, or cannot be written here.")
            return
        done = f"{plural(len(runs), 'run')} resumed"
        queued = len(runs) > 1
        deed = self.services.resume_later if queued else self.services.resume
        deeds = [(run.path, deed) for run in runs]
        if not queued:
            self._do(deeds, done)
            return
        words = f"They are put in the queue, and go on as slots are free:\n{_named(runs)}"
        self._ask(f"Resume {len(runs)} runs?", words, "Resume", "Leave them", lambda: self._do(deeds, done))

    def action_note(self) -> None:
        """Write notes and tags."""
        from leaptui.tui.screens.note import NoteScreen, Written

        runs = self.targets
        if not runs:
            return
        one = runs[0] if len(runs) == 1 else None

        def written(answer: Written | None) -> None:
            if answer is not None:
                self._write_notes(runs, answer.notes, answer.tags)

        if one is not None:
            self.app.push_screen(NoteScreen(one.path.name, one.notes, one.tags), written)
        else:
            self.app.push_screen(NoteScreen(f"{len(runs)} runs", None, ()), written)

    def _write_notes(self, runs: Sequence[RunPicture], notes: str | None, tags: Sequence[str]) -> None:
        def write(run: RunPicture) -> Callable[[Path], None]:
            if notes is None:
                put = [tag for tag in tags if not tag.startswith("-")]
                taken = [tag[1:] for tag in tags if tag.startswith("-")]
            else:
                put = [tag for tag in tags if tag not in run.tags]
                taken = [tag for tag in run.tags if tag not in tags]
            text = None if notes is None or notes == run.notes.strip() else notes
            return lambda path: self.services.write_notes(path, text, put, taken)

        self._do([(run.path, write(run)) for run in runs], "")

    def action_delete(self) -> None:
        """Ask whether to move runs to the trash."""
        runs = [run for run in self.targets if run.state not in GOING]
        if not runs:
            self._say("A run that goes on cannot be deleted: stop it first.")
            return
        words = f"T brings them back from the trash of the project:\n{_named(runs)}"
        question = "Move this run to the trash?" if len(runs) == 1 else f"Move {len(runs)} runs to the trash?"
        deeds = [(run.path, self.services.delete) for run in runs]
        done = f"{plural(len(runs), 'run')} moved to the trash; T brings them back"
        self._ask(question, words, "Move to the trash", "Keep", lambda: self._do(deeds, done))

    def action_restore(self) -> None:
        """Show the trash."""
        self._read_trash()

    @work(thread=True, group="trash", exclusive=True)
    def _read_trash(self) -> None:
        try:
            found = self.services.trashed(self.project)
        except LeaptuiError as error:
            self.post_message(messages.Trouble(error))
            return
        self.app.call_from_thread(self._choose_restored, found)

    def _choose_restored(self, found: Sequence[Path]) -> None:
        from leaptui.tui.screens.choose import ChooseScreen

        if not found:
            self._say("The trash is empty.")
            return

        def chosen(index: int | None) -> None:
            if index is not None:
                self._do([(found[index], self.services.restore)], f"{found[index].name} is back")

        self.app.push_screen(ChooseScreen("Bring back from the trash", [path.name for path in found]), chosen)

    def action_move(self, places: int) -> None:
        """Move the run under the cursor in the queue."""
        run = self.chosen
        if run is None or not self._waits(run):
            self._say("Only a run that waits can be moved in the queue.")
            return
        self._do([(run.path, lambda path: self.services.move(path, places))], "")

    def _waits(self, run: RunPicture) -> bool:
        """Whether it is in the queue."""
        look = self.queue_look
        listed = () if look is None else look.waiting
        return run.state == "queued" and (run.waiting is not None or any(run.path == each.path for each in listed))

    def _ask(self, question: str, words: str, yes: str, no: str, go: Callable[[], object]) -> None:
        from leaptui.tui.screens.confirm import ConfirmScreen

        def answered(answer: bool | None) -> None:
            if answer:
                go()

        self.app.push_screen(ConfirmScreen(question, words, yes=yes, no=no), answered)

    @work(thread=True, group="deeds")
    def _do(self, deeds: Sequence[tuple[Path, Callable[[Path], None]]], words: str) -> None:
        """Do something to each; one that fails is told, and the others are done all the same."""
        failed = 0
        for path, deed in deeds:
            try:
                deed(path)
            except LeaptuiError as error:
                failed += 1
                self.post_message(messages.Trouble(error))
        self.post_message(messages.RunsChanged([path for path, _ in deeds], "" if failed else words))

    def _say(self, words: str) -> None:
        self.app.notify(visible(words), markup=False, timeout=6)


def _named(runs: Sequence[RunPicture]) -> str:
    names = [f"  {run.path.name}" for run in runs[:_NAMED]]
    if len(runs) > _NAMED:
        names.append(f"  and {len(runs) - _NAMED} more")
    return "\n".join(names)
