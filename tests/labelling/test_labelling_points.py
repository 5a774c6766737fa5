"""Placing, moving and accepting points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from labelling_helpers import POSE, SKELETON, predicted

from leaptui.labelling.animals import PointState
from leaptui.labelling.predictions import ConfidenceMaps
from leaptui.pose.labels import FrameKey

EMPTY, PREDICTED, PLACED, OCCLUDED = PointState


def test_placing_goes_through_the_nodes_and_stores_each(make):
    labeller = make()
    for point in POSE:
        done = labeller.place((float(point[0]), float(point[1])))
        assert done.changed and done.edited
    assert labeller.instances()[0].states == (PLACED,) * 5
    assert labeller.node == 4, "with nothing left to place the last one stays selected"
    (instance,) = labeller.store.frame(labeller.key).instances
    assert np.array_equal(instance.points, POSE)
    assert labeller.saved.words == "saving 5 edits"
    assert labeller.flush().words == "saved"
    again = make()
    assert np.array_equal(again.animal.points, POSE)


def test_without_auto_advance_the_node_stays(make):
    labeller = make()
    labeller.auto_advance = False
    labeller.place((1.0, 2.0))
    assert labeller.node == 0
    labeller.place((1.0, 2.0), advance=True)
    assert labeller.node == 1


@pytest.mark.parametrize("where", [(-50.0, 10.0), (1e9, -1e9), (99.6, 79.6)])
def test_a_place_outside_means_the_border(make, where):
    labeller = make()
    done = labeller.place(where, advance=False)
    x, y = labeller.point
    assert -0.5 <= x <= 99.5 and -0.5 <= y <= 79.5
    assert "border" in done.words


@pytest.mark.parametrize("where", [(math.nan, 1.0), (1.0, math.inf)])
def test_no_number_is_no_place(make, where):
    labeller = make()
    assert not labeller.place(where).changed
    assert labeller.store.unsaved == 0


def test_words_say_what_was_done(make):
    labeller = make()
    labeller.place((50.0, 20.0), advance=False)
    assert labeller.move(1, 0).words == "head moved 1 px right"
    assert labeller.move(0, -0.25).words == "head moved 0.25 px up"
    assert labeller.move(-5, 5).words == "head moved 5 px left and 5 px down"
    assert labeller.set_occluded().words == "head marked as occluded"
    assert labeller.delete_point().words == "head deleted"
    assert labeller.undo_words == "head deleted"


def test_what_cannot_be_done_is_said_and_does_nothing(make):
    labeller = make()
    refused = [
        labeller.move(1, 0),
        labeller.move_instance(1, 0),
        labeller.rotate(5),
        labeller.set_occluded(),
        labeller.accept(),
        labeller.reset_to_prediction(),
        labeller.mirror(),
        labeller.copy_from("previous"),
        labeller.interpolate(),
        labeller.next_doubtful_node(),
        labeller.next_instance(),
        labeller.delete_instance(),
        labeller.assign_track("a"),
        labeller.undo(),
        labeller.redo(),
        labeller.back(),
        labeller.forward(),
        labeller.next_video(),
        labeller.next_labelled(),
        labeller.go(10),
        labeller.go(-1),
        labeller.go(0, "nowhere"),
        labeller.step(-1),
        labeller.select_node(5),
        labeller.select_instance(1),
        labeller.snap(np.zeros((80, 100, 1), np.uint8)),
    ]
    assert all(not done.changed and not done.edited and done.words for done in refused)
    assert labeller.store.unsaved == 0


def test_moving_a_predicted_point_places_it_and_leaves_the_others_predicted(make):
    labeller = make(predictions=predicted({0: [POSE + 0.125]}))
    assert labeller.animal.states == (PREDICTED,) * 5
    labeller.move(1, 0)
    assert labeller.animal.states == (PLACED, *(PREDICTED,) * 4)
    assert labeller.point == (51.125, 20.125)
    (instance,) = labeller.store.frame(labeller.key).instances
    assert instance.placed.tolist() == [True] + [False] * 4


def test_accepting_keeps_what_was_placed_and_every_digit(make):
    labeller = make(predictions=predicted({0: [POSE + 1 / 3]}))
    labeller.place((1.0, 2.0))
    done = labeller.accept("all")
    assert done.words == "4 predicted points accepted"
    (instance,) = labeller.store.frame(labeller.key).instances
    assert np.array_equal(instance.points[1:], (POSE + 1 / 3)[1:])
    assert tuple(instance.points[0]) == (1.0, 2.0)


def test_accepting_one_by_one_walks_through_the_nodes(make):
    labeller = make(predictions=predicted({0: [POSE]}))
    visited = []
    while labeller.state is PREDICTED:
        visited.append(labeller.node)
        labeller.accept("node")
    assert visited == [0, 1, 2, 3, 4]


def test_enter_on_a_placed_point_goes_on(make):
    labeller = make()
    labeller.place((1.0, 1.0), advance=False)
    done = labeller.accept("node")
    assert done.words == "head is placed already" and done.changed and not done.edited
    assert labeller.node == 1


def test_a_placed_point_can_go_back_to_its_prediction(make):
    labeller = make(predictions=predicted({0: [POSE]}))
    labeller.move(5, 5)
    assert labeller.reset_to_prediction().changed
    assert labeller.state is PREDICTED and labeller.point == (50.0, 20.0)
    labeller.undo()
    assert labeller.state is PLACED and labeller.point == (55.0, 25.0)
    labeller.redo()
    assert labeller.state is PREDICTED


def test_a_deleted_prediction_stays_deleted_until_it_is_undone_or_reset(make):
    predictions = predicted({0: [POSE]})
    labeller = make(predictions=predictions)
    labeller.delete_point()
    assert labeller.state is EMPTY and labeller.animal.absent[0]
    labeller.flush()
    again = make(predictions=predictions)
    assert again.state is EMPTY, "after a restart too"
    again.accept("all")
    assert again.animal.states == (EMPTY, *(PLACED,) * 4)
    again.reset_to_prediction()
    assert again.state is PREDICTED
    again.undo()
    again.undo()
    again.undo()
    assert again.animal.states == (PREDICTED,) * 5, "the deletion of the session before was the third step"


def test_a_node_that_is_not_there_leaves_the_frame_complete(make):
    labeller = make()
    for point in POSE[:4]:
        labeller.place((float(point[0]), float(point[1])))
    assert labeller.counts().complete == 0
    assert labeller.delete_point().words == "tipR marked as not in this frame"
    assert labeller.counts().complete == 1
    assert not labeller.next_open_node()
    assert make is not None and labeller.flush().unsaved == 0
    assert make().counts().complete == 1
    labeller.reset_to_prediction()
    assert labeller.counts().complete == 0 and labeller.next_open_node()


def test_occlusion_is_kept_by_moves_and_toggled(make):
    labeller = make(predictions=predicted({0: [POSE]}))
    labeller.set_occluded()
    assert labeller.state is OCCLUDED, "a predicted point that is marked is placed"
    labeller.move(1, 0)
    assert labeller.state is OCCLUDED
    labeller.set_occluded()
    assert labeller.state is PLACED
    labeller.set_occluded(False)
    assert labeller.state is PLACED


def test_key_repeats_are_one_step_of_undo(make, clock):
    labeller = make()
    labeller.place((10.0, 10.0), advance=False)
    for _ in range(20):
        labeller.move(1, 0)
        clock.now += 0.03
    clock.now += 2.0
    labeller.move(1, 0)
    labeller.move(0, 1)
    assert labeller.point == (31.0, 11.0)
    positions = []
    while labeller.undo().changed:
        positions.append(labeller.point)
    assert positions == [(31.0, 10.0), (30.0, 10.0), (10.0, 10.0), None]
    while labeller.redo().changed:
        positions.append(labeller.point)
    assert positions[4:] == [(10.0, 10.0), (30.0, 10.0), (31.0, 10.0), (31.0, 11.0)]


def test_a_drag_is_one_step(make, clock):
    labeller = make()
    for i in range(10):
        labeller.place((float(i), 0.0), advance=False, repeat="drag")
        clock.now += 0.05
    labeller.undo()
    assert labeller.point is None


def test_mirroring_exchanges_left_and_right_only(make):
    labeller = make()
    for point in POSE:
        labeller.place((float(point[0]), float(point[1])))
    labeller.select_node(3)
    labeller.set_occluded(True)
    labeller.mirror()
    assert np.array_equal(labeller.animal.points, POSE[[0, 1, 2, 4, 3]])
    assert labeller.animal.occluded.tolist() == [False, False, False, False, True]
    labeller.mirror()
    assert np.array_equal(labeller.animal.points, POSE)


def test_mirroring_with_one_side_missing_moves_it_over(make):
    labeller = make()
    labeller.select_node(3)
    labeller.place((5.0, 6.0), advance=False)
    labeller.mirror()
    assert labeller.animal.states == (EMPTY, EMPTY, EMPTY, EMPTY, PLACED)
    assert not labeller.animal.absent.any(), "nobody has said that the left tip is not there"
    labeller.mirror()
    assert labeller.animal.states[3] is PLACED


def test_the_doubtful_come_by_their_scores(make):
    predictions = predicted({0: [POSE]})
    predictions._scores["v1"][0, 0] = [0.9, 0.1, 0.5, np.nan, 0.3]
    labeller = make(predictions=predictions)
    found = [labeller.next_doubtful_node().changed and labeller.node_name for _ in range(3)]
    assert found == ["tipL", "thorax", "tipR"], "no score is the most doubtful"
    labeller.place((1.0, 1.0), advance=False)
    labeller.next_doubtful_node()
    assert labeller.node_name == "tipL"
    labeller.select_node(0)
    labeller.next_doubtful_node()
    assert labeller.node_name == "tipL", "after something else it begins with the worst again"


def test_nodes_are_found_by_number_and_by_letters(make):
    labeller = make()
    assert labeller.find_nodes("2") == (1,)
    assert [SKELETON.node_names[i] for i in labeller.find_nodes("tr")] == ["tipR", "thorax"]
    labeller.next_node(-1)
    assert labeller.node == 4
    assert labeller.previous_node().words == "node 4 of 5: tipL, empty"


def test_the_nearest_point_may_be_another_animals(make):
    labeller = make(predictions=predicted({0: [POSE, POSE + 5]}))
    assert labeller.nearest_node((50, 20)) == (0, 0)
    assert labeller.nearest_node((56, 26)) == (1, 0)
    assert labeller.nearest_node((0, 79), within=5) is None
    assert labeller.select_point(1, 2).changed
    assert (labeller.instance, labeller.node) == (1, 2)


def test_an_expected_place_follows_what_is_placed(make):
    labeller = make()
    for point in POSE:
        labeller.place((float(point[0]), float(point[1])))
    labeller.step(1)
    labeller.select_node(0)
    turned = (POSE - POSE.mean(axis=0)) @ np.array([[0.0, 1.0], [-1.0, 0.0]]) * 0.5 + [50.0, 40.0]
    for node in (0, 2):
        labeller.select_node(node)
        labeller.place((float(turned[node, 0]), float(turned[node, 1])), advance=False)
    labeller.select_node(3)
    assert labeller.place_expected().changed
    assert np.allclose(labeller.point, turned[3])
    assert not labeller.place_expected().changed


def test_the_first_expected_point_lies_where_one_looks(make):
    labeller = make()
    labeller.place_expected((12.0, 13.0))
    assert labeller.point == (12.0, 13.0)


def test_snapping_takes_the_map_before_the_picture(make):
    labeller = make()
    image = np.full((80, 100, 1), 200, np.uint8)
    image[30:33, 40:43] = 0
    labeller.place((38.0, 30.0), advance=False)
    assert "snapped to the" in labeller.snap(image).words
    assert np.hypot(labeller.point[0] - 41, labeller.point[1] - 31) < 2.2

    class WithMaps:
        def __getattr__(self, name):
            return getattr(labeller.predictions, name)

        def maps(self, key: FrameKey) -> ConfidenceMaps:
            values = np.zeros((5, 20, 25))
            values[0, 8, 9] = 1.0
            return ConfidenceMaps(values, (4.0, 4.0))

    nothing_shown = type(labeller.predictions)({}, {})
    with_maps = WithMaps()
    with_maps.instances, with_maps.frames = nothing_shown.instances, nothing_shown.frames
    labeller.set_predictions(with_maps)
    labeller.place((38.0, 34.0), advance=False)
    assert "peak" in labeller.snap(image).words
    assert labeller.point == (37.5, 33.5)


def test_the_checksum_is_stored_with_the_first_edit(make):
    labeller = make()
    labeller.checksum = 77
    labeller.place((1.0, 1.0))
    assert labeller.store.frame(labeller.key).checksum == 77
    labeller.checksum = 78
    labeller.place((2.0, 1.0))
    assert labeller.store.frame(labeller.key).checksum == 77
    labeller.step(1)
    assert labeller.checksum is None, "another frame has another one"
