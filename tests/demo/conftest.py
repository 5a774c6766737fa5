"""Recordings that several tests look at."""

from __future__ import annotations

import pytest

from leaptui.demo import Recording, simulate


@pytest.fixture(scope="session")
def life() -> Recording:
    """Truth of one fly that does a bit of everything, without pixels."""
    return simulate(3000, seed=5, draw=False)


@pytest.fixture(scope="session")
def pair() -> Recording:
    """Two flies in an arena, drawn."""
    return simulate(150, seed=7, size=(300, 384), n_flies=2, view="arena")
