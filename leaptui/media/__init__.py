"""Sources of frames: Video and its readers, preflight, prefetch.

- `video`: the Video protocol, VideoSource, Block, FrameError.
- `open_video` (here): the reader for a source, chosen by content; `readers`: the table of readers.
- `pyav_reader`, `decord_reader`: video files, exact by their `index` (made by `indexing`, followed by `decoder`).
- `hdf5`, `images`, `tiff`: LEAP boxes and other HDF5 datasets, folders of images, TIFF stacks.
- `preflight`: what a source is, which readers are exact on it, the checksum of every frame.
- `prefetch`: blocks read ahead in a thread, by processes (`shared_reading`, `reader_process`) or a GPU (`nvdec`).
- `grey`, `levels`: how pixels become grey and 8 bit, the same everywhere; `identity`: hashes of content.

No reader's library is loaded before a source needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from leaptui.errors import UsageError
from leaptui.media.readers import VIDEO_FILE_READERS, kind_of, reader_class
from leaptui.media.video import Block, FrameError, Image, Video, VideoSource

if TYPE_CHECKING:
    from leaptui.media.index import VideoIndex

__all__ = ["Block", "FrameError", "Image", "Video", "VideoSource", "open_video"]


def open_video(
    source: VideoSource | str | Path, *, index: VideoIndex | str | Path | None = None, reader: str = "auto"
) -> Video:
    """Open a source of frames.

    Args:
        source: a video file, an HDF5 file, a TIFF stack, a folder of images or one image.
        index: for video files, their index or the .npz file that keeps it (made there if it is missing or of
            another content); None makes one on the spot. Other sources need none.
        reader: "auto", or a name in `leaptui.media.readers.READERS`.

    Raises:
        UnusableInput: if the source cannot be used; the message says why and what to do.
        UsageError: if the reader named does not read this kind of source.
    """
    if not isinstance(source, VideoSource):
        source = VideoSource(Path(source))
    kind = kind_of(source.path)
    name = kind if reader == "auto" else reader
    opened = reader_class(name)
    if name != kind and not {name, kind} <= VIDEO_FILE_READERS:
        what = f"The reader {name} does not read this kind of source."
        raise UsageError(what, where=source.path, hint=f"Use {kind}.")
    if name in VIDEO_FILE_READERS:
        return cast(Video, opened(source, Path(index) if isinstance(index, str) else index))
    return cast(Video, opened(source))
