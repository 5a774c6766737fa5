"""Cross-validated accuracy: `python -m tests.benchmarks.accuracy DATA [--profile standard] [--folds 5] [--seeds 0]`.

DATA is anything with labels (a DeepPoseKit h5, a DeepLabCut project, a leaptui project) or `demo`: synthetic flies
whose truth is exact. For each seed the frames are dealt into folds, and each fold is predicted by a network that was
trained on the others; nothing about the held-out frames chooses anything in that training: where it wants validation
frames (`--validation 0.15`), they are taken from the training side. With `--labels 10` each fold is instead a draw of 10
frames to train on, and all others are held out.

    python -m tests.benchmarks.accuracy ../shared/data/fly/fly75.h5 --seeds 0 1 --jobs 2 --points fly.npz --json fly.json
    python -m tests.benchmarks.accuracy ../shared/data/fly/fly75.h5 --labels 10 --folds 3 --set epochs=10
    python -m tests.benchmarks.accuracy ../shared/data/fly/fly75.h5 --only-folds 0 1 --points a.npz
    python -m tests.benchmarks.accuracy --merge a.npz b.npz
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from leaptui.cli.output import note, plain
from leaptui.nn.settings import PROFILES, TrainingSettings
from tests.benchmarks.accuracy_report import Held, as_json, merge, print_report, read_points, write_points

if TYPE_CHECKING:
    from leaptui.nn.predictor import Predictor


@dataclass(frozen=True)
class Task:
    """One training with its held-out frames; all that a process needs to do it."""

    data: str
    demo_frames: int
    settings: dict[str, Any]
    seed: int
    fold: int
    folds: int
    labels: int | None
    validation: float
    device: str
    precision: str
    threads: int
    maps: bool
    looks: tuple[int, ...]


def main() -> None:
    """Train, predict, print."""
    options = _parse()
    if options.merge:
        held = merge([read_points(Path(path)) for path in options.merge])
    else:
        held = merge(_run(options))
    report = as_json(held)
    if options.points:
        write_points(Path(options.points), held)
    if options.json:
        Path(options.json).write_text(json.dumps(plain(report), indent=1) + "\n")
    print_report(report)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="labels with their frames, or `demo`")
    parser.add_argument("--profile", default="standard", choices=sorted(PROFILES))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only-folds", type=int, nargs="+", help="these of them alone, to be merged later")
    parser.add_argument("--labels", type=int, help="train on so many frames, hold out all others")
    parser.add_argument("--validation", type=float, default=0.0, help="share of the training side that validates")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings over the profile's")
    parser.add_argument("--frames", type=int, default=100, help="how many synthetic flies `demo` has")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time, each a process of one thread")
    parser.add_argument("--threads", type=int, default=0, help="of each training; 0: one with --jobs, else all")
    parser.add_argument("--time-budget", type=float, metavar="SECONDS", help="no fold begins after that")
    parser.add_argument("--no-maps", action="store_true", help="do not look for the truth among other peaks")
    parser.add_argument("--looks", type=int, nargs="+", default=[], help="predict with so many looks as well")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--points", metavar="FILE.npz", help="keep every held-out point")
    parser.add_argument("--merge", nargs="+", metavar="FILE.npz", help="report points kept before, train nothing")
    options = parser.parse_args()
    if not options.merge and options.data is None:
        parser.error("name the data, or --merge")
    return options


def settings_from(profile: str, changes: list[str]) -> TrainingSettings:
    """The profile with KEY=VALUE changes; `options.widths=[24,32]` reaches into the options."""
    table = PROFILES[profile].to_dict()
    for change in changes:
        key, _, text = change.partition("=")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        inside = key.split(".", 1)
        if len(inside) == 2:
            table[inside[0]] = {**table[inside[0]], inside[1]: value}
        else:
            table[key] = value
    return TrainingSettings.from_dict(table)


def _run(options: argparse.Namespace) -> list[Held]:
    settings = settings_from(options.profile, options.set)
    threads = options.threads or (1 if options.jobs > 1 else os.cpu_count() or 1)
    folds = options.only_folds if options.only_folds is not None else range(options.folds)
    tasks = [
        Task(
            data=options.data,
            demo_frames=options.frames,
            settings=settings.to_dict(),
            seed=seed,
            fold=fold,
            folds=options.folds,
            labels=options.labels,
            validation=options.validation,
            device=options.device,
            precision=options.precision,
            threads=threads,
            maps=not options.no_maps,
            looks=tuple(options.looks),
        )
        for seed in options.seeds
        for fold in folds
    ]
    return list(_in_processes(tasks, options.jobs, options.time_budget))


def _in_processes(tasks: list[Task], jobs: int, budget: float | None) -> Iterator[Held]:
    """Each task in a process of its own: what one leaves behind (threads, caches, compiled code) is not the next's."""
    began = time.monotonic()
    os.environ["OMP_NUM_THREADS"] = str(tasks[0].threads)
    waiting = list(tasks)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        running: dict[Future[Held], Task] = {}
        done = 0
        while waiting or running:
            over = budget is not None and time.monotonic() - began > budget and done + len(running) > 0
            if over and waiting:
                note(f"the time is over: {len(waiting)} folds are left out")
                waiting = []
            while waiting and len(running) < jobs:
                task = waiting.pop(0)
                running[pool.submit(hold_out, task)] = task
            if not running:
                return
            finished = next(as_completed(running))
            task = running.pop(finished)
            held = finished.result()
            done += 1
            note(
                f"{done}/{len(tasks)}  seed {task.seed} fold {task.fold}: mean {held.mean_px:.3f} px, "
                f"median {held.median_px:.3f}, within 3 % {held.within:.1%}; {held.folds[0]['seconds']:.0f} s"
            )
            yield held


def hold_out(task: Task) -> Held:
    """Train on one side, predict the other, in this process."""
    import torch

    from leaptui.bench import holdout
    from leaptui.nn.predictor import Predictor

    torch.set_num_threads(task.threads)
    material = holdout.load(task.data, task.demo_frames)
    train_side, held_side = holdout.sides(material.checksums, task.seed, task.fold, task.folds, task.labels)
    held_frames = [material.frames[i] for i in held_side]
    with TemporaryDirectory() as folder:
        model = Path(folder) / "model.safetensors"
        found = holdout.hold_out(
            material,
            train_side,
            held_side,
            TrainingSettings.from_dict(task.settings),
            seed=task.seed,
            validation=task.validation,
            device=task.device,
            precision=task.precision,
            keep=model,
        )
        looked = []
        for looks in task.looks:
            several = Predictor(model, task.device, task.precision, looks=looks)
            looked.append(holdout.predict(several, held_frames))
    predictor, outcome = found.predictor, found.outcome
    other_peak = np.full(found.scores.shape, -1, dtype=np.int8)
    if task.maps:
        near = 0.03 * material.body_length
        for row, i in enumerate(held_side):
            other_peak[row] = _other_peaks(predictor, material.frames[i], material.points[i], found.points[row], near)
    calibration = predictor.metadata.calibration
    rows = len(held_side)
    return Held(
        seed=np.full(rows, task.seed),
        fold=np.full(rows, task.fold),
        frame=held_side,
        points=found.points,
        truth=material.points[held_side],
        occluded=material.occluded[held_side],
        score=found.scores,
        raw=calibration.undo(found.scores),
        other_peak=other_peak,
        looked=np.stack([at for at, _ in looked], axis=1) if looked else found.points[:, None][:, :0],
        looked_score=np.stack([sure for _, sure in looked], axis=1) if looked else found.scores[:, None][:, :0],
        folds=[
            {
                "seed": task.seed,
                "fold": task.fold,
                "train_frames": outcome.labels,
                "validation_frames": outcome.val_frames,
                "held_out_frames": rows,
                "seconds": outcome.seconds,
                "epochs": outcome.epochs,
                "best_epoch": outcome.best_epoch,
                "device": outcome.device,
                "precision": outcome.precision,
                "parameters": outcome.parameters,
                "predicted": dict(predictor.description),
                "calibration": calibration.to_dict(),
            }
        ],
        facts={
            "data": task.data,
            "nodes": list(material.skeleton.node_names),
            "swap": list(material.skeleton.swap),
            "body_length_px": material.body_length,
            "settings": outcome.settings.to_dict(),
            "labels": task.labels,
            "of_folds": task.folds,
            "threads": task.threads,
            "looks": list(task.looks),
        },
    )


def _other_peaks(
    predictor: Predictor, frame: np.ndarray, truth: np.ndarray, found: np.ndarray, near: float
) -> np.ndarray:
    """(J,) for points that miss whether the map is above a tenth of its peak within `near` px of the truth.

    1 yes, 0 no, -1 for points that do not miss or have no label.
    """
    answer = np.full(len(truth), -1, dtype=np.int8)
    missed = np.flatnonzero(np.linalg.norm(found - truth, axis=-1) > near)
    if not len(missed):
        return answer
    seen = predictor.predict_with_maps(frame)
    rows, columns = np.indices(seen.maps.shape[1:])
    x = (columns + 0.5) * seen.stride[0] - 0.5
    y = (rows + 0.5) * seen.stride[1] - 0.5
    reach = max(near, 0.75 * max(seen.stride))
    for j in missed:
        around = np.hypot(x - truth[j, 0], y - truth[j, 1]) <= reach
        top = float(seen.maps[j].max())
        answer[j] = bool(around.any()) and bool(seen.maps[j][around].max() > 0.1 * top)
    return answer


if __name__ == "__main__":
    main()
