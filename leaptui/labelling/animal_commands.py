"""Commands on whole animals: moving, copying, interpolating, adding, deleting, tracks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from leaptui.labelling import moves
from leaptui.labelling.animals import Animal
from leaptui.labelling.done import Done, nothing
from leaptui.labelling.points import PointCommands
from leaptui.pose.edits import DeleteInstance, Edit, SetTrack
from leaptui.pose.instance import Instance, Points, PredictedInstance
from leaptui.pose.labels import FrameKey
from leaptui.pose.store import new_instance_id
from leaptui.words import plural


class AnimalCommands(PointCommands):
    """What is done to all points of an animal, and to the list of animals."""

    # All points

    def move_instance(self, dx: float, dy: float) -> Done:
        """Move every point of the animal; predicted ones become placed, a starting pose stays a guess."""
        animal = self.animal
        if not animal.shown.any():
            return nothing("this animal has no points to move")
        if not (math.isfinite(dx) and math.isfinite(dy)):
            return nothing("that is no distance")
        dx, dy = moves.shift_inside(animal.points, dx, dy, self.video.width, self.video.height)
        if not (dx or dy):
            return nothing("the animal is at the border of the frame")
        points = moves.shifted(animal.points, dx, dy)
        return self._shape(animal, points, f"animal moved {moves.direction_words(dx, dy)}", ("shift", dx, dy))

    def rotate(self, degrees: float) -> Done:
        """Turn the animal clockwise about the middle of its points, and back into the frame where it leaves it."""
        animal = self.animal
        middle = moves.centre_of(animal.points)
        if middle is None:
            return nothing("this animal has no points to rotate")
        if not math.isfinite(degrees) or math.fmod(degrees, 360) == 0:
            return nothing("that is no rotation")
        points = moves.rotated(animal.points, degrees, middle)
        dx, dy = moves.shift_inside(points, 0.0, 0.0, self.video.width, self.video.height)
        way = "clockwise" if degrees > 0 else "counter-clockwise"
        words = f"animal rotated {abs(degrees):g} degrees {way}"
        return self._shape(animal, moves.shifted(points, dx, dy), words, ("rotate", degrees))

    def _shape(self, animal: Animal, points: Points, words: str, repeat: tuple[object, ...]) -> Done:
        """Put all shown points elsewhere."""
        again = (*repeat, self.key, animal.id)
        draft = self._memory.draft(self.key, animal.id) if animal.id else None
        if draft is None:
            nodes = [int(n) for n in np.flatnonzero(animal.shown)]
            return self._set(self._values(animal, nodes, points), words, repeat=again)
        guess = np.where(animal.predicted[:, None], points, draft.points)
        memory = self._memory.with_draft(self.key, replace(draft, points=guess))
        placed = [int(n) for n in np.flatnonzero(animal.placed)]
        if not placed:
            return self._change(words, memory=memory, keep=animal.id, repeat=again)
        return self._set(self._values(animal, placed, points), words, memory=memory, repeat=again)

    def copy_from(self, where: Literal["previous", "next"] | int) -> Done:
        """Copy the points of the same animal in the labelled frame before or after into nodes that are not placed.

        Args:
            where: "previous" or -1, "next" or 1.
        """
        direction = -1 if where in ("previous", -1) else 1
        side = "earlier" if direction < 0 else "later"
        animal = self.animal
        if not animal.open.any():
            return nothing("every point is placed already: delete those that should be copied")
        frame = self.index.next_labelled(self.video.id, self.frame, direction)
        if frame is None:
            return nothing(f"there is no {side} labelled frame in this video")
        other = self._same_animal(frame)
        nodes = [] if other is None else [int(n) for n in np.flatnonzero(other.placed & animal.open)]
        if other is None or not nodes:
            return nothing(f"frame {frame} has no point that is missing here")
        values = {
            n: (*self._inside((float(other.points[n, 0]), float(other.points[n, 1]))), bool(other.occluded[n]))
            for n in nodes
        }
        return self._set(values, f"{plural(len(nodes), 'point')} copied from frame {frame}")

    def interpolate(self) -> Done:
        """Place nodes that are not placed on straight lines in time between the labelled frames around this one.

        Each node uses the nearest frames before and after in which it is placed.
        """
        animal = self.animal
        if not animal.open.any():
            return nothing("every point is placed already")
        before, after = self._known_around(-1), self._known_around(1)
        missing = [s for s, found in (("earlier", before), ("later", after)) if not found]
        if missing:
            return nothing(f"there is no {missing[0]} labelled frame with this animal in this video")
        values = {}
        for node in (int(n) for n in np.flatnonzero(animal.open)):
            if node in before and node in after:
                (first, start), (last, end) = before[node], after[node]
                share = (self.frame - first) / (last - first)
                x, y = moves.interpolated(start.points[node], end.points[node], share)
                hidden = bool(start.occluded[node] and end.occluded[node])
                values[node] = (*self._inside((float(x), float(y))), hidden)
        if not values:
            return nothing("no missing point is placed both before and after this frame")
        frames = {before[n][0] for n in values}, {after[n][0] for n in values}
        span = f"frames {max(frames[0])} and {min(frames[1])}"
        return self._set(values, f"{plural(len(values), 'point')} interpolated between {span}")

    def _known_around(self, direction: int, most: int = 50) -> dict[int, tuple[int, Instance]]:
        """(frame, instance) of the nearest labelled frame on one side for each node that is placed there."""
        found: dict[int, tuple[int, Instance]] = {}
        at = self.frame
        for _ in range(most):
            frame = self.index.next_labelled(self.video.id, at, direction)
            if frame is None or len(found) == len(self.skeleton):
                break
            at = frame
            other = self._same_animal(frame)
            if other is not None:
                for node in np.flatnonzero(other.placed):
                    found.setdefault(int(node), (frame, other))
        return found

    def _same_animal(self, frame: int) -> Instance | None:
        """The selected animal in another frame: of the same track, or of the same place in the list."""
        others = [i for i in self.store.frame(FrameKey(self.video.id, frame)).instances if i.placed.any()]
        track = self.animal.track
        if track is not None:
            same = [i for i in others if i.track == track]
            if same:
                return same[0]
            others = [i for i in others if i.track is None]
        return others[self.instance] if self.instance < len(others) else None

    # The list of animals

    def add_instance(
        self, pose: Literal["reference", "empty"] = "reference", at: tuple[float, float] | None = None
    ) -> Done:
        """Add an animal in the reference pose, as a guess to be corrected and accepted, or without points.

        Args:
            pose: "empty" for no points.
            at: its middle; the middle of the frame if left out.
        """
        place = at or ((self.video.width - 1) / 2, (self.video.height - 1) / 2)
        points = np.full((len(self.skeleton), 2), np.nan)
        if pose == "reference":
            size = self.video.width, self.video.height
            points = moves.shifted(self.reference(), *place)
            points = moves.clamped(moves.shifted(points, *moves.shift_inside(points, 0.0, 0.0, *size)), *size)
        scores = np.full(len(self.skeleton), np.nan, np.float32)
        draft = PredictedInstance(points, id=new_instance_id(), scores=scores)
        memory = self._memory.with_draft(self.key, draft)
        words = "animal added in the reference pose" if pose == "reference" else "animal added without points"
        return self._change(words, memory=memory, keep=draft.id)

    def delete_instance(self) -> Done:
        """Take the selected animal away, its prediction too."""
        animal = self.animal
        memory = self._memory
        if not animal.stored and animal.source is None and not animal.id:
            return nothing("there is no animal to delete")
        words = f"animal {self.instance + 1} deleted"
        edits: list[Edit] = []
        if animal.stored:
            edits.append(DeleteInstance(self.key.video, self.key.frame, animal.id))
            words += f" with {plural(int(animal.placed.sum()), 'placed point')}"
        if animal.source is not None:
            memory = memory.dismissing(self.key, animal.source)
        if memory.draft(self.key, animal.id) is not None:
            memory = memory.without_draft(self.key, animal.id)
        done = self._change(words, edits, memory=memory)
        self._cursor = replace(self._cursor, instance=self.instance)
        return done

    def select_instance(self, position: int) -> Done:
        """Select an animal of the frame by its position, from 0."""
        animals = self.instances()
        if not 0 <= position < len(animals):
            return nothing(f"there is no animal {position + 1} in this frame")
        changed = position != self.instance
        self._cursor = replace(self._cursor, instance=position)
        track = f", {self.animal.track}" if self.animal.track else ""
        return Done(f"animal {position + 1} of {len(animals)}{track}", changed)

    def next_instance(self, direction: int = 1) -> Done:
        """Select the next animal (or with -1 the one before); after the last comes the first."""
        count = len(self.instances())
        if count == 1:
            return nothing("there is one animal in this frame")
        return self.select_instance((self.instance + direction) % count)

    def previous_instance(self) -> Done:
        """Select the animal before."""
        return self.next_instance(-1)

    def tracks(self) -> Sequence[str]:
        """Names of the tracks that any label, or any animal of this frame, has."""
        return sorted(self._tracks | {a.track for a in self.instances() if a.track is not None})

    def assign_track(self, track: str | None) -> Done:
        """Say which animal over time the selected one is; another one of that name in the frame takes its old name.

        Args:
            track: a name, or None for not known.
        """
        track = track.strip() or None if track is not None else None
        animal = self.animal
        if animal.track == track:
            return nothing(f"the animal is {track!r} already" if track else "the animal has no track")
        if not animal.stored and not animal.shown.any():
            return nothing("place a point of the animal first, then its track")
        others = [
            a for a in self.instances() if a is not animal and track is not None and a.track == track and a.stored
        ]
        name = animal.id or new_instance_id()
        edits: list[Edit] = [SetTrack(self.key.video, self.key.frame, name, track)]
        edits += [SetTrack(self.key.video, self.key.frame, other.id, animal.track) for other in others]
        memory = self._memory
        if animal.source is not None:
            memory = memory.knowing(self.key, name, animal.source)
        words = f"track {track!r} assigned" if track else "track taken away"
        if others:
            words += f", the other animal is now {animal.track!r}" if animal.track else ", taken from the other animal"
        return self._change(words, edits, memory=memory, keep=name)
