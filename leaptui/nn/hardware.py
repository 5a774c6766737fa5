"""Which device and precision to compute with."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from leaptui.errors import OperationFailed, UsageError
from leaptui.words import plural

PRECISIONS = ("auto", "32", "bf16")


def choose_device(name: str) -> torch.device:
    """The device called that; "auto" is CUDA, else MPS, else the CPU.

    Raises:
        UsageError: if it is no device name.
        OperationFailed: if the machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"there is no device {name!r}", hint="Use auto, cpu, cuda, cuda:1, ... or mps.") from error
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type not in ("cuda", "mps"):
        raise UsageError(f"leaptui cannot compute on {name!r}", hint="Use auto, cpu, cuda, cuda:1, ... or mps.")
    if device.type == "mps":
        there = torch.backends.mps.is_available()
    else:
        there = torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    if not there:
        raise OperationFailed(f"this machine has no device {name}", hint="Leave --device out to take what there is.")
    if device.type == "cuda" and ":" not in name:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def choose_precision(name: str, device: torch.device) -> str:
    """Either "32" or "bf16"; "auto" is bf16 where the device computes it faster.

    bf16 keeps the range of a float, so nothing has to be scaled. On CPUs it pays where the instruction set
    multiplies it (AVX512-BF16 or AMX: about twice as fast in training, more in prediction).

    Raises:
        UsageError: if it is no precision.
    """
    if name not in PRECISIONS:
        raise UsageError(f"precision is one of {', '.join(PRECISIONS)}, not {name!r}")
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "32"
    return "bf16" if device.type == "cpu" and cpu_multiplies_bf16() else "32"


def cpu_multiplies_bf16() -> bool:
    """Whether the CPU has instructions for it (AVX512-BF16 or AMX)."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(flag in text for flag in ("avx512_bf16", "amx_bf16"))


def describe(device: torch.device) -> str:
    """The device in words, such as "cpu (AMD EPYC, 2 threads)" or "cuda:0 (NVIDIA H100)"."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "mps":
        return f"mps ({platform.machine()})"
    return f"cpu ({_cpu_name()}, {plural(torch.get_num_threads(), 'thread')})"


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def free_memory(device: torch.device) -> int | None:
    """Bytes free on a GPU; None where that is not known or not a limit of its own."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


@contextmanager
def memory_errors(hint: str) -> Iterator[None]:
    """Turn a device that is out of memory into an error with a hint."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OperationFailed("the memory of the device is not enough", hint=hint) from error
