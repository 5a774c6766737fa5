"""What a model file says about itself, read without torch.

A model is one `.safetensors` file: eight bytes with the length of a JSON header (little-endian), the
header, then the numbers of the weights. The header's `__metadata__` holds, under the key `leaptui`, the JSON
text described by `ModelMetadata`. Nothing in such a file is ever executed.
Format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaptui.errors import UnusableInput, UsageError
from leaptui.nn.calibration import Calibration
from leaptui.nn.settings import TrainingSettings
from leaptui.pose.skeleton import Skeleton

METADATA_KEY = "leaptui"
FORMAT = "leaptui-model"
VERSION = 1
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class ModelMetadata:
    """Everything about a model but its weights.

    Args:
        skeleton: what the maps stand for, in order.
        settings: how it was trained, `sigma` and `input_scale` resolved; names the architecture.
        preprocessing: plain form of `leaptui.nn.preprocessing.Preprocessing`.
        activation: "softmax" or "linear", how the maps are to be read.
        output_stride: pixels of the input a cell.
        parameters: number of weights.
        figures: validation figures of exactly these weights, plain JSON.
        provenance: where it comes from, plain JSON as the run gave it.
        training_checksums: CRC-32 of the frames it was trained on, as far as known.
        validation_checksums: the same of the frames it was chosen by.
        calibration: what makes confidences of its scores; those of older files stay as they are.
    """

    skeleton: Skeleton
    settings: TrainingSettings
    preprocessing: Mapping[str, Any]
    activation: str
    output_stride: int
    parameters: int
    figures: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    training_checksums: tuple[int, ...] = ()
    validation_checksums: tuple[int, ...] = ()
    calibration: Calibration = field(default_factory=Calibration)

    def to_json(self) -> str:
        """The text that goes into the file."""
        plain = {
            "format": FORMAT,
            "version": VERSION,
            "skeleton": self.skeleton.to_dict(),
            "settings": self.settings.to_dict(),
            "preprocessing": self.preprocessing,
            "activation": self.activation,
            "output_stride": self.output_stride,
            "parameters": self.parameters,
            "figures": self.figures,
            "provenance": self.provenance,
            "training_checksums": self.training_checksums,
            "validation_checksums": self.validation_checksums,
            "calibration": self.calibration.to_dict(),
        }
        return json.dumps(plain, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, where: str) -> ModelMetadata:
        """Read that text.

        Raises:
            UnusableInput: if it is not one, or of a version this program does not know.
        """
        try:
            plain = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UnusableInput("its metadata cannot be read", where=where) from error
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise UnusableInput("it is not a leaptui model", where=where)
        if plain.get("version") != VERSION:
            raise UnusableInput(
                f"it is a model of version {plain.get('version')}, this program reads {VERSION}",
                where=where,
                hint="Use the leaptui that made it, or a newer one.",
            )
        return cls._from_plain(plain, where)

    @classmethod
    def _from_plain(cls, plain: dict[str, Any], where: str) -> ModelMetadata:
        try:
            tables = {
                key: dict(plain[key]) for key in ("skeleton", "settings", "preprocessing", "figures", "provenance")
            }
            made = cls(
                skeleton=Skeleton.from_dict(tables["skeleton"], where),
                settings=TrainingSettings.from_dict(tables["settings"]),
                preprocessing=tables["preprocessing"],
                activation=str(plain["activation"]),
                output_stride=int(plain["output_stride"]),
                parameters=int(plain["parameters"]),
                figures=tables["figures"],
                provenance=tables["provenance"],
                training_checksums=tuple(int(c) for c in plain["training_checksums"]),
                validation_checksums=tuple(int(c) for c in plain["validation_checksums"]),
                calibration=Calibration.from_dict(plain["calibration"]) if "calibration" in plain else Calibration(),
            )
        except UnusableInput as error:
            raise UnusableInput(f"its skeleton cannot be used: {error.what}", where=where) from error
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise UnusableInput(f"its metadata is incomplete or damaged ({error})", where=where) from error
        if (
            made.activation not in ("softmax", "linear")
            or made.settings.sigma is None
            or made.settings.input_scale is None
        ):
            raise UnusableInput("its metadata is incomplete or damaged", where=where)
        return made


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file.

    Raises:
        UnusableInput: if the file cannot be read or is none.
    """
    refusal = UnusableInput(
        "it is not a leaptui model",
        where=path,
        hint="Models are .safetensors files made by leaptui train, or .h5 files saved by LEAP.",
    )
    try:
        with path.open("rb") as file:
            prefix = file.read(8)
            if len(prefix) < 8:
                raise refusal
            (length,) = struct.unpack("<Q", prefix)
            if not 2 <= length <= min(_LONGEST_HEADER, path.stat().st_size - 8):
                raise refusal
            header = json.loads(file.read(length))
    except OSError as error:
        raise UnusableInput(f"it cannot be read: {error.strerror}", where=path) from error
    except (ValueError, RecursionError) as error:
        raise refusal from error
    if not isinstance(header, dict):
        raise refusal
    return header


def read_metadata(path: Path) -> ModelMetadata:
    """What a model file says about itself.

    Raises:
        UnusableInput: if the file cannot be read or is no leaptui model.
    """
    metadata = read_header(path).get("__metadata__")
    text = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise UnusableInput(
            "it is not a leaptui model",
            where=path,
            hint="Models are .safetensors files made by leaptui train, or .h5 files saved by LEAP.",
        )
    return ModelMetadata.from_json(text, str(path))
