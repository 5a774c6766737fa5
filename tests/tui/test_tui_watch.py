"""What another program logs, on the screen of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tui_helpers import flat, screen_text, until

from leaptui.tui.app import LeaptuiApp
from leaptui.tui.services import Services
from leaptui.tui.watch_reading import WatchReader

EVIL = "\x1b[2J\u202ex"


def write(
    folder: Path, steps: int, epochs: int, header: str = f'epoch,"{EVIL}",lr-Adam,step,train_loss,val_loss'
) -> None:
    extra = "," * (header.count(",") - 5)
    rows = [f"{step // 10},1,0.01,{step},{5 / (step + 1)},{extra}" for step in range(steps)]
    rows += [f"{epoch},,,{epoch * 10 + 9},,{1 / (epoch + 1)}{extra}" for epoch in range(epochs)]
    folder.mkdir(exist_ok=True)
    (folder / "metrics.csv").write_text("\n".join([header, *rows, ""]))


def test_roles_epochs_and_settings_become_a_picture(tmp_path: Path):
    write(tmp_path, 30, 3)
    (tmp_path / "hparams.yaml").write_text("max_epochs: 5\nwidth: 3")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "epoch=1-step=20.ckpt").write_text("")
    clock = [0.0]
    reader = WatchReader(tmp_path, clock=lambda: clock[0])
    picture = reader.look()
    assert (picture.state, picture.foreign, picture.can_stop) == ("running", "Lightning CSV", False)
    assert picture.plan == {"steps_per_epoch": 10, "epochs": 5}
    assert [(p.epoch, p.step, p.val_loss, p.best) for p in picture.epochs] == [
        (1, 9, 1, True),
        (2, 19, 0.5, True),
        (3, 29, 1 / 3, True),
    ]
    assert len(picture.steps) == 30
    assert picture.rates[-1] == (29, 0.01)
    assert set(picture.metrics) == {EVIL, "lr-Adam", "train_loss", "val_loss"}
    assert (picture.epoch, picture.step) == (3, 29)
    assert [(c.kind, c.epoch) for c in picture.checkpoints] == [("saved", 2)]
    assert picture.request["width"] == 3
    clock[0] = 2.0
    write(tmp_path, 40, 3)
    later = reader.look()
    assert later.progress is not None
    assert later.progress.rate == 5.0
    assert later.eta == 2.0


def test_unchanged_logs_give_equal_pictures_of_the_same_curves(tmp_path: Path):
    write(tmp_path, 30, 3)
    reader = WatchReader(tmp_path)
    first, second = reader.look(), reader.look()
    assert first.steps is second.steps
    assert first.epochs is second.epochs
    assert replace(first, elapsed=None) == replace(second, elapsed=None)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_the_screen_follows_a_log_of_another_program(tmp_path: Path, size: tuple[int, int]) -> None:
    folder = tmp_path / "version_7"
    write(folder, 30, 3)
    app = LeaptuiApp(run=folder, services=Services(reader=lambda path: WatchReader(path, others=["version_6"])))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "version_7" in flat(screen_text(pilot)) and "0.167" in flat(screen_text(pilot)))
        assert "running" in flat(screen_text(pilot))
        write(folder, 50, 5, f'epoch,"{EVIL}",lr-Adam,step,train_loss,val_loss,zeta')
        await until(pilot, lambda: "0.1 " in flat(screen_text(pilot)))
        assert "\x1b" not in screen_text(pilot)
        assert "\u202e" not in screen_text(pilot)
