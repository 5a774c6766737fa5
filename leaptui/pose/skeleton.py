"""Skeleton: the named body parts of an animal, how they connect and which mirror each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from leaptui.errors import UnusableInput

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Node:
    """A named body part.

    Args:
        name: unique in its skeleton.
        colour: "#rrggbb", or None for a colour by side.
    """

    name: str
    colour: str | None = None


@dataclass(frozen=True)
class Edge:
    """A line drawn from a parent node to its child, by name."""

    parent: str
    child: str


@dataclass(frozen=True)
class Symmetry:
    """Two nodes that change places when the animal is mirrored, by name."""

    left: str
    right: str


@dataclass(frozen=True)
class Skeleton:
    """The body parts of one kind of animal, in the order in which arrays hold them.

    Args:
        name: short name of the skeleton.
        nodes: the body parts; their order is the order of axis `node` in every array.
        edges: parent links.
        symmetries: left/right pairs; a node is in at most one.
        body_axis: the two nodes whose mean distance is the body length, or None when undefined.
        reference: the reference pose, (x, y) of each node in node order, y down, in any unit; or None.

    Raises:
        UnusableInput: if names are empty or repeated, a link names a node that is not there, a colour is none, or
            the reference pose does not have one finite point a node.
    """

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    symmetries: tuple[Symmetry, ...] = ()
    body_axis: tuple[str, str] | None = None
    reference: tuple[tuple[float, float], ...] | None = None
    _index: dict[str, int] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        index = {node.name: i for i, node in enumerate(self.nodes)}
        object.__setattr__(self, "_index", index)
        if not self.nodes:
            raise UnusableInput("the skeleton has no nodes", where=self.name)
        if any(not node.name.strip() for node in self.nodes):
            raise UnusableInput("the skeleton has a node without a name", where=self.name)
        if len(index) < len(self.nodes):
            names = [node.name for node in self.nodes]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise UnusableInput(f"node names occur twice: {', '.join(twice)}", where=self.name)
        links = [(e.parent, e.child, "edge") for e in self.edges]
        links += [(s.left, s.right, "symmetry") for s in self.symmetries]
        if self.body_axis is not None:
            links.append((*self.body_axis, "body_axis"))
        for first, second, kind in links:
            for end in (first, second):
                if end not in index:
                    raise UnusableInput(f"the {kind} {first} - {second} names no node of it: {end}", where=self.name)
            if first == second:
                raise UnusableInput(f"the {kind} {first} - {second} joins a node with itself", where=self.name)
        paired = [end for s in self.symmetries for end in (s.left, s.right)]
        if len(paired) > len(set(paired)):
            twice = sorted({name for name in paired if paired.count(name) > 1})
            raise UnusableInput(f"nodes in more than one symmetry: {', '.join(twice)}", where=self.name)
        for node in self.nodes:
            if node.colour is not None and not _COLOUR.fullmatch(node.colour):
                raise UnusableInput(f"the colour of {node.name} is not of the form #rrggbb", where=self.name)
        if self.reference is not None and (
            len(self.reference) != len(self.nodes) or not all(math.isfinite(v) for xy in self.reference for v in xy)
        ):
            raise UnusableInput("the reference pose must have one point a node", where=self.name)

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def node_names(self) -> tuple[str, ...]:
        """Names of the nodes in array order."""
        return tuple(node.name for node in self.nodes)

    def index(self, name: str) -> int:
        """Position of a node in arrays.

        Raises:
            KeyError: if there is no such node.
        """
        return self._index[name]

    def __contains__(self, name: object) -> bool:
        return name in self._index

    @property
    def edge_indices(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) positions, one pair an edge."""
        return tuple((self.index(e.parent), self.index(e.child)) for e in self.edges)

    @property
    def parents(self) -> tuple[int, ...]:
        """Position of each node's parent, -1 for a node without one."""
        parent = [-1] * len(self)
        for up, down in self.edge_indices:
            parent[down] = up
        return tuple(parent)

    @property
    def swap(self) -> tuple[int, ...]:
        """Permutation of the nodes under mirroring: entry i is the node that i becomes."""
        permutation = list(range(len(self)))
        for s in self.symmetries:
            left, right = self.index(s.left), self.index(s.right)
            permutation[left], permutation[right] = right, left
        return tuple(permutation)

    @property
    def body_axis_indices(self) -> tuple[int, int] | None:
        """Positions of the two nodes that span the body length."""
        return None if self.body_axis is None else (self.index(self.body_axis[0]), self.index(self.body_axis[1]))

    def order_from(self, names: Sequence[str], where: str) -> list[int]:
        """Positions in `names` of this skeleton's nodes, to reorder foreign arrays.

        Raises:
            UnusableInput: if the two do not hold the same names; the message lists both differences.
        """
        missing = [name for name in self.node_names if name not in names]
        unknown = [name for name in names if name not in self]
        if missing or unknown:
            parts = []
            if missing:
                parts.append(f"it lacks {_some(missing)}")
            if unknown:
                parts.append(f"it has {_some(unknown)}, which the project does not know")
            raise UnusableInput(
                f"its skeleton does not match the project's ({self.name}, {len(self)} nodes): {'; '.join(parts)}",
                where=where,
                hint="Make a project with the skeleton of these labels: leaptui new PROJECT, then import.",
            )
        return [names.index(name) for name in self.node_names]

    def to_dict(self) -> dict[str, Any]:
        """Plain form for TOML and JSON."""
        plain: dict[str, Any] = {
            "name": self.name,
            "nodes": list(self.node_names),
            "edges": [[e.parent, e.child] for e in self.edges],
            "symmetries": [[s.left, s.right] for s in self.symmetries],
        }
        if self.body_axis is not None:
            plain["body_axis"] = list(self.body_axis)
        colours = {node.name: node.colour for node in self.nodes if node.colour is not None}
        if colours:
            plain["colours"] = colours
        if self.reference is not None:
            plain["reference"] = [[float(x), float(y)] for x, y in self.reference]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], where: str = "skeleton") -> Skeleton:
        """Read the plain form.

        Raises:
            UnusableInput: if a key is missing or not of its form; `where` names the file.
        """
        nodes = plain.get("nodes")
        if not isinstance(nodes, list) or not all(isinstance(n, str) for n in nodes):
            raise UnusableInput("'nodes' must be a list of names", where=where)
        pairs: dict[str, list[tuple[str, str]]] = {}
        for key in ("edges", "symmetries"):
            value = plain.get(key, [])
            if not isinstance(value, list) or not all(
                isinstance(p, list) and len(p) == 2 and all(isinstance(x, str) for x in p) for p in value
            ):
                raise UnusableInput(f"'{key}' must be a list of pairs of node names", where=where)
            pairs[key] = [(p[0], p[1]) for p in value]
        axis = plain.get("body_axis")
        if axis is not None and not (
            isinstance(axis, list) and len(axis) == 2 and all(isinstance(x, str) for x in axis)
        ):
            raise UnusableInput("'body_axis' must be two node names", where=where)
        made = make_skeleton(
            str(plain.get("name", "skeleton")),
            nodes,
            pairs["edges"],
            pairs["symmetries"],
            None if axis is None else (axis[0], axis[1]),
        )
        colours = plain.get("colours", {})
        if not isinstance(colours, Mapping) or not all(isinstance(c, str) and n in made for n, c in colours.items()):
            raise UnusableInput("'colours' must give one \"#rrggbb\" a node name", where=where)
        return replace(
            made,
            nodes=tuple(Node(node.name, colours.get(node.name)) for node in made.nodes),
            reference=_read_reference(plain.get("reference"), where),
        )


def make_skeleton(
    name: str,
    nodes: Iterable[str],
    edges: Iterable[tuple[str, str]] = (),
    symmetries: Iterable[tuple[str, str]] = (),
    body_axis: tuple[str, str] | None = None,
) -> Skeleton:
    """Build a Skeleton from plain names."""
    return Skeleton(
        name=name,
        nodes=tuple(Node(n) for n in nodes),
        edges=tuple(Edge(a, b) for a, b in edges),
        symmetries=tuple(Symmetry(a, b) for a, b in symmetries),
        body_axis=body_axis,
    )


def _read_reference(plain: object, where: str) -> tuple[tuple[float, float], ...] | None:
    if plain is None:
        return None
    if not isinstance(plain, list) or not all(
        isinstance(xy, list) and len(xy) == 2 and all(isinstance(v, int | float) for v in xy) for xy in plain
    ):
        raise UnusableInput("'reference' must be a list of [x, y], one a node", where=where)
    return tuple((float(xy[0]), float(xy[1])) for xy in plain)


def _some(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
