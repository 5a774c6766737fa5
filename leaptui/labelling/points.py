"""Commands on the points of the selected animal."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from leaptui.labelling import fuzzy, moves, snap
from leaptui.labelling.animals import Animal, PointState
from leaptui.labelling.done import Done, nothing
from leaptui.labelling.reference import fitted, reference_pose
from leaptui.labelling.state import LabellerState
from leaptui.pose.edits import PointValue
from leaptui.pose.instance import Points
from leaptui.pose.labels import FrameKey
from leaptui.words import plural


class PointCommands(LabellerState):
    """Which node, and where it is."""

    # Which node

    def next_node(self, direction: int = 1) -> Done:
        """Select the next node (or with -1 the one before); after the last comes the first."""
        return self.select_node((self.node + direction) % len(self.skeleton))

    def previous_node(self) -> Done:
        """Select the node before."""
        return self.next_node(-1)

    def select_node(self, node: int) -> Done:
        """Select a node by its position, from 0."""
        if not 0 <= node < len(self.skeleton):
            return nothing(f"there is no node {node + 1}: the skeleton has {plural(len(self.skeleton), 'node')}")
        changed = node != self.node
        self._cursor = replace(self._cursor, node=node)
        return Done(f"node {node + 1} of {len(self.skeleton)}: {self.node_name}, {self.state.value}", changed)

    def select_point(self, instance: int, node: int) -> Done:
        """Select a node of another animal, as a click does."""
        if not 0 <= instance < len(self.instances()):
            return nothing(f"there is no animal {instance + 1} in this frame")
        moved = instance != self.instance
        self._cursor = replace(self._cursor, instance=instance)
        done = self.select_node(node)
        return replace(done, changed=done.changed or moved)

    def find_nodes(self, text: str) -> Sequence[int]:
        """Positions of the nodes that a few letters may mean, best first; a number means the node of that number."""
        if text.isdecimal() and 1 <= int(text) <= len(self.skeleton):
            return (int(text) - 1,)
        return fuzzy.ranked(text, self.skeleton.node_names)

    def nearest_node(self, point: tuple[float, float], within: float = math.inf) -> tuple[int, int] | None:
        """(animal, node) of the shown point nearest to a place, of any animal; None if none is within that many px.

        Where two points are equally near, the selected animal's wins.
        """
        best: tuple[float, bool, int, int] | None = None
        for position, animal in enumerate(self.instances()):
            steps = animal.points - np.asarray(point, float)
            distances = np.where(animal.shown, np.hypot(steps[:, 0], steps[:, 1]), np.inf)
            node = int(distances.argmin())
            found = (float(distances[node]), position != self.instance, position, node)
            if math.isfinite(found[0]) and found[0] <= within and (best is None or found < best):
                best = found
        return None if best is None else (best[2], best[3])

    def next_doubtful_node(self, direction: int = 1) -> Done:
        """Select the predicted node with the lowest score; again: the next lowest (with -1 the one before)."""
        animal = self.animal
        scores = np.where(np.isfinite(animal.scores), animal.scores, -1.0)
        doubtful = sorted((float(scores[n]), int(n)) for n in np.flatnonzero(animal.predicted))
        if not doubtful:
            return nothing("no predicted point is left to check in this animal")
        order = [node for _, node in doubtful]
        if self.node in order and self._doubted == self._cursor:
            chosen = order[(order.index(self.node) + direction) % len(order)]
        else:
            chosen = order[0 if direction > 0 else -1]
        score = float(animal.scores[chosen])
        done = self.select_node(chosen)
        self._doubted = self._cursor
        said = f"score {score:.2f}" if math.isfinite(score) else "no score"
        return replace(done, words=f"{self.node_name}: {said}, {plural(len(order), 'predicted point')} left")

    def next_open_node(self) -> bool:
        """Select the next node that is empty or predicted, without words; False if none is open."""
        wanted = self.animal.open
        count = len(wanted)
        for step in range(1, count + 1):
            node = (self.node + step) % count
            if wanted[node]:
                self._cursor = replace(self._cursor, node=node)
                return True
        return False

    # Where it is

    def place(
        self,
        point: tuple[float, float],
        *,
        advance: bool | None = None,
        repeat: Hashable = None,
        how: str = "placed",
    ) -> Done:
        """Put the selected node somewhere; outside of the frame means the nearest place inside.

        Args:
            point: x, y in source pixels.
            advance: select the next open node afterwards; `auto_advance` if left out.
            repeat: placements that follow within a second with the same value are one undo step (a drag).
            how: the verb for the log.
        """
        if not (math.isfinite(point[0]) and math.isfinite(point[1])):
            return nothing("that is no place in the frame")
        x, y = self._inside(point)
        node, occluded = self.node, self.state is PointState.OCCLUDED
        outside = "" if (x, y) == (float(point[0]), float(point[1])) else ", at the border of the frame"
        done = self._set(
            {node: (x, y, occluded)},
            f"{self.node_name} {how} at {x:.1f}, {y:.1f}{outside}",
            repeat=None if repeat is None else ("place", repeat, node),
        )
        if self.auto_advance if advance is None else advance:
            self.next_open_node()
        return done

    def place_expected(self, fallback: tuple[float, float] | None = None) -> Done:
        """Put the selected node where it is expected, to be moved from there.

        Its prediction counts first, then the reference pose laid over the points that are there.

        Args:
            fallback: where to put it when nothing is known, the middle of the view; else the middle of the frame.
        """
        animal = self.animal
        if animal.placed[self.node]:
            return nothing(f"{self.node_name} is placed already")
        x, y = animal.guess[self.node]
        if not (math.isfinite(x) and math.isfinite(y)):
            pose = self.reference()
            if animal.shown.any():
                x, y = fitted(pose, animal.points)[self.node]
            else:
                x, y = fallback or ((self.video.width - 1) / 2, (self.video.height - 1) / 2)
        return self.place((float(x), float(y)), advance=False, how="placed where it is expected,")

    def reference(self) -> Points:
        """(J, 2) the reference pose about (0, 0), in source pixels."""
        return reference_pose(self.skeleton, self.labelled_poses(), min(self.video.width, self.video.height))

    def labelled_poses(self, most: int = 60) -> list[Points]:
        """(J, 2) points of placed animals of other frames, the nearest frames first."""
        poses: list[Points] = []
        videos = [self.video, *(v for v in self.videos if v.id != self.video.id)]
        for video in videos:
            frames = sorted(self.index.labelled(video.id), key=lambda f: abs(f - self.frame))
            for frame in frames[: most + 1]:
                key = FrameKey(video.id, frame)
                if key == self.key:
                    continue
                poses += [i.points for i in self.store.frame(key).instances if i.placed.any()]
                if len(poses) >= most:
                    return poses
        return poses

    def move(self, dx: float, dy: float) -> Done:
        """Move the selected point; a predicted one becomes placed."""
        if self.point is None:
            return nothing(f"{self.node_name} is not placed yet")
        if not (math.isfinite(dx) and math.isfinite(dy)):
            return nothing("that is no distance")
        old_x, old_y = self.point
        x, y = self._inside((old_x + dx, old_y + dy))
        if (x, y) == (old_x, old_y):
            return nothing(f"{self.node_name} is at the border of the frame")
        return self._set(
            {self.node: (x, y, self.state is PointState.OCCLUDED)},
            f"{self.node_name} moved {moves.direction_words(x - old_x, y - old_y)}",
            repeat=("move", dx, dy, self.node),
        )

    def snap(self, image: snap.AnyImage, radius: float = 6.0) -> Done:
        """Move the selected point to the peak of its confidence map, or to the nearest corner or spot of the frame.

        Args:
            image: (H, W, C) the frame in sight.
            radius: how far it may move, in source pixels.
        """
        if self.point is None:
            return nothing(f"{self.node_name} is not placed yet")
        maps = self.predictions.maps(self.key)
        found = snap.snap(image, self.point, radius, None if maps is None else snap.NodeMap.of(maps, self.node))
        if found is None:
            return nothing(f"there is nothing to snap to within {radius:g} px")
        return self.place(found.point, advance=False, how=f"snapped to the {found.feature}")

    def delete_point(self) -> Done:
        """Take the selected point away: there is none, whatever is predicted, and none is to be placed.

        Of a node without a point it says the same, so that a body part out of sight leaves the frame complete.
        """
        if self.animal.absent[self.node]:
            return nothing(f"{self.node_name} is deleted already")
        there = self.point is not None
        return self._set({self.node: None}, f"{self.node_name} {'deleted' if there else 'marked as not in this frame'}")

    def set_occluded(self, flag: bool | None = None) -> Done:
        """Mark the selected point as hidden by the body (True), as visible (False), or the other (None)."""
        animal, node = self.animal, self.node
        if self.point is None:
            return nothing(f"{self.node_name} is not placed yet")
        value = not animal.occluded[node] if flag is None else flag
        if bool(animal.occluded[node]) == value and animal.placed[node]:
            return nothing(f"{self.node_name} is {'occluded' if value else 'visible'} already")
        words = f"{self.node_name} marked as {'occluded' if value else 'visible'}"
        return self._set({node: (*self.point, value)}, words)

    # Many points

    def accept(self, which: Literal["all", "node"] = "all") -> Done:
        """Place every predicted point of the animal where it is, or the selected one and go to the next."""
        animal = self.animal
        if which == "node":
            if animal.states[self.node] is not PointState.PREDICTED:
                words = "is placed already" if animal.placed[self.node] else "has no predicted point"
                name = self.node_name
                return Done(f"{name} {words}", changed=self.auto_advance and self.next_open_node())
            done = self._set(self._values(animal, [self.node]), f"{self.node_name} accepted")
            if self.auto_advance:
                self.next_open_node()
            return done
        nodes = [int(n) for n in np.flatnonzero(animal.predicted)]
        if not nodes:
            return nothing("no predicted point is left to accept")
        return self._set(self._values(animal, nodes), f"{plural(len(nodes), 'predicted point')} accepted")

    def reset_to_prediction(self) -> Done:
        """Put the selected point back to where it was predicted, as a prediction; a deleted one shows again."""
        animal, node = self.animal, self.node
        if animal.states[node] is PointState.PREDICTED:
            return nothing(f"{self.node_name} is where it was predicted")
        predicted = bool(np.isfinite(animal.guess[node]).all())
        if not predicted and not animal.absent[node]:
            return nothing(f"there is no prediction of {self.node_name}")
        return self._set(
            {}, f"{self.node_name} {'reset to its prediction' if predicted else 'to be placed again'}", forget=[node]
        )

    def mirror(self) -> Done:
        """Exchange the points of left and right nodes; predicted ones of them become placed."""
        animal = self.animal
        swap = self.skeleton.swap
        paired = [i for i, other in enumerate(swap) if i != other and (animal.shown[i] or animal.shown[other])]
        if not paired:
            has = any(i != other for i, other in enumerate(swap))
            return nothing("no left or right point is there" if has else "the skeleton has no left and right nodes")
        points = moves.mirrored(animal.points, swap)
        occluded = moves.mirrored(animal.occluded, swap)
        values: dict[int, PointValue] = {}
        forget = []
        for i in paired:
            if np.isfinite(points[i]).all():
                values[i] = (float(points[i, 0]), float(points[i, 1]), bool(occluded[i]))
            elif np.isfinite(animal.guess[i]).all() or animal.absent[swap[i]]:
                values[i] = None
            else:
                forget.append(i)
        return self._set(values, "left and right exchanged", forget=forget)

    def _inside(self, point: tuple[float, float]) -> tuple[float, float]:
        x, y = moves.clamped(np.asarray(point, float), self.video.width, self.video.height)
        return float(x), float(y)

    def _values(self, animal: Animal, nodes: Sequence[int], points: Points | None = None) -> dict[int, PointValue]:
        """Values of nodes, at their own or other places, inside the frame."""
        places = animal.points if points is None else points
        values: dict[int, PointValue] = {}
        for node in nodes:
            x, y = self._inside((float(places[node, 0]), float(places[node, 1])))
            values[node] = (x, y, bool(animal.occluded[node]))
        return values
