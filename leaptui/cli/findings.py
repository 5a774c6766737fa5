"""What `leaptui doctor` looks at besides the terminal: programs, devices, folders. Loads none of them."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from leaptui import __version__
from leaptui.config import home

PACKAGES = ("textual", "rich", "numpy", "torch", "pytorch-lightning", "safetensors", "h5py", "Pillow", "tifffile")
VIDEO_READERS = ("av", "decord")

_GPU_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
_GPU_PATIENCE = 10.0


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU.

    Args:
        name: of the product.
        memory_mib: its memory.
        driver: version of the driver.
    """

    name: str
    memory_mib: int | None
    driver: str


@dataclass(frozen=True)
class Folder:
    """The folder of settings.

    Args:
        path: where it is, or will be.
        trouble: why nothing can be written there, in words; None if something can.
    """

    path: Path
    trouble: str | None


@dataclass(frozen=True)
class Findings:
    """What is installed here.

    Args:
        leaptui, python, system: versions.
        packages, video: version by package; None where it is not installed.
        gpus: those nvidia-smi names.
        folder: of settings.
    """

    leaptui: str
    python: str
    system: str
    packages: dict[str, str | None]
    video: dict[str, str | None]
    gpus: tuple[Gpu, ...]
    folder: Folder


def find() -> Findings:
    """Look at everything."""
    return Findings(
        leaptui=__version__,
        python=platform.python_version(),
        system=platform.platform(terse=True),
        packages=versions(PACKAGES),
        video=versions(VIDEO_READERS),
        gpus=gpus(),
        folder=settings_folder(),
    )


def versions(packages: Sequence[str]) -> dict[str, str | None]:
    """Version by package, without importing any."""
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def gpus() -> tuple[Gpu, ...]:
    """What nvidia-smi says; nothing where there is none."""
    try:
        done = subprocess.run(
            _GPU_QUERY, capture_output=True, text=True, timeout=_GPU_PATIENCE, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(_gpu(line) for line in done.stdout.splitlines() if line.strip())


def _gpu(line: str) -> Gpu:
    name, memory, driver = (part.strip() for part in [*line.split(","), "", ""][:3])
    return Gpu(name, int(memory) if memory.isascii() and memory.isdigit() else None, driver)


def settings_folder() -> Folder:
    """Try whether settings can be written."""
    path = home()
    nearest = next((folder for folder in (path, *path.absolute().parents) if folder.exists()), Path("/"))
    if not nearest.is_dir():
        return Folder(path, f"{nearest} is no folder")
    try:
        if nearest == path:
            with tempfile.TemporaryFile(dir=path):
                return Folder(path, None)
    except OSError as error:
        return Folder(path, error.strerror or str(error))
    return Folder(path, None if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} is not writable")
