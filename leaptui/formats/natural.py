"""The frames of an image folder, in the order in which `leaptui.media.images` counts them."""

from __future__ import annotations

from pathlib import Path

from leaptui.media.images import SUFFIXES, natural_key


def is_image_name(name: str) -> bool:
    """Whether a file of that name is a frame of an image folder; slashes of either kind separate folders."""
    return Path(name.replace("\\", "/")).suffix.lower() in SUFFIXES


def folder_images(folder: Path) -> list[Path]:
    """The images of a folder in frame order; hidden files are none."""
    images = [path for path in folder.iterdir() if is_image_name(path.name) and not path.name.startswith(".")]
    return sorted((path for path in images if path.is_file()), key=lambda path: natural_key(path.name))
