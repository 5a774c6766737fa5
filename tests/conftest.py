"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings; tests that need it skip where it is absent."""
    named = os.environ.get("LEAPTUI_REAL_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "fly" / "fly75.h5").is_file():
        pytest.skip(f"real recordings are not at {folder} (set LEAPTUI_REAL_DATA)")
    return folder


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the configuration of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LEAPTUI_HOME", str(home))
    # Nor takes a slot of this machine.
    monkeypatch.setenv("LEAPTUI_SLOTS", str(home / "slots"))
    return home
