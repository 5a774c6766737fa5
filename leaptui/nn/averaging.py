"""Moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage(nn.Module):
    """A copy of a network whose weights and buffers follow it as an exponential moving average.

    The average is short at first, (1 + n) / (10 + n) after n updates, so that it forgets the random start.

    Args:
        network: what to follow.
        decay: in the long run, a step.

    Attributes:
        module: the copy.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.module = copy.deepcopy(network).requires_grad_(False)
        self._decay = decay
        # Not a tensor: reading one on a GPU every step would make the host wait for it.
        self._updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after a step."""
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        self._updates += 1
        means = [*self.module.parameters(), *self.module.buffers()]
        values = [*network.parameters(), *network.buffers()]
        averaged = [(m, v) for m, v in zip(means, values, strict=True) if m.is_floating_point()]
        get_ema_multi_avg_fn(decay)([m for m, _ in averaged], [v.detach() for _, v in averaged], self._updates)
        for mean, value in zip(means, values, strict=True):
            if not mean.is_floating_point():
                mean.copy_(value)

    def get_extra_state(self) -> int:
        """The number of updates, for checkpoints."""
        return self._updates

    def set_extra_state(self, state: int) -> None:
        """Take it from a checkpoint."""
        self._updates = int(state)
