"""A labeller on a real store, with a clock that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from labelling_helpers import SKELETON, Clock, video

from leaptui.labelling.labeller import Labeller
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.store import LabelStore
from leaptui.project import VideoRecord


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Labeller]]:
    """Open the same labels anew each time, as after a restart."""
    opened: list[LabelStore] = []

    def build(
        videos: Sequence[VideoRecord] | None = None,
        skeleton: Skeleton = SKELETON,
        folder: str = "labels",
        **more: object,
    ) -> Labeller:
        store = LabelStore(tmp_path / folder, skeleton)
        opened.append(store)
        return Labeller(store, skeleton, videos or [video()], clock=clock, **more)  # type: ignore[arg-type]

    yield build
    for store in opened:
        store.close()
