"""Which GPUs this machine has for its queue, and which of them somebody else is using."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"
_ORDER = "CUDA_DEVICE_ORDER"
_MOST = 64
_ROOT_PID_NAMESPACE = "pid:[4026531836]"
"""The host's own (PROC_PID_INIT_INO of Linux)."""
_NUMBER = re.compile(r"\d{1,3}")


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Args:
        index: its number, as nvidia-smi counts.
        uuid: its name for all time ("GPU-8c1f…"); "" when only the number is known.
        name: what it is.
    """

    index: int
    uuid: str = ""
    name: str = ""

    @property
    def visible(self) -> str:
        """What CUDA_VISIBLE_DEVICES calls it. CUDA's own numbers may follow another order than nvidia-smi's."""
        return self.uuid or str(self.index)


class Gpus:
    """The GPUs that NVML names, asked anew with each look; none where the library or the driver is missing.

    Args:
        numbers: the GPUs to use by number, from the user's settings; None means all of them. Without NVML these
            are believed, and nobody knows whether they are in use.
        nvml: the module `pynvml`, by default imported when first needed.
    """

    def __init__(self, numbers: Sequence[int] | None = None, *, nvml: Any = None) -> None:
        self._numbers = None if numbers is None else tuple(numbers)
        self._nvml = nvml
        self._is_open = False

    def all(self) -> list[Gpu]:
        """The GPUs, by number."""
        if self._numbers == ():
            return []
        found = []
        if self._open():
            for index in range(min(self._ask("nvmlDeviceGetCount") or 0, _MOST)):
                handle = self._ask("nvmlDeviceGetHandleByIndex", index)
                if handle is not None:
                    uuid, name = (self._ask(f"nvmlDeviceGet{what}", handle) for what in ("UUID", "Name"))
                    found.append(Gpu(index, _text(uuid), _text(name)))
        if self._numbers is None:
            return found
        if not found:
            return [Gpu(number) for number in self._numbers]
        return [gpu for gpu in found if gpu.index in self._numbers]

    def used(self, gpu: Gpu) -> int | None:
        """Bytes of a GPU's memory that are in use; None when nobody says."""
        if not gpu.uuid or not self._open():
            return None
        handle = self._ask("nvmlDeviceGetHandleByIndex", gpu.index)
        if handle is None:
            return None
        processes = self._ask("nvmlDeviceGetComputeRunningProcesses", handle)
        sizes: list[object] = [getattr(each, "usedGpuMemory", None) for each in processes or ()]
        if all(isinstance(size, int) for size in sizes) and (sizes or (processes is not None and _sees_all())):
            # What a desktop draws with the GPU does not count: it would never be free.
            return sum(size for size in sizes if isinstance(size, int))
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle, getattr(self._nvml, "nvmlMemory_v2", None))
        used = getattr(memory or self._ask("nvmlDeviceGetMemoryInfo", handle), "used", None)
        return used if isinstance(used, int) else None

    def close(self) -> None:
        """Let go of the driver, so that it can be replaced while nothing runs."""
        if self._is_open:
            self._ask("nvmlShutdown")
            self._is_open = False

    def _open(self) -> bool:
        if self._is_open:
            return True
        try:
            self._nvml = self._nvml or importlib.import_module("pynvml")
        except (ImportError, OSError):
            return False
        try:
            self._nvml.nvmlInit()
        except (getattr(self._nvml, "NVMLError", OSError), OSError, AttributeError):
            return False
        self._is_open = True
        return True

    def _ask(self, function: str, *arguments: Any) -> Any:
        try:
            return getattr(self._nvml, function)(*arguments)
        except (self._nvml.NVMLError, AttributeError, OSError, UnicodeDecodeError):
            return None


def permitted(gpus: Sequence[Gpu], environment: Mapping[str, str]) -> dict[str, str]:
    """Which GPUs a process of that environment would see.

    Args:
        gpus: those of the machine.
        environment: its CUDA_VISIBLE_DEVICES is heeded.

    Returns:
        The value of CUDA_VISIBLE_DEVICES that leaves just one, by `Gpu.visible`.
    """
    told = environment.get(VISIBLE)
    if told is None:
        return {gpu.visible: gpu.visible for gpu in gpus}
    is_same_order = environment.get(_ORDER) == "PCI_BUS_ID" or len({gpu.name for gpu in gpus}) <= 1
    found: dict[str, str] = {}
    for word in (part.strip() for part in told.split(",")):
        gpu = _named(gpus, word)
        if gpu is None:
            # CUDA, too, takes no notice of what follows a name that means nothing.
            break
        found[gpu.visible] = gpu.visible if is_same_order or not _NUMBER.fullmatch(word) else word
    return found


def _named(gpus: Sequence[Gpu], word: str) -> Gpu | None:
    if _NUMBER.fullmatch(word):
        return next((gpu for gpu in gpus if gpu.index == int(word)), None)
    matches = [gpu for gpu in gpus if word.startswith("GPU-") and gpu.uuid.startswith(word)]
    return matches[0] if len(matches) == 1 else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _sees_all() -> bool:
    """Whether the driver lists every process here; in a container it leaves out, or renumbers, those outside."""
    try:
        return str(Path("/proc/self/ns/pid").readlink()) == _ROOT_PID_NAMESPACE
    except OSError:
        return False


def here() -> Mapping[str, str]:
    """What of this process's environment says which GPUs it sees."""
    return {name: os.environ[name] for name in (VISIBLE, _ORDER) if name in os.environ}
