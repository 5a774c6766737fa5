"""Which reader opens what, by content.

`READERS` names each reader's class as "module:attribute", so that only the library a source needs is loaded; a
reader is called with the VideoSource (those of video files also with the index).

Adding a new reader: write a module with a class that fulfils `leaptui.media.video.Video` (subclass
`leaptui.media.base.FrameReader` if frames can be read one at a time), name it in `READERS`, and let `kind_of`
recognise its files by their first bytes.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput

READERS: dict[str, str] = {
    "pyav": "leaptui.media.pyav_reader:PyAVVideo",
    "decord": "leaptui.media.decord_reader:DecordVideo",
    "hdf5": "leaptui.media.hdf5:Hdf5Frames",
    "images": "leaptui.media.images:ImageFolder",
    "tiff": "leaptui.media.tiff:TiffStack",
}
VIDEO_FILE_READERS = frozenset({"pyav", "decord"})

_HDF5 = b"\x89HDF\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_IMAGE = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM")
_HEAD = 4096


def kind_of(path: Path) -> str:
    """The reader for a file or folder: "hdf5", "tiff", "images" or "pyav" (any video file).

    Raises:
        UnusableInput: if there is nothing, or it is empty, unreadable or plain text.
    """
    if path.is_dir():
        return "images"
    if not path.exists():
        raise UnusableInput("There is no such file or folder.", where=path, hint="Check the name, or relink the video.")
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
            if _has_hdf5_signature(stream, path.stat().st_size):
                return "hdf5"
    except OSError as error:
        raise UnusableInput(f"The file cannot be read: {error.strerror or error}.", where=path) from error
    if not head:
        raise UnusableInput("The file is empty.", where=path, hint="Copy it again.")
    if head.startswith(_TIFF):
        return "tiff"
    if head.startswith(_IMAGE) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "images"
    if _is_text(head):
        hint = "Give a video, an HDF5 or TIFF file, or a folder of images."
        raise UnusableInput("The file is text, not a video.", where=path, hint=hint)
    return "pyav"


def reader_class(name: str) -> Any:
    """The class of a reader in `READERS`.

    Raises:
        UnusableInput: if there is no such reader here.
    """
    if name not in READERS:
        raise UnusableInput(f"There is no reader named {name}.", hint=f"Readers: auto, {', '.join(READERS)}.")
    module, attribute = READERS[name].split(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise UnusableInput(
            f"The reader {name} needs the package {error.name}, which is not installed.", hint="Use the reader auto."
        ) from error


def _has_hdf5_signature(stream: Any, size: int) -> bool:
    """The signature stands at 0, 512, 1024, 2048, ...: after a user block (HDF5 format specification, III.A)."""
    offset = 0
    while offset + len(_HDF5) <= size:
        stream.seek(offset)
        if stream.read(len(_HDF5)) == _HDF5:
            return True
        offset = max(512, offset * 2)
    return False


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    text = head.decode("utf-8", "replace")
    plain = sum(char.isprintable() or char in "\t\r\n" for char in text.replace("\ufffd", "\0"))
    return plain >= 0.95 * len(text)
