"""Whole animals: pairing with predictions, moving, copying, interpolating, adding, deleting, tracks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelling_helpers import POSE, SKELETON, predicted

from leaptui.labelling.animals import PointState, animals_of, pair
from leaptui.pose.edits import SetPoints, SetTrack
from leaptui.pose.instance import Instance, PredictedInstance
from leaptui.pose.labels import FrameKey

FAR = np.array([20.0, 15.0])


def some(points, nodes):
    """Only some of the points."""
    kept = np.full_like(points, np.nan)
    kept[list(nodes)] = points[list(nodes)]
    return kept


def place_all(labeller, points):
    for node, (x, y) in enumerate(points):
        labeller.select_node(node)
        labeller.place((float(x), float(y)), advance=False)


def test_a_frame_without_anything_has_one_empty_animal():
    (animal,) = animals_of([], [], [], 5)
    assert not animal.shown.any() and animal.id == "" and not animal.stored


def test_pairs_are_near_ones():
    placed = [Instance(POSE + FAR + 0.5, id="b"), Instance(POSE - 0.5, id="a")]
    predictions = [PredictedInstance(POSE), PredictedInstance(POSE + FAR)]
    assert pair(placed, predictions) == {0: 1, 1: 0}


def test_what_is_remembered_and_tracks_come_before_distance():
    placed = [Instance(POSE, id="a"), Instance(POSE + FAR, id="b", track="male")]
    predictions = [PredictedInstance(POSE, track="male"), PredictedInstance(POSE + FAR)]
    assert pair(placed, predictions) == {1: 0, 0: 1}
    assert pair(placed, predictions, {"a": 0}) == {0: 0, 1: 1}


def test_an_animal_that_the_model_missed_is_no_other_one():
    placed = [Instance(POSE, id="a")]
    predictions = [PredictedInstance(POSE + np.array([200.0, 0.0]))]
    assert pair(placed, predictions) == {}
    found = animals_of(placed, predictions, [], 5)
    assert len(found) == 2


def test_the_first_point_placed_far_off_still_belongs_to_the_prediction(make):
    labeller = make(predictions=predicted({0: [POSE]}))
    labeller.place((95.0, 75.0), advance=False)
    assert len(labeller.instances()) == 1
    assert labeller.animal.source == 0


def test_the_order_of_animals_does_not_change_when_one_is_touched(make):
    labeller = make(predictions=predicted({0: [POSE, POSE + FAR]}))
    labeller.next_instance()
    assert labeller.instance == 1
    labeller.move(1, 0)
    assert labeller.instance == 1 and labeller.animal.stored
    assert [a.source for a in labeller.instances()] == [0, 1]
    labeller.previous_instance()
    assert not labeller.animal.stored


@given(st.integers(0, 3), st.integers(0, 3), st.randoms())
def test_every_animal_is_shown_once(placed_count, predicted_count, random):
    def points():
        base = POSE + np.array([random.uniform(0, 300), random.uniform(0, 300)])
        return some(base, [n for n in range(5) if random.random() < 0.7])

    placed = [Instance(points(), id=f"i{n}") for n in range(placed_count)]
    predictions = [PredictedInstance(points()) for _ in range(predicted_count)]
    found = animals_of(placed, predictions, [], 5)
    assert sorted(a.id for a in found if a.stored) == [i.id for i in placed]
    sources = [a.source for a in found if a.source is not None]
    assert sorted(sources) == list(range(predicted_count))
    assert sources == sorted(sources)
    for animal in found:
        instance = next((i for i in placed if i.id == animal.id), None)
        if instance is not None:
            assert np.array_equal(animal.points[instance.placed], instance.points[instance.placed])


def test_moving_a_predicted_animal_places_all_of_it(make):
    labeller = make(predictions=predicted({0: [some(POSE, (0, 1, 2))]}))
    assert labeller.move_instance(2, -3).words == "animal moved 2 px right and 3 px up"
    assert np.array_equal(labeller.animal.points[:3], POSE[:3] + np.array([2, -3]))
    assert labeller.animal.states[3] is PointState.EMPTY
    labeller.undo()
    assert labeller.animal.predicted.sum() == 3


def test_an_animal_keeps_its_shape_at_the_border(make):
    labeller = make()
    place_all(labeller, POSE)
    labeller.move_instance(1000, 0)
    assert labeller.animal.points[:, 0].max() == 99.5
    assert np.allclose(np.diff(labeller.animal.points, axis=0), np.diff(POSE, axis=0))
    assert not labeller.move_instance(1, 0).changed


def test_rotating_there_and_back(make):
    labeller = make()
    place_all(labeller, POSE)
    labeller.rotate(30)
    assert not np.allclose(labeller.animal.points, POSE)
    labeller.rotate(-30)
    assert np.allclose(labeller.animal.points, POSE)
    assert "counter-clockwise" in labeller.undo_words
    assert not labeller.rotate(720).changed


def test_a_new_animal_is_a_guess_until_it_is_accepted(make):
    labeller = make()
    place_all(labeller, POSE)
    labeller.step(1)
    labeller.add_instance()
    assert labeller.animal.predicted.all(), "the pose of the labelled frame"
    assert np.allclose(np.ptp(labeller.animal.points, axis=0), np.ptp(POSE, axis=0))
    assert labeller.counts().frames == 1
    labeller.move_instance(3, 0)
    labeller.rotate(10)
    assert labeller.animal.predicted.all(), "it moves along as a guess"
    labeller.move(1, 0)
    assert labeller.animal.predicted.sum() == 4
    labeller.accept()
    assert labeller.animal.placed.all()
    for _ in range(2):
        labeller.undo()
    assert labeller.animal.predicted.all()
    for _ in range(3):
        labeller.undo()
    assert not labeller.animal.shown.any(), "undone is the animal too"
    for _ in range(5):
        labeller.redo()
    assert labeller.animal.placed.all()


def test_without_any_label_a_new_animal_lies_on_a_circle_inside(make):
    labeller = make()
    labeller.add_instance(at=(0.0, 0.0))
    points = labeller.animal.points
    assert np.isfinite(points).all() and (points >= -0.5).all()
    labeller.add_instance("empty")
    assert len(labeller.instances()) == 2 and not labeller.animal.shown.any()


def test_the_skeletons_reference_pose_comes_first(make):
    skeleton = replace(SKELETON, reference=tuple((float(x) / 10, float(y) / 10) for x, y in POSE))
    labeller = make(skeleton=skeleton)
    labeller.add_instance()
    points = labeller.animal.points
    ratio = np.ptp(points, axis=0) / np.ptp(POSE, axis=0)
    assert ratio[0] == pytest.approx(ratio[1])


def test_deleting_an_animal_takes_its_prediction_away(make):
    labeller = make(predictions=predicted({0: [POSE, POSE + FAR]}))
    labeller.move(1, 0)
    assert labeller.delete_instance().words == "animal 1 deleted with 1 placed point"
    assert [a.source for a in labeller.instances()] == [1]
    labeller.delete_instance()
    assert not labeller.animal.shown.any()
    assert labeller.store.frame(labeller.key).instances == []
    labeller.undo()
    labeller.undo()
    assert [a.source for a in labeller.instances()] == [0, 1]
    assert labeller.animal.placed[0]


def test_copying_fills_what_is_missing(make):
    labeller = make()
    place_all(labeller, POSE)
    labeller.set_occluded(True)
    labeller.go(5)
    labeller.select_node(0)
    labeller.place((1.0, 1.0))
    assert labeller.copy_from("previous").words == "4 points copied from frame 0"
    assert labeller.point is not None and tuple(labeller.animal.points[0]) == (1.0, 1.0)
    assert np.array_equal(labeller.animal.points[1:], POSE[1:])
    assert labeller.animal.occluded.tolist() == [False] * 4 + [True]
    assert not labeller.copy_from("next").changed
    assert "later" in (labeller.undo(), labeller.copy_from(1))[1].words


def test_interpolation_is_linear_in_time_node_by_node(make):
    labeller = make()
    place_all(labeller, POSE)
    labeller.go(8)
    for node in (0, 1):
        labeller.select_node(node)
        labeller.place(tuple(POSE[node] + [8.0, 4.0]), advance=False)
    labeller.go(2)
    assert labeller.interpolate().words == "2 points interpolated between frames 0 and 8"
    assert np.allclose(labeller.animal.points[:2], POSE[:2] + np.array([2.0, 1.0]))
    assert np.isnan(labeller.animal.points[2:]).all()
    labeller.go(9)
    assert "later" in labeller.interpolate().words


def test_copying_follows_the_track(make):
    labeller = make()
    for frame in (0, 1):
        for name, offset in (("a", 0.0), ("b", 10.0)):
            values = {
                n: (float(x + offset), float(y), False) for n, (x, y) in zip(SKELETON.node_names, POSE, strict=True)
            }
            nodes = values if frame == 0 else {"head": values["head"]}
            labeller.store.stage(
                [SetPoints("v1", frame, f"{name}{frame}", nodes), SetTrack("v1", frame, f"{name}{frame}", name)]
            )
    labeller.take_refreshed({FrameKey("v1", 0), FrameKey("v1", 1)})
    labeller.go(1)
    labeller.select_instance(1)
    labeller.copy_from("previous")
    assert labeller.animal.track == "b"
    assert np.array_equal(labeller.animal.points, POSE + np.array([10.0, 0.0]))


def test_tracks_are_exchanged_rather_than_doubled(make):
    labeller = make(predictions=predicted({0: [POSE, POSE + FAR]}))
    labeller.move(1, 0)
    labeller.assign_track("female")
    labeller.next_instance()
    labeller.move(1, 0)
    labeller.assign_track("male")
    assert labeller.assign_track(" female ").words == "track 'female' assigned, the other animal is now 'male'"
    assert [a.track for a in labeller.instances()] == ["male", "female"]
    assert labeller.tracks() == ["female", "male"]
    labeller.assign_track(None)
    assert labeller.animal.track is None
    labeller.undo()
    labeller.undo()
    assert [a.track for a in labeller.instances()] == ["female", "male"]


def test_the_same_animal_stays_selected_on_the_next_frame(make):
    labeller = make(predictions=predicted({0: [POSE, POSE + FAR], 1: [POSE, POSE + FAR]}))
    labeller.next_instance()
    labeller.step(1)
    assert labeller.instance == 1
    labeller.step(1)
    assert labeller.instance == 0, "there is only one"


def test_other_predictions_do_not_upset_what_was_placed(make):
    labeller = make(predictions=predicted({0: [POSE, POSE + FAR]}))
    labeller.next_instance()
    labeller.move(1, 0)
    labeller.set_predictions(predicted({0: [POSE + FAR]}))
    assert len(labeller.instances()) == 1
    assert labeller.animal.placed[0] and labeller.animal.predicted[1:].all()
    labeller.set_predictions(None)
    assert labeller.animal.states.count(PointState.EMPTY) == 4
    labeller.undo()
    assert not labeller.animal.shown.any()
