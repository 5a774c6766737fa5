"""Keras's layers as torch modules that compute the same, on (N, C, H, W) tensors.

Keras pads "same" by what is left over at the end: with kernel k and stride s it adds k - s cells, the odd one at
the bottom and right (https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2). That holds for sizes
that the stride divides, which the padding of frames sees to.

Adding a new layer: a function `(LayerConfig, weights, channels of each input) -> Translated` here, listed in
`TRANSLATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeGuard

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from leaptui.formats.keras_config import LayerConfig
from leaptui.words import visible

Weights = Sequence[NDArray[np.float32]]

_MOST_STRIDE = 64
_MOST_KERNEL = 512


class Untranslatable(ValueError):
    """A layer that cannot be computed here; the text says why and fits behind "its layer 'NAME'"."""


@dataclass(frozen=True)
class Translated:
    """A layer.

    Args:
        module: takes one tensor an input.
        channels: of its output.
        stride: what it multiplies the pixels a cell by; below 1 if it enlarges.
    """

    module: nn.Module
    channels: int
    stride: Fraction = Fraction(1)


class _Padded(nn.Module):
    """A layer with cells added around its input, more at the end than at the start where that has to be."""

    def __init__(self, layer: nn.Module, kernel: tuple[int, int], stride: tuple[int, int], value: float) -> None:
        super().__init__()
        (above, below), (left, right) = (
            (max(k - s, 0) // 2, (max(k - s, 0) + 1) // 2) for k, s in zip(kernel, stride, strict=True)
        )
        self.layer = layer
        self._around = (left, right, above, below)
        self._value = value

    def forward(self, x: Tensor) -> Tensor:
        """Pad, then the layer."""
        return self.layer(F.pad(x, self._around, value=self._value) if any(self._around) else x)


class _Cropped(nn.Module):
    """A transposed convolution cut, or filled up with its bias, to exactly stride times the size of its input."""

    def __init__(self, layer: nn.ConvTranspose2d, kernel: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        self.layer = layer
        self._stride = stride
        self._first = tuple(max(k - s, 0) // 2 for k, s in zip(kernel, stride, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, D, h * stride, w * stride)."""
        (top, left), (down, right) = self._first, self._stride
        height, width = x.shape[-2] * down, x.shape[-1] * right
        return self.layer(x)[..., top : top + height, left : left + width]


class _LegacyStretch(nn.Module):
    """Bilinear enlargement as TensorFlow 1 did it: cell i of the input lies on cell i * factor of the output."""

    def __init__(self, factors: tuple[int, int]) -> None:
        super().__init__()
        self._factors = factors

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h * factor, w * factor)."""
        down, right = self._factors
        height, width = x.shape[-2] * down, x.shape[-1] * right
        # One cell more at the end makes the grid a plain one between corners.
        longer = F.pad(x, (0, 1, 0, 1), mode="replicate")
        grid = F.interpolate(longer, size=(height + 1, width + 1), mode="bilinear", align_corners=True)
        return grid[..., :height, :width]


class _Sum(nn.Module):
    def forward(self, *inputs: Tensor) -> Tensor:
        """Sum of the inputs."""
        total = inputs[0]
        for other in inputs[1:]:
            total = total + other
        return total


class _Joined(nn.Module):
    def forward(self, *inputs: Tensor) -> Tensor:
        """The inputs one behind the other along the channels."""
        return torch.cat(inputs, dim=1)


_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "softsign": nn.Softsign,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "softmax": lambda: nn.Softmax(dim=1),
}


def activation(name: Any) -> nn.Module:
    """The activation of that name, None being none."""
    if name is None:
        return nn.Identity()
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        raise Untranslatable(f"has an unknown activation: {visible(name)[:80]}")
    return _ACTIVATIONS[name]()


def _pair(config: LayerConfig, key: str, default: int | None, most: int) -> tuple[int, int]:
    """A setting for rows and columns."""
    value = config.config.get(key)
    value = default if value is None else value
    rows, columns = value if isinstance(value, list) and len(value) == 2 else (value, value)
    if _is_count(rows, most) and _is_count(columns, most):
        return rows, columns
    raise Untranslatable(f"has an unusable {key}: {visible(config.config.get(key))[:80]}")


def _is_count(value: object, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _number(config: LayerConfig, key: str, default: float) -> float:
    value = config.config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
        raise Untranslatable(f"has an unusable {key}: {visible(value)[:80]}")
    return float(value)


def _flag(config: LayerConfig, key: str, default: bool) -> bool:
    value = config.config.get(key, default)
    if not isinstance(value, bool):
        raise Untranslatable(f"has an unusable {key}: {visible(value)[:80]}")
    return value


def _channels_last(config: LayerConfig) -> None:
    if config.config.get("data_format") not in (None, "channels_last"):
        raise Untranslatable("works with the channels first; LEAP's networks have them last")


def _even_stride(stride: tuple[int, int]) -> int:
    if stride[0] != stride[1]:
        raise Untranslatable(f"has another stride along rows than along columns: {list(stride)}")
    return stride[0]


def _same(config: LayerConfig, kernel: tuple[int, int], stride: tuple[int, int]) -> None:
    """Refuse padding "valid" where it would shift and cut the maps."""
    padding = config.config.get("padding", "valid")
    if padding == "same" or (padding == "valid" and kernel == stride) or (padding == "valid" and kernel == (1, 1)):
        return
    raise Untranslatable(f"pads its input as '{visible(padding)[:40]}', which would shift the maps; 'same' is read")


def _one(channels: Sequence[int]) -> int:
    if len(channels) != 1:
        raise Untranslatable(f"has {len(channels)} inputs instead of one")
    return channels[0]


def _expect(weights: Weights, shapes: list[tuple[int, ...]]) -> None:
    found = [w.shape for w in weights]
    if found != shapes:
        raise Untranslatable(f"has weights of the shapes {found}, its settings ask for {shapes}")


def _kernel(config: LayerConfig, weights: Weights) -> tuple[tuple[int, int], int, bool]:
    """Kernel size, number of filters and whether there is a bias, with the kernel's array known to be one."""
    _channels_last(config)
    size = _pair(config, "kernel_size", None, _MOST_KERNEL)
    filters = config.config.get("filters")
    if isinstance(filters, bool) or not isinstance(filters, int) or not 1 <= filters <= 2**20:
        raise Untranslatable(f"has an unusable number of filters: {visible(filters)[:80]}")
    if config.config.get("groups", 1) != 1:
        raise Untranslatable("convolves in groups")
    return size, filters, _flag(config, "use_bias", True)


def _filled(layer: nn.Conv2d | nn.ConvTranspose2d, weights: Weights, axes: tuple[int, ...]) -> None:
    layer.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(weights[0].transpose(axes))))
    if len(weights) > 1:
        layer.bias = nn.Parameter(torch.from_numpy(np.array(weights[1])))


def _activated(module: nn.Module, config: LayerConfig) -> nn.Module:
    act = activation(config.config.get("activation"))
    return module if isinstance(act, nn.Identity) else nn.Sequential(module, act)


def _conv(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    channels = _one(inputs)
    size, filters, biased = _kernel(config, weights)
    stride = _pair(config, "strides", 1, _MOST_STRIDE)
    dilation = _pair(config, "dilation_rate", 1, _MOST_STRIDE)
    reach = ((size[0] - 1) * dilation[0] + 1, (size[1] - 1) * dilation[1] + 1)
    _same(config, reach, stride)
    _expect(weights, [(*size, channels, filters)] + [(filters,)] * biased)
    with torch.device("meta"):
        layer = nn.Conv2d(channels, filters, size, stride=stride, dilation=dilation, bias=biased)
    _filled(layer, weights, (3, 2, 0, 1))
    step = _even_stride(stride)
    module: nn.Module = layer
    if all((r - s) % 2 == 0 and r >= s for r, s in zip(reach, stride, strict=True)):
        layer.padding = ((reach[0] - step) // 2, (reach[1] - step) // 2)
    else:
        module = _Padded(layer, reach, stride, 0.0)
    return Translated(_activated(module, config), filters, Fraction(step))


def _transposed(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    channels = _one(inputs)
    size, filters, biased = _kernel(config, weights)
    stride = _pair(config, "strides", 1, _MOST_STRIDE)
    if _pair(config, "dilation_rate", 1, _MOST_STRIDE) != (1, 1):
        raise Untranslatable("is a dilated transposed convolution")
    if config.config.get("output_padding") is not None:
        raise Untranslatable("pads its output")
    _same(config, size, stride)
    _expect(weights, [(*size, filters, channels)] + [(filters,)] * biased)
    short = (max(stride[0] - size[0], 0), max(stride[1] - size[1], 0))
    with torch.device("meta"):
        layer = nn.ConvTranspose2d(channels, filters, size, stride=stride, output_padding=short, bias=biased)
    _filled(layer, weights, (3, 2, 0, 1))
    step = _even_stride(stride)
    return Translated(_activated(_Cropped(layer, size, stride), config), filters, Fraction(1, step))


def _pool(config: LayerConfig, inputs: Sequence[int]) -> tuple[int, tuple[int, int], tuple[int, int]]:
    _channels_last(config)
    size = _pair(config, "pool_size", 2, _MOST_STRIDE)
    stride = _pair(config, "strides", None, _MOST_STRIDE) if config.config.get("strides") is not None else size
    _same(config, size, stride)
    return _one(inputs), size, stride


def _max_pool(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    channels, size, stride = _pool(config, inputs)
    pool = nn.MaxPool2d(size, stride)
    module = pool if size == stride else _Padded(pool, size, stride, float("-inf"))
    return Translated(module, channels, Fraction(_even_stride(stride)))


def _average_pool(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    channels, size, stride = _pool(config, inputs)
    if size != stride:
        raise Untranslatable("averages over windows that overlap or leave gaps")
    return Translated(nn.AvgPool2d(size, stride), channels, Fraction(_even_stride(stride)))


def _upsample(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    _channels_last(config)
    factors = _pair(config, "size", 2, _MOST_STRIDE)
    step = _even_stride(factors)
    modes: dict[Any, Callable[[], nn.Module]] = {
        "nearest": lambda: nn.Upsample(scale_factor=step, mode="nearest"),
        "bilinear": lambda: nn.Upsample(scale_factor=step, mode="bilinear", align_corners=False),
        BILINEAR_CORNERS: lambda: nn.Upsample(scale_factor=step, mode="bilinear", align_corners=True),
        BILINEAR_LEGACY: lambda: _LegacyStretch(factors),
    }
    mode = config.config.get("interpolation", "nearest")
    if not isinstance(mode, str) or mode not in modes:
        raise Untranslatable(f"enlarges by an unknown interpolation: {visible(mode)[:80]}")
    return Translated(modes[mode](), _one(inputs), Fraction(1, step))


def _normalisation(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    channels = _one(inputs)
    axis = config.config.get("axis", -1)
    if axis not in (-1, 3, [-1], [3]):
        raise Untranslatable(f"normalises along the axis {visible(axis)[:40]}, not along the channels")
    scaled, centred = _flag(config, "scale", True), _flag(config, "center", True)
    epsilon = _number(config, "epsilon", 1e-3)
    if epsilon <= 0:
        raise Untranslatable(f"has an unusable epsilon: {epsilon:g}")
    _expect(weights, [(channels,)] * (2 + scaled + centred))
    rest = list(weights)
    layer = nn.BatchNorm2d(channels, eps=epsilon)
    with torch.no_grad():
        if scaled:
            layer.weight.copy_(torch.from_numpy(rest.pop(0)))
        if centred:
            layer.bias.copy_(torch.from_numpy(rest.pop(0)))
        layer.running_mean = torch.from_numpy(np.array(rest.pop(0)))
        layer.running_var = torch.from_numpy(np.array(rest.pop(0)))
    if bool((layer.running_var < 0).any()):
        raise Untranslatable("has a negative variance")
    return Translated(layer, channels)


def _sum(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    if len(inputs) < 2 or len(set(inputs)) != 1:
        raise Untranslatable(f"adds maps of {list(inputs)} channels")
    return Translated(_Sum(), inputs[0])


def _joined(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    if config.config.get("axis", -1) not in (-1, 3):
        raise Untranslatable("joins its inputs along another axis than the channels")
    return Translated(_Joined(), sum(inputs))


def _activation(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    return Translated(activation(config.config.get("activation")), _one(inputs))


def _leaky(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    key = "negative_slope" if "negative_slope" in config.config else "alpha"
    return Translated(nn.LeakyReLU(_number(config, key, 0.3)), _one(inputs))


def _relu(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    c = config.config
    if c.get("max_value") is not None or c.get("negative_slope") or c.get("threshold"):
        raise Untranslatable("is a ReLU that is bent elsewhere than at 0")
    return Translated(nn.ReLU(), _one(inputs))


def _nothing(config: LayerConfig, weights: Weights, inputs: Sequence[int]) -> Translated:
    return Translated(nn.Identity(), _one(inputs))


BILINEAR_CORNERS = "bilinear, corners stay"
"""Interpolation in which the centres of the corner cells stay where they are, as LEAP's own layer does it."""
BILINEAR_LEGACY = "bilinear, origin stays"
"""Interpolation of Keras up to 2.3 on TensorFlow 1, in which the centre of the first cell stays where it is."""

TRANSLATIONS: dict[str, Callable[[LayerConfig, Weights, Sequence[int]], Translated]] = {
    "Conv2D": _conv,
    "Conv2DTranspose": _transposed,
    "MaxPooling2D": _max_pool,
    "AveragePooling2D": _average_pool,
    "UpSampling2D": _upsample,
    "BatchNormalization": _normalisation,
    "Add": _sum,
    "Concatenate": _joined,
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky,
    # Without effect outside of training.
    "Dropout": _nothing,
    "SpatialDropout2D": _nothing,
    "GaussianNoise": _nothing,
    "GaussianDropout": _nothing,
    "ActivityRegularization": _nothing,
}
