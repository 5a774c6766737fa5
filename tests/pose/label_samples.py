"""Edits, stores and comparisons for the tests of the label store."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from leaptui.pose.edits import DeleteInstance, Edit, Former, Restore, SetPoints, SetTrack
from leaptui.pose.labels import FrameKey, Labels
from leaptui.pose.skeleton import make_skeleton
from leaptui.pose.stamps import NEVER
from leaptui.pose.store import LabelStore

SKELETON = make_skeleton("three", ["a", "b", "c"])

numbers = st.floats(-1e4, 1e4, allow_nan=False)
values = st.none() | st.tuples(numbers, numbers, st.booleans())
places = st.tuples(st.sampled_from(["v1", "v2"]), st.integers(0, 2), st.sampled_from(["i", "j"]))


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """Any edit of a frame."""
    video, frame, instance = draw(places)
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return DeleteInstance(video, frame, instance)
    if kind == 1:
        return SetTrack(video, frame, instance, draw(st.none() | st.text(max_size=4)))
    if kind == 2:
        return Restore(video, frame, (Former("point", instance, draw(st.sampled_from("abc")), None, NEVER),))
    points = draw(st.dictionaries(st.sampled_from("abc"), values, min_size=int(kind > 3)))
    return SetPoints(video, frame, instance, points, draw(st.none() | st.integers(0, 2**32 - 1)))


transactions = st.lists(edits(), min_size=1, max_size=3)


def shown(labels: Labels) -> dict[FrameKey, list[tuple[object, ...]]]:
    """What a person sees: animals by frame, frames without one left out."""
    found = {}
    for key, frame in labels.frames.items():
        animals = [
            (i.id, i.track, [None if x != x else (x, y) for x, y in i.points.tolist()], i.occluded.tolist())
            for i in frame.instances
        ]
        if animals:
            found[key] = animals
    return found


def everything(labels: Labels) -> object:
    """The same with checksums, and with frames that hold no animal."""
    return shown(labels), {key: frame.checksum for key, frame in labels.frames.items()}


def place(node: str, x: float, frame: int = 0, instance: str = "i") -> list[Edit]:
    """A transaction that places one point."""
    return [SetPoints("v", frame, instance, {node: (x, 0.0, False)})]


def x_of(store: LabelStore, node: str, frame: int = 0) -> float | None:
    """Where that point is; None if it is not placed."""
    instances = store.frame(FrameKey("v", frame)).instances
    if not instances:
        return None
    x = float(instances[0].points[store.skeleton.index(node), 0])
    return None if x != x else x


def journals(folder: Path) -> list[Path]:
    """The journals of a store, in order of their names."""
    return sorted((folder / "journal").glob("*.jsonl"))
