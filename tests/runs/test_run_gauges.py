"""Gauges: what the host does, measured so that it can never hurt the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest
from run_helpers import PATIENCE

from leaptui.runs import gauges
from leaptui.runs.events import EventReader, EventWriter
from leaptui.runs.gauges import Gauges, GpuMeter, HostMeter
from leaptui.runs.layout import RunDirectory

CONTRACT = {"cpu", "memory", "memory_total", "process_cpu", "process_memory", "gpus"}
GPU = {
    "index", "name", "use", "memory", "memory_total", "temperature_c", "power_w", "power_limit_w", "others"
}  # fmt: skip


class NvmlError(Exception):
    """What the fake library raises."""


class FakeNvml(ModuleType):
    """A pynvml with GPUs that do as they are told; `broken` names functions that fail."""

    NVMLError = NvmlError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, count: int = 1) -> None:
        super().__init__("pynvml")
        self.count = count
        self.broken: set[str] = set()
        self.pids: dict[int, list[int]] = {}
        self.is_open = False

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("nvml") and name in ModuleType.__getattribute__(self, "broken"):

            def fail(*_: object) -> None:
                raise NvmlError(name)

            return fail
        return ModuleType.__getattribute__(self, name)

    def nvmlInit(self) -> None:
        self.is_open = True

    def nvmlShutdown(self) -> None:
        self.is_open = False

    def nvmlDeviceGetCount(self) -> int:
        return self.count

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> bytes:
        return b"NVIDIA Fake 9000"

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        return SimpleNamespace(gpu=87, memory=40)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(used=3 << 30, free=5 << 30, total=8 << 30)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        return 64

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return 251_340

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:
        return 400_000

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
        return [SimpleNamespace(pid=pid) for pid in self.pids.get(handle, [])]

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: int) -> list[Any]:
        return []


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    """In the place of pynvml."""
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


@pytest.fixture
def no_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing pynvml fails, whatever is installed here."""
    monkeypatch.setitem(sys.modules, "pynvml", None)


def opened(own_namespace: bool = True) -> GpuMeter:
    meter = GpuMeter(own_namespace=own_namespace)
    meter.open()
    return meter


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A child that keeps one core busy and holds 60 MB."""
    code = "x = bytearray(b'1') * 60_000_000\nprint('on', flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"on\n"
        yield child
        child.kill()


def test_the_host_and_the_tree_of_the_run_are_measured(busy: subprocess.Popen[bytes]) -> None:
    meter = HostMeter()
    first = meter.look()
    assert first["cpu"] is None and first["process_cpu"] is None, "a mean needs a beginning"
    # Until the child has had some time of a machine that others use as well.
    before = psutil.Process(busy.pid).cpu_times().user
    until(lambda: psutil.Process(busy.pid).cpu_times().user > before + 0.2)
    found = meter.look()
    assert {os.getpid(), busy.pid} <= meter.pids
    assert 0 < found["cpu"] <= 1
    assert found["process_cpu"] > 0
    assert 60_000_000 < found["process_memory"] < found["memory"] < found["memory_total"]
    json.dumps(found, allow_nan=False)


def test_only_the_tree_counts(busy: subprocess.Popen[bytes]) -> None:
    quiet = HostMeter(busy.pid)
    quiet.look()
    assert quiet.pids == {busy.pid}, "neither its parent nor its siblings are part of it"


def test_a_child_that_has_gone_takes_nothing_with_it(busy: subprocess.Popen[bytes]) -> None:
    now = [0.0]
    meter = HostMeter(clock=lambda: now[0])
    meter.look()
    busy.kill()
    busy.wait()
    now[0] = 2.0
    found = meter.look()
    assert found["process_cpu"] is not None and 0 <= found["process_cpu"] < 2
    now[0] = 60.0
    meter.look()
    assert busy.pid not in meter.pids


def test_a_host_that_tells_nothing_leaves_nulls(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise psutil.AccessDenied(1)

    def strange(*_: object, **__: object) -> None:
        raise ValueError("no such line in /proc/meminfo")

    for name, failure in (("cpu_times", strange), ("virtual_memory", strange), ("Process", refused)):
        monkeypatch.setattr(gauges.psutil, name, failure)
    meter = HostMeter()
    meter.look()
    assert set(meter.look().values()) == {None}


def test_gpus_are_measured_and_foreign_processes_counted(nvml: FakeNvml) -> None:
    nvml.count, nvml.pids = 2, {0: [10, 11, 12], 1: []}
    one, other = opened().look(frozenset({11}))
    assert one == {
        "index": 0,
        "name": "NVIDIA Fake 9000",
        "use": 0.87,
        "memory": 3 << 30,
        "memory_total": 8 << 30,
        "temperature_c": 64,
        "power_w": 251.3,
        "power_limit_w": 400.0,
        "others": 2,
    }
    assert (other["index"], other["others"]) == (1, 0)


def test_in_a_container_foreign_processes_are_only_counted_when_the_numbers_are_known_to_fit(nvml: FakeNvml) -> None:
    nvml.pids = {0: [31337]}
    meter = opened(own_namespace=False)
    assert meter.look(frozenset({7}))[0]["others"] is None
    nvml.pids = {0: [31337, 7]}
    assert meter.look(frozenset({7}))[0]["others"] == 1


@pytest.mark.parametrize("function", ["nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"])
def test_a_driver_that_refuses_means_no_gpus(nvml: FakeNvml, function: str) -> None:
    nvml.broken = {function}
    meter = opened()
    assert meter.look(frozenset()) == []
    meter.close()


def test_without_the_library_there_are_no_gpus(no_nvml: None) -> None:
    meter = opened()
    assert meter.look(frozenset()) == []
    meter.close()


def test_each_value_fails_alone_as_on_a_partitioned_gpu(nvml: FakeNvml) -> None:
    nvml.broken = {"nvmlDeviceGetUtilizationRates", "nvmlDeviceGetComputeRunningProcesses"}
    (found,) = opened().look(frozenset())
    assert (found["use"], found["others"]) == (None, None)
    assert (found["memory"], found["temperature_c"]) == (3 << 30, 64)


def test_a_gpu_that_vanishes_leaves_its_name(nvml: FakeNvml) -> None:
    meter = opened()
    nvml.broken = {name for name in dir(FakeNvml) if name.startswith("nvmlDeviceGet")}
    (found,) = meter.look(frozenset())
    assert found == dict.fromkeys(GPU) | {"index": 0, "name": "NVIDIA Fake 9000"}
    meter.close()
    assert not nvml.is_open


def test_an_older_library_without_a_function(nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(FakeNvml, "nvmlDeviceGetEnforcedPowerLimit")
    assert opened().look(frozenset())[0]["power_limit_w"] is None


def test_events_are_those_of_the_contract(nvml: FakeNvml, run: RunDirectory) -> None:
    with EventWriter(run) as events, Gauges(events.emit, pace=((0.0, 0.01),)):
        until(lambda: (events.flush(), len(EventReader(run).poll()) >= 3)[1])
    found = EventReader(run).poll()
    assert {event["type"] for event in found} == {"gauge"}
    for event in found:
        assert set(event) - {"v", "seq", "t", "type"} == CONTRACT
        assert [set(gpu) for gpu in event["gpus"]] == [GPU]
    longest = max(len(line) for line in run.events.read_bytes().splitlines())
    ends = [*(after for after, _ in gauges.PACE[1:]), 7 * 86_400.0]
    week = sum((end - after) / every for (after, every), end in zip(gauges.PACE, ends, strict=True))
    assert longest * week < 12e6, "a week's gauges of one GPU stay small beside the events of its steps"


def test_nothing_comes_after_the_end_even_if_the_driver_hangs(nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "_LEAVE_WITHIN", 0.05)
    entered, leave = threading.Event(), threading.Event()

    def hang(_self: FakeNvml, _handle: int) -> int:
        entered.set()
        leave.wait(PATIENCE)
        return 1

    monkeypatch.setattr(FakeNvml, "nvmlDeviceGetPowerUsage", hang)
    seen: list[str] = []
    measuring = Gauges(lambda type, **_: seen.append(type), pace=((0.0, 0.01),)).start()
    assert entered.wait(PATIENCE)
    measuring.close()
    leave.set()
    until(lambda: not nvml.is_open)
    assert seen == []


def test_it_slows_down(nvml: FakeNvml) -> None:
    seen: list[float] = []
    with Gauges(lambda *_, **__: seen.append(time.monotonic()), pace=((0.0, 0.01), (0.0, 60.0))):
        until(lambda: len(seen) == 1)
        time.sleep(0.2)
    assert len(seen) == 1


def test_a_host_that_is_slow_to_answer_is_asked_less_often(nvml: FakeNvml) -> None:
    class Slow(HostMeter):
        def look(self) -> dict[str, Any]:
            until = time.thread_time() + 0.005
            while time.thread_time() < until:
                pass
            return super().look()

    seen: list[str] = []
    with Gauges(lambda type, **_: seen.append(type), pace=((0.0, 0.001),), host=Slow()):
        until(lambda: len(seen) == 1)
        # Five milliseconds of work allow one look in two seconds.
        time.sleep(0.3)
    assert len(seen) == 1


def test_closing_before_starting_is_harmless(no_nvml: None) -> None:
    Gauges(lambda *_, **__: None).close()
