"""Choice of device and precision; a run leaves the process as it was and says nothing outside its events."""

from __future__ import annotations

import logging
import warnings

import pytest
import torch

from leaptui.errors import OperationFailed, UsageError
from leaptui.nn import hardware
from leaptui.nn.hardware import choose_device, choose_precision, describe, memory_errors
from leaptui.nn.manners import quiet, repeatable
from tests.nn.conftest import Recorder

CPU = torch.device("cpu")


@pytest.mark.parametrize(("bf16", "expected"), [(True, "bf16"), (False, "32")])
def test_precision_follows_the_instruction_set(bf16: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "cpu_multiplies_bf16", lambda: bf16)
    assert choose_precision("auto", CPU) == expected
    assert choose_precision("32", CPU) == "32"
    assert choose_precision("bf16", CPU) == "bf16"


def test_devices() -> None:
    assert choose_device("cpu") == choose_device("cpu:0") == CPU
    assert describe(CPU).startswith("cpu (")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    for wrong in ("gpu", "", "xla", "cuda:x"):
        with pytest.raises(UsageError):
            choose_device(wrong)
    with pytest.raises(OperationFailed):
        choose_device("cuda:99")


def test_lack_of_memory_is_explained() -> None:
    with pytest.raises(OperationFailed, match="smaller"), memory_errors("Make it smaller."):
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_warnings_and_logs_become_events_and_all_is_put_back(
    recorder: Recorder, capfd: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("pytorch_lightning")
    before = (logger.handlers, logger.level, logger.propagate, warnings.showwarning)
    with quiet(recorder):
        warnings.simplefilter("always")
        warnings.warn("something odd", stacklevel=1)
        warnings.warn("the dataloader does not have many workers", stacklevel=1)
        logger.info("GPU available: False")
        logger.error("broken")
        logging.getLogger("pytorch_lightning.utilities.rank_zero").warning("careful")
    assert recorder.events == [
        ("log", {"level": "warning", "message": "something odd"}),
        ("log", {"level": "error", "message": "broken"}),
        ("log", {"level": "warning", "message": "careful"}),
    ]
    assert (logger.handlers, logger.level, logger.propagate, warnings.showwarning) == before
    assert capfd.readouterr() == ("", "")


def test_repeatable_seeds_and_restores() -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    with repeatable(1, CPU):
        first = torch.rand(3)
        assert torch.are_deterministic_algorithms_enabled()
    with repeatable(1, CPU):
        assert torch.equal(first, torch.rand(3))
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.rand(2), expected)
