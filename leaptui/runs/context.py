"""What a runner may do to the run it is part of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol


class RunContext(Protocol):
    """Handed to every runner: `run(request, context) -> Result`.

    Event types and their fields (all numbers plain int or float; NaN becomes null):

    - `plan`: once training knows what it will do. epochs, steps_per_epoch, train_frames, val_frames,
      parameters, architecture, device, precision, body_length_px (null when undefined).
    - `step`: at most about twice a second. epoch (from 1), step (global, from 1), loss, lr, samples_per_s.
    - `epoch`: at the end of each. epoch, step, train_loss, val_loss, val_error_px, val_error_body,
      lr, best (bool), seconds (since training began), eta_s.
    - `checkpoint`: kind ("best" or "last"), path.
    - `progress`: done, total (null when unknown), unit ("frames"), rate (a second), eta_s, label.
    - `log`: level ("info", "warning", "error"), message.

    The worker itself writes `state` events (state, reason) at every change of state, and `control` events
    (ask, by, asked, answer) when it acknowledges what was asked.
    """

    directory: Path
    """The run directory."""

    def emit(self, type: str, **fields: Any) -> None:
        """Append one event; on disk within a second."""

    def stop_requested(self) -> bool:
        """True once somebody asked the run to stop gracefully; cheap enough for every step."""
