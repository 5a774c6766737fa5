"""Finding what can be watched in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from leaptui.errors import UnusableInput
from leaptui.formats.lightning_csv import CsvLog
from leaptui.ops import watch
from leaptui.ops.watch import Found, find_logs, open_log
from leaptui.runs.layout import RunDirectory


def make(path: Path, age: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a,step\n1,0\n")
    os.utime(path, (2e9 - age, 2e9 - age))
    return path


def names(found: Found) -> list[tuple[str, str]]:
    return [(each.name, each.kind) for each in found.logs]


def test_versions_are_found_newest_first_and_files_stand_for_their_folder(tmp_path: Path):
    for age, version in enumerate((2, 10, 1)):
        make(tmp_path / "lightning_logs" / f"version_{version}" / "metrics.csv", age)
    found = find_logs(tmp_path)
    assert names(found) == [(f"lightning_logs/version_{version}", "csv") for version in (2, 10, 1)]
    assert found.complete
    for given in ("lightning_logs/version_1", "lightning_logs/version_1/metrics.csv"):
        only = find_logs(tmp_path / given)
        assert names(only) == [("version_1", "csv")]
        assert only.logs[0].path == tmp_path / "lightning_logs" / "version_1"


def test_runs_of_tensorboard_may_lie_in_each_other(tmp_path: Path):
    make(tmp_path / "board" / "events.out.tfevents.1.host", 5)
    make(tmp_path / "board" / "loss_val" / "events.out.tfevents.2.host", 1)
    make(tmp_path / "board" / "checkpoints" / "events.out.tfevents.2.host", 1)
    make(tmp_path / ".hidden" / "events.out.tfevents.2.host", 1)
    assert names(find_logs(tmp_path)) == [("board/loss_val", "tensorboard"), ("board", "tensorboard")]


def test_where_both_loggers_share_a_folder_the_csv_is_read(tmp_path: Path):
    make(tmp_path / "events.out.tfevents.1.host")
    make(tmp_path / "metrics.csv", 50)
    assert names(find_logs(tmp_path)) == [(tmp_path.name, "csv")]
    assert isinstance(open_log(tmp_path), CsvLog)


def test_a_run_of_leaptui_is_one_whatever_else_it_holds(tmp_path: Path):
    run = RunDirectory.create(tmp_path / "runs", "train", {})
    make(run.path / "metrics.csv")
    make(run.path / "tensorboard" / "events.out.tfevents.1.host")
    make(tmp_path / "other" / "request.json")
    make(tmp_path / "other" / "metrics.csv", 9e8)
    assert names(find_logs(tmp_path)) == [(f"runs/{run.id}", "run"), ("other", "csv")]
    assert names(find_logs(run.path)) == [(run.id, "run")]


def test_a_run_that_has_logged_nothing_yet_is_found(tmp_path: Path):
    make(tmp_path / "version_0" / "hparams.yaml")
    assert names(find_logs(tmp_path)) == [("version_0", "csv")]


def test_links_are_not_followed_and_the_search_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make(tmp_path / "a" / "metrics.csv")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert len(find_logs(tmp_path).logs) == 1
    monkeypatch.setattr(watch, "_FOLDERS", 3)
    for number in range(9):
        make(tmp_path / f"b{number}" / "metrics.csv")
    found = find_logs(tmp_path)
    assert not found.complete
    assert 0 < len(found.logs) < 10


@pytest.mark.parametrize(("path", "words"), [("none", "no such folder"), ("", "nothing to watch")])
def test_what_cannot_be_watched_is_refused_in_words(tmp_path: Path, path: str, words: str):
    with pytest.raises(UnusableInput) as caught:
        find_logs(tmp_path / path)
    assert words in caught.value.what
    assert caught.value.hint
