"""The parts of a predictions file on disk, which `leaptui.formats.predictions` describes: writing and checking them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from leaptui.errors import UnusableInput
from leaptui.formats import hdf5
from leaptui.formats.encoding import Encoding, Quantity
from leaptui.formats.rows import RowWriter
from leaptui.pose.skeleton import Skeleton

FORMAT = "leaptui-predictions"
VERSION = 1

BadFrame = tuple[int, str]
"""A frame that could not be read, and why."""


_TIMES_STEP = 4096


def write_header(
    file: Any,
    encoding: Encoding,
    skeleton: Skeleton,
    provenance: Mapping[str, Any],
    times: Mapping[str, Any] | None = None,
) -> None:
    """Write the attributes of a predictions file.

    Args:
        file: open for writing.
        encoding, skeleton, provenance: see `leaptui.formats.predictions`.
        times: what of the provenance is a time or was measured in time.
    """
    # JSON in plain ASCII: HDF5 refuses text that is not valid UTF-8, and file names need not be.
    file.attrs["format"] = FORMAT
    file.attrs["version"] = VERSION
    file.attrs["encoding"] = encoding.name
    file.attrs["skeleton"] = json.dumps(skeleton.to_dict())
    file.attrs["provenance"] = json.dumps(plain_json(provenance), sort_keys=True)
    if times is not None:
        text = json.dumps(plain_json(times), sort_keys=True).encode()
        # Padded to a round length: all other bytes of two files that differ in times alone are at the same places.
        file.attrs["times"] = np.bytes_(text.ljust(-(-len(text) // _TIMES_STEP) * _TIMES_STEP))


def plain_json(value: Any) -> Any:
    """A value in the types of JSON: NaN and infinities become null, numpy scalars numbers, the rest text."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def row_writer(
    file: Any, name: str, rows: int, row_shape: tuple[int, ...], dtype: np.dtype[Any], encoding: Encoding
) -> RowWriter:
    """A writer for one of the datasets, with the attributes its encoding asks for."""
    quantity = {"points": encoding.points, "scores": encoding.scores}.get(name)
    return RowWriter(file, name, rows, row_shape, dtype, quantity.attributes() if quantity else None)


def write_bad(file: Any, bad: Sequence[BadFrame]) -> None:
    """Write the frames that could not be read."""
    file.create_dataset("bad_frames", data=np.array([frame for frame, _ in bad], dtype="<i8"), track_times=False)
    reasons = file.create_dataset("bad_reasons", (len(bad),), h5py.string_dtype(), track_times=False)
    if bad:
        reasons[:] = [reason.replace("\0", "").encode("utf-8", "replace") for _, reason in bad]


def read_bad(file: Any) -> list[BadFrame]:
    """The frames that could not be read."""
    if "bad_frames" not in file or "bad_reasons" not in file:
        return []
    reasons = [reason.decode("utf-8", "replace") for reason in file["bad_reasons"][:].tolist()]
    return list(zip(file["bad_frames"][:].tolist(), reasons, strict=True))


def check_format(file: Any, path: Path) -> None:
    if text_attribute(file, "format") != FORMAT:
        raise UnusableInput("it is not a leaptui predictions file", where=path)
    version = file.attrs.get("version")
    if not isinstance(version, int | np.integer) or not 1 <= version <= VERSION:
        raise UnusableInput(
            f"it is of version {version} of the predictions format, this leaptui reads up to {VERSION}",
            where=path,
            hint="Use a newer leaptui.",
        )


def read_skeleton_json(file: Any, path: Path) -> Skeleton:
    return Skeleton.from_dict(read_json(file, "skeleton", path), where=str(path))


def read_json(file: Any, key: str, path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(text_attribute(file, key))
    except (json.JSONDecodeError, RecursionError) as error:
        raise UnusableInput(f"the attribute '{key}' is not JSON", where=path) from error
    if not isinstance(plain, dict):
        raise UnusableInput(f"the attribute '{key}' must be a JSON object", where=path)
    return plain


def read_provenance(file: Any, path: Path) -> dict[str, Any]:
    """How the predictions came to be, times included."""
    provenance = read_json(file, "provenance", path)
    return provenance | read_json(file, "times", path) if "times" in file.attrs else provenance


def text_attribute(file: Any, key: str) -> str:
    value = file.attrs.get(key, "")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def check_arrays(file: Any, path: Path, nodes: int) -> tuple[int, int]:
    """(N, I) after checking that the datasets fit each other."""
    points = hdf5.dataset(file, "points", path)
    if points.ndim != 4 or points.shape[2:] != (nodes, 2):
        raise UnusableInput(f"'points' must be (N, I, {nodes}, 2), not {points.shape}", where=path)
    count, instances = points.shape[:2]
    expected = {"scores": (count, instances, nodes), "frames": (count,)}
    if "checksums" in file:
        expected["checksums"] = (count,)
    for name, shape in expected.items():
        data = hdf5.dataset(file, name, path)
        if data.shape != shape or not hdf5.is_numeric(data):
            raise UnusableInput(f"'{name}' must be {shape} numbers, not {data.shape} {data.dtype}", where=path)
    return count, instances


def quantity_of(data: Any, path: Path) -> Quantity:
    if data.dtype.kind not in "uif":
        raise UnusableInput(f"'{data.name}' must hold numbers", where=path)
    missing = data.attrs.get("missing")
    if data.dtype.kind == "f":
        return Quantity(data.dtype)
    if missing is None or "scale" not in data.attrs:
        raise UnusableInput(f"'{data.name}' holds integers but not the attributes 'scale' and 'missing'", where=path)
    return Quantity(data.dtype, float(data.attrs["scale"]), float(data.attrs.get("offset", 0.0)), int(missing))
