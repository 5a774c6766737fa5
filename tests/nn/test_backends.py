"""The graph from frames to points, and every way to compute it that is installed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from leaptui.nn.backends.base import ThreadPool, fill_up
from leaptui.nn.backends.choose import run_all
from leaptui.nn.backends.torch_cpu import TorchCPU
from leaptui.nn.backends.torch_cuda import compiled
from leaptui.nn.model import PoseModel
from leaptui.nn.peaks import find_peaks
from leaptui.nn.points_graph import PointsGraph
from leaptui.nn.preprocessing import Preprocessing
from tests.nn.backend_models import SIZE, Learned
from tests.nn.test_model import _model

JUMP = 3.0


@pytest.fixture
def batch(learned: Learned) -> NDArray[np.uint8]:
    return np.ascontiguousarray(learned.frames.transpose(0, 3, 1, 2))


def _scaled(model: PoseModel, scale: float) -> PoseModel:
    settings = replace(model.metadata.settings, input_scale=scale)
    preprocessing = Preprocessing(**{**model.preprocessing.to_dict(), "input_scale": scale})
    return PoseModel(model.network, preprocessing, replace(model.metadata, settings=settings))


@pytest.mark.parametrize(("channels", "scale", "size"), [(1, 1.0, (48, 56)), (3, 0.5, (45, 61)), (1, 1.0, (33, 31))])
def test_the_graph_is_preprocessing_network_and_peaks(channels: int, scale: float, size: tuple[int, int]) -> None:
    model = _scaled(_model(channels), scale)
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, channels, *size), dtype=np.uint8))
    with torch.inference_mode():
        maps = model.network(model.preprocessing.prepare(frames))
        expected, scores = find_peaks(maps, "softmax", 4, 3.0 * scale)
        expected = model.preprocessing.to_source(expected, *size)
        graph = PointsGraph(model, *size)
        found, sure = graph(frames)
        # Folding the normalisation rounds differently, by a few units of the last place.
        torch.testing.assert_close(graph.maps(frames), maps, rtol=1e-4, atol=1e-4)
    inside = ((expected > -0.5) & (expected < torch.tensor([size[1] - 0.5, size[0] - 0.5]))).all(-1)
    assert inside.any()
    torch.testing.assert_close(found[inside], expected[inside], rtol=0, atol=0.01)
    torch.testing.assert_close(sure, scores, rtol=0, atol=1e-4)
    assert (found >= -0.5).all() and (found[..., 0] <= size[1] - 0.5).all() and (found[..., 1] <= size[0] - 0.5).all()


def test_the_layer_that_makes_the_maps_stays_in_float(learned: Learned, batch: NDArray[np.uint8]) -> None:
    exact = PointsGraph(learned.model, *SIZE)
    reduced = PointsGraph(learned.model, *SIZE, dtype=torch.bfloat16)
    kinds = {name: p.dtype for name, p in reduced.named_parameters()}
    assert {d for name, d in kinds.items() if "head" in name} == {torch.float32}
    assert {d for name, d in kinds.items() if "head" not in name} == {torch.bfloat16}
    assert {p.dtype for p in learned.model.network.parameters()} == {torch.float32}
    frames = torch.from_numpy(batch)
    with torch.inference_mode():
        maps = reduced.maps(frames)
        assert maps.dtype == torch.float32 and not torch.equal(maps, maps.bfloat16().float())
        truth = exact.maps(frames)

    def apart(found: torch.Tensor) -> float:
        return float((found.double() - truth).square().mean())

    assert 0 < apart(maps) < apart(maps.bfloat16())


def test_leap_cnn_in_bf16_ends_in_float_too() -> None:
    graph = PointsGraph(_model(architecture="leap_cnn"), 32, 32, dtype=torch.bfloat16)
    with torch.inference_mode():
        assert graph.maps(torch.zeros(1, 1, 32, 32, dtype=torch.uint8)).dtype == torch.float32


def test_the_graph_can_be_compiled_whole(learned: Learned, batch: NDArray[np.uint8]) -> None:
    graph, said = PointsGraph(learned.model, *SIZE), list[str]()
    frames = torch.from_numpy(batch[:4])
    run = compiled(graph, frames, said.append, "aot_eager")
    assert run is not graph and not said
    with torch.inference_mode():
        for found, expected in zip(run(frames), graph(frames), strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_what_cannot_be_compiled_runs_layer_by_layer_and_says_so(
    learned: Learned, batch: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Callable[..., None]:
        def run(_: object) -> None:
            raise RuntimeError("Cannot find a working triton installation\nmore of it")

        return run

    monkeypatch.setattr(torch, "compile", refuse)
    graph, said = PointsGraph(learned.model, *SIZE), list[str]()
    assert compiled(graph, torch.from_numpy(batch[:2]), said.append) is graph
    assert len(said) == 1 and "triton" in said[0] and "\n" not in said[0]


@pytest.mark.parametrize("streams", [1, 2])
def test_a_frame_has_the_same_points_whatever_comes_with_it(
    learned: Learned, batch: NDArray[np.uint8], streams: int
) -> None:
    before = torch.get_num_threads()
    backend = TorchCPU(learned.model, *SIZE, "32", 8, streams, streams)
    assert torch.get_num_threads() == before
    points, scores = run_all(backend, batch)
    one, other = backend.submit(batch[3:4]), backend.submit(batch[5:10])
    late, alone = other.result(), one.result()
    backend.close()
    assert points.shape == (24, 4, 2) and scores.shape == (24, 4)
    assert np.array_equal(alone[0], points[3:4]) and np.array_equal(alone[1], scores[3:4])
    assert np.array_equal(late[0], points[5:10])


def test_a_short_batch_is_filled_up() -> None:
    frames = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1)
    filled = fill_up(frames.transpose(0, 1, 3, 2), 4)
    assert filled.shape == (4, 3, 1, 1) and filled.flags.c_contiguous
    assert filled[:, 0, 0, 0].tolist() == [0, 3, 3, 3]


def test_errors_of_a_batch_reach_who_asks_for_it() -> None:
    def fail(_: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        raise RuntimeError("no")

    pool = ThreadPool(fail, 2, 1)
    pending = pool.submit(np.zeros((1, 1, 2, 2), np.uint8))
    with pytest.raises(RuntimeError, match="no"):
        pending.result()
    pool.close()


@pytest.fixture(scope="session")
def graph(learned: Learned) -> object:
    pytest.importorskip("openvino", reason="openvino (extra cpu) is not installed")
    from leaptui.nn.backends.openvino_cpu import convert

    return convert(learned.model, *SIZE, 8)


def test_openvino_gives_torchs_points(learned: Learned, batch: NDArray[np.uint8], graph: object) -> None:
    from leaptui.nn.backends.openvino_cpu import OpenVinoCPU

    reference = run_all(TorchCPU(learned.model, *SIZE, "32", 8, 1, 1), batch)
    backend = OpenVinoCPU(graph, "32", 1, 1)
    # More batches than requests, the last asked for first.
    pending = [backend.submit(batch[start : start + 5]) for start in range(0, 24, 5)]
    found = [entry.result() for entry in reversed(pending)][::-1]
    backend.close()
    points, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    np.testing.assert_allclose(points, reference[0], atol=1e-3)
    np.testing.assert_allclose(scores, reference[1], atol=1e-4)


def test_int8_moves_points_little_and_less_with_more_layers_in_float(
    learned: Learned, batch: NDArray[np.uint8], graph: object
) -> None:
    from leaptui.nn.backends.openvino_cpu import OpenVinoCPU
    from leaptui.nn.backends.quantise import convolutions, kept_layers, measure_ranges, quantise

    reference = run_all(TorchCPU(learned.model, *SIZE, "32", 8, 1, 1), batch)[0]
    ranges = measure_ranges(graph, [batch[:8], batch[8:16]], 1)
    names = [layer.get_friendly_name() for layer in convolutions(graph)]
    kept = kept_layers(graph)
    assert sorted(kept[0]) == sorted([names[0], names[-1]]) and set(kept[0]) < set(kept[-1]) < set(names)
    assert all(low <= 0 < high for low, high in ranges.values() if low > -1)

    def apart(layers: list[str], seen: dict[str, tuple[float, float]]) -> float:
        backend = OpenVinoCPU(quantise(graph, seen, layers), "int8", 1, 1)
        distance = np.linalg.norm(run_all(backend, batch)[0] - reference, axis=-1)
        backend.close()
        return float(np.median(distance))

    usual, careful = apart(kept[0], ranges), apart(kept[-1], ranges)
    assert 0 < careful < usual < 0.5
    # Ranges that cut everything off must show, or nothing was quantised.
    assert apart(kept[0], {name: (low, high / 50) for name, (low, high) in ranges.items()}) > 2 * usual
    assert apart(names, ranges) < 1e-3


def test_ranges_of_another_model_are_refused(graph: object) -> None:
    from leaptui.errors import UnusableInput
    from leaptui.nn.backends.quantise import kept_layers, quantise

    with pytest.raises(UnusableInput, match="int8"):
        quantise(graph, {"something else": (0.0, 1.0)}, kept_layers(graph)[0])


def test_zero_is_a_level_of_every_range() -> None:
    pytest.importorskip("openvino", reason="openvino (extra cpu) is not installed")
    from leaptui.nn.backends.quantise import _with_zero

    for low, high in ((0.0, 3.0), (-1.3, 2.9), (0.5, 4.0), (-2.0, -1.0), (0.0, 0.0)):
        bottom, top = _with_zero(low, high)
        step = (top - bottom) / 255
        assert step > 0 and abs(bottom / step - round(bottom / step)) < 1e-6 and bottom <= 0 <= top
        assert bottom <= low + step and top >= high - step


def test_openvino_shrinks_and_pads_as_torch_does(learned: Learned, batch: NDArray[np.uint8], graph: object) -> None:
    from leaptui.nn.backends.openvino_cpu import OpenVinoCPU, convert

    model = _scaled(learned.model, 0.5)
    frames = np.ascontiguousarray(batch[:2, :, :45, :53])
    with torch.inference_mode():
        points, scores = (t.numpy() for t in PointsGraph(model, 45, 53)(torch.from_numpy(frames)))
    found = run_all(OpenVinoCPU(convert(model, 45, 53, 2), "32", 1, 1), frames)
    np.testing.assert_allclose(found[0], points, atol=0.01)
    np.testing.assert_allclose(found[1], scores, atol=1e-3)


def test_onnx_is_written_only_when_it_computes_the_same(
    learned: Learned, batch: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} (extra cpu) is not installed")
    import json

    import onnx
    import onnxruntime

    from leaptui.errors import OperationFailed
    from leaptui.nn import onnx_export

    out = tmp_path / "model.onnx"
    assert onnx_export.export(learned.model, out, *SIZE, batch[:4]) < 0.01
    facts = {entry.key: entry.value for entry in onnx.load(out).metadata_props}
    assert json.loads(facts["skeleton"]) == learned.model.metadata.skeleton.to_dict()
    assert facts["leaptui"] == learned.model.metadata.to_json() and "px" in facts["units"]
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    reference = run_all(TorchCPU(learned.model, *SIZE, "32", 8, 1, 1), batch)
    for count in (1, 3, 24):
        points, scores = session.run(["points", "scores"], {"frames": batch[:count]})
        np.testing.assert_allclose(points, reference[0][:count], atol=0.01)
        np.testing.assert_allclose(scores, reference[1][:count], atol=1e-3)
    before = out.read_bytes()
    network = copy.deepcopy(learned.model.network)
    network.get_submodule("head").weight.data.mul_(-1)  # type: ignore[operator, union-attr]
    other = replace(learned.model, network=network)
    monkeypatch.setattr(onnx_export, "onnx_bytes", lambda *_: before)
    with pytest.raises(OperationFailed, match="not written"):
        onnx_export.export(other, out, *SIZE, batch[:4])
    flat = replace(learned.model, network=copy.deepcopy(network))
    flat.network.get_submodule("head").weight.data.zero_()  # type: ignore[operator, union-attr]
    with pytest.raises(OperationFailed, match="flat"):
        onnx_export.export(flat, out, *SIZE, batch[:4])
    assert out.read_bytes() == before and list(tmp_path.glob("*")) == [out]
