"""Where and how exactly to compute: fields shared by every operation that runs a network."""

from __future__ import annotations

from typing import Any

from leaptui.ops.requests import option

PRECISIONS = ("auto", "32", "bf16")


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
