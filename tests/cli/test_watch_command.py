"""`leaptui watch` on what other programs logged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from leaptui.cli import main as cli_main
from tests.cli.conftest import Cli

EVIL = "\x1b[2J\u202ex"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Three versions, the second the newest; the names in it are hostile."""
    for version in range(3):
        folder = tmp_path / "lightning_logs" / f"version_{version}"
        folder.mkdir(parents=True)
        rows = [f"{step // 10},,{step},{5 / (step + 1)},\n" for step in range(30)]
        rows += [f"{epoch},,{epoch * 10 + 9},,{1 / (epoch + 1)}\n" for epoch in range(3)]
        (folder / "metrics.csv").write_text(f'epoch,"{EVIL}",step,train_loss,val_loss\n' + "".join(rows))
        (folder / "hparams.yaml").write_text("lr: 0.01\nmax_epochs: 5\n")
        for file in folder.iterdir():
            os.utime(file, (1e9 + version % 2, 1e9 + version % 2))
    return tmp_path / "lightning_logs"


def run(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    code = cli_main.main([str(each) for each in args])
    return code, *capsys.readouterr()


def test_json_tells_the_figures_of_the_newest_and_names_the_others(cli: Cli, logs: Path):
    done = cli("watch", logs, "--json")
    assert done.code == 0, done.err
    figures: dict[str, Any] = done.json
    assert figures["path"] == str(logs / "version_1")
    assert (figures["kind"], figures["state"]) == ("Lightning CSV", "stale")
    assert (figures["step"], figures["epoch"], figures["epochs"]) == (29, 3, 3)
    assert figures["metrics"]["val_loss"] == {"step": 29, "value": 1 / 3, "lowest": 1 / 3, "highest": 1.0}
    assert figures["metrics"]["train_loss"]["highest"] == 5
    assert figures["best"]["epoch"] == 3
    assert figures["settings"] == {"lr": 0.01, "max_epochs": 5}
    assert figures["others"] == [str(logs / "version_2"), str(logs / "version_0")]


@pytest.mark.parametrize("command", ["watch", "attach"])
def test_without_a_terminal_lines_end_when_there_is_no_news(
    command: str, logs: Path, capsys: pytest.CaptureFixture[str]
):
    code, out, _ = run(capsys, command, logs / "version_1")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("Lightning CSV: stale: no news for")
    assert "epoch 3/5  val loss 0.3333  best" in lines
    assert "loss 0.167" in lines[-1]
    assert "\x1b" not in out


def test_what_is_refused_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, out, err = run(capsys, "watch", tmp_path / "nowhere")
    assert (code, out) == (3, "")
    assert "no such folder" in err
    code, out, err = run(capsys, "watch", tmp_path, "--json")
    assert (code, out) == (3, "")
    assert "lightning_logs" in err


def test_event_files_without_the_package_name_the_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from leaptui.formats import tensorboard_events

    monkeypatch.setattr(tensorboard_events.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"")
    code, _, err = run(capsys, "watch", tmp_path)
    assert code == 3
    assert "leaptui[tensorboard]" in err
