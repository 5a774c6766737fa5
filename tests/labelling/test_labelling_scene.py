"""What the labeller shows, as a Scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from labelling_helpers import POSE, SKELETON, predicted

from leaptui.graphics.scene import OVERLAY, Kind, Note, Tone
from leaptui.labelling.scene_of import Colours, Names, SceneOptions, nearest_colour, node_colours, scene_of
from leaptui.pose.instance import PredictedInstance
from leaptui.pose.skeleton import Node, make_skeleton

IMAGE = np.zeros((80, 100, 1), np.uint8)


def test_marks_say_who_placed_them_and_which_is_selected(make):
    labeller = make(predictions=predicted({0: [POSE]}))
    labeller.move(1, 0)
    labeller.set_occluded(True)
    labeller.select_node(1)
    labeller.delete_point()
    labeller.select_node(2)
    scene = scene_of(labeller, IMAGE, Tone(gamma=0.5))
    kinds = {(m.x, m.y): (m.kind, m.occluded, m.selected) for m in scene.marks}
    assert kinds == {
        (51.0, 20.0): (Kind.PLACED, True, False),
        (50.0, 60.0): (Kind.PREDICTED, False, True),
        (30.0, 45.0): (Kind.PREDICTED, False, False),
        (70.0, 45.0): (Kind.PREDICTED, False, False),
    }
    assert scene.marks[-1].selected and scene.marks[-1].name == "abdomen"
    assert [m.name for m in scene.marks[:-1]] == [""] * 3
    assert scene.tone.gamma == 0.5 and scene.key == ("v1", 0)
    assert scene.lines == (), "every edge ends in the point that was deleted"


def test_edges_know_what_moves_and_what_is_guessed(make):
    labeller = make(predictions=predicted({0: [POSE]}))
    labeller.accept()
    labeller.select_node(3)
    labeller.reset_to_prediction()
    lines = {(line.x1, line.y1): (line.moving, line.dashed) for line in scene_of(labeller, IMAGE).lines}
    assert lines[30.0, 45.0] == (True, True)
    assert lines[70.0, 45.0] == (False, False)


def test_only_the_selected_animal_has_a_selected_mark(make):
    labeller = make(predictions=predicted({0: [POSE, POSE + 10]}))
    labeller.next_instance()
    scene = scene_of(labeller, IMAGE, options=SceneOptions(names=Names.ALL))
    (selected,) = [m for m in scene.marks if m.selected]
    assert (selected.x, selected.y) == (60.0, 30.0) and scene.marks[-1] is selected
    assert all(m.name for m in scene.marks)


def test_what_is_hidden_is_not_there(make):
    labeller = make(predictions=predicted({0: [POSE]}))
    labeller.move(1, 0)
    note = Note(1.0, 1.0, "a")
    hidden = scene_of(labeller, IMAGE, options=SceneOptions(markers=False, notes=(note,)))
    assert hidden.marks == () and hidden.lines == () and hidden.notes == (note,)
    assert scene_of(labeller, IMAGE, options=SceneOptions(edges=False)).lines == ()
    assert len(scene_of(labeller, IMAGE, options=SceneOptions(guesses=False)).marks) == 1


def test_other_predictions_are_shown_beside(make):
    labeller = make()
    other = PredictedInstance(np.where(np.arange(5)[:, None] < 2, POSE, np.nan))
    scene = scene_of(labeller, IMAGE, options=SceneOptions(others=(other,)))
    assert [m.kind for m in scene.marks] == [Kind.OTHER] * 2


def test_colours_are_by_side_by_choice_or_by_track(make):
    assert node_colours(SKELETON) == (2, 2, 2, 0, 1)
    assert all(nearest_colour("#{:02x}{:02x}{:02x}".format(*c)) == i for i, c in enumerate(OVERLAY))
    nodes = (Node("head", "#ff0000"), *SKELETON.nodes[1:])
    assert node_colours(replace(SKELETON, nodes=nodes))[0] == 7
    labeller = make(predictions=predicted({0: [POSE, POSE + 10]}))
    labeller.accept()
    labeller.assign_track("zoe")
    labeller.next_instance()
    labeller.accept()
    labeller.assign_track("adam")
    scene = scene_of(labeller, IMAGE, options=SceneOptions(colours=Colours.TRACK))
    assert {m.colour for m in scene.marks} == {0, 1}
    assert {m.colour for m in scene.marks if m.x == 50.0} == {1}


def test_names_reach_the_screen_harmless(make):
    evil = make_skeleton("evil", ["\x1b[2Jhead", "b"])
    labeller = make(skeleton=evil)
    labeller.place((1.0, 1.0), advance=False)
    (mark,) = scene_of(labeller, IMAGE).marks
    assert mark.name == "\\x1b[2Jhead"
