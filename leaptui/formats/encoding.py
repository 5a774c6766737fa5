"""How the points and scores of a predictions file are stored.

`float32`: as they are; missing is NaN.

`uint16` (a quarter of the disk): a coordinate is stored as `round((px - offset) * 16)` with offset -64 px, that
is in 1/16 px from -64 to 4031.875 px, and 65535 is a missing one; a score is stored as uint8 `round(score * 254)`,
clipped to [0, 1], and 255 is a missing one. The attributes `scale`, `offset` and `missing` of each dataset hold
these numbers: value = stored * scale + offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from leaptui.errors import UnusableInput, UsageError

EncodingName = Literal["float32", "uint16"]


@dataclass(frozen=True)
class Quantity:
    """How numbers of one kind are stored.

    Args:
        dtype: type in the file.
        scale: one step, in the unit of the numbers.
        offset: the number that is stored as 0.
        missing: what stands for NaN, None where the type has NaN itself.
        clip: True to bring numbers beyond the range to its ends; False to refuse them.
    """

    dtype: np.dtype[Any]
    scale: float = 1.0
    offset: float = 0.0
    missing: int | None = None
    clip: bool = False

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest number that can be stored."""
        if self.missing is None:
            return -np.inf, np.inf
        return self.offset, (self.missing - 1) * self.scale + self.offset

    def encode(self, values: NDArray[Any]) -> NDArray[Any]:
        """Numbers as they are stored.

        Raises:
            UnusableInput: if one is beyond the range and is not to be clipped.
        """
        if self.missing is None:
            return np.ascontiguousarray(values, dtype=self.dtype)
        numbers = np.asarray(values, dtype=np.float64)
        lost = np.isnan(numbers)
        steps = np.rint((np.where(lost, self.offset, numbers) - self.offset) / self.scale)
        beyond = (steps < 0) | (steps >= self.missing)
        if beyond.any() and not self.clip:
            low, high = self.range
            raise UnusableInput(
                f"{numbers[beyond].flat[0]:g} cannot be stored as {self.dtype.name}, which holds {low:g} to {high:g}",
                hint="Use the encoding float32.",
            )
        stored = np.clip(steps, 0, self.missing - 1).astype(self.dtype)
        stored[lost] = self.missing
        return stored

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Stored numbers as float32, NaN where missing."""
        if self.missing is None:
            return np.asarray(stored, dtype=np.float32)
        values = (stored * np.float64(self.scale) + self.offset).astype(np.float32)
        values[stored == self.missing] = np.nan
        return values

    def attributes(self) -> dict[str, Any]:
        """What a reader of the dataset needs."""
        plain: dict[str, Any] = {"scale": self.scale, "offset": self.offset}
        return plain if self.missing is None else {**plain, "missing": self.missing}


@dataclass(frozen=True)
class Encoding:
    """How points and scores are stored."""

    name: EncodingName
    points: Quantity
    scores: Quantity


_FLOAT = Quantity(np.dtype("<f4"))
ENCODINGS: dict[str, Encoding] = {
    "float32": Encoding("float32", _FLOAT, _FLOAT),
    "uint16": Encoding(
        "uint16",
        Quantity(np.dtype("<u2"), scale=1 / 16, offset=-64.0, missing=65535),
        Quantity(np.dtype("u1"), scale=1 / 254, missing=255, clip=True),
    ),
}


def encoding_of(name: str) -> Encoding:
    """The encoding of that name.

    Raises:
        UsageError: if there is none.
    """
    if name not in ENCODINGS:
        raise UsageError(f"there is no encoding '{name}'; known: {', '.join(get_args(EncodingName))}")
    return ENCODINGS[name]


def fits(name: str, width: int, height: int) -> bool:
    """Whether every point of a frame of that size can be stored in that encoding."""
    return max(width, height) - 1 <= encoding_of(name).points.range[1]
