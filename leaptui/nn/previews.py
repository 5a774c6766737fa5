"""Previews: what the network makes of a few validation frames, epoch by epoch, for people to watch.

The same frames every time, so that scrubbing through the epochs shows how the maps settle. What a preview costs is
measured, and no more of them are made than a small share of the training's time allows.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from leaptui.errors import UnusableInput
from leaptui.formats.preview_packing import pack_images, pack_maps
from leaptui.formats.previews import EpochPreview, preview_name, thin, write_preview
from leaptui.nn.batches import FrameBank
from leaptui.nn.data import TrainingData
from leaptui.nn.geometry import resize, scaled_size
from leaptui.nn.module import PoseModule
from leaptui.nn.peaks import find_peaks
from leaptui.nn.preprocessing import Preprocessing
from leaptui.pose.skeleton import Skeleton
from leaptui.runs.context import RunContext

FRAMES = 6
"""Frames of a preview."""
EVERY = 3.0
"""Seconds between two previews, at least; only a best epoch need not wait so long."""
SHARE = 0.015
"""Share of the training's time that previews may take."""
FOLDER = "previews"

_CANDIDATES = 1000


class PreviewWriter(pl.Callback):
    """Writes `previews/NNNN.npz` into the run directory after an epoch and emits `preview`.

    The first epoch, the best and the last have one; of the others those that fit into `share` of the time.
    A disk that refuses them is said once; training goes on.

    Args:
        context: of the run.
        data: all frames.
        indices: those to choose from: the validation frames, or where there are none those trained on.
        skeleton: names and edges.
        preprocessing: how frames become input.
        device, precision: that the network runs with, see `leaptui.nn.hardware`.
        every, share: see EVERY and SHARE.
    """

    def __init__(
        self,
        context: RunContext,
        data: TrainingData,
        indices: NDArray[np.intp],
        skeleton: Skeleton,
        preprocessing: Preprocessing,
        device: torch.device,
        precision: str = "32",
        *,
        every: float = EVERY,
        share: float = SHARE,
    ) -> None:
        self._context = context
        self._skeleton = skeleton
        self._precision = precision
        self._every, self._share = every, share
        self._chosen = indices[spread_frames(data.points[indices])]
        self._bank = FrameBank(data, self._chosen, preprocessing, device)
        self._sizes = [data.frames[i].shape[:2] for i in self._chosen]
        self._truth = data.points[self._chosen]
        self._occluded = np.asarray(data.occluded)[self._chosen] & np.isfinite(self._truth).all(axis=-1)
        self._images = pack_images([np.asarray(data.frames[i]) for i in self._chosen], _shrunk)
        self._best_error = math.inf
        self._best_epoch: int | None = None
        self._written: set[int] = set()
        self._due = self._due_if_best = -math.inf
        self._thread: threading.Thread | None = None
        self._has_complained = False
        self.seconds_used = 0.0
        """What previews have cost so far: seconds of the training, and processor seconds beside it."""
        for left in (context.directory / FOLDER).glob(".*.npz.*.tmp"):
            # A worker that was killed left it.
            left.unlink(missing_ok=True)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run has to know."""
        return {"best_error": self._best_error, "best_epoch": self._best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what an earlier part of the run knew."""
        self._best_error, self._best_epoch = state_dict["best_error"], state_dict["best_epoch"]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make the preview of this epoch, if it is time for one."""
        if not isinstance(pl_module, PoseModule):
            raise TypeError("PreviewWriter goes with a PoseModule")
        epoch = trainer.current_epoch + 1
        figures = pl_module.figures
        best = figures is not None and figures.error_px < self._best_error
        if figures is not None and best:
            self._best_error, self._best_epoch = figures.error_px, epoch
        last = trainer.should_stop or (trainer.max_epochs is not None and epoch >= trainer.max_epochs)
        now = time.monotonic()
        if last or now >= (self._due_if_best if best else self._due):
            self._make(pl_module, epoch, must=last or best)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Wait until the last one is on disk."""
        self._wait()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """The same when training breaks off."""
        self._wait()

    def finish(self, module: PoseModule, best_epoch: int | None) -> None:
        """Make the preview of the best epoch if there was no time for it.

        Args:
            module: with the weights of that epoch.
            best_epoch: from 1; None without validation.
        """
        path = self._context.directory / FOLDER / preview_name(best_epoch or 0)
        if best_epoch is not None and best_epoch not in self._written and not path.exists():
            self._make(module, best_epoch, must=True)
        self._wait()

    def _make(self, module: PoseModule, epoch: int, *, must: bool) -> None:
        """Predict here; pack and write in another thread, so that training does not wait for a slow disk."""
        if not len(self._chosen):
            return
        if self._thread is not None and self._thread.is_alive():
            if not must:
                return
            self._wait()
        began = time.monotonic()
        points, scores, maps = self._predict(module)
        spent = time.monotonic() - began
        self._written.add(epoch)
        self._due_if_best, self._due = math.inf, math.inf
        arguments = (epoch, module.stride, points, scores, maps, spent)
        self._thread = threading.Thread(target=self._write, args=arguments, name="preview", daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _predict(self, module: PoseModule) -> tuple[Tensor, Tensor, Tensor]:
        """Points in input pixels (N, J, 2), scores (N, J), and maps (N, J, h, w) uint8, all on the CPU."""
        network = module.validated
        was_training = network.training
        network.eval()
        bank, activation, stride, sigma = self._bank, module.loss.activation, module.stride, module.input_sigma
        reduced = torch.autocast(bank.device.type, torch.bfloat16, enabled=self._precision == "bf16")
        found: list[tuple[Tensor, ...]] = []
        with torch.no_grad():
            for positions in torch.arange(len(bank)).split(module.settings.batch_size):
                frames = bank.preprocessing.normalise(bank.draw(positions)[0])
                with reduced:
                    maps = network(frames.contiguous(memory_format=torch.channels_last))
                points, scores = find_peaks(maps, activation, stride, sigma)
                levels = heights(maps.float(), activation, sigma / stride).mul(255).round().to(torch.uint8)
                found.append((points.cpu(), scores.cpu(), levels.cpu()))
        network.train(was_training)
        points, scores, levels = (torch.cat(parts) for parts in zip(*found, strict=True))
        return points, scores, levels

    def _write(self, epoch: int, stride: int, points: Tensor, scores: Tensor, maps: Tensor, spent: float) -> None:
        """Pack, write, say so; what it cost decides when the next may come."""
        began = time.thread_time()
        preview = self._packed(epoch, stride, points, scores, maps)
        folder = self._context.directory / FOLDER
        try:
            write_preview(folder, preview)
            thin(folder, keep=() if self._best_epoch is None else (self._best_epoch,))
        except UnusableInput as problem:
            if not self._has_complained:
                self._has_complained = True
                self._context.emit("log", level="warning", message=f"A preview could not be written: {problem.what}")
        else:
            self._context.emit("preview", epoch=epoch, path=f"{FOLDER}/{preview_name(epoch)}")
        cost = spent + time.thread_time() - began
        self.seconds_used += cost
        now = time.monotonic()
        self._due_if_best = now + cost / self._share
        self._due = now + max(self._every, cost / self._share)

    def _packed(self, epoch: int, stride: int, points: Tensor, scores: Tensor, maps: Tensor) -> EpochPreview:
        image, extent = self._images
        preprocessing = self._bank.preprocessing
        source = torch.stack(
            [preprocessing.to_source(each, *size) for each, size in zip(points, self._sizes, strict=True)]
        )
        inputs = np.array([scaled_size(h, w, preprocessing.input_scale) for h, w in self._sizes])
        cell = (stride * extent / inputs)[:, ::-1]
        (best_map, best_factor), (node_maps, node_factor) = pack_maps(maps.numpy())
        return EpochPreview(
            epoch=epoch,
            nodes=self._skeleton.node_names,
            edges=self._skeleton.edge_indices,
            image=image,
            extent=extent,
            source_size=np.array(self._sizes, np.int32),
            frames=self._chosen.astype(np.int64),
            points=source.float().numpy(),
            scores=scores.float().numpy(),
            truth=self._truth,
            occluded=self._occluded,
            best_map=best_map,
            best_cell=(cell * best_factor).astype(np.float32),
            node_maps=node_maps,
            node_cell=(cell * node_factor).astype(np.float32),
        )


def heights(maps: Tensor, activation: str, sigma: float) -> Tensor:
    """What the network returned as heights from 0 to 1, where 1 is the peak of the Gaussian it learns to draw.

    Args:
        maps: (N, J, h, w).
        activation: see `find_peaks`.
        sigma: width of the Gaussian in cells.
    """
    if activation != "softmax":
        return maps.clamp(0.0, 1.0)
    peak = min(1.0, 1 / (2 * math.pi * sigma**2))
    return (torch.softmax(maps.flatten(-2), dim=-1) / peak).clamp(max=1.0).unflatten(-1, maps.shape[-2:])


def spread_frames(points: NDArray[np.floating[Any]], count: int = FRAMES) -> NDArray[np.intp]:
    """Positions of at most `count` frames whose poses differ most from each other, in order.

    The first is the one nearest to the mean pose, each further one the farthest from those chosen (Gonzalez 1985).

    Args:
        points: (N, J, 2); frames in which less than half as many points are placed as in the fullest are left out.
    """
    placed = np.isfinite(points).all(axis=-1)
    full = np.flatnonzero(placed.sum(axis=1) * 2 >= max(1, placed.sum(axis=1).max(initial=0)))
    full = full[:: max(1, -(-len(full) // _CANDIDATES))]
    if len(full) <= count:
        return full
    poses = np.where(placed[full][..., None], points[full], np.nan).astype(float)
    poses = poses - np.nanmean(poses, axis=1, keepdims=True)
    seen = placed[full].any(axis=0)
    poses = poses[:, seen]
    poses = np.where(np.isfinite(poses), poses, np.nanmean(poses, axis=0)).reshape(len(full), -1)
    chosen = [int(np.linalg.norm(poses - poses.mean(axis=0), axis=1).argmin())]
    nearest = np.linalg.norm(poses - poses[chosen[0]], axis=1)
    while len(chosen) < count and nearest.max() > 0:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(poses - poses[chosen[-1]], axis=1))
    return np.asarray(np.sort(full[chosen]))


def _shrunk(frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    levels = resize(torch.from_numpy(np.array(frame)).permute(2, 0, 1).unsqueeze(0).float(), size)
    small: NDArray[np.uint8] = levels[0].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
    return small
