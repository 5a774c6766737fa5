"""Project: a folder with project.toml, labels/, runs/ and exports/.

project.toml is made to be read and edited by people: it is rewritten with tomlkit, so comments stay. Videos
stay where they are; their paths are kept relative to the project when they can be, so that a folder with
videos and project can be moved as one.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput, UsageError
from leaptui.files import write_atomically
from leaptui.pose.skeleton import Skeleton

SCHEMA = 1
MANIFEST = "project.toml"


@dataclass(frozen=True)
class VideoRecord:
    """A video of the project, as found when it was added.

    Args:
        id: short name in labels and predictions; made from the content, stable under moving.
        path: as kept in project.toml, relative to the project when it can be.
        identity: hash of the content.
        frames: number of frames.
        height, width, channels: of every frame.
        dataset, axes: which dataset of an HDF5 file, and its axis order.
        reader: which reader gives frames and grey blocks ("pyav", or the kind of source).
        colour_reader: which reader gives blocks of colour frames ("decord" where its probe passed).
        continuous: neighbouring frames follow each other in time.
        problems: what preflight found.
    """

    id: str
    path: str
    identity: str
    frames: int
    height: int
    width: int
    channels: int
    dataset: str | None = None
    axes: str | None = None
    reader: str | None = None
    colour_reader: str | None = None
    continuous: bool = False
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain form for TOML; what is not known is left out."""
        plain: dict[str, Any] = {
            "id": self.id,
            "path": self.path,
            "frames": self.frames,
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "continuous": self.continuous,
            "identity": self.identity,
        }
        for key in ("dataset", "axes", "reader", "colour_reader"):
            if getattr(self, key) is not None:
                plain[key] = getattr(self, key)
        if self.problems:
            plain["problems"] = list(self.problems)
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], where: Path) -> VideoRecord:
        """Read the plain form.

        Raises:
            UnusableInput: if a key is missing or of the wrong kind.
        """
        try:
            return cls(
                id=str(plain["id"]),
                path=str(plain["path"]),
                identity=str(plain["identity"]),
                frames=int(plain["frames"]),
                height=int(plain["height"]),
                width=int(plain["width"]),
                channels=int(plain["channels"]),
                dataset=plain.get("dataset"),
                axes=plain.get("axes"),
                reader=plain.get("reader"),
                colour_reader=plain.get("colour_reader"),
                continuous=bool(plain.get("continuous", False)),
                problems=tuple(plain.get("problems", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UnusableInput(f"a [[video]] entry is not right: {error!r}", where=where) from error


@dataclass
class Project:
    """An open project.

    Args:
        folder: absolute path of the project.
        name: what people call it.
        skeleton: its skeleton, or None until one is given or imported.
        videos: its videos.
    """

    folder: Path
    name: str
    skeleton: Skeleton | None = None
    videos: list[VideoRecord] = field(default_factory=list)

    @property
    def manifest(self) -> Path:
        """Path of project.toml."""
        return self.folder / MANIFEST

    @property
    def labels_folder(self) -> Path:
        """Folder of the label store."""
        return self.folder / "labels"

    @property
    def runs_folder(self) -> Path:
        """Folder of the run directories."""
        return self.folder / "runs"

    @property
    def exports_folder(self) -> Path:
        """Where exports go when no other place is named."""
        return self.folder / "exports"

    @property
    def index_folder(self) -> Path:
        """Where the frame indices and checksums of video files are kept, one file a video id."""
        return self.folder / "videos"

    @classmethod
    def create(cls, folder: Path, *, name: str | None = None, skeleton: Skeleton | None = None) -> Project:
        """Make a new project.

        Raises:
            UnusableInput: if the folder cannot be made, is a project already, or holds other files.
        """
        folder = Path(os.path.abspath(folder))
        if (folder / MANIFEST).exists():
            raise UnusableInput("this is a project already", where=folder, hint=f"Open it: leaptui {folder}")
        if folder.exists() and not folder.is_dir():
            raise UnusableInput("a file of that name is in the way", where=folder, hint="Choose another name.")
        if folder.is_dir() and any(folder.iterdir()):
            raise UnusableInput(
                "the folder is not empty and is no project",
                where=folder,
                hint="Choose a new folder, or empty this one.",
            )
        project = cls(folder, name or folder.name, skeleton)
        project.save()
        return project

    @classmethod
    def open(cls, folder: Path) -> Project:
        """Open a project by its folder or its project.toml.

        Raises:
            UnusableInput: if it is none, or project.toml cannot be read.
        """
        folder = Path(os.path.abspath(folder))
        if folder.name == MANIFEST:
            folder = folder.parent
        path = folder / MANIFEST
        try:
            plain = tomllib.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            what = (
                "there is no such folder"
                if not folder.exists()
                else "this is no leaptui project (it has no project.toml)"
            )
            raise UnusableInput(what, where=folder, hint=f"Make one: leaptui new {folder.name}") from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UnusableInput(f"it cannot be read: {error}", where=path, hint="Correct the file by hand.") from error
        schema = plain.get("schema")
        if not isinstance(schema, int):
            raise UnusableInput("it is no leaptui project file: 'schema' is missing", where=path)
        if schema > SCHEMA:
            raise UnusableInput(
                f"it was written by a newer leaptui (schema {schema}; this one knows {SCHEMA})",
                where=path,
                hint="Update leaptui: pip install -U leaptui",
            )
        table = plain.get("skeleton")
        skeleton = None if table is None else Skeleton.from_dict(table, where=str(path))
        entries = plain.get("video", [])
        if not isinstance(entries, list):
            raise UnusableInput("'video' must be a list of tables ([[video]])", where=path)
        videos = [VideoRecord.from_dict(v, path) for v in entries]
        return cls(folder, str(plain.get("name", folder.name)), skeleton, videos)

    @classmethod
    def containing(cls, path: Path) -> Project | None:
        """The project that a path lies in, if any."""
        for folder in (path.resolve(), *path.resolve().parents):
            if (folder / MANIFEST).is_file():
                return cls.open(folder)
        return None

    def save(self) -> None:
        """Write project.toml, keeping what a person added to it.

        Raises:
            UnusableInput: if it cannot be written.
        """
        import tomlkit

        try:
            document = tomlkit.parse(self.manifest.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            document = tomlkit.document()
            document.add(tomlkit.comment("A leaptui project. Edit it as you like: comments and other keys stay."))
            document["schema"] = SCHEMA
            document["created"] = datetime.now(UTC).replace(microsecond=0)
        document["schema"] = SCHEMA
        document["name"] = self.name
        if self.skeleton is not None:
            if "skeleton" not in document:
                document["skeleton"] = tomlkit.table()
            plain = _skeleton_toml(self.skeleton)
            for name in ("body_axis", "colours", "reference"):
                if name not in plain and name in document["skeleton"]:
                    del document["skeleton"][name]
            _update(document["skeleton"], plain)
        if self.videos or "video" in document:
            document["video"] = _video_toml(document.get("video", []), self.videos)
        write_atomically(self.manifest, tomlkit.dumps(document).encode())

    def video_path(self, video: VideoRecord) -> Path:
        """Absolute path of a video."""
        return Path(os.path.normpath(self.folder / video.path))

    def stored_path(self, path: Path) -> str:
        """How a path is kept: relative if it is on the same tree as the project, else absolute."""
        path, folder = Path(os.path.abspath(path)), Path(os.path.abspath(self.folder))
        shared = os.path.commonpath([path, folder])
        return str(path) if shared == os.path.sep else os.path.relpath(path, folder)

    def video(self, name: str) -> VideoRecord:
        """A video by id, path or file name.

        Raises:
            UsageError: if there is none, or a file name fits several.
        """
        found = [v for v in self.videos if name in (v.id, v.path)]
        found = found or [v for v in self.videos if Path(v.path).name == name]
        if len(found) == 1:
            return found[0]
        known = ", ".join(f"{v.id} ({Path(v.path).name})" for v in self.videos) or "none"
        raise UsageError(
            f"the project has {'several videos' if found else 'no video'} called {name}: {known}", where=self.folder
        )

    def missing_videos(self) -> list[VideoRecord]:
        """Videos whose file is not where the project says."""
        return [v for v in self.videos if not self.video_path(v).exists()]

    def require_skeleton(self) -> Skeleton:
        """The skeleton.

        Raises:
            UnusableInput: if the project has none yet.
        """
        if self.skeleton is None:
            raise UnusableInput(
                "the project has no skeleton yet",
                where=self.folder,
                hint="Import labels, or make the project with one: leaptui new PROJECT --skeleton fly32",
            )
        return self.skeleton


def _skeleton_toml(skeleton: Skeleton) -> dict[str, Any]:
    """TOML of a skeleton with one pair a line, as a person would write it."""
    import tomlkit

    plain = skeleton.to_dict()
    for key in ("nodes", "edges", "symmetries"):
        rows = tomlkit.array()
        for row in plain[key]:
            rows.append(row)
        plain[key] = rows.multiline(True)
    return plain


def _video_toml(present: Any, videos: Sequence[VideoRecord]) -> Any:
    """The [[video]] tables; one that is there already keeps its comments and other keys."""
    import tomlkit

    tables = {_plain(table.get("id")): table for table in present}
    entries = tomlkit.aot()
    for video in videos:
        table = tables.get(video.id, tomlkit.table())
        _update(table, video.to_dict())
        entries.append(table)
    return entries


def _update(table: Any, values: Mapping[str, Any]) -> None:
    """Put values into a table, touching only those that differ, so that a person's comments stay."""
    for name, value in values.items():
        if name not in table or _plain(table[name]) != _plain(value):
            table[name] = value


def _plain(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value


def short_id(identity: str, taken: Sequence[str]) -> str:
    """A video id from a content hash, longer only where two begin alike."""
    for length in range(8, len(identity) + 1):
        if identity[:length] not in taken:
            return identity[:length]
    return identity
