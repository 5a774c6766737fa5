"""The table of a training that pandas reads."""

from __future__ import annotations

import csv
import errno
from pathlib import Path

import pytest

from leaptui.runs import metrics_csv
from leaptui.runs.layout import RunDirectory
from leaptui.runs.metrics_csv import COLUMNS, MetricsCsv


def rows(run: RunDirectory) -> list[dict[str, str]]:
    with run.metrics.open(newline="") as file:
        reader = csv.DictReader(file)
        found = list(reader)
    assert reader.fieldnames == list(COLUMNS)
    assert all(None not in row and None not in row.values() for row in found)
    return found


def train(table: MetricsCsv, first: int, last: int, *, loss: float = 1.0) -> None:
    for epoch in range(first, last + 1):
        for step in (2 * epoch - 1, 2 * epoch):
            table.take({"type": "step", "epoch": epoch, "step": step, "loss": loss / step, "lr": 1e-3})
        table.take({"type": "epoch", "epoch": epoch, "step": 2 * epoch, "train_loss": loss, "val_loss": float("nan")})


def test_steps_and_epochs_are_rows(run: RunDirectory) -> None:
    with MetricsCsv(run, clock=lambda: 12.5) as table:
        table.take({"type": "log", "message": "a,b\n"})
        assert not run.metrics.exists()
        train(table, 1, 2)
    found = rows(run)
    assert [(row["epoch"], row["step"], row["loss"], row["train_loss"], row["val_loss"]) for row in found] == [
        ("1", "1", "1.0", "", ""),
        ("1", "2", "0.5", "", ""),
        ("1", "2", "", "1.0", ""),
        ("2", "3", repr(1 / 3), "", ""),
        ("2", "4", "0.25", "", ""),
        ("2", "4", "", "1.0", ""),
    ]
    assert {(row["t"], row["attempt"]) for row in found} == {("12.5", "1")}


def test_a_row_is_on_disk_at_the_end_of_an_epoch(run: RunDirectory) -> None:
    table = MetricsCsv(run)
    train(table, 1, 1)
    assert len(rows(run)) == 3
    table.close()


def test_what_a_resumed_run_does_again_is_in_the_table_once(run: RunDirectory) -> None:
    with MetricsCsv(run) as table:
        train(table, 1, 5)
    with run.metrics.open("a") as file:
        file.write("1795379554.9,1,6,11,0.0")
    with MetricsCsv(run, attempt=2) as table:
        table.take({"type": "resumed", "attempt": 2, "epoch": 3, "step": 6, "checkpoint": "last.ckpt"})
        train(table, 4, 6, loss=0.5)
    found = rows(run)
    assert [row["step"] for row in found if row["loss"]] == [str(step) for step in range(1, 13)]
    assert [(row["epoch"], row["attempt"]) for row in found if row["train_loss"]] == [
        ("1", "1"),
        ("2", "1"),
        ("3", "1"),
        ("4", "2"),
        ("5", "2"),
        ("6", "2"),
    ]


def test_steps_that_go_back_replace(run: RunDirectory) -> None:
    with MetricsCsv(run) as table:
        train(table, 1, 3)
        train(table, 2, 2, loss=0.5)
    assert [row["step"] for row in rows(run) if row["loss"]] == ["1", "2", "3", "4"]


def test_a_torn_table_goes_on_in_a_row_of_its_own(run: RunDirectory) -> None:
    run.metrics.write_text(",".join(COLUMNS) + "\n1,1,1")
    with MetricsCsv(run) as table:
        train(table, 1, 1)
    assert len(run.metrics.read_text().splitlines()) == 5


def test_a_foreign_table_is_cut_without_harm(run: RunDirectory) -> None:
    run.metrics.write_bytes(b"step,loss,epoch\n1,2.0,1\n\0\0\0\nx" * 3 + b"\xff\xfe,\n" + b"y" * 100_000)
    with MetricsCsv(run) as table:
        table.take({"type": "resumed", "epoch": 1, "step": 1})
        train(table, 2, 2)
    found = rows(run)
    assert found[0]["loss"] == "2.0" and [row["step"] for row in found][-3:] == ["3", "4", "4"]


def test_a_disk_that_is_full_costs_rows_and_nothing_else(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = metrics_csv.write_all

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with MetricsCsv(run) as table:
        train(table, 1, 1)
        monkeypatch.setattr(metrics_csv, "write_all", full)
        train(table, 2, 2)
        assert table.problem == "No space left on device" and len(rows(run)) == 3
        monkeypatch.setattr(metrics_csv, "write_all", real)
        train(table, 3, 3)
        assert table.problem is None
    assert [row["epoch"] for row in rows(run) if row["train_loss"]] == ["1", "2", "3"]


def test_a_link_in_its_place_is_not_written_through(run: RunDirectory, tmp_path: Path) -> None:
    other = tmp_path / "mine.csv"
    other.write_text("mine\n")
    run.metrics.symlink_to(other)
    with MetricsCsv(run) as table:
        train(table, 1, 1)
        assert table.problem is not None
    assert other.read_text() == "mine\n"
