"""Foreign files that tests make: LEAP labels in both MATLAB versions, DeepPoseKit sets, DeepLabCut projects."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
import yaml
from PIL import Image

HEIGHT, WIDTH = 20, 33
NODES = ["head", "abdomen", "legL1", "legR1", "wingL", "wingR"]
EDGES = [(1, 2), (2, 3), (2, 4)]  # counted from 1


def random_points(frames: int, nodes: int = len(NODES), seed: int = 0) -> np.ndarray:
    """(N, J, 2) whole pixels inside the frame; x reaches beyond the height, so mixed-up axes show."""
    rng = np.random.default_rng(seed)
    points = np.stack([rng.integers(HEIGHT, WIDTH, (frames, nodes)), rng.integers(0, HEIGHT, (frames, nodes))], axis=2)
    return points.astype(np.float64)


def frames_with_bright_points(points: np.ndarray, channels: int = 1) -> np.ndarray:
    """(N, H, W, C) dark frames, 255 at every placed point."""
    frames = np.zeros((len(points), HEIGHT, WIDTH, channels), np.uint8)
    for frame, marks in zip(frames, points, strict=True):
        for x, y in marks[np.isfinite(marks).all(axis=1)].astype(int):
            if 0 <= x < WIDTH and 0 <= y < HEIGHT:
                frame[y, x] = 255
    return frames


def matlab_positions(points: np.ndarray) -> np.ndarray:
    """(N, J, 2) counted from 0 -> LEAP's single J x 2 x N counted from 1."""
    return (points.transpose(1, 2, 0) + 1).astype(np.float32)


class Mat73:
    """Writes variables as MATLAB's v7.3 does: header block, reversed axes, class attributes, cells by reference."""

    def __init__(self, path: Path) -> None:
        self.file = h5py.File(path, "w", userblock_size=512)
        self.path = path
        self.cells = 0

    def __enter__(self) -> Mat73:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan 01 00:00:00 2018 HDF5 schema 1.00 ."
        with self.path.open("r+b") as file:
            file.write(header.ljust(124) + b"\x00\x02IM")

    def put(self, where: Any, name: str, value: Any) -> h5py.Dataset | h5py.Group:
        if isinstance(value, dict):
            group = where.create_group(name)
            group.attrs["MATLAB_class"] = np.bytes_("struct")
            for key, item in value.items():
                self.put(group, key, item)
            return group
        if isinstance(value, str):
            units = np.frombuffer(value.encode("utf-16-le"), "<u2")
            if not len(units):
                return self._empty(where, name, "char", (0, 0))
            data = where.create_dataset(name, data=units[:, None])
            data.attrs["MATLAB_class"] = np.bytes_("char")
            data.attrs["MATLAB_int_decode"] = np.int32(2)
            return data
        if isinstance(value, list):
            if not value:
                return self._empty(where, name, "cell", (0, 0))
            refs = self.file.require_group("#refs#")
            out = where.create_dataset(name, (1, len(value)), h5py.ref_dtype)
            for i, item in enumerate(value):
                self.cells += 1
                out[0, i] = self.put(refs, f"c{self.cells}", item).ref
            out.attrs["MATLAB_class"] = np.bytes_("cell")
            return out
        array = np.asarray(value)
        kind = {"float32": "single", "float64": "double"}.get(array.dtype.name, array.dtype.name)
        if array.size == 0:
            return self._empty(where, name, kind, array.shape)
        data = where.create_dataset(name, data=np.ascontiguousarray(array.T))
        data.attrs["MATLAB_class"] = np.bytes_(kind)
        return data

    def _empty(self, where: Any, name: str, kind: str, size: tuple[int, ...]) -> h5py.Dataset:
        data = where.create_dataset(name, data=np.array(size, np.uint64))
        data.attrs["MATLAB_class"] = np.bytes_(kind)
        data.attrs["MATLAB_empty"] = np.uint8(1)
        return data


def opaque(mat: Mat73, where: Any, name: str) -> None:
    """A MATLAB table or string as v7.3 stores it."""
    data = where.create_dataset(name, data=np.array([[0xDD000000, 2, 1, 1, 1, 1]], np.uint32))
    data.attrs["MATLAB_class"] = np.bytes_("table")
    data.attrs["MATLAB_object_decode"] = np.int32(3)


def write_mat(path: Path, version: str, variables: dict[str, Any]) -> Path:
    """Variables (dict: struct, list: cell, str: char) as a v7 or v7.3 file."""
    if version == "v7.3":
        with Mat73(path) as mat:
            for name, value in variables.items():
                mat.put(mat.file, name, value)
    else:
        scipy.io.savemat(path, {name: _for_scipy(value) for name, value in variables.items()}, do_compression=True)
    return path


def _for_scipy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _for_scipy(item) for key, item in value.items()}
    if isinstance(value, list):
        cells = np.empty((len(value), 1), object)
        cells[:, 0] = value
        return cells
    return value


def leap_labels(points: np.ndarray, box: str, initialization: np.ndarray | None = None) -> dict[str, Any]:
    """The variables of a LEAP labels file."""
    start = np.full_like(points, np.nan) if initialization is None else initialization
    return {
        "boxPath": box,
        "savePath": "box.labels.mat",
        "positions": matlab_positions(points),
        "initialization": matlab_positions(start),
        "skeleton": {
            "nodes": NODES[: points.shape[1]],
            "edges": np.array([e for e in EDGES if max(e) <= points.shape[1]], np.float64).reshape(-1, 2),
            "pos": np.zeros((points.shape[1], 2)),
        },
        "session": 3.0,
    }


def deepposekit_set(path: Path, points: np.ndarray, **replaced: Any) -> Path:
    """A DeepPoseKit file; `replaced` datasets take the place of the usual ones, None leaves one out."""
    names = NODES[: points.shape[1]]
    skeleton = np.array([[-1, -1], [0, -1], [1, 3], [1, 2], [0, 5], [0, 4]], np.int32)[: len(names)]
    content: dict[str, Any] = {
        "images": frames_with_bright_points(points),
        "annotations": np.where(np.isnan(points), -1, points),
        "annotated": np.isfinite(points).all(axis=2),
        "skeleton": skeleton,
        "skeleton_names": np.array(names, "S10"),
        **replaced,
    }
    with h5py.File(path, "w") as file:
        for key, value in content.items():
            if value is not None:
                file.create_dataset(key, data=value)
    return path


def write_images(folder: Path, frames: np.ndarray, names: list[str]) -> None:
    """Frames as PNG files of the given names."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame, name in zip(frames, names, strict=True):
        Image.fromarray(frame[..., 0]).save(folder / name)


def write_rows(path: Path, rows: list[list[str]], encoding: str = "utf-8") -> Path:
    """A CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, lineterminator="\r\n").writerows(rows)
    return path


def dlc_rows(points: np.ndarray, names: list[str], index: list[list[str]], scorer: str = "Ana") -> list[list[str]]:
    """The table of a single-animal project; an unset point is two empty cells."""
    blank = [""] * (len(index[0]) - 1)
    rows = [
        ["scorer", *blank, *[scorer] * (2 * len(names))],
        ["bodyparts", *blank, *[name for name in names for _ in range(2)]],
        ["coords", *blank, *["x", "y"] * len(names)],
    ]
    for where, marks in zip(index, points, strict=True):
        rows.append([*where, *["" if np.isnan(v) else repr(float(v)) for v in marks.ravel()]])
    return rows


def dlc_project(root: Path, videos: dict[str, np.ndarray], names: list[str], **config: Any) -> Path:
    """A project whose images are img0, img1, ..., img10, ... so that natural order differs from plain order."""
    plain = {
        "Task": "reach",
        "scorer": "Ana",
        "project_path": "WILL BE AUTOMATICALLY UPDATED BY DEMO CODE",
        "video_sets": {"WILL BE AUTOMATICALLY UPDATED BY DEMO CODE": {"crop": "0, 640, 0, 480"}},
        "bodyparts": names,
        "skeleton": [],
        **config,
    }
    root.mkdir(parents=True, exist_ok=True)
    (root / "config.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))
    for video, points in videos.items():
        files = [f"img{i}.png" for i in range(len(points))]
        folder = root / "labeled-data" / video
        write_images(folder, frames_with_bright_points(points), files)
        index = [[f"labeled-data/{video}/{name}"] for name in files]
        write_rows(folder / "CollectedData_Ana.csv", dlc_rows(points, names, index))
    return root
