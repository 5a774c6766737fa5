"""A folder of images as a Video.

Frames are the images in natural order of their names ("img2" before "img10"); files that are no images are
passed over, images of another size are an error. A folder of images is a set of pictures, not a film:
`continuous` is False. One image file alone is a Video of one frame.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from leaptui.errors import UnusableInput
from leaptui.media.base import FrameReader
from leaptui.media.identity import folder_identity
from leaptui.media.levels import Levels, find_levels
from leaptui.media.video import FrameError, Image, VideoSource

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
_DEEP_MODES = {"I": "i4", "I;16": "u2", "I;16B": "u2", "I;16L": "u2", "F": "f4"}
_GREY_MODES = frozenset({"1", "L"}) | _DEEP_MODES.keys()


class ImageFolder(FrameReader):
    """Images of one size, read one at a time.

    Grey levels deeper than 8 bit are scaled as `levels` says, palettes become RGB, transparency is dropped.
    Frames have one channel if every image is grey, else three.

    Raises:
        UnusableInput: if there are no images, one cannot be read, or sizes differ.
    """

    def __init__(self, source: VideoSource) -> None:
        files = _image_files(source.path)
        size, modes = _common_size(files)
        grey = modes <= _GREY_MODES
        deep = modes & _DEEP_MODES.keys()
        self._files = files
        self._identity: str | None = None
        self._levels = Levels() if not deep else find_levels(np.dtype(_DEEP_MODES[min(deep)]), len(files), self._deep)
        super().__init__(source, (size[1], size[0], 1 if grey else 3), len(files))

    @property
    def names(self) -> Sequence[str]:
        """File name of each frame."""
        return [file.name for file in self._files]

    @property
    def notes(self) -> Sequence[str]:
        """How grey levels deeper than 8 bit are shown, in words."""
        return [self._levels.note] if self._levels.note else []

    @property
    def identity(self) -> str:
        """Hash over the images' names and sizes, and the content of up to 64 of them."""
        if self._identity is None:
            self._identity = folder_identity(self._files)
        return self._identity

    @property
    def continuous(self) -> bool:
        """False: the images need not follow each other in time."""
        return False

    @property
    def _together(self) -> int:
        """Each image is a file of its own."""
        return 1

    def _read(self, index: int) -> Image:
        file = self._files[index]
        height, width, channels = self._shape
        raw = _raw(file, channels)
        pixels = raw if raw.dtype == np.uint8 else self._levels.apply(raw)
        if pixels.shape != self._shape:
            raise FrameError(f"The image is {pixels.shape[1]} x {pixels.shape[0]}, not {width} x {height}.", where=file)
        return pixels

    def _deep(self, index: int) -> NDArray[Any] | None:
        raw = _raw(self._files[index], 1)
        return None if raw.dtype == np.uint8 else raw

    def _release(self) -> None:
        """Images are opened one at a time and stay closed."""


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that orders the numbers in names by value."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts] + [(2, 0, name)]


def _image_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    try:
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise UnusableInput(f"The folder cannot be read: {error.strerror or error}.", where=path) from error
    files = [entry for entry in entries if entry.suffix.lower() in SUFFIXES and entry.is_file()]
    if not files:
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        within = sorted(entry.name for entry in entries if entry.is_dir())
        hint = f"Images are files ending in {kinds}."
        if within:
            hint += f" Folders inside: {', '.join(within[:5])}."
        raise UnusableInput("The folder holds no images.", where=path, hint=hint)
    return sorted(files, key=lambda file: natural_key(file.name))


def _common_size(files: list[Path]) -> tuple[tuple[int, int], set[str]]:
    """(width, height) of all images, and the pixel modes they have."""
    sizes: dict[tuple[int, int], list[Path]] = {}
    modes: set[str] = set()
    for file in files:
        try:
            with Pillow.open(file) as image:
                sizes.setdefault(image.size, []).append(file)
                modes.add(image.mode)
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise UnusableInput(
                "The image cannot be read; it is damaged or not an image.",
                where=file,
                hint="Remove it from the folder or replace it.",
            ) from error
    usual = max(sizes, key=lambda size: len(sizes[size]))
    if len(sizes) > 1:
        odd = next(file for file in files if file not in sizes[usual])
        size = next(size for size, members in sizes.items() if odd in members)
        raise UnusableInput(
            f"The image is {size[0]} x {size[1]}, but most in its folder are {usual[0]} x {usual[1]}.",
            where=odd,
            hint="Frames of one video have one size: put images of another size into a folder of their own.",
        )
    return usual, modes


def _raw(file: Path, channels: int) -> NDArray[Any]:
    """(H, W, C) pixels as the file has them: 8 bit, or deeper grey levels."""
    try:
        with Pillow.open(file) as image:
            if image.mode in _DEEP_MODES:
                return np.repeat(np.asarray(image)[:, :, None], channels, axis=2)
            pixels = np.array(image.convert("L" if channels == 1 else "RGB"), np.uint8)
            return pixels.reshape(image.height, image.width, channels)
    except (OSError, SyntaxError, ValueError) as error:
        raise FrameError(f"The image cannot be read: {error}.", where=file) from error
