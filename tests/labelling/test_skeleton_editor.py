"""The skeleton of a project and its labels are changed together, undone together, and merge with other sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaptui.errors import LeaptuiError
from leaptui.labelling.skeleton_editor import SkeletonEditor
from leaptui.pose.edits import SetPoints
from leaptui.pose.labels import FrameKey
from leaptui.pose.skeleton import make_skeleton
from leaptui.pose.store import LabelStore
from leaptui.project import Project

NAMES = ["a", "b", "c", "d"]
KEY = FrameKey("v", 3)


def made(folder: Path) -> tuple[Project, LabelStore]:
    project = Project.create(folder, skeleton=make_skeleton("s", NAMES, [("a", "b"), ("b", "c")], [("c", "d")]))
    store = LabelStore(project.labels_folder, project.require_skeleton())
    store.apply([SetPoints("v", 3, "i", {n: (float(i), 1.0, False) for i, n in enumerate(NAMES)})], "made")
    return project, store


def seen(folder: Path) -> dict[str, float]:
    """x of each node, as somebody who opens the project now reads it."""
    project = Project.open(folder)
    skeleton = project.require_skeleton()
    frame = LabelStore(project.labels_folder, skeleton).frame(KEY)
    return dict(zip(skeleton.node_names, frame.instances[0].points[:, 0].tolist(), strict=True))


def test_a_session_that_does_not_know_of_a_rename_still_labels_the_node(tmp_path: Path) -> None:
    project, store = made(tmp_path / "p")
    other = LabelStore(project.labels_folder, project.require_skeleton())
    SkeletonEditor(project, store).rename("a", "nose")
    other.apply([SetPoints("v", 3, "i", {"a": (50.0, 1.0, False)})], "moved meanwhile")
    assert seen(project.folder) == {"nose": 50.0, "b": 1.0, "c": 2.0, "d": 3.0}


def test_a_crash_between_labels_and_project_file_loses_nothing(tmp_path: Path) -> None:
    project, store = made(tmp_path / "p")
    before = project.manifest.read_bytes()
    SkeletonEditor(project, store).rename("a", "nose")
    project.manifest.write_bytes(before)
    assert seen(project.folder) == {"a": 0.0, "b": 1.0, "c": 2.0, "d": 3.0}


def test_a_new_node_of_a_deleted_name_has_no_points_and_keeps_its_own(tmp_path: Path) -> None:
    project, store = made(tmp_path / "p")
    editor = SkeletonEditor(project, store)
    editor.delete("b")
    editor.add("b")
    assert np.isnan(seen(project.folder)["b"])
    store.apply([SetPoints("v", 3, "i", {"b": (77.0, 1.0, False)})], "placed")
    editor.undo()
    editor.undo()
    assert seen(project.folder)["b"] == 1.0
    editor.redo()
    editor.redo()
    assert seen(project.folder)["b"] == 77.0


operations = st.lists(
    st.tuples(
        st.sampled_from(["rename", "delete", "add", "move", "parent", "mirror", "undo", "redo"]),
        st.integers(0, 5),
        st.sampled_from(["a", "b", "c", "d", "e", "f"]),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations)
def test_undoing_everything_returns_to_the_start(tmp_path_factory, steps) -> None:  # type: ignore[no-untyped-def]
    project, store = made(tmp_path_factory.mktemp("p") / "p")
    start, points = project.require_skeleton(), seen(project.folder)
    editor = SkeletonEditor(project, store)
    for what, number, name in steps:
        node = editor.skeleton.node_names[number % len(editor.skeleton)]
        other = name if name in editor.skeleton else None
        try:
            match what:
                case "rename":
                    editor.rename(node, name)
                case "delete":
                    editor.delete(node)
                case "add":
                    editor.add(name)
                case "move":
                    editor.move(node, number - 2)
                case "parent":
                    editor.set_parent(node, other)
                case "mirror":
                    editor.set_symmetry(node, other)
                case "undo":
                    editor.undo()
                case _:
                    editor.redo()
        except LeaptuiError:
            continue
        assert set(seen(project.folder)) == set(editor.skeleton.node_names)
    while editor.undo().changed:
        pass
    assert editor.skeleton == start and seen(project.folder) == points
