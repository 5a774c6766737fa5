"""Where a result comes from, so that it can be made again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import leaptui
from leaptui.pose.instance import LabeledFrame
from leaptui.pose.skeleton import Skeleton

_PACKAGES = ("torch", "pytorch-lightning", "numpy", "h5py", "av")


def provenance(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Who made a result, with what, and what was asked."""
    versions = {"leaptui": leaptui.__version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "operation": operation,
        "request": request,
        "made": datetime.now(UTC).replace(microsecond=0).isoformat(),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "versions": versions,
    }


def hash_labels(skeleton: Skeleton, frames: Iterable[LabeledFrame]) -> str:
    """Hash of labels by content: the same points give the same hash wherever and whenever."""
    digest = hashlib.blake2b(json.dumps(skeleton.to_dict(), sort_keys=True).encode(), digest_size=16)
    for frame in frames:
        digest.update(f"{frame.video} {frame.frame} {frame.checksum}".encode())
        for instance in frame.instances:
            digest.update(np.ascontiguousarray(instance.points, dtype="<f8").tobytes())
            digest.update(np.ascontiguousarray(instance.occluded).tobytes())
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """Hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
