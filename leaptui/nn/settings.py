"""How a network is trained: the settings, their ranges, and the named profiles. Imports no torch.

Adding a new setting: a field of `TrainingSettings` with its bounds and a docstring, and its use where
training happens. Adding a new profile: an entry of `PROFILES`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from leaptui.errors import UsageError
from leaptui.registry import ARCHITECTURES

LossName = Literal["cross_entropy", "mse"]
OptimiserName = Literal["adamw", "adam", "amsgrad"]
ScheduleName = Literal["cosine", "plateau", "constant"]
LOSS_NAMES: tuple[str, ...] = get_args(LossName)
LOOKS = (1, 4, 8, 16)
"""How many looks at a frame there can be, see `leaptui.nn.looks`."""
OPTIMISER_NAMES: tuple[str, ...] = get_args(OptimiserName)
SCHEDULE_NAMES: tuple[str, ...] = get_args(ScheduleName)

OptionValue = int | float | tuple[int, ...]

KERAS = "keras"
"""Architecture of a network that is run as a Keras file describes it: for prediction only."""


def _setting(default: Any, low: float, high: float) -> Any:
    """A field with its bounds, both inclusive."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class TrainingSettings:
    """Everything about a training run but the data, the seed and the device.

    Bounds of numbers are in the metadata of the fields, keys "low" and "high", inclusive. Lengths in pixels
    are pixels of the source frame.

    Raises:
        UsageError: if a value is out of its bounds or no known name.
    """

    architecture: str = "unet"
    """Network, one of `leaptui.registry.ARCHITECTURES`; KERAS in what is said about a network from a Keras file."""

    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """Options of the architecture, such as `widths` of unet or `filters` of leap_cnn."""

    loss: LossName = "cross_entropy"
    """cross_entropy: spatial softmax against a normalised Gaussian. mse: LEAP's squared error."""

    input_scale: float | None = field(default=None, metadata={"low": 0.05, "high": 1.0})
    """Frames are shrunk by this factor before the network; None picks one that brings the longer side of
    the frames to about 400 px. Prediction does the same by itself, and points stay in source pixels."""

    sigma: float | None = field(default=None, metadata={"low": 0.5, "high": 50.0})
    """Width of the target Gaussian, px; None is 3 px of the shrunk frame."""

    epochs: int = _setting(25, 1, 10_000)
    """Epochs; one is only the distance between two validations, not a pass through the labels."""

    steps_per_epoch: int = _setting(50, 1, 100_000)
    """Batches an epoch."""

    batch_size: int = _setting(16, 1, 1024)
    """Frames a batch, drawn at random and augmented anew each time."""

    learning_rate: float = _setting(2e-3, 1e-7, 1.0)
    """Highest learning rate of the schedule."""

    optimiser: OptimiserName = "adamw"
    """adamw, adam, or amsgrad (Adam with the AMSGrad correction, an option of LEAP)."""

    weight_decay: float = _setting(1e-4, 0.0, 1.0)
    """Weight decay; decoupled from the gradient with adamw."""

    schedule: ScheduleName = "cosine"
    """cosine: warm-up, then down to zero along a cosine. plateau: divided by `plateau_divisor` when
    validation stops getting better. constant: as it is."""

    warmup_steps: int = _setting(100, 0, 100_000)
    """Steps over which the cosine schedule rises from zero."""

    plateau_patience: int = _setting(3, 0, 1000)
    """Epochs without gain before the plateau schedule lowers the rate."""

    plateau_divisor: float = _setting(10.0, 1.0, 1000.0)
    """What the plateau schedule divides the rate by."""

    gradient_clip: float = _setting(0.0, 0.0, 1000.0)
    """Largest norm of the gradient; 0 leaves it as it is."""

    rotation: float = _setting(180.0, 0.0, 180.0)
    """Augmentation: turned by up to so many degrees either way."""

    scale_min: float = _setting(0.85, 0.2, 1.0)
    """Augmentation: smallest magnification."""

    scale_max: float = _setting(1.15, 1.0, 5.0)
    """Augmentation: largest magnification."""

    shift: float = _setting(8.0, 0.0, 1000.0)
    """Augmentation: moved by up to so many px along each axis."""

    mirror: bool = True
    """Augmentation: mirrored half of the time, left and right nodes changing places. Without effect on a
    skeleton that names no symmetries, since nobody could tell which nodes would have to."""

    elastic: float | None = field(default=None, metadata={"low": 0.0, "high": 100.0})
    """Augmentation: bent by smooth random displacements of up to so many px standard deviation; 0: none; None is
    4 px of the shrunk frame."""

    brightness: float = _setting(0.1, 0.0, 2.0)
    """Augmentation: grey level moved by up to so many standard deviations of the frames."""

    contrast: float = _setting(0.2, 0.0, 2.0)
    """Augmentation: contrast multiplied by up to e to this power, or divided."""

    noise: float = _setting(0.0, 0.0, 2.0)
    """Augmentation: white noise, in standard deviations of the frames."""

    ema_decay: float = _setting(0.99, 0.0, 0.99999)
    """Validation, and so the model, use a moving average of the weights with this decay a step; 0: none."""

    def __post_init__(self) -> None:
        names = {"architecture": (*ARCHITECTURES, KERAS)}
        names |= {"loss": LOSS_NAMES, "optimiser": OPTIMISER_NAMES, "schedule": SCHEDULE_NAMES}
        for key, known in names.items():
            if getattr(self, key) not in known:
                raise UsageError(f"{key} is one of {', '.join(known)}, not {getattr(self, key)!r}")
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if value is None or "low" not in f.metadata:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UsageError(f"{f.name} is a number, not {value!r}")
            low, high = f.metadata["low"], f.metadata["high"]
            if not low <= value <= high:
                raise UsageError(f"{f.name} must be from {low:g} to {high:g}, not {value:g}")

    @property
    def steps(self) -> int:
        """Batches of the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def samples(self) -> int:
        """Augmented frames the network sees in the whole run."""
        return self.steps * self.batch_size

    def resolved(self, height: int, width: int) -> TrainingSettings:
        """The same with `input_scale`, `sigma` and `elastic` chosen for frames of that size, where they were None."""
        scale = self.input_scale
        if scale is None:
            scale = automatic_scale(height, width)
        sigma = self.sigma if self.sigma is not None else min(50.0, 3.0 / scale)
        elastic = self.elastic if self.elastic is not None else min(100.0, 4.0 / scale)
        return dataclasses.replace(self, input_scale=scale, sigma=sigma, elastic=elastic)

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON."""
        plain = dataclasses.asdict(self) | {"options": {}}
        for key, value in self.options.items():
            plain["options"][key] = list(value) if isinstance(value, tuple) else value
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TrainingSettings:
        """Read the plain form; what is left out has its default.

        Raises:
            UsageError: if a key is unknown or a value not of its type or bounds.
        """
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for key, value in plain.items():
            if key not in hints:
                raise UsageError(f"there is no training setting {key!r}")
            values[key] = _options(value) if key == "options" else _checked(key, value, hints[key])
        return cls(**values)


AUTOMATIC_SIDE = 400
"""Longer side, px, that frames are shrunk to when `input_scale` is None."""


def automatic_scale(height: int, width: int) -> float:
    """1 for frames up to one and a half times `AUTOMATIC_SIDE`, else the half, third, ... that comes close to it."""
    side = max(height, width)
    return 1.0 if side <= 1.5 * AUTOMATIC_SIDE else 1.0 / round(side / AUTOMATIC_SIDE)


def parse_options(text: str) -> dict[str, OptionValue]:
    """Options of an architecture as a person types them: "filters=32,bilinear=1" or "widths=16/32/64".

    Raises:
        UsageError: if it is not of that form.
    """
    options: dict[str, OptionValue] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            numbers = tuple(int(number) for number in value.split("/"))
            options[name] = numbers if "/" in value else numbers[0]
        except ValueError:
            try:
                options[name] = float(value)
            except ValueError as error:
                raise UsageError(
                    f"options are given as NAME=NUMBER, not as {part!r}", hint="For example: filters=32,bilinear=1"
                ) from error
    return options


def _options(value: object) -> dict[str, OptionValue]:
    if not isinstance(value, Mapping):
        raise UsageError(f"options is a table of names and numbers, not {value!r}")
    options: dict[str, OptionValue] = {}
    for name, entry in value.items():
        if isinstance(entry, list | tuple) and all(isinstance(x, int) for x in entry):
            options[str(name)] = tuple(entry)
        elif isinstance(entry, int | float):
            options[str(name)] = entry
        else:
            raise UsageError(f"the option {name} is a number or a list of whole numbers, not {entry!r}")
    return options


def _checked(key: str, value: Any, hint: Any) -> Any:
    """`value` if it is of the type that the field is declared with."""
    if get_origin(hint) is Literal:
        return value
    kinds = get_args(hint) or (hint,)
    if isinstance(value, bool):
        fits = bool in kinds
    elif isinstance(value, int) and float in kinds:
        return float(value)
    else:
        fits = isinstance(value, kinds)
    if not fits:
        raise UsageError(f"{key} cannot be {value!r}")
    return value


PROFILES: dict[str, TrainingSettings] = {
    # On such short schedules the network is still far from fitting even its training frames: a high rate pays.
    "fast": TrainingSettings(epochs=24, steps_per_epoch=25, learning_rate=5e-3),
    "standard": TrainingSettings(epochs=60, steps_per_epoch=50, learning_rate=5e-3),
    "leap": TrainingSettings(
        architecture="leap_cnn",
        options={"filters": 64},
        loss="mse",
        input_scale=1.0,
        sigma=5.0,
        epochs=50,
        steps_per_epoch=50,
        batch_size=32,
        learning_rate=1e-3,
        optimiser="adam",
        weight_decay=0.0,
        schedule="plateau",
        warmup_steps=0,
        rotation=15.0,
        scale_min=1.0,
        scale_max=1.0,
        shift=0.0,
        elastic=0.0,
        brightness=0.0,
        contrast=0.0,
        ema_decay=0.0,
    ),
}
"""fast: a usable network in a minute or two on two cores. standard: as good as this network gets, five times as long.
leap: the schedule that was published with LEAP, for comparison; wants a GPU."""
