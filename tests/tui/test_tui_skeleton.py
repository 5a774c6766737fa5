"""The skeleton screen: the skeleton and the labels change together, and come back together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from label_helpers import VIDEO, app_on, label_screen, press, reopened, worm_project
from textual.pilot import Pilot
from tui_helpers import flat, screen_text, until

from leaptui.pose.labels import FrameKey
from leaptui.project import Project
from leaptui.tui.screens.label import LabelScreen
from leaptui.tui.screens.skeleton import SkeletonScreen
from leaptui.tui.session import LabelStart


async def skeleton_screen(pilot: Pilot[Any]) -> SkeletonScreen:
    await label_screen(pilot)
    await press(pilot, "S")
    await until(pilot, lambda: isinstance(pilot.app.screen, SkeletonScreen) and pilot.app.screen.is_mounted)
    screen = pilot.app.screen
    assert isinstance(screen, SkeletonScreen)
    return screen


def names(project: Project) -> tuple[str, ...]:
    return Project.open(project.folder).require_skeleton().node_names


def points(project: Project) -> dict[str, tuple[float, float]]:
    labeller = reopened(project)
    instance = labeller.store.frame(FrameKey(VIDEO, 0)).instances[0]
    return {n: tuple(p) for n, p in zip(labeller.skeleton.node_names, instance.points.tolist(), strict=True)}


async def test_a_renamed_node_takes_its_points_along_and_undo_brings_both_back(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p", labelled=[0, 7])
    before = points(project)
    app = app_on(project, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(120, 40)) as pilot:
        await skeleton_screen(pilot)
        await press(pilot, "n backspace backspace backspace backspace s n o u t enter")
        assert names(project)[0] == "snout" and points(project)["snout"] == before["head"]
        await press(pilot, "u")
        assert names(project) == ("head", "left", "right", "tail") and points(project) == before
        await press(pilot, "ctrl+r escape")
        await until(pilot, lambda: isinstance(app.screen, LabelScreen))
        assert "snout" in flat(screen_text(pilot))
        assert isinstance(app.screen, LabelScreen) and app.screen.labeller.point == before["head"]


async def test_deleting_a_node_asks_and_can_be_undone(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p", labelled=[0, 7])
    before = points(project)
    app = app_on(project, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(120, 40)) as pilot:
        await skeleton_screen(pilot)
        await press(pilot, "tab x")
        await until(pilot, lambda: "Delete left?" in flat(screen_text(pilot)))
        assert "2 labelled points" in flat(screen_text(pilot))
        await press(pilot, "escape")
        assert "left" in names(project)
        await press(pilot, "x")
        await until(pilot, lambda: "Delete left?" in flat(screen_text(pilot)))
        await pilot.click("#yes")
        await until(pilot, lambda: "left" not in names(project))
        assert set(points(project)) == {"head", "right", "tail"}
        await press(pilot, "a l e f t enter")
        assert np.isnan(points(project)["left"]).all()
        await press(pilot, "u u")
        assert points(project) == before


async def test_edges_symmetries_order_colours_and_body_length_are_saved(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p", labelled=[0])
    app = app_on(project, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(120, 40)) as pilot:
        await skeleton_screen(pilot)
        await press(pilot, "shift+tab p l e f t enter")
        skeleton = Project.open(project.folder).require_skeleton()
        assert skeleton.parents[3] == 1
        await press(pilot, "tab p t a i l enter")
        assert "hangs on" in flat(screen_text(pilot))
        assert Project.open(project.folder).require_skeleton().parents == skeleton.parents
        await press(pilot, "tab m enter")
        assert Project.open(project.folder).require_skeleton().symmetries == ()
        await press(pilot, "m r i g enter c b t a enter K")
        final = Project.open(project.folder).require_skeleton()
        assert final.swap[final.index("left")] == final.index("right")
        assert final.body_axis == ("left", "tail") and final.node_names[0] == "left"
        assert final.nodes[0].colour is not None
        await press(pilot, "C")
        assert Project.open(project.folder).require_skeleton().nodes[0].colour is None


async def test_the_reference_pose_is_moved_placed_and_taken_from_labels(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p", labelled=[0])
    app = app_on(project, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(120, 40)) as pilot:
        await skeleton_screen(pilot)
        await press(pilot, "t")
        taken = Project.open(project.folder).require_skeleton().reference
        labelled = np.array(list(points(project).values()))
        assert taken is not None and np.allclose(np.array(taken) - taken[0], labelled - labelled[0], atol=1e-6)
        await press(pilot, "right")
        moved = Project.open(project.folder).require_skeleton().reference
        assert moved is not None and np.allclose(np.array(moved[1:]) - moved[1], np.array(taken[1:]) - taken[1])
        assert not np.allclose(moved[0], taken[0])
        await press(pilot, "u u")
        assert Project.open(project.folder).require_skeleton().reference is None


async def test_videos_added_meanwhile_are_kept(tmp_path: Path) -> None:
    project = worm_project(tmp_path / "p", labelled=[0])
    app = app_on(project, start=LabelStart(VIDEO, 0))
    async with app.run_test(size=(120, 40)) as pilot:
        await skeleton_screen(pilot)
        other = Project.open(project.folder)
        other.videos.append(type(other.videos[0])("cccc", "other.mp4", "c" * 32, 9, 8, 8, 1))
        other.save()
        await press(pilot, "a n e w enter")
    assert [v.id for v in Project.open(project.folder).videos] == [VIDEO, "cccc"] and "new" in names(project)
