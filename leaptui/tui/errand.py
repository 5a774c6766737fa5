"""An operation that a screen waits for, done by a worker of its own.

Reading video and HDF5 files belongs in another process: their libraries are heavy, print where they like and
can crash. So the operation becomes a run in a temporary folder, and following it is reading its directory.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from leaptui.tui.run_picture import RunPicture, RunReader
from leaptui.tui.services import Services


class Errand:
    """One such operation. Every method but `begun` reads or writes disk: for a thread.

    Args:
        services: how to start and read it.
        request: what is asked.
    """

    def __init__(self, services: Services, request: Any) -> None:
        self._services = services
        self._request = request
        self._folder: Path | None = None
        self._run: Path | None = None
        self._reader: RunReader | None = None

    @property
    def begun(self) -> bool:
        """It was started."""
        return self._reader is not None

    def start(self) -> None:
        """Start it.

        Raises:
            LeaptuiError: if the request is refused.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="leaptui-"))
        try:
            self._run = self._services.submit(self._request, self._folder)
        except BaseException:
            self.clear()
            raise
        self._reader = self._services.reader(self._run)

    def look(self) -> RunPicture:
        """How it is getting on."""
        if self._reader is None:
            raise RuntimeError("the errand was not started")
        return self._reader.look()

    def stop(self) -> None:
        """Ask it to end.

        Raises:
            LeaptuiError: if it cannot be asked.
        """
        if self._run is not None:
            self._services.stop(self._run)

    def clear(self) -> None:
        """Remove its run directory, once it has ended."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
