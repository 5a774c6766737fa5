"""What leaptui can be extended with, as names and "module:attribute" strings.

Listing costs no import, so the command line and the screens can offer every choice without loading what
stands behind it; `resolve` loads one when it is used.

Adding a new architecture: write a module in `leaptui/nn/architectures/` with a `torch.nn.Module` that
follows the docstring of that package, and list it in `ARCHITECTURES`.
Adding a new format: write a module in `leaptui/formats/` with `read` and `sniff`, or `write`, as that
package's docstring says, and list it in `IMPORT_FORMATS` or `EXPORT_FORMATS`.
Adding a new format for models: write a module in `leaptui/nn/` with `export(model, path, height, width, frames)`,
which returns the largest distance in px of its points from torch's, and list it in `MODEL_FORMATS`.
Adding a new operation: write its Request and Result in `leaptui/ops/`, its `run` in `leaptui/runners/`, and
list it in `leaptui/ops/table.py`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One thing that can be chosen by name.

    Args:
        name: what the user types.
        summary: one line for help texts.
        target: "module:attribute" of what stands behind it; for a format its module.
    """

    name: str
    summary: str
    target: str


def resolve(target: str) -> Any:
    """Load the object a "module:attribute" string names.

    Raises:
        ValueError: if the string is not of that form.
        ImportError, AttributeError: if there is no such object.
    """
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise ValueError(f"not a 'module:attribute' string: {target!r}")
    return getattr(importlib.import_module(module), attribute)


def _table(*entries: Entry) -> dict[str, Entry]:
    return {entry.name: entry for entry in entries}


ARCHITECTURES = _table(
    Entry("unet", "small U-Net, stem stride 2, output stride 4 (default)", "leaptui.nn.architectures.unet:UNet"),
    Entry(
        "leap_cnn", "LEAP's network (Pereira et al. 2019), output stride 1", "leaptui.nn.architectures.leap_cnn:LeapCNN"
    ),
    Entry("hourglass", "LEAP's hourglass, output stride 1", "leaptui.nn.architectures.hourglass:Hourglass"),
    Entry(
        "stacked_hourglass",
        "LEAP's two stacked hourglasses, output stride 1",
        "leaptui.nn.architectures.hourglass:StackedHourglass",
    ),
)

IMPORT_FORMATS = _table(
    Entry("deepposekit", "DeepPoseKit HDF5 annotation set", "leaptui.formats.deepposekit"),
    Entry("leap", "LEAP box with its labels .mat (v7 or v7.3)", "leaptui.formats.leap_labels"),
    Entry("deeplabcut", "DeepLabCut project folder or CollectedData CSV", "leaptui.formats.deeplabcut"),
)

EXPORT_FORMATS = _table(
    Entry("csv", "one row an instance and node", "leaptui.formats.csv_table"),
    Entry("leap-predictions", "LEAP predictions HDF5 (positions_pred, conf_pred)", "leaptui.formats.leap_predictions"),
)

MODEL_FORMATS = _table(
    Entry("onnx", "a model from uint8 frames to points, for ONNX Runtime and others", "leaptui.nn.onnx_export"),
)
