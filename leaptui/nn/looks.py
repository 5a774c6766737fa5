"""Several looks at a frame: it is turned and mirrored, every view predicted, and what the views found is merged.

A network that was trained on turned frames finds the points of a turned frame nearly as well, but not with the same
error. What most views agree on is taken: around each view's point the scores of the others are counted, those near it
in full; the point with the most is the one believed, and moved to the mean of those near it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leaptui.errors import UsageError
from leaptui.nn.geometry import invert, sampling_grid, similarity
from leaptui.nn.model_metadata import ModelMetadata
from leaptui.nn.settings import LOOKS


def check_looks(count: int, metadata: ModelMetadata) -> None:
    """Refuse what the model was not trained for.

    Raises:
        UsageError: if the count is none of `LOOKS`, or the model did not see frames in every heading.
    """
    if count not in LOOKS:
        raise UsageError(f"looks are one of {', '.join(map(str, LOOKS))}, not {count}")
    turned = metadata.settings.rotation
    if count > 1 and turned < 180:
        raise UsageError(
            f"the model was trained on frames turned by up to {turned:g} degrees: it cannot look at others",
            hint="Predict with one look, or train with --rotation 180.",
        )


class Looks(nn.Module):
    """Views of square frames.

    Args:
        count: how many; four are turns by right angles, of which a square loses nothing. From eight on half of them
            are mirrored, where there is a `swap`.
        side: of the frames, px.
        swap: the node that each node becomes in a mirror; None where left and right are not told apart by the model.
        reach: how close, in px, points of two views are when they mean the same.
    """

    grids: Tensor
    back: Tensor
    order: Tensor

    def __init__(self, count: int, side: int, swap: Sequence[int] | None, reach: float, nodes: int) -> None:
        super().__init__()
        self.count = count
        mirrors = 2 if count >= 8 and swap is not None else 1
        turns = count // mirrors
        rotation = torch.arange(turns).repeat(mirrors) * (2 * math.pi / turns)
        mirrored = torch.arange(mirrors).repeat_interleave(turns) == 1
        views = similarity(rotation, torch.ones(count), torch.zeros(count, 2), mirrored, (side, side))
        self.register_buffer("grids", sampling_grid(invert(views), (side, side)), persistent=False)
        self.register_buffer("back", invert(views), persistent=False)
        same = torch.arange(nodes)
        twin = same if swap is None else torch.tensor(list(swap))
        # Of the nodes of all views behind each other.
        order = torch.where(mirrored[:, None], twin, same) + nodes * torch.arange(count)[:, None]
        self.register_buffer("order", order.flatten(), persistent=False)
        self._reach, self._side = reach, side

    def views(self, frames: Tensor, fill: Tensor) -> Tensor:
        """Float frames (N, C, S, S) -> (N * count, C, S, S); what comes in from outside has the level `fill`."""
        channels, side = frames.shape[1], self._side
        # One grid is for all frames when they lie behind each other as channels; where the graph is converted, the
        # number of frames must not become part of it.
        above = (frames - fill).reshape(1, -1, side, side)
        turned = [
            F.grid_sample(above, grid, padding_mode="zeros", align_corners=False).reshape(-1, channels, side, side)
            for grid in self.grids.split(1)
        ]
        return torch.stack(turned, dim=1).reshape(-1, channels, side, side) + fill

    def merge(self, points: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Points (N * count, J, 2) and scores (N * count, J) of the views -> those of the frames, (N, J, 2), (N, J).

        The score is the mean over all looks, of which those that found something else count as 0.
        """
        nodes = scores.shape[1]
        returned = points.reshape(-1, self.count, nodes, 2) @ self.back[:, :, :2].transpose(1, 2)
        returned = returned + self.back[:, None, :, 2]
        returned = returned.flatten(1, 2)[:, self.order].reshape(-1, self.count, nodes, 2)
        weights = scores.reshape(-1, self.count * nodes)[:, self.order].reshape(-1, self.count, nodes)
        apart = (returned[:, :, None] - returned[:, None]).square().sum(-1)
        votes = torch.exp(-apart / self._reach**2) * weights[:, None]
        best = votes.sum(2).argmax(dim=1, keepdim=True)
        chosen = votes.gather(1, best[:, :, None].expand(-1, -1, self.count, -1))[:, 0]
        total = chosen.sum(1)
        merged = (chosen[..., None] * returned).sum(1) / total.clamp_min(1e-12)[..., None]
        return merged, total / self.count
