"""A network saved by Keras as one torch module that gives the same maps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from torch import Tensor, nn

from leaptui.errors import UnusableInput
from leaptui.formats.keras_config import INPUT, LayerConfig
from leaptui.formats.keras_file import KerasNetwork
from leaptui.nn.keras_layers import BILINEAR_CORNERS, BILINEAR_LEGACY, TRANSLATIONS, Translated, Untranslatable
from leaptui.words import visible

_MOST_CHANNELS = 2**16
_FINEST = Fraction(1, 4)
_MOST_PADDING = 1024
LEAP_NAMES = {"LeapCNN": "leap_cnn", "hourglass": "hourglass", "StackedHourglass": "stacked_hourglass"}
"""What LEAP calls its models in Keras, and what they are here."""


class KerasGraph(nn.Module):
    """Layers in order, each on the outputs of earlier ones; in evaluation mode only.

    Args:
        network: what the file holds.
        where: the file, for errors.

    Attributes:
        in_channels: 1 or 3.
        nodes: maps it draws.
        output_stride, padding_multiple: see `leaptui.nn.architectures`.

    Raises:
        UnusableInput: if it has a layer that is not known here, or one that does not fit the others.
    """

    def __init__(self, network: KerasNetwork, where: str) -> None:
        super().__init__()
        self._where = where
        self.layers = nn.ModuleList()
        self._sources: list[tuple[int, ...]] = []
        slots: dict[str, int] = {}
        channels: list[int] = []
        strides: list[Fraction] = []
        interpolation = interpolation_of(network)
        for layer in network.layers:
            sources = tuple(slots[name] for name in layer.inputs)
            if layer.kind == INPUT:
                made = Translated(nn.Identity(), self._input_channels(layer))
                before = Fraction(1)
            else:
                made = self._translate(_told(layer, interpolation), network, [channels[i] for i in sources])
                before = self._stride_of(layer, [strides[i] for i in sources])
            slots[layer.name] = len(channels)
            channels.append(made.channels)
            strides.append(before * made.stride)
            self._check_size(layer, channels[-1], strides)
            self.layers.append(made.module)
            self._sources.append(sources)
            if layer.name == network.output:
                break
        self._last = _last_uses(self._sources)
        self.in_channels = next(c for c, layer in zip(channels, network.layers, strict=False) if layer.kind == INPUT)
        self.nodes = channels[-1]
        self.output_stride = self._whole_stride(strides[-1])
        self.padding_multiple = math.lcm(*(s.numerator for s in strides))
        if self.padding_multiple > _MOST_PADDING:
            raise UnusableInput("its network shrinks the frames far too much", where=where)
        self.eval().requires_grad_(False)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, C, H, W), H and W multiples of `padding_multiple` -> maps (N, J, H / stride, W / stride)."""
        values: list[Tensor | None] = []
        for i, (layer, sources) in enumerate(zip(self.layers, self._sources, strict=True)):
            # A copy-free way out for the input, which has no source.
            taken = [values[s] for s in sources] if sources else [frames]
            values.append(layer(*taken))
            for done in self._last[i]:
                values[done] = None
        maps = values[-1]
        if maps is None:
            raise RuntimeError("the last value is never dropped")
        return maps

    def _input_channels(self, layer: LayerConfig) -> int:
        shape = layer.config.get("batch_input_shape", layer.config.get("batch_shape"))
        if isinstance(shape, list) and len(shape) == 4 and shape[3] in (1, 3):
            return int(shape[3])
        raise UnusableInput(
            f"its network takes inputs of the shape {visible(shape)[:80]}, not frames of 1 or 3 channels",
            where=self._where,
        )

    def _translate(self, layer: LayerConfig, network: KerasNetwork, inputs: list[int]) -> Translated:
        known = TRANSLATIONS.get(layer.kind)
        if known is None:
            hint = "Layers with Python code in them are never run." if layer.kind == "Lambda" else None
            raise UnusableInput(
                f"its layer '{visible(layer.name)}' is of the kind '{visible(layer.kind)}', which leaptui does not know",
                where=self._where,
                hint=hint,
            )
        try:
            return known(layer, network.weights.get(layer.name, ()), inputs)
        except Untranslatable as problem:
            raise UnusableInput(f"its layer '{visible(layer.name)}' {problem}", where=self._where) from problem

    def _stride_of(self, layer: LayerConfig, strides: list[Fraction]) -> Fraction:
        if not strides or len(set(strides)) != 1:
            raise UnusableInput(f"the inputs of its layer '{visible(layer.name)}' differ in size", where=self._where)
        return strides[0]

    def _check_size(self, layer: LayerConfig, channels: int, strides: list[Fraction]) -> None:
        if channels > _MOST_CHANNELS or strides[-1] < _FINEST or strides[-1] > _MOST_PADDING:
            raise UnusableInput(f"the maps of its layer '{visible(layer.name)}' are far too large", where=self._where)

    def _whole_stride(self, stride: Fraction) -> int:
        if stride.denominator != 1:
            raise UnusableInput("its maps are finer than the frames", where=self._where)
        return stride.numerator


def interpolation_of(network: KerasNetwork) -> Mapping[str, str]:
    """What UpSampling2D means in that file, by what it says: "" (nothing), "nearest" or "bilinear".

    LEAP's own layer of that name does not write down its interpolation, which is always bilinear between fixed
    corners; Keras's did not before 2.2.3, which knew only nearest. Keras's bilinear is TensorFlow's of the time:
    up to Keras 2.3 the origin stays where it is; in tf.keras and later, cells cover areas.
    """
    parts = network.version.removesuffix("-tf").split(".")
    number = tuple(int(p) for p in parts[:2] if p.isdigit())
    legacy = not network.version.endswith("-tf") and (1,) < number < (2, 4)
    return {
        "": BILINEAR_CORNERS if network.name in LEAP_NAMES else "nearest",
        "bilinear": BILINEAR_LEGACY if legacy else "bilinear",
    }


def _told(layer: LayerConfig, interpolation: Mapping[str, str]) -> LayerConfig:
    """An UpSampling2D that says what it means."""
    if layer.kind != "UpSampling2D":
        return layer
    said = layer.config.get("interpolation", "")
    meant = interpolation.get(said, said) if isinstance(said, str) else said
    return LayerConfig(layer.name, layer.kind, {**layer.config, "interpolation": meant}, layer.inputs)


def _last_uses(sources: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """For each step, the values that nothing needs after it."""
    last: dict[int, int] = {}
    for step, used in enumerate(sources):
        for source in used:
            last[source] = step
    return [tuple(s for s, step in last.items() if step == i) for i in range(len(sources))]
