"""SkeletonEditor: the skeleton of a project and its labels, changed together and undone together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from leaptui.labelling.done import Done, nothing
from leaptui.pose import skeleton_edits as edits
from leaptui.pose.edits import RenameNode
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.store import LabelStore
from leaptui.project import Project

Renames = tuple[RenameNode, ...]


@dataclass(frozen=True)
class _Step:
    """One change, as it was before and after.

    Args:
        forward, backward: renames that the labels follow when it is done, and when it is taken back.
    """

    words: str
    before: Skeleton
    after: Skeleton
    forward: Renames = ()
    backward: Renames = ()


class SkeletonEditor:
    """Changes the skeleton of a project; every change is on disk when its method returns.

    Labels are kept by the names of nodes. A renamed node takes its points along; the points of a deleted node are
    put aside under a name that no node can have, and come back when the deletion is undone.

    Args:
        project: the project; its skeleton is replaced by each change.
        store: its labels.
    """

    def __init__(self, project: Project, store: LabelStore) -> None:
        self._project = project
        self._store = store
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton as it is now."""
        return self._project.require_skeleton()

    def points_of(self, name: str) -> int:
        """How many placed points a node has, for the question before it is deleted."""
        index = self.skeleton.index(name)
        return sum(int(i.placed[index]) for frame in self._store.labels() for i in frame.instances)

    def add(self, name: str, point: tuple[float, float] | None = None) -> Done:
        """Add a node at the end."""
        after = edits.add_node(self.skeleton, name, point)
        name = name.strip()
        # Points that it gets are put aside with it, should the addition be taken back.
        aside = RenameNode(name, self._store.tombstone(name))
        return self._change(f"{name} added", after, tuple(self._store.afresh(name)), (aside,))

    def rename(self, old: str, new: str) -> Done:
        """Rename a node; its points follow."""
        if new.strip() == old:
            return nothing(f"{old} keeps its name")
        after = edits.rename_node(self.skeleton, old, new)
        there = (RenameNode(old, new.strip()),)
        return self._change(f"{old} is {new.strip()} now", after, there, _back(there))

    def delete(self, name: str) -> Done:
        """Delete a node; its points are put aside until the deletion is undone."""
        after = edits.delete_node(self.skeleton, name)
        aside = (RenameNode(name, self._store.tombstone(name)),)
        return self._change(f"{name} deleted", after, aside, _back(aside))

    def move(self, name: str, by: int) -> Done:
        """Move a node down (by > 0) or up in the order."""
        return self._change(f"{name} moved", edits.move_node(self.skeleton, name, by))

    def set_parent(self, child: str, parent: str | None) -> Done:
        """Draw the edge to a node from another one, or from none."""
        words = f"{child} hangs on {parent}" if parent is not None else f"{child} hangs on nothing"
        return self._change(words, edits.set_parent(self.skeleton, child, parent))

    def set_symmetry(self, left: str, right: str | None) -> Done:
        """Make two nodes each other's mirror image."""
        words = f"{left} and {right} mirror each other" if right is not None else f"{left} has no mirror image"
        return self._change(words, edits.set_symmetry(self.skeleton, left, right))

    def set_colour(self, name: str, colour: str | None) -> Done:
        """Give a node a colour, or the colour of its side."""
        return self._change(
            f"{name} has {colour or 'the colour of its side'}", edits.set_colour(self.skeleton, name, colour)
        )

    def set_body_axis(self, axis: tuple[str, str] | None) -> Done:
        """Say between which nodes the body length is measured."""
        words = "no body length" if axis is None else f"body length from {axis[0]} to {axis[1]}"
        return self._change(words, edits.set_body_axis(self.skeleton, axis))

    def set_reference(self, points: list[tuple[float, float]] | None, words: str = "reference pose changed") -> Done:
        """Set the reference pose."""
        return self._change(words, edits.set_reference(self.skeleton, points))

    def undo(self) -> Done:
        """Take the last change back."""
        if not self._undo:
            return nothing("nothing to undo")
        step = self._undo.pop()
        self._redo.append(replace(step, forward=_back(step.backward)))
        return self._write(f"undone: {step.words}", step.before, step.backward)

    def redo(self) -> Done:
        """Do again what was undone."""
        if not self._redo:
            return nothing("nothing to redo")
        step = self._redo.pop()
        self._undo.append(step)
        return self._write(f"done again: {step.words}", step.after, step.forward)

    def _change(self, words: str, after: Skeleton, forward: Renames = (), backward: Renames = ()) -> Done:
        before = self.skeleton
        if after == before:
            return nothing(words)
        done = self._write(words, after, forward)
        self._undo.append(_Step(words, before, after, forward, backward))
        self._redo.clear()
        return done

    def _write(self, words: str, skeleton: Skeleton, renames: Renames) -> Done:
        """Labels first: a name the skeleton does not know yet is read under its old one."""
        if renames:
            for rename in renames:
                self._store.settle(rename.new)
            self._store.apply(renames, words)
        now = Project.open(self._project.folder)
        now.skeleton = skeleton
        now.save()
        self._project.skeleton, self._project.videos = skeleton, now.videos
        self._store.skeleton = skeleton
        return Done(words)


def _back(renames: Renames) -> Renames:
    """The renames that take these back."""
    return tuple(RenameNode(rename.new, rename.old) for rename in reversed(renames))
