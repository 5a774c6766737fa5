"""Fixtures of the tests of the screens."""

from __future__ import annotations

from pathlib import Path

import pytest
from tui_helpers import FakeRuns, make_project

from leaptui.config import remember_project
from leaptui.project import Project


@pytest.fixture
def runs() -> FakeRuns:
    """Runs that are only pictures; none at first."""
    return FakeRuns()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that was opened before."""
    project = make_project(tmp_path / "fly")
    remember_project(project.folder)
    return project
