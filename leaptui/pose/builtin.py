"""Built-in skeletons.

`fly32` has the nodes, order and parent links of the LEAP fly recordings (Pereira et al. 2019) as the
DeepPoseKit data set lists them; its symmetry pairs right with left by name.

Adding a new built-in skeleton: write a function that returns it and list it in `BUILTIN_SKELETONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from leaptui.pose.skeleton import Skeleton, make_skeleton

_LEGS = ("foreleg", "midleg", "hindleg")


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
    return make_skeleton("fly32", nodes, edges, symmetries, ("head", "abdomen"))


def mouse() -> Skeleton:
    """A mouse from above: snout, ears and tail base."""
    return make_skeleton(
        "mouse",
        ["snout", "leftear", "rightear", "tailbase"],
        [("snout", "leftear"), ("snout", "rightear"), ("snout", "tailbase")],
        [("leftear", "rightear")],
        ("snout", "tailbase"),
    )


BUILTIN_SKELETONS: dict[str, Callable[[], Skeleton]] = {"fly32": fly32, "mouse": mouse}
