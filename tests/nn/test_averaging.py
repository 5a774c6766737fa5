"""The moving average of weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from leaptui.nn.averaging import WeightAverage


def _step(network: nn.Module, value: float) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(value)


def test_it_follows_with_its_decay_and_forgets_the_start() -> None:
    network = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    _step(network, -50.0)
    average = WeightAverage(network, 0.9)
    _step(network, 1.0)
    for _ in range(400):
        average.update(network)
    assert average.module[0].weight.item() == pytest.approx(1.0, abs=1e-3)
    _step(network, 2.0)
    average.update(network)
    assert average.module[0].weight.item() == pytest.approx(1.1, abs=1e-3)
    assert not any(p.requires_grad for p in average.module.parameters())


def test_buffers_follow_too_and_the_count_is_kept() -> None:
    network = nn.BatchNorm1d(2)
    average = WeightAverage(network, 0.5)
    network.train()(torch.tensor([[1.0, 2.0], [3.0, 8.0]]))
    for _ in range(50):
        average.update(network)
    assert torch.allclose(average.module.running_mean, network.running_mean, atol=1e-5)
    assert average.module.num_batches_tracked == 1
    again = WeightAverage(network, 0.5)
    again.load_state_dict(average.state_dict())
    assert again.get_extra_state() == 50
