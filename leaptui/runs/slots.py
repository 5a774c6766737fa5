"""A machine's slots: what runs at the same time. One for each GPU, and some for runs on the processors.

A slot is a file that all users of the machine share (`leaptui.runs.shared_folder`), and it is taken as long as
somebody holds its lock. Whoever starts a run takes the lock and hands the open file down to the worker: it lives
exactly as long as the worker, however that ends, and nothing stale is ever left. The content says who it is, for
people to read, and decides nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leaptui.runs.files import decode, integer, number, text
from leaptui.runs.gpus import VISIBLE, Gpu, Gpus, permitted
from leaptui.runs.layout import RunDirectory
from leaptui.runs.queue_settings import QueueSettings
from leaptui.runs.shared_folder import SharedFolder, user_name, write_record

WANTS = re.compile(r"gpu(?::\d{1,3})?|cpu")
"""What a run can want: any GPU, a certain one, or a slot for the processors."""
GPU = "gpu"
CPU = "cpu"
AUTO = "auto"

HANDED_DOWN = "LEAPTUI_SLOT"
"""Variable that tells a worker which descriptors hold its slot."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_TRIES = 3
_NAME = re.compile(r"(?:gpu|cpu)-[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True)
class Holder:
    """Who holds a slot, as it says itself.

    Args:
        user: name.
        run: directory of the run, None when it does not say.
        pid: of the worker; None before it has begun.
        since: seconds since the epoch.
    """

    user: str = ""
    run: Path | None = None
    pid: int | None = None
    since: float | None = None


@dataclass(frozen=True)
class Slot:
    """One slot of this machine.

    Args:
        name: of its file, "gpu-GPU-8c1f…" or "cpu-0".
        kind: "gpu" or "cpu".
        label: for people, "GPU 0".
        gpu: which.
    """

    name: str
    kind: str
    label: str
    gpu: Gpu | None = None


@dataclass(frozen=True)
class SlotLook:
    """A slot as it is now.

    Args:
        slot: which.
        is_held: somebody holds its lock; None when that cannot be said.
        holder: who.
        foreign: bytes of GPU memory that other programs use, when that keeps it from being free.
    """

    slot: Slot
    is_held: bool | None
    holder: Holder | None = None
    foreign: int | None = None

    @property
    def is_free(self) -> bool:
        """A run could have it."""
        return self.is_held is False and self.foreign is None


@dataclass
class Taken:
    """A slot that this process holds, on its way to a worker.

    Args:
        slot: which.
        descriptors: that hold it; a worker that is given them holds it, too.
        visible: value of CUDA_VISIBLE_DEVICES for the worker; None leaves it as it is.
    """

    slot: Slot
    descriptors: tuple[int, ...]
    visible: str | None = None
    _is_open: bool = field(default=True, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What the worker's environment must hold."""
        told = {HANDED_DOWN: ",".join(map(str, self.descriptors))}
        return told if self.visible is None else {**told, VISIBLE: self.visible}

    def release(self) -> None:
        """Let go of it in this process; a worker that was given it goes on holding it."""
        if self._is_open:
            self._is_open = False
            for descriptor in self.descriptors:
                os.close(descriptor)


class Slots:
    """The slots of this machine, as a user's settings let them be used.

    Args:
        folder: where they are.
        settings: the user's.
        gpus: by default those that NVML names.
    """

    def __init__(self, folder: SharedFolder, settings: QueueSettings, *, gpus: Gpus | None = None) -> None:
        self._folder = folder
        self._settings = settings
        self._gpus = gpus or Gpus(settings.gpus)

    def all(self) -> list[Slot]:
        """Those that runs of this user may get."""
        found = [
            Slot(f"{GPU}-{_UNSAFE.sub('_', gpu.visible)[:100]}", GPU, f"GPU {gpu.index}", gpu)
            for gpu in self._gpus.all()
        ]
        return found + [Slot(f"{CPU}-{index}", CPU, f"CPU {index}") for index in range(self._settings.cpu_slots)]

    def resolve(self, wants: str, environment: Mapping[str, str]) -> str:
        """What "auto" means: "gpu" where there is one that the environment lets a run see, else "cpu"."""
        if wants != AUTO:
            return wants
        return GPU if permitted(self._gpus.all(), environment) else CPU

    def suited(self, wants: str, environment: Mapping[str, str]) -> list[tuple[Slot, str | None]]:
        """The slots that would do, with the value of CUDA_VISIBLE_DEVICES for each.

        Args:
            wants: "gpu", "cpu", "auto", or "gpu:1" for the second GPU that the environment lets a run see. A run
                that names its GPU finds it among all of them, so its CUDA_VISIBLE_DEVICES stays as it is.
            environment: of the run.
        """
        slots = self.all()
        kind, _, number = self.resolve(wants, environment).partition(":")
        if kind != GPU:
            return [(slot, None) for slot in slots if slot.kind == kind]
        by_name = {slot.gpu.visible: slot for slot in slots if slot.gpu is not None}
        gpus = [slot.gpu for slot in by_name.values() if slot.gpu is not None]
        visible = permitted(gpus, environment)
        if number:
            return [(by_name[name], None) for index, name in enumerate(visible) if index == int(number)]
        return [(by_name[name], value) for name, value in visible.items()]

    def take(self, slot: Slot, run: Path, visible: str | None = None) -> Taken | None:
        """Take a slot for a run; None when it is held, or other programs are using the GPU."""
        if self.foreign(slot) is not None:
            return None
        for attempt in range(_TRIES):
            if attempt:
                # Somebody who only looks holds the lock for a moment.
                time.sleep(0.01)
            descriptor = self._folder.lock(slot.name)
            if descriptor is not None:
                break
        else:
            return None
        write_record(descriptor, _record(run, None))
        kept = self._folder.keep()
        return Taken(slot, (descriptor,) if kept is None else (descriptor, kept), visible)

    def foreign(self, slot: Slot) -> int | None:
        """Bytes of GPU memory in use, where that is more than a free GPU may have in use."""
        if slot.gpu is None:
            return None
        used = self._gpus.used(slot.gpu)
        return used if used is not None and used > self._settings.busy_bytes else None

    def look(self, slot: Slot) -> SlotLook:
        """Who has it."""
        is_held = self._folder.is_locked(slot.name)
        if is_held is not False:
            return SlotLook(slot, is_held, self._holder(slot.name))
        return SlotLook(slot, False, None, self.foreign(slot))

    def look_at_all(self) -> list[SlotLook]:
        """Those that this user's runs may get, and any other that somebody holds."""
        slots = self.all()
        known = {slot.name for slot in slots}
        others = [
            Slot(name, name.partition("-")[0], name.replace("-", " ", 1).upper())
            for name in self._folder.names()
            if name not in known and _NAME.fullmatch(name) and self._folder.is_locked(name)
        ]
        return [self.look(slot) for slot in (*slots, *others)]

    def holds(self, run: Path) -> bool:
        """Whether some slot is held for a run."""
        for name in self._folder.names():
            if _NAME.fullmatch(name) and self._folder.is_locked(name):
                holder = self._holder(name)
                if holder is not None and holder.run == run:
                    return True
        return False

    def close(self) -> None:
        """Let go of the GPU driver."""
        self._gpus.close()

    def _holder(self, name: str) -> Holder | None:
        for _ in range(2):
            found = self._folder.read(name)
            if found is not None:
                record = found[0]
                run = text(record, "run")
                is_path = run is not None and run.startswith("/") and "\0" not in run
                return Holder(
                    text(record, "user") or "",
                    Path(run) if run is not None and is_path else None,
                    integer(record, "pid"),
                    number(record, "since"),
                )
        return None


@contextlib.contextmanager
def any_free(slots: Slots, wants: str, environment: Mapping[str, str], run: Path) -> Iterator[Taken | None]:
    """A slot for a run that does not wait: the first that is free, or None. It is let go of at the end."""
    taken = None
    for slot, visible in slots.suited(wants, environment):
        taken = slots.take(slot, run, visible)
        if taken is not None:
            break
    try:
        yield taken
    finally:
        if taken is not None:
            taken.release()


def wanted(wants: str) -> str:
    """What is wanted, for people."""
    kind, _, number = wants.partition(":")
    return "a free CPU slot" if kind == CPU else f"GPU {number}" if number else "a GPU"


def adopt_slot(run: RunDirectory) -> None:
    """In a worker: keep the slot it was handed for itself, away from the processes it starts, and say so in it.

    A child that outlives the worker would otherwise hold the slot.
    """
    told = os.environ.pop(HANDED_DOWN, "")
    descriptors = _handed_down(told.split(",")) if told else []
    if not descriptors:
        return
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    os.register_at_fork(after_in_child=lambda: _close(descriptors))
    found = os.pread(descriptors[0], 1 << 14, 0) if stat.S_ISREG(os.fstat(descriptors[0]).st_mode) else b""
    record = decode(found.strip(b" \n"))
    if record is not None and text(record, "run") == str(run.path):
        write_record(descriptors[0], _record(run.path, os.getpid()))


def _handed_down(words: Sequence[str]) -> list[int]:
    """The descriptors among them that are open and are what a slot or its folder would be."""
    found = []
    for word in words:
        descriptor = int(word) if word.isdecimal() and len(word) < 7 else -1
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            continue
        if descriptor > 2 and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            found.append(descriptor)
    return found


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _record(run: Path, pid: int | None) -> dict[str, object]:
    return {
        "v": 1,
        "user": user_name(),
        "run": str(run),
        "pid": pid,
        "host": socket.gethostname(),
        "since": time.time(),
    }
