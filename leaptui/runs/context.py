"""What a runner may do to the run it is part of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from leaptui.runs.control import Ask


class RunContext(Protocol):
    """Handed to every runner: `run(request, context) -> Result`.

    Event types and their fields (all numbers plain int or float; NaN becomes null):

    - `plan`: once training knows what it will do. epochs, steps_per_epoch, train_frames, val_frames,
      parameters, architecture, device, precision, body_length_px (null when undefined), nodes (their names).
      Written again when the number of epochs changes.
    - `step`: at most about twice a second. epoch (from 1), step (global, from 1), loss, lr, samples_per_s.
    - `epoch`: at the end of each. epoch, step, train_loss, val_loss, val_error_px, val_error_body,
      lr, best (bool), seconds (since training began), eta_s, node_error_px (by the order of the plan's nodes).
    - `checkpoint`: kind ("best", "last" or "asked"), path, epoch (a fraction inside an epoch), step.
    - `preview`: epoch, path (relative to the run directory; `leaptui.formats.previews` says what is in it).
    - `resumed`: attempt, epoch, step, checkpoint: where a later attempt goes on from.
    - `gauge`: about every two seconds, by the worker: cpu (0 to 1), memory, memory_total (bytes of the host),
      process_cpu (cores), process_memory (bytes), gpus: a list of index, name, use (0 to 1), memory, memory_total,
      temperature_c, power_w, power_limit_w, others (processes that are not this run's), each null when unknown.
    - `progress`: done, total (null when unknown), unit ("frames"), rate (a second), eta_s, label.
    - `log`: level ("info", "warning", "error"), message.

    The worker itself writes `state` events (state, reason) at every change of state, and `control` events
    (ask, by, asked, id, answer, accepted) when it acknowledges what was asked.

    A module of a runner names what can be asked of it, beside stopping, in `ASKS`, a collection of names of
    `leaptui.runs.control`; all else is refused in words without it.
    """

    directory: Path
    """The run directory."""

    attempt: int
    """1, and one more with every resume: from 2 on a runner goes on from what the former attempts left."""

    def emit(self, type: str, **fields: Any) -> None:
        """Append one event; on disk within a second."""

    def flush(self) -> None:
        """Bring the events so far to the disk now, as far as it takes them."""

    def stop_requested(self) -> bool:
        """True once somebody asked the run to stop gracefully; cheap enough for every step."""

    def take_asks(self) -> list[Ask]:
        """What was asked since the last call, oldest first; cheap enough for every step."""

    def acknowledge(self, asked: Ask, answer: str, *, accepted: bool = True) -> None:
        """Answer something taken, in words, once it is done and would survive the death of the process."""
