"""Blocks read ahead by a thread that owns its reader, or by processes where that is faster (`shared_reading`)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from leaptui.media import open_video
from leaptui.media.shared_reading import plan_sharing, shared_blocks
from leaptui.media.video import Block, Video, VideoSource

if TYPE_CHECKING:
    from leaptui.media.index import VideoIndex

_POLL_S = 0.1


def prefetch(
    source: Callable[[], Video] | VideoSource | str | Path,
    start: int = 0,
    stop: int | None = None,
    size: int = 64,
    *,
    grey: bool = False,
    depth: int = 4,
    index: VideoIndex | Path | None = None,
    readers: int | None = None,
) -> Generator[Block]:
    """The blocks `Video.blocks` yields, read ahead of the consumer by at most `depth` blocks.

    The thread opens its own reader (a factory is called in the thread), so no reader is shared; it starts
    with the first block asked for and ends when the blocks are exhausted or the generator is closed; so do
    reader processes, whose number is that of the cores to spare, 16 at most.

    Args:
        source: what `open_video` opens, or a function that gives a reader.
        start, stop, size, grey: as in `Video.blocks`.
        depth: blocks that wait for the consumer.
        index: as in `open_video`; with the checksums of a preflight in it, segments of a video are read at once.
        readers: processes; None leaves it to cores, memory and the amount of pixels, fewer than 2 forbids them.

    Raises:
        LeaptuiError, IndexError: whatever opening and reading raise, in the consumer.
    """
    ahead: queue.Queue[Block | BaseException | None] = queue.Queue(max(1, depth))
    leave = threading.Event()
    thread = threading.Thread(
        target=_read_ahead,
        args=(partial(_open_blocks, source, start, stop, size, grey, index, readers), ahead, leave),
        name="prefetch",
        daemon=True,
    )
    thread.start()
    try:
        while (item := ahead.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        leave.set()
        thread.join()


@contextmanager
def _open_blocks(
    source: Callable[[], Video] | VideoSource | str | Path,
    start: int,
    stop: int | None,
    size: int,
    grey: bool,
    index: VideoIndex | Path | None,
    readers: int | None,
) -> Generator[Iterator[Block]]:
    video = source() if callable(source) else open_video(source, index=index)
    try:
        plan = plan_sharing(video, start, stop, grey=grey, readers=readers)
        if plan is None:
            yield iter(video.blocks(start, stop, size, grey=grey))
        else:
            with closing(shared_blocks(video, plan, start, stop, size, grey=grey)) as blocks:
                yield blocks
    finally:
        video.close()


def _read_ahead(
    open_blocks: Callable[[], AbstractContextManager[Iterator[Block]]],
    ahead: queue.Queue[Block | BaseException | None],
    leave: threading.Event,
) -> None:
    try:
        with open_blocks() as blocks:
            for block in blocks:
                if not _put(ahead, block, leave):
                    return
        _put(ahead, None, leave)
    except BaseException as error:  # noqa: BLE001  handed to the consumer, who raises it
        _put(ahead, error, leave)


def _put(
    ahead: queue.Queue[Block | BaseException | None], item: Block | BaseException | None, leave: threading.Event
) -> bool:
    """Queue an item unless the consumer has left; True if queued."""
    while not leave.is_set():
        try:
            ahead.put(item, timeout=_POLL_S)
        except queue.Full:
            continue
        return True
    return False
