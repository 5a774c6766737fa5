"""Where and how exactly to compute: fields shared by every operation that runs a network."""

from __future__ import annotations

from typing import Any

from leaptui.errors import UsageError
from leaptui.nn.settings import LOOKS
from leaptui.ops.requests import option

PRECISIONS = ("auto", "32", "bf16")
PREDICTION_PRECISIONS = (*PRECISIONS, "16", "int8")
BACKENDS = ("auto", "torch", "openvino", "onnxruntime")


def device_option() -> Any:
    """A field for the device."""
    return option("Where to compute: auto, cpu, cuda, cuda:1 or mps.", default="auto", advanced=True)


def precision_option() -> Any:
    """A field for the precision."""
    return option(
        "Precision of the arithmetic; auto takes bf16 where the device computes it faster.",
        default="auto",
        choices=PRECISIONS,
        advanced=True,
    )


def prediction_precision_option() -> Any:
    """A field for the precision of a long prediction."""
    return option(
        "Precision of the network; auto takes the fastest that moves points too little to matter. 16 is for GPUs, "
        "int8 for OpenVINO.",
        default="auto",
        choices=PREDICTION_PRECISIONS,
        advanced=True,
    )


def looks_option() -> Any:
    """A field for how often to look at a frame."""
    return option(
        "Turned and mirrored looks at each frame, merged into one: 1, 4, 8 or 16. So many times slower; errors are some"
        " percent smaller.",
        default=1,
        minimum=1,
        maximum=max(LOOKS),
    )


def check_looks(count: int) -> None:
    """Refuse a number of looks that there is not.

    Raises:
        UsageError: with those that there are.
    """
    if count not in LOOKS:
        raise UsageError(f"--looks {count}: choose one of {', '.join(map(str, LOOKS))}")


def backend_option() -> Any:
    """A field for what computes the network."""
    return option(
        "What computes the network; auto tries what is installed on some of the frames and takes the fastest.",
        default="auto",
        choices=BACKENDS,
        advanced=True,
    )
