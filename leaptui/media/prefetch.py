"""Blocks read ahead by a thread that owns its reader."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from pathlib import Path

from leaptui.media import open_video
from leaptui.media.video import Block, Video, VideoSource

_POLL_S = 0.1


def prefetch(
    source: Callable[[], Video] | VideoSource | str | Path,
    start: int = 0,
    stop: int | None = None,
    size: int = 64,
    *,
    grey: bool = False,
    depth: int = 4,
) -> Generator[Block]:
    """The blocks `Video.blocks` yields, read ahead of the consumer by at most `depth` blocks.

    The thread opens its own reader (a factory is called in the thread), so no reader is shared; it starts
    with the first block asked for and ends when the blocks are exhausted or the generator is closed.

    Raises:
        LeaptuiError, IndexError: whatever opening and reading raise, in the consumer.
    """
    ahead: queue.Queue[Block | BaseException | None] = queue.Queue(max(1, depth))
    leave = threading.Event()
    thread = threading.Thread(
        target=_read_ahead, args=(source, start, stop, size, grey, ahead, leave), name="prefetch", daemon=True
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


def _read_ahead(
    source: Callable[[], Video] | VideoSource | str | Path,
    start: int,
    stop: int | None,
    size: int,
    grey: bool,
    ahead: queue.Queue[Block | BaseException | None],
    leave: threading.Event,
) -> None:
    try:
        video = source() if callable(source) else open_video(source)
        try:
            for block in video.blocks(start, stop, size, grey=grey):
                if not _put(ahead, block, leave):
                    return
        finally:
            video.close()
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
