"""Where and how exactly to compute: fields shared by every operation that runs a network."""

from __future__ import annotations

from typing import Any

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


def backend_option() -> Any:
    """A field for what computes the network."""
    return option(
        "What computes the network; auto tries what is installed on some of the frames and takes the fastest.",
        default="auto",
        choices=BACKENDS,
        advanced=True,
    )
