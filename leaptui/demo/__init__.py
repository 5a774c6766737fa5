"""The synthetic fly: drawn frames of walking, grooming and singing flies with everything about them known.

- `recording`: `simulate`, `stream`, `sample_poses` and the `Recording` they return; start here.
- `scene`: what can be chosen. `video`: `write_video`.
- `anatomy`: measures of the body; `behaviour`: the sequence of bouts; `gait`: when and where feet step;
  `motion`: a fly moving in its arena; `kinematics`: from posture to the 32 points.
- `camera`: the views; `texture`: the painted parts; `draw`: the frames.

numpy alone is needed; PyAV is loaded when a video is written. The numbers depend on the seed only: every
random number comes from a seeded generator with a purpose of its own, so that noise does not depend on the
motion, nor a frame on the block it is made in. Between processors, sines and exponentials may differ in the last
bit, and with them, rarely, a pixel by one grey level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaptui.demo.anatomy import LEGS, PX_PER_MM
    from leaptui.demo.behaviour import BEHAVIOURS
    from leaptui.demo.recording import Recording, join, sample_poses, simulate, stream
    from leaptui.demo.scene import Scene
    from leaptui.demo.video import write_video

__all__ = [
    "BEHAVIOURS",
    "LEGS",
    "PX_PER_MM",
    "Recording",
    "Scene",
    "join",
    "sample_poses",
    "simulate",
    "stream",
    "write_video",
]

_HOMES = {
    "BEHAVIOURS": "behaviour",
    "LEGS": "anatomy",
    "PX_PER_MM": "anatomy",
    "Scene": "scene",
    "write_video": "video",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'recording')}"), name)
