"""DeepLabCut's labels: a project folder, or one CollectedData CSV.

Layout (DeepLabCut's user guide; Lightning Pose adds `visible`): `config.yaml` names body parts, skeleton and
scorer; `labeled-data/<video>/CollectedData_<scorer>.csv` lies among the labelled images. Each such folder is one
image-folder video; the index of a frame is its place among all images of the folder in natural order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, UnidentifiedImageError

from leaptui.errors import UnusableInput
from leaptui.formats.body_axis import guess_body_axis
from leaptui.formats.checks import outside_note, plural, some
from leaptui.formats.deeplabcut_csv import Row, Table, looks_like_csv, read_table
from leaptui.formats.imported import Imported, ImportedFrame
from leaptui.formats.merge import merge_imported
from leaptui.formats.natural import folder_images
from leaptui.formats.symmetry import guess_symmetries
from leaptui.media.video import VideoSource
from leaptui.pose.instance import Instance
from leaptui.pose.skeleton import Skeleton, make_skeleton

FORMAT = "deeplabcut"
_CONFIG = "config.yaml"
_LABELS = "labeled-data"


@dataclass(frozen=True)
class _Config:
    """What is used of config.yaml; its paths are those of the machine it was made on and are not."""

    name: str
    scorer: str | None
    nodes: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()


@dataclass
class _Found:
    """Tables to read and what their project says."""

    root: Path
    tables: list[Path]
    config: _Config | None
    notes: list[str] = field(default_factory=list)


def sniff(path: Path) -> bool:
    """Whether this is a DeepLabCut project folder, its config.yaml, or a CSV with its header levels."""
    if path.is_dir():
        return (path / _CONFIG).is_file() and (path / _LABELS).is_dir()
    if path.name == _CONFIG:
        return (path.parent / _LABELS).is_dir()
    return looks_like_csv(path)


def read(paths: Sequence[Path]) -> Imported:
    """Read one or several projects or CSV files that name the same body parts.

    Raises:
        UnusableInput: if a file is not of its form, or labelled images are missing.
    """
    if not paths:
        raise UnusableInput("no DeepLabCut project or CSV was given")
    return merge_imported([_read_one(path) for path in paths])


def read_skeleton(path: Path) -> tuple[Skeleton, tuple[str, ...]]:
    """The skeleton alone; needs no images.

    Raises:
        UnusableInput: if config or CSV are not of their form.
    """
    found = _locate(path)
    skeleton, notes = _skeleton(found, [read_table(table) for table in found.tables])
    return skeleton, tuple(notes)


def _read_one(path: Path) -> Imported:
    found = _locate(path)
    tables = [read_table(table) for table in found.tables]
    skeleton, notes = _skeleton(found, tables)
    notes = found.notes + notes
    videos: dict[Path, int] = {}
    frames: list[ImportedFrame] = []
    empty = 0
    for table in tables:
        order = [table.nodes.index(name) if name in table.nodes else -1 for name in skeleton.node_names]
        placed = {}
        for row, image in _images(table, found.root).items():
            instances = _instances(table, row, order)
            empty += not instances
            if instances:
                placed[image] = instances
        frames += _frames(placed, videos, table.path)
        notes += [note for note in table.notes if note not in notes]
    if not frames:
        raise UnusableInput("no image has a label", where=path)
    if empty:
        notes.append(f"{plural(empty, 'image')} without any placed point left out")
    notes += _outside(frames, videos)
    sources = tuple(VideoSource(folder) for folder in videos)
    frames.sort(key=lambda frame: (frame.video, frame.frame))
    return Imported(FORMAT, skeleton, sources, tuple(frames), tuple(notes))


def _locate(path: Path) -> _Found:
    if path.is_dir():
        return _project(path, path / _CONFIG)
    if path.name == _CONFIG:
        return _project(path.parent, path)
    if not path.is_file():
        raise UnusableInput("there is no such file or folder", where=path)
    root = path.resolve().parents[2] if path.resolve().parent.parent.name == _LABELS else path.parent
    config = root / _CONFIG
    return _Found(root, [path], _read_config(config) if config.is_file() else None)


def _project(root: Path, config_path: Path) -> _Found:
    if not config_path.is_file():
        raise UnusableInput(f"it is not a DeepLabCut project: it has no {_CONFIG}", where=root)
    config = _read_config(config_path)
    labels = root / _LABELS
    if not labels.is_dir():
        raise UnusableInput(f"the project has no folder '{_LABELS}'", where=root)
    found = _Found(root, [], config)
    for folder in sorted(child for child in labels.iterdir() if child.is_dir()):
        table = _choose_table(folder, config.scorer, found.notes)
        if table is not None:
            found.tables.append(table)
    if not found.tables:
        raise UnusableInput(f"no folder in '{_LABELS}' holds a CollectedData CSV", where=root)
    return found


def _choose_table(folder: Path, scorer: str | None, notes: list[str]) -> Path | None:
    tables = sorted(folder.glob("CollectedData_*.csv"))
    if not tables:
        if any(folder.glob("CollectedData_*.h5")):
            notes.append(f"{folder.name} has its labels only as .h5, without the CSV, and is left out")
        return None
    named = [table for table in tables if scorer and table.stem == f"CollectedData_{scorer}"]
    if len(named) == 1:
        return named[0]
    if len(tables) > 1:
        raise UnusableInput(
            f"it holds labels of several people: {some([table.name for table in tables])}",
            where=folder,
            hint=f"Set 'scorer' in {_CONFIG} to the one that counts, or import one CSV.",
        )
    return tables[0]


def _read_config(path: Path) -> _Config:
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise UnusableInput("it is not a readable YAML file", where=path) from error
    if not isinstance(plain, dict):
        raise UnusableInput("it is not a DeepLabCut configuration", where=path)
    nodes: list[str] = []
    for key in ("bodyparts", "multianimalbodyparts", "uniquebodyparts"):
        value = plain.get(key)
        if isinstance(value, list):
            nodes += [str(name) for name in value if str(name) not in nodes]
    scorer = plain.get("scorer")
    task = plain.get("Task")
    return _Config(
        str(task) if task else path.parent.name, str(scorer) if scorer else None, tuple(nodes), _edges(plain, path)
    )


def _edges(plain: dict[Any, Any], path: Path) -> tuple[tuple[str, str], ...]:
    """Links of config.yaml; each entry is a chain of two or more names."""
    chains = plain.get("skeleton") or []
    if not isinstance(chains, list) or not all(isinstance(chain, list) for chain in chains):
        raise UnusableInput("'skeleton' must be a list of lists of body parts", where=path)
    edges: list[tuple[str, str]] = []
    for chain in chains:
        names = [str(name) for name in chain]
        for edge in pairwise(names):
            if edge not in edges and edge[::-1] not in edges:
                edges.append(edge)
    return tuple(edges)


def _skeleton(found: _Found, tables: Iterable[Table]) -> tuple[Skeleton, list[str]]:
    """Nodes in the order of config.yaml, then those that only the tables name."""
    config, notes = found.config, []
    nodes = list(config.nodes) if config else []
    extra = []
    for table in tables:
        extra += [name for name in table.nodes if name not in nodes and name not in extra]
    if nodes and extra:
        notes.append(f"{_CONFIG} does not list {some(extra)}, which the labels name; added to the skeleton")
    nodes += extra
    edges = [edge for edge in config.edges if edge[0] != edge[1]] if config else []
    unknown = [edge for edge in edges if not set(edge) <= set(nodes)]
    if unknown:
        pairs = some([" - ".join(edge) for edge in unknown])
        notes.append(f"links of {_CONFIG} that name no body part left out: {pairs}")
    edges = [edge for edge in edges if edge not in unknown]
    name = config.name if config else found.root.name or "deeplabcut"
    return make_skeleton(name, nodes, edges, guess_symmetries(nodes), guess_body_axis(nodes)), notes


def _images(table: Table, root: Path) -> dict[Row, Path]:
    """Where the image of each row is.

    Raises:
        UnusableInput: naming the first few that are missing.
    """
    places = {row: _find_image(row, table.path, root) for row in table.rows}
    missing = [row.image for row, place in places.items() if place is None]
    if missing:
        raise UnusableInput(
            f"{len(missing)} of its {plural(len(table.rows), 'labelled image')} are missing: {some(missing, 3)}",
            where=table.path,
            hint=f"They were looked for in {table.path.parent} and under {root}.",
        )
    return {row: place for row, place in places.items() if place is not None}


def _find_image(row: Row, table: Path, root: Path) -> Path | None:
    """The image beside its table, else under the project; a row can name none outside of both."""
    parts = row.parts
    candidates = [root.joinpath(*parts), table.parent.joinpath(*parts)]
    # DeepLabCut keeps the table among its images; a table that lies elsewhere must be followed to the folder.
    if len(parts) < 2 or table.parent.name == parts[-2]:
        candidates.insert(0, table.parent / parts[-1])
    return next((place for place in candidates if place.is_file()), None)


def _frames(placed: dict[Path, list[Instance]], videos: dict[Path, int], table: Path) -> list[ImportedFrame]:
    frames = []
    order: dict[Path, dict[str, int]] = {}
    for image, instances in placed.items():
        folder = image.parent
        if folder not in order:
            order[folder] = {path.name: i for i, path in enumerate(folder_images(folder))}
        if image.name not in order[folder]:
            raise UnusableInput(f"{image.name} is not an image of a known kind", where=table)
        _check_image(image)
        video = videos.setdefault(folder, len(videos))
        frames.append(ImportedFrame(video, order[folder][image.name], instances))
    return frames


def _check_image(path: Path) -> None:
    try:
        with Image.open(path):
            pass
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnusableInput("the image cannot be read", where=path) from error


def _instances(table: Table, row: Row, order: Sequence[int]) -> list[Instance]:
    """Animals of a row, nodes in `order` (positions in the table, -1 for a node it does not have)."""
    index = np.asarray(order, dtype=np.intp)
    instances = []
    for i, animal in enumerate(table.animals):
        points = row.points[i][index]
        points[index < 0] = np.nan
        occluded = row.occluded[i][index] & (index >= 0)
        if np.isfinite(points).all(axis=1).any():
            instances.append(Instance(points, occluded, animal))
    return instances


def _outside(frames: Sequence[ImportedFrame], videos: dict[Path, int]) -> list[str]:
    notes: list[str] = []
    for folder, video in videos.items():
        with Image.open(folder_images(folder)[0]) as image:
            width, height = image.size
        points = np.concatenate([i.points for frame in frames if frame.video == video for i in frame.instances])
        notes += [f"{folder.name}: {note}" for note in outside_note(points, width, height)]
    return notes
