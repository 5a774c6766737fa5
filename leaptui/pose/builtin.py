"""Built-in skeletons.

`fly32` has the nodes, order and parent links of the LEAP fly recordings (Pereira et al. 2019) as the
DeepPoseKit data set lists them; its symmetry pairs right with left by name. Its reference pose is the median of the
labelled flies of that set, turned to the body axis and made symmetric, in pixels.

Adding a new built-in skeleton: write a function that returns it and list it in `BUILTIN_SKELETONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from leaptui.pose.skeleton import Skeleton, make_skeleton
from leaptui.pose.skeleton_edits import set_reference

_LEGS = ("foreleg", "midleg", "hindleg")
_FLY_BODY = ((0, -59), (-15, -49), (15, -49), (0, -42), (0, -11), (0, 36))
_FLY_RIGHT_LEGS = (
    *((11, -33), (17, -42), (16, -54), (20, -66)),
    *((11, -22), (26, -11), (30, -11), (57, -7)),
    *((10, -7), (23, 8), (21, 21), (36, 42)),
)
_FLY_WINGS = ((-11, 66), (11, 66))
_MOUSE = ((0, -40), (-14, -18), (14, -18), (0, 60))


def fly32() -> Skeleton:
    """A fruit fly from above: 6 body nodes, four joints on each of six legs, two wing tips."""
    nodes = ["head", "eyeL", "eyeR", "neck", "thorax", "abdomen"]
    edges = [("head", "eyeL"), ("head", "eyeR"), ("head", "neck"), ("neck", "thorax"), ("thorax", "abdomen")]
    for side in "RL":
        for leg in _LEGS:
            joints = [f"{leg}{side}{i}" for i in range(1, 5)]
            nodes += joints
            edges += list(pairwise(joints))
    nodes += ["wingL", "wingR"]
    edges += [("neck", "wingL"), ("neck", "wingR")]
    symmetries = [("eyeL", "eyeR"), ("wingL", "wingR")]
    symmetries += [(f"{leg}L{i}", f"{leg}R{i}") for leg in _LEGS for i in range(1, 5)]
    left_legs = tuple((-x, y) for x, y in _FLY_RIGHT_LEGS)
    made = make_skeleton("fly32", nodes, edges, symmetries, ("head", "abdomen"))
    return set_reference(made, (*_FLY_BODY, *_FLY_RIGHT_LEGS, *left_legs, *_FLY_WINGS))


def mouse() -> Skeleton:
    """A mouse from above: snout, ears and tail base."""
    made = make_skeleton(
        "mouse",
        ["snout", "leftear", "rightear", "tailbase"],
        [("snout", "leftear"), ("snout", "rightear"), ("snout", "tailbase")],
        [("leftear", "rightear")],
        ("snout", "tailbase"),
    )
    return set_reference(made, _MOUSE)


BUILTIN_SKELETONS: dict[str, Callable[[], Skeleton]] = {"fly32": fly32, "mouse": mouse}
