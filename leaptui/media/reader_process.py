"""A process that reads frames for another: `python -m leaptui.media.reader_process`.

Pixels come back through memory that both map, everything else as pickles through pipes. The memory is an
unnamed file: it needs no room in /dev/shm (64 MiB in most containers) and is gone with the last process that maps
it, however that ends. A reader process ends when its input does, so it never outlives its owner.
"""

from __future__ import annotations

import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import LeaptuiError
from leaptui.media.video import Image, Video, VideoSource

if TYPE_CHECKING:
    from leaptui.media.index import VideoIndex

SLOTS = 2  # one segment is read while the one before is taken away
_CACHED_BLOCK = 32


class ReaderLost(LeaptuiError):
    """A reader process ended or could not read."""


@dataclass(frozen=True)
class Job:
    """What a reader process reads.

    Args:
        source: where the frames come from.
        index: the index of a video file; None for other sources.
        shape: (H, W, C) of the frames handed over.
        slot_frames: frames in each of the `SLOTS` places for segments.
        grey: as in `Video.blocks`.
    """

    source: VideoSource
    index: VideoIndex | None
    shape: tuple[int, int, int]
    slot_frames: int
    grey: bool

    @property
    def slot_shape(self) -> tuple[int, int, int, int, int]:
        """Of the memory that is shared."""
        return SLOTS, self.slot_frames, *self.shape


@dataclass(frozen=True)
class Answer:
    """A segment that was read: its frames lie in its slot."""

    checksums: NDArray[np.uint32]
    bad: dict[int, str]


class ReaderProcess:
    """The owner's end of a reader process.

    Raises:
        ReaderLost: if there is no memory or no process to be had.
    """

    def __init__(self, job: Job) -> None:
        try:
            memory, shared = _new_memory(int(np.prod(job.slot_shape, dtype=np.int64)))
        except (OSError, ValueError) as error:
            raise ReaderLost(f"There is no memory to share with a reader: {error}.", where=job.source.path) from error
        self._slots = np.frombuffer(shared, np.uint8).reshape(job.slot_shape)
        self._path = job.source.path
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "leaptui.media.reader_process", str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(memory,),
                process_group=0,  # Ctrl-C in the terminal is for the owner, who ends this one in order
            )
        except OSError as error:
            raise ReaderLost(f"A reader process cannot be started: {error}.", where=self._path) from error
        finally:
            os.close(memory)
        self._input = cast(IO[bytes], self._process.stdin)
        self._output = cast(IO[bytes], self._process.stdout)
        self._send(job)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def ask(self, slot: int, first: int, stop: int) -> None:
        """Have frames first <= i < stop read into a slot; answers come in the order of asking.

        Raises:
            ReaderLost: if the process is gone.
        """
        self._send((slot, first, stop))

    def answer(self) -> Answer:
        """Wait for the answer to the oldest question.

        Raises:
            ReaderLost: if the process is gone or could not read.
        """
        try:
            found = pickle.load(self._output)  # written by this very program
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise ReaderLost("A reader process has ended.", where=self._path) from error
        if not isinstance(found, Answer):
            raise ReaderLost(f"A reader process cannot read: {found}.", where=self._path)
        return found

    def frames(self, slot: int, count: int) -> Image:
        """(count, H, W, C) view of a slot, until it is filled anew."""
        return self._slots[slot, :count]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._output.close()
        try:
            self._input.close()
        except OSError:  # what was still to be flushed has no reader any more
            return

    def _send(self, message: object) -> None:
        try:
            pickle.dump(message, self._input)
            self._input.flush()
        except OSError as error:
            raise ReaderLost("A reader process has ended.", where=self._path) from error


def _new_memory(size: int) -> tuple[int, mmap.mmap]:
    """Descriptor and mapping of unnamed memory."""
    if hasattr(os, "memfd_create"):
        memory = os.memfd_create("leaptui-frames")
    else:
        with tempfile.TemporaryFile() as file:
            memory = os.dup(file.fileno())
    try:
        os.truncate(memory, size)
        return memory, mmap.mmap(memory, size)
    except (OSError, ValueError):
        os.close(memory)
        raise


def main() -> None:
    """Read what standard input asks for until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that talk must not talk into the answers
    try:
        _serve(int(sys.argv[1]), answers)
    except (EOFError, BrokenPipeError):
        # Flushing at exit would raise once more.
        os._exit(0)


def _serve(memory: int, answers: IO[bytes]) -> None:
    job: Job = pickle.load(sys.stdin.buffer)  # written by the process that started this one
    shared = mmap.mmap(memory, int(np.prod(job.slot_shape, dtype=np.int64)))
    slots = np.frombuffer(shared, np.uint8).reshape(job.slot_shape)
    video: Video | None = None
    while True:
        slot, first, stop = pickle.load(sys.stdin.buffer)
        found: Answer | str
        try:
            video = video or _open(job)
            found = _fill(video, slots[slot], first, stop, job.grey)
        except (LeaptuiError, OSError, IndexError, MemoryError) as error:
            found = str(error)
        pickle.dump(found, answers)
        answers.flush()


def _open(job: Job) -> Video:
    if job.index is None:
        from leaptui.media import open_video

        return open_video(job.source)
    from leaptui.media.pyav_reader import PyAVVideo

    return PyAVVideo(job.source, job.index, threads=1)


def _fill(video: Video, slot: Image, first: int, stop: int, grey: bool) -> Answer:
    checksums = np.zeros(stop - first, np.uint32)
    bad: dict[int, str] = {}
    # Blocks that stay in the processor's cache between being made and being copied.
    for block in video.blocks(first, stop, _CACHED_BLOCK, grey=grey):
        at = block.start - first
        slot[at : at + len(block.frames)] = block.frames
        if block.checksums is not None:
            checksums[at : at + len(block.frames)] = block.checksums
        bad.update(block.bad)
    return Answer(checksums, bad)


if __name__ == "__main__":
    # Under this name, so that what is pickled here is known by the same name there.
    from leaptui.media import reader_process

    reader_process.main()
