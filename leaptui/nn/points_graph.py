"""From uint8 frames to points in one module: what compilers and exporters take in whole."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from leaptui.errors import UnusableInput
from leaptui.nn.confidence import confidence, confidence_of_looks
from leaptui.nn.geometry import resize, scaled_size
from leaptui.nn.looks import Looks
from leaptui.nn.model import PoseModel
from leaptui.nn.peaks import find_peaks, highest_cells


class PointsGraph(nn.Module):
    """uint8 frames in, points and scores out, for frames of one size.

    Shrinking, padding, normalisation, the network with its batch normalisation folded into the convolutions, and
    sub-pixel peaks. Everything but the network is computed in float32, and so is the layer that makes the maps:
    rounding its output to bf16 would move peaks more than rounding everything before it.

    Args:
        model: a model on the CPU; it is copied.
        height, width: of the frames.
        dtype: what the network computes in.

    Raises:
        UnusableInput: if the settings of the model are incomplete.
    """

    mean: Tensor
    std: Tensor
    fill: Tensor
    factor: Tensor
    corner: Tensor
    edge: Tensor

    def __init__(self, model: PoseModel, height: int, width: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        settings, preprocessing = model.metadata.settings, model.preprocessing
        if settings.sigma is None or settings.input_scale is None:
            raise UnusableInput("the settings of the model are incomplete")
        self._activation, self._stride = model.metadata.activation, model.metadata.output_stride
        self._sigma = settings.sigma * settings.input_scale
        self._calibration = model.metadata.calibration
        self._whole = model.whole_peaks
        self._dtype = dtype
        # All sizes are settled here: while a graph is traced, those of a tensor are no numbers.
        scaled = scaled_size(height, width, preprocessing.input_scale)
        self._shrunk = None if scaled == (height, width) else scaled
        tall, wide = preprocessing.input_size(height, width)
        left = top = 0
        self._looks: Looks | None = None
        if model.looks > 1:
            # A square with the frame in its middle keeps whole what is turned by right angles.
            tall = wide = max(tall, wide)
            left, top = (wide - scaled[1]) // 2, (tall - scaled[0]) // 2
            skeleton = model.metadata.skeleton
            twins = skeleton.swap if settings.mirror and skeleton.symmetries else None
            self._looks = Looks(model.looks, wide, twins, self._sigma, len(skeleton))
        self._padding = (left, wide - scaled[1] - left, top, tall - scaled[0] - top)
        network = fold_normalisation(model.network)
        if dtype != torch.float32:
            network = _in_precision(network, dtype, preprocessing.channels, preprocessing.padding_multiple)
        self.network: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name in ("mean", "std", "fill"):
            levels = torch.tensor(getattr(preprocessing, name)).reshape(1, -1, 1, 1)
            self.register_buffer(name, levels, persistent=False)
        # A point p of the shrunk frame is (p + 0.5) * factor - 0.5 in the source.
        factor = torch.tensor([width / scaled[1], height / scaled[0]])
        self.register_buffer("corner", torch.tensor([float(left), float(top)]), persistent=False)
        self.register_buffer("factor", factor, persistent=False)
        # Half a pixel belongs to the outermost ones, but for whole pixels.
        self._rim = 0.0 if self._whole else 0.5
        edge = torch.tensor([width - 1 + self._rim, height - 1 + self._rim])
        self.register_buffer("edge", edge, persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Find the animal in each frame.

        Args:
            frames: (N, C, H, W) uint8, C as the model wants it.

        Returns:
            Points (N, J, 2) float32 in source pixels and scores (N, J) float32 in [0, 1]; of whole peaks the heights.
        """
        return self.points(self.maps(frames))

    def maps(self, frames: Tensor) -> Tensor:
        """What the network makes of uint8 frames (N, C, H, W): (N, J, h, w), one after another for every look."""
        grey = frames.float()
        if self._shrunk is not None:
            grey = resize(grey, self._shrunk)
        if any(self._padding):
            grey = F.pad(grey - self.fill, self._padding) + self.fill
        if self._looks is not None:
            grey = self._looks.views(grey, self.fill)
        given = ((grey - self.mean) / self.std).to(self._dtype)
        maps: Tensor = self.network(given.contiguous(memory_format=torch.channels_last))
        return maps

    def points(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Points and scores, as `forward` returns them, of maps."""
        if self._whole:
            points, scores = highest_cells(maps, self._stride)
        else:
            points, scores = find_peaks(maps, self._activation, self._stride, self._sigma)
            scores = confidence(scores, self._calibration)
        if self._looks is not None:
            points, scores = self._looks.merge(points, scores)
            scores = confidence_of_looks(scores, self._calibration)
        points = (points - self.corner + 0.5) * self.factor - 0.5
        # Padding belongs to no frame: a peak there is put on the border.
        return torch.minimum(points.clamp(min=-self._rim), self.edge), scores


class _InFloat(nn.Module):
    """A layer that computes in float32 whatever it is given."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer.float()

    def forward(self, features: Tensor) -> Tensor:
        made: Tensor = self.layer(features.float())
        return made


def _in_precision(network: nn.Module, dtype: torch.dtype, channels: int, multiple: int) -> nn.Module:
    """The network in a reduced precision, but for the layer that makes the maps. Changes `network`."""
    name = _last_layer(network, channels, multiple)
    network.to(dtype)
    if name:
        network.set_submodule(name, _InFloat(network.get_submodule(name)))
    return network


def _last_layer(network: nn.Module, channels: int, multiple: int) -> str:
    """Name of the convolution whose output is that of the network; empty if it is another layer's, or shared."""
    made: list[tuple[str, Tensor]] = []
    probe = copy.deepcopy(network).to("meta")
    for name, module in probe.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(lambda _m, _i, output, name=name: made.append((name, output)))
    maps = probe(torch.empty(1, channels, multiple, multiple, device="meta"))
    names = [name for name, _ in made]
    if not made or made[-1][1] is not maps or names.count(names[-1]) > 1:
        return ""
    return names[-1]


def fold_normalisation(network: nn.Module) -> nn.Module:
    """A copy in which each batch normalisation that follows a convolution in a Sequential is part of it.

    In evaluation mode both are affine, so the result is the same but for rounding, with less to compute.
    """
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for i in range(len(module) - 1):
            convolution, normalisation = module[i], module[i + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
                module[i] = fuse_conv_bn_eval(convolution, normalisation)
                module[i + 1] = nn.Identity()
    return folded
