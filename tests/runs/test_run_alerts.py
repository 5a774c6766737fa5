"""What is told of runs, once each, and by whom."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leaptui.config import AlertSettings, load_config
from leaptui.errors import UnusableInput
from leaptui.runs.alert_command import AlertCommand, WorkerAlerts
from leaptui.runs.alerting import Alert, AlertWatch, claim_alert, is_plateau
from leaptui.runs.layout import RunDirectory
from leaptui.runs.points import EpochPoint
from leaptui.worker import run_worker

NOW = 1_000_000.0


@dataclass(frozen=True)
class Error:
    what: str


@dataclass(frozen=True)
class Seen:
    """A look at a run."""

    path: Path = Path("/p/runs/one")
    state: str = "running"
    reason: str | None = None
    created: float | None = NOW - 3600
    attempt: int = 1
    behind: bool = False
    error: Error | None = None
    epochs: tuple[EpochPoint, ...] = ()


def epochs(*errors: float | None) -> tuple[EpochPoint, ...]:
    return tuple(EpochPoint(index, val_error_px=error) for index, error in enumerate(errors, start=1))


def kinds(watch: AlertWatch, *looks: Seen) -> list[list[str]]:
    return [[alert.kind for alert in watch.take(look)] for look in looks]


def test_every_end_is_told_once() -> None:
    for state, kind in (("finished", "finished"), ("failed", "failed"), ("stopped", "stopped"), ("stale", "failed")):
        watch = AlertWatch(since=NOW)
        looks = (Seen(), Seen(state=state), Seen(state=state))
        assert kinds(watch, *looks) == [[], [kind], []]


def test_what_was_over_at_first_is_not_told_but_a_run_made_since_is() -> None:
    watch = AlertWatch(since=NOW)
    assert kinds(watch, Seen(state="finished"), Seen(state="finished")) == [[], []]
    assert kinds(watch, Seen(path=Path("/new"), state="failed", created=NOW + 5)) == [["failed"]]


def test_what_is_not_read_yet_is_no_news() -> None:
    watch = AlertWatch(since=NOW)
    assert kinds(watch, Seen(behind=True), Seen(state="finished")) == [[], []]


def test_a_resumed_run_is_told_again() -> None:
    watch = AlertWatch(since=NOW)
    looks = (Seen(state="stopped"), Seen(attempt=2), Seen(state="finished", attempt=2))
    assert kinds(watch, *looks) == [[], [], ["finished"]]
    # Also when the going on was between two looks.
    watch = AlertWatch(since=NOW)
    assert kinds(watch, Seen(state="stopped"), Seen(state="finished", attempt=2)) == [[], ["finished"]]


def test_a_run_that_seems_lost_again_and_again_is_told_once() -> None:
    watch = AlertWatch(since=NOW)
    looks = (Seen(), Seen(state="stale"), Seen(), Seen(state="stale"), Seen(), Seen(state="finished"))
    assert kinds(watch, *looks) == [[], ["failed"], [], [], [], ["finished"]]


@pytest.mark.parametrize(
    ("best", "newest", "flat"), [(1, 10, False), (1, 11, True), (90, 100, False), (80, 100, True), (81, 100, False)]
)
def test_a_plateau_is_ten_epochs_and_a_fifth(best: int, newest: int, flat: bool) -> None:
    assert is_plateau(best, newest) is flat


def test_a_plateau_is_told_once_and_not_if_it_was_there_before() -> None:
    flat = epochs(3.0, *[4.0] * 10)
    watch = AlertWatch(since=NOW)
    assert kinds(watch, Seen(epochs=flat[:10]), Seen(epochs=flat), Seen(epochs=flat)) == [[], ["plateau"], []]
    assert kinds(AlertWatch(since=NOW), Seen(epochs=flat), Seen(epochs=epochs(3.0, *[4.0] * 11))) == [[], []]


def test_without_validation_or_with_nan_there_is_no_plateau() -> None:
    watch = AlertWatch(since=NOW)
    assert (
        kinds(watch, Seen(), Seen(epochs=epochs(*[None] * 30)), Seen(epochs=epochs(*[float("nan")] * 30))) == [[]] * 3
    )


def test_only_what_is_wanted() -> None:
    watch = AlertWatch(since=NOW, kinds=("failed",))
    assert kinds(watch, Seen(), Seen(state="finished")) == [[], []]


def test_words_say_how_it_ended() -> None:
    watch = AlertWatch(since=NOW)
    watch.take(Seen(epochs=epochs(3.0, 2.5)))
    (alert,) = watch.take(Seen(state="finished", epochs=epochs(3.0, 2.5)))
    assert alert.title == "one has finished" and alert.words == "best error 2.5 px after 2 epochs"
    watch.take(Seen(path=Path("/b")))
    (alert,) = watch.take(Seen(path=Path("/b"), state="failed", error=Error("no\nroom")))
    assert alert.words == "no room"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "fly" / "runs", "train", {})


WRITE = "import os,sys; open(sys.argv[1],'a').write('|'.join(os.environ['LEAPTUI_'+n] for n in sys.argv[2:])+'\\n')"


def test_of_many_who_see_it_one_claims_it(run: RunDirectory) -> None:
    alert = Alert(run.path, "finished")
    assert [claim_alert(alert), claim_alert(alert)] == [True, False]
    assert claim_alert(Alert(run.path, "finished", attempt=2)) and claim_alert(Alert(run.path, "failed"))
    assert not claim_alert(Alert(run.path / "gone", "failed"))


def test_the_command_gets_everything_in_variables(run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = ("RUN", "RUN_ID", "STATE", "PROJECT", "TITLE", "MESSAGE")
    command = AlertCommand([sys.executable, "-c", WRITE, str(out), *names], pytest.fail)
    command.start(Alert(run.path, "failed", "$(touch /tmp/evil); \x1b[31m`id`")).join(20)
    said = out.read_text().strip().split("|")
    assert said[:4] == [str(run.path), run.id, "failed", str(run.path.parent.parent)]
    assert said[4] == f"{run.id} has failed" and said[5] == "$(touch /tmp/evil);  [31m`id`"


def test_a_string_is_for_the_shell(run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / "out"
    AlertCommand(f'echo "$LEAPTUI_STATE" "$LEAPTUI_MESSAGE" > {out}', pytest.fail).start(
        Alert(run.path, "stopped", "a; b")
    ).join(20)
    assert out.read_text() == "stopped a; b\n"


@pytest.mark.parametrize(
    ("command", "words"), [(["/no/such/thing"], "cannot be started"), ("echo oh no >&2; exit 3", "ended with 3: oh no")]
)
def test_a_command_that_does_not_work_is_told_once(run: RunDirectory, command: Any, words: str) -> None:
    told: list[str] = []
    broken = AlertCommand(command, told.append)
    for _ in range(2):
        broken.start(Alert(run.path, "finished")).join(20)
    assert len(told) == 1 and words in told[0]


def test_the_worker_tells_a_plateau_and_its_end_once(run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = AlertCommand([sys.executable, "-c", WRITE, str(out), "STATE", "MESSAGE"], pytest.fail)
    started: list[Any] = []
    start = command.start
    command.start = lambda alert: started.append(start(alert)) or started[-1]  # type: ignore[method-assign, func-returns-value]
    alerts = WorkerAlerts(run.path, 1, command, ("finished", "plateau"))
    for epoch in range(1, 30):
        alerts.take_event("epoch", {"epoch": epoch, "val_error_px": 2.0 if epoch == 3 else 5.0})
        alerts.take_event("step", {"epoch": epoch, "loss": 1.0})
    for thread in started:
        thread.join(20)
    assert out.read_text() == "plateau|no better validation error since epoch 3, 10 epochs ago\n"
    alerts.ending("finished", "")
    assert not claim_alert(Alert(run.path, "finished"))
    alerts.ended(20)
    assert out.read_text().splitlines()[1] == "finished|best error 2 px after 29 epochs"


def test_a_worker_without_a_command_leaves_no_trace(run: RunDirectory) -> None:
    alerts = WorkerAlerts(run.path, 1, None, ("finished",))
    alerts.take_event("epoch", {"epoch": 1, "val_error_px": 1.0})
    alerts.ending("finished", "")
    alerts.ended()
    assert list(run.control.iterdir()) == []


def test_settings_are_read(isolated_home: Path) -> None:
    assert load_config().alerts == AlertSettings()
    (isolated_home / "config.toml").write_text(
        '[alerts]\nbell = false\nnotify = "osc9"\non = ["failed"]\ncommand = ["mail", "me"]\n'
    )
    assert load_config().alerts == AlertSettings(("failed",), False, "osc9", ("mail", "me"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alerts = 3", "must be a table"),
        ("[alerts]\nbel = true", "no setting 'bel'"),
        ('[alerts]\nbell = "yes"', "'bell'"),
        ('[alerts]\nnotify = "loud"', "'notify'"),
        ('[alerts]\non = ["exploded"]', "'on'"),
        ("[alerts]\ncommand = []", "'command'"),
        ('[alerts]\ncommand = " "', "'command'"),
    ],
)
def test_settings_that_make_no_sense_are_told(isolated_home: Path, text: str, words: str) -> None:
    (isolated_home / "config.toml").write_text(text)
    with pytest.raises(UnusableInput, match=words.replace("[", r"\[")):
        load_config()


@dataclass(frozen=True)
class FakeOperation:
    request: str = "builtins:dict"
    runner: str = ""


def finish(_request: Any, context: Any) -> dict[str, Any]:
    for epoch in range(1, 14):
        context.emit("epoch", epoch=epoch, step=epoch, val_error_px=2.0 + (epoch > 2))
    return {}


def fail(_request: Any, _context: Any) -> None:
    raise UnusableInput("the labels are gone")


@pytest.mark.parametrize(
    ("runner", "said"),
    [("finish", ["plateau|None", "finished|finished"]), ("fail", ["failed|failed"])],
)
def test_a_worker_runs_the_command_after_its_last_word(
    run: RunDirectory, tmp_path: Path, isolated_home: Path, runner: str, said: list[str]
) -> None:
    out = tmp_path / "out"
    code = (
        "import json, os; run = os.environ['LEAPTUI_RUN']; state = json.load(open(run + '/status.json'))['state']; "
        f"kind = os.environ['LEAPTUI_STATE']; open({str(out)!r}, 'a').write("
        "kind + '|' + str(None if kind == 'plateau' else state) + '\\n')"
    )
    (isolated_home / "config.toml").write_text(f"[alerts]\ncommand = ['''{sys.executable}''', '-c', '''{code}''']\n")
    operations = {"train": FakeOperation(runner=f"{__name__}:{runner}")}
    run_worker(run.path, operations=operations, from_json=lambda _cls, values: values)
    for _ in range(200):
        if out.exists() and sorted(out.read_text().split()) == sorted(said):
            break
        time.sleep(0.05)
    assert sorted(out.read_text().split()) == sorted(said)
