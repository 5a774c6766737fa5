"""Changes of a skeleton, each a function from a skeleton to the changed one.

Edges, symmetries, the body axis and the reference pose follow a node when it is renamed, moved or taken away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from leaptui.errors import UnusableInput
from leaptui.pose.skeleton import Edge, Node, Skeleton, Symmetry


def add_node(skeleton: Skeleton, name: str, point: tuple[float, float] | None = None) -> Skeleton:
    """With one more node at the end.

    Args:
        skeleton: the skeleton.
        name: of the new node.
        point: where it is in the reference pose; without one, in the middle of it.
    """
    reference = skeleton.reference
    if reference is not None:
        count = len(reference)
        middle = (sum(x for x, _ in reference) / count, sum(y for _, y in reference) / count)
        reference = (*reference, point or middle)
    return replace(skeleton, nodes=(*skeleton.nodes, Node(_checked(skeleton, name))), reference=reference)


def rename_node(skeleton: Skeleton, old: str, new: str) -> Skeleton:
    """With another name for a node.

    Raises:
        UnusableInput: if the name is empty or taken.
    """
    new = _checked(skeleton, new)

    def named(name: str) -> str:
        return new if name == old else name

    axis = skeleton.body_axis
    return replace(
        skeleton,
        nodes=tuple(replace(node, name=named(node.name)) for node in skeleton.nodes),
        edges=tuple(Edge(named(e.parent), named(e.child)) for e in skeleton.edges),
        symmetries=tuple(Symmetry(named(s.left), named(s.right)) for s in skeleton.symmetries),
        body_axis=None if axis is None else (named(axis[0]), named(axis[1])),
    )


def delete_node(skeleton: Skeleton, name: str) -> Skeleton:
    """Without a node; its children get its parent.

    Raises:
        UnusableInput: if it is the only one.
    """
    index = skeleton.index(name)
    if len(skeleton) == 1:
        raise UnusableInput("the last node cannot be deleted", where=skeleton.name, hint="Add another one first.")
    parent = next((e.parent for e in skeleton.edges if e.child == name), None)
    edges = [e for e in skeleton.edges if name not in (e.parent, e.child)]
    if parent is not None:
        edges += [Edge(parent, e.child) for e in skeleton.edges if e.parent == name and e.child != parent]
    axis = skeleton.body_axis
    reference = skeleton.reference
    return replace(
        skeleton,
        nodes=tuple(node for node in skeleton.nodes if node.name != name),
        edges=tuple(edges),
        symmetries=tuple(s for s in skeleton.symmetries if name not in (s.left, s.right)),
        body_axis=None if axis is not None and name in axis else axis,
        reference=None if reference is None else reference[:index] + reference[index + 1 :],
    )


def move_node(skeleton: Skeleton, name: str, by: int) -> Skeleton:
    """With a node farther down (by > 0) or up in the order; at an end it stays."""
    order = list(range(len(skeleton)))
    index = skeleton.index(name)
    target = min(max(index + by, 0), len(order) - 1)
    order.insert(target, order.pop(index))
    return reorder(skeleton, order)


def reorder(skeleton: Skeleton, order: Sequence[int]) -> Skeleton:
    """With the nodes in another order: entry i is the old position of the new node i."""
    reference = skeleton.reference
    return replace(
        skeleton,
        nodes=tuple(skeleton.nodes[i] for i in order),
        reference=None if reference is None else tuple(reference[i] for i in order),
    )


def set_parent(skeleton: Skeleton, child: str, parent: str | None) -> Skeleton:
    """With the edge to a node from another one, or from none.

    Raises:
        UnusableInput: if the edges would run in a circle.
    """
    edges = [e for e in skeleton.edges if e.child != child]
    if parent is not None:
        above: str | None = parent
        while above is not None:
            if above == child:
                raise UnusableInput(f"{parent} hangs on {child} already", where=skeleton.name)
            above = next((e.parent for e in edges if e.child == above), None)
        edges.append(Edge(parent, child))
    return replace(skeleton, edges=tuple(edges))


def set_symmetry(skeleton: Skeleton, left: str, right: str | None) -> Skeleton:
    """With two nodes as each other's mirror image, or (right None) with a node on its own again."""
    apart = {left} if right is None else {left, right}
    pairs = [s for s in skeleton.symmetries if not apart & {s.left, s.right}]
    if right is not None:
        pairs.append(Symmetry(left, right))
    return replace(skeleton, symmetries=tuple(pairs))


def set_colour(skeleton: Skeleton, name: str, colour: str | None) -> Skeleton:
    """With another colour ("#rrggbb") for a node, or its colour by side."""
    nodes = tuple(replace(node, colour=colour) if node.name == name else node for node in skeleton.nodes)
    return replace(skeleton, nodes=nodes)


def set_body_axis(skeleton: Skeleton, axis: tuple[str, str] | None) -> Skeleton:
    """With other nodes between which the body length is measured."""
    return replace(skeleton, body_axis=axis)


def set_reference(skeleton: Skeleton, points: Sequence[tuple[float, float]] | None) -> Skeleton:
    """With another reference pose, one point a node."""
    return replace(skeleton, reference=None if points is None else tuple((float(x), float(y)) for x, y in points))


def _checked(skeleton: Skeleton, name: str) -> str:
    name = name.strip()
    if not name:
        raise UnusableInput("a node needs a name", where=skeleton.name)
    if name in skeleton:
        raise UnusableInput(f"there is a node {name} already", where=skeleton.name, hint="Choose another name.")
    return name
