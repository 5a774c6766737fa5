"""What a run's host is doing while it runs: processors, memory and GPUs, as `gauge` events.

What cannot be measured is null, and nothing here can end a run: a library that is missing, a driver that is not
loaded, a GPU that a user may not look at or that falls off the bus leave fewer values.
"""

from __future__ import annotations

import importlib
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

PACE = ((0.0, 2.0), (3600.0, 10.0), (86_400.0, 30.0))
"""Seconds since the beginning, and seconds between two gauges from then on: nobody scrolls through a week of them."""

_MOST_GPUS = 16
_SHARE_OF_A_CORE = 1 / 400
"""What measuring may cost; a host that is slow to answer is asked less often."""
_TREE_EVERY = 10.0
"""Seconds between two looks at which processes belong to the run: every process of the host is asked for its parent."""
_LEAVE_WITHIN = 1.0
"""Seconds to wait at the end for a driver that does not answer."""

_ROOT_PID_NAMESPACE = "pid:[4026531836]"
"""The host's own (PROC_PID_INIT_INO of Linux); in any other NVML's process numbers may be those of another."""

_UNMEASURED = (psutil.Error, OSError, RuntimeError, ValueError, LookupError)
"""What psutil raises where /proc is not what it expects."""


class HostMeter:
    """Measures the host and the tree of processes below one of them. Shares are means since the last look.

    Args:
        pid: root of the tree, this process by default.
        clock: monotonic time.
    """

    def __init__(self, pid: int | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pid = os.getpid() if pid is None else pid
        self._clock = clock
        self._times: Any = None
        self._tree: list[psutil.Process] = []
        self._tree_due = -math.inf
        self._spent: dict[tuple[int, float], float] = {}
        self._looked = self._clock()
        self.tree_seconds = 0.0
        """Processor seconds that finding the tree has cost so far; it keeps to a share of its own."""

    @property
    def pids(self) -> frozenset[int]:
        """The processes of the tree, at the last look."""
        return frozenset((self._pid, *(process.pid for process in self._tree)))

    def look(self) -> dict[str, Any]:
        """cpu, memory, memory_total, process_cpu and process_memory of a `gauge` event."""
        found: dict[str, Any] = {"cpu": self._cpu(), "memory": None, "memory_total": None}
        with suppress(*_UNMEASURED):
            memory = psutil.virtual_memory()
            found["memory"], found["memory_total"] = int(memory.total - memory.available), int(memory.total)
        found["process_cpu"], found["process_memory"] = self._processes()
        return found

    def _cpu(self) -> float | None:
        before = self._times
        try:
            self._times = psutil.cpu_times()
        except _UNMEASURED:
            self._times = None
        if before is None or self._times is None:
            return None
        # The time of guests is part of user and nice already.
        steps = {
            name: max(getattr(self._times, name) - getattr(before, name), 0.0)
            for name in self._times._fields
            if not name.startswith("guest")
        }
        total = sum(steps.values())
        idle = steps.get("idle", 0.0) + steps.get("iowait", 0.0)
        return round(1 - idle / total, 3) if total > 0 else None

    def _processes(self) -> tuple[float | None, int | None]:
        now = self._clock()
        self._find_tree(now)
        spent: dict[tuple[int, float], float] = {}
        memory = 0
        for process in self._tree:
            with suppress(*_UNMEASURED), process.oneshot():
                times = process.cpu_times()
                spent[process.pid, process.create_time()] = times.user + times.system
                memory += process.memory_info().rss
        passed, self._looked = now - self._looked, now
        # One that was not known before may be old, so nothing is said of it yet.
        both = [max(value - self._spent[key], 0.0) for key, value in spent.items() if key in self._spent]
        self._spent = spent
        if not spent:
            return None, None
        return (round(sum(both) / passed, 2) if both and passed > 0 else None), memory

    def _find_tree(self, now: float) -> None:
        if now < self._tree_due:
            return
        began = time.thread_time()
        try:
            root = psutil.Process(self._pid)
            found = [root, *root.children(recursive=True)]
        except _UNMEASURED:
            found = []
        known = {process.pid: process for process in self._tree if process in found}
        self._tree = [known.get(process.pid, process) for process in found]
        cost = time.thread_time() - began
        self.tree_seconds += cost
        self._tree_due = now + max(_TREE_EVERY, cost / _SHARE_OF_A_CORE)


class GpuMeter:
    """Measures the GPUs of the host through NVML, if it is there.

    Args:
        own_namespace: whether process numbers are those of the host; found out by default.
    """

    def __init__(self, *, own_namespace: bool | None = None) -> None:
        self._numbers_are_ours = _has_host_pids() if own_namespace is None else own_namespace
        self._nvml: Any = None
        self._gpus: list[tuple[Any, dict[str, Any]]] = []

    def open(self) -> None:
        """Find the GPUs; without library or driver there are none."""
        try:
            nvml = importlib.import_module("pynvml")
        except (ImportError, OSError):
            return
        try:
            nvml.nvmlInit()
        except (getattr(nvml, "NVMLError", OSError), OSError, AttributeError):
            return
        self._nvml = nvml
        for index in range(min(self._ask("nvmlDeviceGetCount") or 0, _MOST_GPUS)):
            handle = self._ask("nvmlDeviceGetHandleByIndex", index)
            if handle is None:
                continue
            name = self._ask("nvmlDeviceGetName", handle)
            name = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
            self._gpus.append((handle, {"index": index, "name": str(name or "GPU")}))

    def close(self) -> None:
        """Let go of the driver."""
        if self._nvml is not None:
            self._ask("nvmlShutdown")
        self._nvml, self._gpus = None, []

    def look(self, own: frozenset[int]) -> list[dict[str, Any]]:
        """One entry a GPU of the `gpus` of a `gauge` event.

        Args:
            own: numbers of the run's processes.
        """
        users = [self._users(handle) for handle, _ in self._gpus]
        # In a container the driver may number processes as the host does: believed once it names one of the run's.
        known = self._numbers_are_ours or any(own & pids for pids in users if pids is not None)
        return [
            {**facts, **self._values(handle), "others": len(pids - own) if known and pids is not None else None}
            for (handle, facts), pids in zip(self._gpus, users, strict=True)
        ]

    def _values(self, handle: Any) -> dict[str, Any]:
        nvml = self._nvml
        use = self._ask("nvmlDeviceGetUtilizationRates", handle)
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
        celsius = getattr(nvml, "NVML_TEMPERATURE_GPU", 0)
        return {
            "use": _share(getattr(use, "gpu", None)),
            "memory": _whole(getattr(memory, "used", None)),
            "memory_total": _whole(getattr(memory, "total", None)),
            "temperature_c": _whole(self._ask("nvmlDeviceGetTemperature", handle, celsius)),
            "power_w": _watts(self._ask("nvmlDeviceGetPowerUsage", handle)),
            "power_limit_w": _watts(self._ask("nvmlDeviceGetEnforcedPowerLimit", handle)),
        }

    def _users(self, handle: Any) -> frozenset[int] | None:
        """Numbers of the processes on a GPU; None when the driver does not say."""
        found: set[int] = set()
        answers = [self._ask(f"nvmlDeviceGet{kind}RunningProcesses", handle) for kind in ("Compute", "Graphics")]
        for answer in answers:
            found |= {each.pid for each in answer or ()}
        return None if answers[0] is None else frozenset(found)

    def _ask(self, function: str, *arguments: Any) -> Any:
        """What NVML answers; None where it does not, or has no such function."""
        nvml = self._nvml
        try:
            return getattr(nvml, function)(*arguments)
        except (nvml.NVMLError, AttributeError, OSError, UnicodeDecodeError):
            return None


class Gauges:
    """A thread that emits `gauge` events until it is closed.

    Args:
        emit: `RunContext.emit`.
        pace: see PACE.
        host, gpu: what measures; this process and its host by default.
    """

    def __init__(
        self,
        emit: Callable[..., None],
        *,
        pace: Sequence[tuple[float, float]] = PACE,
        host: HostMeter | None = None,
        gpu: GpuMeter | None = None,
    ) -> None:
        self._emit = emit
        self._pace = pace
        self._host, self._gpu = host or HostMeter(), gpu or GpuMeter()
        self._closed = threading.Event()
        self._emitting = threading.Lock()
        self._thread = threading.Thread(target=self._measure, name="gauges", daemon=True)
        self._last_cost = 0.0
        self.seconds_used = 0.0
        """Processor seconds that measuring has cost so far."""

    def start(self) -> Gauges:
        """Begin; returns itself."""
        self._thread.start()
        return self

    def close(self) -> None:
        """End; nothing is emitted afterwards, even if a driver still has to answer."""
        with self._emitting:
            self._closed.set()
        if self._thread.is_alive():
            self._thread.join(_LEAVE_WITHIN)

    def __enter__(self) -> Gauges:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _measure(self) -> None:
        self._gpu.open()
        # Means need a beginning.
        self._host.look()
        for wait in self._waits():
            if self._closed.wait(wait):
                break
            event = self._look()
            with self._emitting:
                if self._closed.is_set():
                    break
                self._emit("gauge", **event)
        self._gpu.close()

    def _look(self) -> Mapping[str, Any]:
        began, trees = time.thread_time(), self._host.tree_seconds
        event = self._host.look()
        event["gpus"] = self._gpu.look(self._host.pids)
        cost = time.thread_time() - began
        self.seconds_used += cost
        self._last_cost = cost - (self._host.tree_seconds - trees)
        return event

    def _waits(self) -> Iterator[float]:
        """Seconds to wait before each measurement."""
        began = time.monotonic()
        yield min(self._pace[0][1], 1.0)
        while True:
            passed = time.monotonic() - began
            every = next(every for after, every in reversed(self._pace) if passed >= after)
            yield max(every, self._last_cost / _SHARE_OF_A_CORE)


def _has_host_pids() -> bool:
    try:
        return str(Path("/proc/self/ns/pid").readlink()) == _ROOT_PID_NAMESPACE
    except OSError:
        return True


def _share(percent: Any) -> float | None:
    whole = _whole(percent)
    return None if whole is None or whole > 100 else whole / 100


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _watts(milliwatts: Any) -> float | None:
    whole = _whole(milliwatts)
    return None if whole is None else round(whole / 1000, 1)
