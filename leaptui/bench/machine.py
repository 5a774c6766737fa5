"""What the machine can do at most: a large matrix product or convolution, and a large copy."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from leaptui.nn.hardware import describe

_TYPES = {"32": torch.float32, "bf16": torch.bfloat16}
_COPY_BYTES = {"cpu": 256 * 2**20, "cuda": 2 * 2**30}
_PIXELS = 64
_LARGEST = {"cpu": 4096, "cuda": 16384}


@dataclass(frozen=True)
class Peak:
    """The best that was measured.

    Args:
        flops: floating-point operations a second of a large product or convolution, by precision ("32", "bf16"); a
            multiplication and an addition are two. None where the device cannot.
        bytes: bytes a second of a copy within the memory of the device, read and written both counted.
        upload: bytes a second from the host to the device; None where they are one.
    """

    flops: dict[str, float | None]
    bytes: float
    upload: float | None


def wait(device: torch.device) -> None:
    """Until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds(work: Callable[[], Any], device: torch.device) -> float:
    """How long something takes, until the device is done with it."""
    wait(device)
    start = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - start


def best_seconds(work: Callable[[], Any], device: torch.device, rounds: int) -> float:
    """The shortest of several, after one that warms up."""
    work()
    return min(seconds(work, device) for _ in range(rounds))


def peak(device: torch.device, *, rounds: int = 5, budget: float = 0.2) -> Peak:
    """Measure.

    Args:
        device: which.
        rounds: of each; the best counts.
        budget: matrices grow until a product takes about so long, seconds.
    """
    return Peak(
        flops={name: _product(device, dtype, rounds, budget) for name, dtype in _TYPES.items()},
        bytes=_copy(device, rounds, budget),
        upload=_upload(device, rounds) if device.type == "cuda" else None,
    )


def better(first: Peak, second: Peak) -> Peak:
    """The best of two measurements of one device."""
    flops = {name: max((p.flops[name] or 0.0 for p in (first, second)), default=0.0) or None for name in first.flops}
    upload = None if first.upload is None or second.upload is None else max(first.upload, second.upload)
    return Peak(flops, max(first.bytes, second.bytes), upload)


def _product(device: torch.device, dtype: torch.dtype, rounds: int, budget: float) -> float | None:
    side, best = 512, 0.0
    # A float32 is a float32: with TensorFloat-32 it would be another precision.
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        while True:
            taken = math.inf
            for operations, work in _products(side, device, dtype):
                once = best_seconds(work, device, rounds)
                best, taken = max(best, operations / once), min(taken, once)
            if taken >= budget or side >= _LARGEST.get(device.type, 4096):
                return best
            side *= 2
    except (RuntimeError, TypeError):
        # Some devices have no product of that type.
        return None
    finally:
        torch.set_float32_matmul_precision(before)


def _products(side: int, device: torch.device, dtype: torch.dtype) -> Iterator[tuple[float, Callable[[], Any]]]:
    """A product of square matrices, and a large 3 x 3 convolution, which is one in other words; operations of each.

    On some processors the library that multiplies matrices does not use the widest instructions, while that of
    convolutions does.
    """
    first, second = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    result = torch.empty(side, side, device=device, dtype=dtype)
    yield 2.0 * side**3, lambda: torch.matmul(first, second, out=result)
    channels = side // 4
    picture = torch.randn(1, channels, _PIXELS, _PIXELS, device=device).to(dtype)
    picture = picture.contiguous(memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3, device=device).to(dtype)
    yield 2.0 * 9 * channels**2 * _PIXELS**2, lambda: F.conv2d(picture, weight, padding=1)


def _copy(device: torch.device, rounds: int, budget: float) -> float:
    size = _COPY_BYTES.get(device.type, _COPY_BYTES["cpu"])
    # A short measurement is one of a small copy, though never one that fits into the caches.
    size = size if budget >= 0.1 else size // 4
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2.0 * size / best_seconds(lambda: target.copy_(source), device, rounds)


def _upload(device: torch.device, rounds: int) -> float:
    source = torch.zeros(_COPY_BYTES["cpu"], dtype=torch.uint8).pin_memory()
    target = torch.empty_like(source, device=device)
    return len(source) / best_seconds(lambda: target.copy_(source, non_blocking=True), device, rounds)


def facts(device: torch.device) -> dict[str, Any]:
    """What the figures of a machine have to be read with."""
    return {
        "device": describe(device),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
    }
