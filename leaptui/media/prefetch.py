"""Blocks read ahead by a thread that owns its reader.

Where that is faster, processes share the reading (`shared_reading`), or a GPU decodes (`nvdec`).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from leaptui.media import open_video
from leaptui.media.shared_reading import Plan, plan_sharing, shared_blocks
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
    gpu: int | None = None,
    say: Callable[[str], None] = lambda _: None,
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
        gpu: number of a GPU, as CUDA counts, that may decode videos if it is sooner; None forbids it.
        say: told in words what decodes where there was a choice, and if a GPU then fails; called in the thread.

    Raises:
        LeaptuiError, IndexError: whatever opening and reading raise, in the consumer.
    """
    ahead: queue.Queue[Block | BaseException | None] = queue.Queue(max(1, depth))
    leave = threading.Event()
    thread = threading.Thread(
        target=_read_ahead,
        args=(partial(_open_blocks, source, _Wanted(start, stop, size, grey), index, readers, gpu, say), ahead, leave),
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


@dataclass(frozen=True)
class _Wanted:
    """The arguments of `Video.blocks`."""

    start: int
    stop: int | None
    size: int
    grey: bool


@contextmanager
def _open_blocks(
    source: Callable[[], Video] | VideoSource | str | Path,
    wanted: _Wanted,
    index: VideoIndex | Path | None,
    readers: int | None,
    gpu: int | None,
    say: Callable[[str], None],
) -> Generator[Iterator[Block]]:
    video = source() if callable(source) else open_video(source, index=index)
    try:
        plan = plan_sharing(video, wanted.start, wanted.stop, grey=wanted.grey, readers=readers)
        blocks = None if gpu is None else _by_gpu(video, wanted, plan, gpu, say)
        with closing(blocks or _by_cores(video, wanted, plan)) as chosen:
            yield chosen
    finally:
        video.close()


def _by_cores(video: Video, wanted: _Wanted, plan: Plan | None) -> Generator[Block]:
    if plan is None:
        yield from video.blocks(wanted.start, wanted.stop, wanted.size, grey=wanted.grey)
    else:
        yield from shared_blocks(video, plan, wanted.start, wanted.stop, wanted.size, grey=wanted.grey)


def _by_gpu(
    video: Video, wanted: _Wanted, plan: Plan | None, gpu: int, say: Callable[[str], None]
) -> Generator[Block] | None:
    """Blocks that a GPU decodes; None where it cannot, or the cores are as fast."""
    if not hasattr(video, "index"):
        return None
    from leaptui.media.nvdec import gpu_decoder  # loads the library that decodes

    start, stop, grey = wanted.start, len(video) if wanted.stop is None else wanted.stop, wanted.grey
    decoder = gpu_decoder(video, gpu, start, stop, grey=grey)
    if decoder is None:
        return None
    trial = decoder.trial(start, stop, readers=1 if plan is None else plan.readers, grey=grey)
    say(str(trial))
    if not trial.gpu_is_sooner:
        return None

    def by_cores(position: int) -> Generator[Block]:
        return _by_cores(video, replace(wanted, start=position), plan)

    return decoder.blocks(start, stop, wanted.size, grey=grey, by_cores=by_cores, say=say)


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
