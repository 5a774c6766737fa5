"""A model kept ready for single frames: `python -m leaptui.runners.warm_predictor MODEL [DEVICE [PRECISION]]`.

Requests (see `leaptui.runs.wire`), answered after the model is loaded:

- `load`: {nodes, channels, device, precision, architecture}.
- `predict` {shape} and the pixels of a frame, (H, W, C) uint8: {nodes, maps: [h, w], stride: [x, y]}, points (J, 2)
  float32, scores (J,) float32 and confidence maps (J, h, w) float16; see `leaptui.nn.predictor.FrameMaps`.

Without a request for some minutes it ends, so that a graphics card does not stay taken.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leaptui.errors import UsageError
from leaptui.runners.companion import Reply, Request, serve

if TYPE_CHECKING:
    from leaptui.nn.predictor import Predictor

REST_AFTER = 600.0
"""Seconds without a request after which the process ends."""
_NICE = 5


class WarmPredictor:
    """Answers with one model.

    Args:
        model: the model file.
        device, precision: see `leaptui.nn.predictor.Predictor`.
    """

    def __init__(self, model: Path, device: str = "auto", precision: str = "auto") -> None:
        self._model, self._device, self._precision = model, device, precision
        self._predictor: Predictor | None = None

    def answer(self, request: Request, reply: Reply) -> None:
        """See `leaptui.runners.companion.Handler`.

        Raises:
            LeaptuiError: if the model cannot be used or the request makes no sense.
        """
        predictor = self._ready()
        if request.op == "load":
            metadata = predictor.metadata
            reply(
                {
                    "nodes": list(predictor.skeleton.node_names),
                    "channels": predictor.channels,
                    "architecture": metadata.settings.architecture,
                    **predictor.description,
                }
            )
            return
        if request.op != "predict":
            raise UsageError(f"the predictor does not know {request.op!r}")
        shape = [int(size) for size in request.head["shape"]]
        frame = np.frombuffer(request.blobs[0], np.uint8).reshape(shape)
        found = predictor.predict_with_maps(frame)
        head = {
            "nodes": list(predictor.skeleton.node_names),
            "maps": list(found.maps.shape[1:]),
            "stride": list(found.stride),
        }
        maps = np.ascontiguousarray(found.maps, np.float16)
        reply(
            head,
            np.ascontiguousarray(found.points, np.float32).data,
            np.ascontiguousarray(found.scores, np.float32).data,
            maps.data,
        )

    def idle(self) -> bool:
        """There is nothing to do ahead."""
        return False

    def _ready(self) -> Predictor:
        """The model; one that could not be loaded is tried again with each request."""
        if self._predictor is None:
            from leaptui.nn.predictor import Predictor

            self._predictor = Predictor(self._model, self._device, self._precision)
        return self._predictor


def main() -> None:
    """`python -m leaptui.runners.warm_predictor MODEL [DEVICE [PRECISION]]`."""
    arguments = sys.argv[1:]
    serve(WarmPredictor(Path(arguments[0]), *arguments[1:3]), rest_after=REST_AFTER, nice=_NICE)


if __name__ == "__main__":
    main()
