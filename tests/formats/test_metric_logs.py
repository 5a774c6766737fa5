"""Logs of other programs, read while they grow."""

from __future__ import annotations

import csv
import importlib.util
import math
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leaptui.errors import UnusableInput
from leaptui.formats import tensorboard_events
from leaptui.formats.lightning_csv import CsvLog
from leaptui.formats.metric_log import CURVES_KEPT, MetricLog, Reading
from leaptui.formats.metric_names import roles
from leaptui.formats.tensorboard_events import TensorBoardLog
from leaptui.formats.yaml_settings import read_settings

HAS_TENSORBOARD = importlib.util.find_spec("tensorboard") is not None
needs_tensorboard = pytest.mark.skipif(
    not HAS_TENSORBOARD, reason="the package tensorboard is not installed (extra: tensorboard)"
)


def drained(log: MetricLog, **bounds: float) -> list[Reading]:
    found = log.poll(**bounds)  # type: ignore[arg-type]
    while log.is_behind:
        found += log.poll(**bounds)  # type: ignore[arg-type]
    return found


def values(readings: list[Reading], name: str) -> list[tuple[float, float]]:
    return [(each.step, each.value) for each in readings if each.name == name]


def same(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> bool:
    return len(a) == len(b) and all(
        x == u and (y == v or (math.isnan(y) and math.isnan(v))) for (x, y), (u, v) in zip(a, b, strict=True)
    )


@pytest.mark.slow
def test_every_value_of_stock_lightning_arrives_live_in_order_and_once(tmp_path: Path):
    others = ["tensorboard"] if HAS_TENSORBOARD else []
    training = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("stock_lightning.py")), str(tmp_path), "2", *others],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    logs: dict[str, MetricLog] = {"csv": CsvLog(tmp_path / "csv" / "version_0")}
    if HAS_TENSORBOARD:
        logs["board"] = TensorBoardLog(tmp_path / "board" / "version_0")
    found: dict[str, list[Reading]] = {name: [] for name in logs}
    live = dict.fromkeys(logs, 0)
    while training.poll() is None:
        for name, log in logs.items():
            new = log.poll()
            found[name] += new
            live[name] += bool(new)
        time.sleep(0.02)
    assert training.returncode == 0, training.stderr.read().decode() if training.stderr else ""
    for name, log in logs.items():
        found[name] += drained(log)
        assert log.generation == 1
        assert log.problems == []
    written = csv_values(tmp_path / "csv" / "version_0" / "metrics.csv")
    assert {"train_loss_step", "train_loss_epoch", "val_loss", "late,metric", "lr-SGD"} == written.keys()
    for name, points in written.items():
        assert same(values(found["csv"], name), points), name
    assert sum(map(len, written.values())) == len(found["csv"])
    assert live["csv"] > 2, "nothing was seen before the end"
    assert logs["csv"].settings == {"lr": 0.05, "name": "[b]a\x1b[2J", "width": 4}
    # Checkpoints are looked for every few seconds.
    until = time.monotonic() + 20
    while [each.epoch for each in logs["csv"].checkpoints] != [1] and time.monotonic() < until:
        logs["csv"].poll()
        time.sleep(0.1)
    assert [each.epoch for each in logs["csv"].checkpoints] == [1]
    if HAS_TENSORBOARD:
        board = board_values(tmp_path / "board" / "version_0")
        assert board.keys() == {*written, "epoch", "hp_metric"}
        for name, points in board.items():
            assert same(values(found["board"], name), points), name
        assert sum(map(len, board.values())) == len(found["board"])


def csv_values(path: Path) -> dict[str, list[tuple[float, float]]]:
    """What the file holds in the end, read by the standard library."""
    found: dict[str, list[tuple[float, float]]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            for name, text in row.items():
                if name not in ("step", "epoch") and text:
                    found.setdefault(name, []).append((float(row["step"]), float(text)))
    return found


def board_values(folder: Path) -> dict[str, list[tuple[float, float]]]:
    """What the event files hold in the end, read by TensorBoard's own reader."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {
        name: [(float(each.step), each.value) for each in accumulator.Scalars(name)]
        for name in accumulator.Tags()["scalars"]
    }


def write(path: Path, text: str, mode: str = "w") -> None:
    with path.open(mode, newline="") as file:
        file.write(text)


def test_a_file_written_anew_with_another_column_gives_nothing_twice(tmp_path: Path):
    path = tmp_path / "metrics.csv"
    log = CsvLog(tmp_path)
    write(path, "a,epoch,step\r\n1.5,0,0\r\n2.5,0,1\r\n")
    assert values(drained(log), "a") == [(0, 1.5), (1, 2.5)]
    # Torn: only part of the old rows are there again.
    write(path, "a,b,epoch,step\r\n1.5,,0,0\r\n2.")
    assert drained(log) == []
    write(path, "a,b,epoch,step\r\n1.5,,0,0\r\n2.5,,0,1\r\n3.5,9,1,2\r\n")
    new = drained(log)
    assert (values(new, "a"), values(new, "b")) == ([(2, 3.5)], [(2, 9)])
    assert log.generation == 1
    assert list(log.curves["a"].y) == [1.5, 2.5, 3.5]


def test_a_header_that_changes_before_the_first_row_is_noticed(tmp_path: Path):
    path = tmp_path / "metrics.csv"
    log = CsvLog(tmp_path)
    write(path, "a,step\n")
    assert drained(log) == []
    write(path, "a,b,step\n1,2,0\n")
    assert drained(log) == [Reading("a", 0, 1), Reading("b", 0, 2)]
    assert log.problems == []


def test_a_row_waits_for_its_end_and_an_emptied_file_for_its_content(tmp_path: Path):
    path = tmp_path / "metrics.csv"
    log = CsvLog(tmp_path)
    assert drained(log) == []
    write(path, "a,st")
    assert drained(log) == []
    write(path, "ep\n0.12", "a")
    assert drained(log) == []
    write(path, "5,7\n", "a")
    assert drained(log) == [Reading("a", 7, 0.125)]
    write(path, "")
    assert drained(log) == []
    assert log.generation == 1
    write(path, "a,step\n0.125,7\n0.5,8\n")
    assert drained(log) == [Reading("a", 8, 0.5)]


@pytest.mark.parametrize("more", ["", "9,2\n9,3\n9,4\n"], ids=["shorter", "longer"])
def test_another_run_in_the_same_place_is_noticed(tmp_path: Path, more: str):
    path = tmp_path / "metrics.csv"
    log = CsvLog(tmp_path)
    write(path, "a,step\n1,0\n2,1\n3,2\n")
    drained(log)
    path.unlink()
    assert drained(log) == []
    write(path, "a,step\n8,0\n9,1\n" + more)
    new = drained(log)
    assert log.generation == 2
    assert values(new, "a")[:2] == [(0, 8), (1, 9)]
    assert list(log.curves["a"].y) == [8, 9, *[9] * more.count("9")]


def test_a_poll_is_bounded_and_the_next_goes_on(tmp_path: Path):
    rows = "".join(f"{i / 10},{i}\n" for i in range(5000))
    write(tmp_path / "metrics.csv", "a,step\n" + rows)
    log = CsvLog(tmp_path)
    first = log.poll(max_records=100, max_seconds=60)
    assert len(first) == 100
    assert log.is_behind
    first += log.poll(max_records=10**6, max_seconds=0)
    assert len(first) < 5000
    first += drained(log)
    assert [each.step for each in first] == list(range(5000))


def test_hostile_content_harms_nothing_and_is_told(tmp_path: Path):
    names = ",".join(f"m{i}" for i in range(CURVES_KEPT + 500))
    row = ",".join("1" for _ in range(CURVES_KEPT + 500))
    path = tmp_path / "metrics.csv"
    write(
        path,
        f"step,{names}\n0,{row}\n1,2,3\nnan,{row}\n\x00\x00,{row}\n2,{row.replace('1', 'x', 1)}\n" + "9" * 3_000_000,
    )
    log = CsvLog(tmp_path)
    drained(log)
    assert len(log.curves) == CURVES_KEPT
    told = " ".join(log.problems)
    assert "500 metrics are left out" in told
    assert "broken" in told
    assert "cannot be read" in told
    write(path, "z" * 2_000_000)
    assert drained(log) == []
    assert "longer than 1 MiB" in " ".join(log.problems)


def test_silence_is_measured_by_the_own_clock(tmp_path: Path):
    clock = [1000.0]
    path = tmp_path / "metrics.csv"
    log = CsvLog(tmp_path, clock=lambda: clock[0], now=lambda: path.stat().st_mtime + 400)
    assert log.silent is None
    write(path, "a,step\n1,0\n")
    log.poll()
    assert log.silent == pytest.approx(400, abs=1)
    write(path, "2,1\n", "a")
    log.poll()
    assert log.silent == pytest.approx(0, abs=1)
    clock[0] += 70
    log.poll()
    assert log.silent == pytest.approx(70, abs=1)


def test_settings_run_nothing_and_keep_what_can_be_read(tmp_path: Path):
    path = tmp_path / "hparams.yaml"
    mark = tmp_path / "mark"
    path.write_text(
        f"a: !!python/object/apply:os.system ['touch {mark}']\n"
        "opt:\n  lr: 1e-3\n  nesterov: true\nname: !unknown/tag x\nwhen: !!timestamp nonsense\n"
        "path: !!python/object:pathlib.PosixPath {x: 1}\nnothing: null\nwidth: 4\nlayers: [1, 2, [3]]\n"
    )
    found = read_settings(path)
    assert not mark.exists()
    assert found["opt.lr"] == 0.001
    assert found["opt.nesterov"] is True
    assert (found["width"], found["nothing"], found["name"]) == (4, None, "x")
    assert found["layers"] == "1, 2, …"
    lines = ["a: &a [x, x]"]
    lines += [
        f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    path.write_text("\n".join(lines))
    assert len(str(read_settings(path))) < 2000
    path.write_text("{" * 60_000)
    assert read_settings(path) == {}
    path.write_text("a: &x {b: *x}\nc: 1")
    assert isinstance(read_settings(path), dict)


@pytest.mark.parametrize(
    ("names", "train", "val", "rate"),
    [
        (["train_loss_step", "train_loss_epoch", "val_loss", "lr-Adam"], "train_loss_step", "val_loss", "lr-Adam"),
        (["loss", "val/loss", "val/acc", "acc"], "loss", "val/loss", None),
        (["Loss/train", "Loss/test", "Loss/valid", "learning_rate"], "Loss/train", "Loss/valid", "learning_rate"),
        (["trainLoss", "validationLoss", "epoch"], "trainLoss", "validationLoss", None),
        (["train/box_loss", "train/loss", "val/box_loss", "val/loss", "lr/pg0"], "train/loss", "val/loss", "lr/pg0"),
        (["fps", "epoch", "hp_metric"], None, None, None),
        (["train_mse", "val_mse"], "train_mse", "val_mse", None),
    ],
)
def test_the_usual_names_are_understood(names: list[str], train: str | None, val: str | None, rate: str | None):
    found = roles(dict.fromkeys(names, 5))
    assert (found.train_loss, found.val_loss, found.rate) == (train, val, rate)


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tensorboard_events.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnusableInput) as caught:
        TensorBoardLog(tmp_path)
    assert "leaptui[tensorboard]" in str(caught.value.hint)


def record(message: bytes) -> bytes:
    crc = tensorboard_events._masked_crc32c
    head = struct.pack("<Q", len(message))
    return head + struct.pack("<I", crc(head)) + message + struct.pack("<I", crc(message))


def scalar(step: int, **metrics: float) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event

    event = Event(step=step, wall_time=1e9 + step)
    for name, value in metrics.items():
        event.summary.value.add(tag=name, simple_value=value)
    return record(event.SerializeToString())


@needs_tensorboard
def test_torn_tails_several_files_and_broken_records(tmp_path: Path):
    first, second = (tmp_path / f"events.out.tfevents.{n}.host.1.0" for n in (1000, 2000))
    log = TensorBoardLog(tmp_path)
    assert drained(log) == []
    whole = scalar(0, a=0.5) + scalar(1, a=0.25)
    first.write_bytes(whole[:-3])
    assert drained(log) == [Reading("a", 0, 0.5)]
    first.write_bytes(whole + scalar(2, a=4))
    assert values(drained(log), "a") == [(1, 0.25), (2, 4)]
    # The program was killed in the middle of a record and resumed from an earlier step in a new file.
    first.write_bytes(whole + scalar(2, a=4) + scalar(3, a=5)[:-8])
    second.write_bytes(
        scalar(1, a=0.125) + record(b"\xff\xff\xff") + record(b"\x2a" + b"x" * 3_000_000) + scalar(2, a=1)
    )
    assert values(drained(log), "a") == [(1, 0.125), (2, 1)]
    assert list(log.curves["a"].y) == [0.5, 0.125, 1]
    assert log.problems == ["1 records are broken"]
    with second.open("ab") as file:
        file.write(bytes(100))
    assert drained(log) == []
    assert "broken at byte" in " ".join(log.problems)


@needs_tensorboard
def test_a_poll_of_event_files_is_bounded(tmp_path: Path):
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(b"".join(scalar(i, a=float(i)) for i in range(3000)))
    log = TensorBoardLog(tmp_path)
    found = log.poll(max_records=10, max_seconds=60)
    assert len(found) == 10
    assert log.is_behind
    found += log.poll(max_records=10**6, max_seconds=0)
    assert len(found) < 3000
    assert [each.step for each in [*found, *drained(log)]] == list(range(3000))
