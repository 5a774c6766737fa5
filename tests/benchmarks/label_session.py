"""Keys a labelled point: `python -m tests.benchmarks.label_session FLY75.h5 [--keys FILE] [--replay FILE]`.

A person who knows where every point belongs labels five real frames from empty to complete, with the keys of the
labelling screen, once without a model and once starting from predictions of the quality of ten labelled frames.
The person opens the hint grid and types two letters and as many ninths as it takes to be within a pixel; with
predictions only points off by more than 3 % of the body length are placed anew, and the rest is accepted by one
key. Every key counts, those that select nodes and go to the next frame too. The labels that come of it are
compared with the truth.

`--keys` writes the keys, one JSON line a frame, {"frame", "keys"}, after a first line that says how the frames were
seen and whether there were predictions; `--replay` plays such a file instead of working keys out. The grid depends
on the view, so keys are right for one size only; `label_session.jsonl` and `label_session_model.jsonl` beside this
file are for the whole frame in 80 x 40 cells of 10 x 20 pixels.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from leaptui.graphics.geometry import View
from leaptui.labelling.hints import Fed, HintGrid
from leaptui.labelling.labeller import Labeller
from leaptui.labelling.predictions import ArrayPredictions
from leaptui.pose.builtin import fly32
from leaptui.pose.skeleton import Skeleton
from leaptui.pose.store import LabelStore
from leaptui.project import VideoRecord

Points = NDArray[np.float64]

VIDEO = "fly"
NEAR = 1.0
"""Source pixels within which a placed point is right."""
OFF = 0.03
"""Share of the body length beyond which a predicted point is wrong."""
HINT, LEAVE, ACCEPT_ALL, NEXT_UNLABELLED, NEXT_NODE, PREVIOUS_NODE, DOUBTFUL = (
    "f", "escape", "A", "space", "tab", "shift+tab", "d"
)  # fmt: skip
"""The labelling screen's keys, as in its table."""


class Hands:
    """Takes keys as the labelling screen does, without a screen.

    Args:
        labeller: what is labelled.
        view: how the frame is seen.
    """

    def __init__(self, labeller: Labeller, view: View) -> None:
        self.labeller = labeller
        self.view = view
        self.grid: HintGrid | None = None
        self.pressed: list[str] = []
        self._digits = ""

    def press(self, keys: Iterable[str]) -> None:
        """Press keys, by Textual's names."""
        for key in keys:
            self.pressed.append(key)
            if not key.isdecimal():
                self._digits = ""
            if self.grid is None or (len(key) == 1 and key.isupper()) or not self._hint(self.grid, key):
                self._command(key)

    def _hint(self, grid: HintGrid, key: str) -> bool:
        placed = grid.point is not None
        fed = grid.feed(key)
        if fed is Fed.POINT and grid.point is not None:
            self.labeller.place(grid.point, advance=False, repeat="hint")
        elif fed is Fed.CLOSED:
            self.grid = None
        if placed and fed in (Fed.NEXT, Fed.DONE, Fed.CLOSED):
            self.labeller.next_open_node()
        return fed is not Fed.UNKNOWN

    def _command(self, key: str) -> None:
        labeller = self.labeller
        if key.isdecimal():
            self._digits += key
            labeller.select_node(int(self._digits) - 1)
        elif key == HINT:
            self.grid = HintGrid(self.view)
        elif key == DOUBTFUL:
            labeller.next_doubtful_node()
        elif key in (NEXT_NODE, PREVIOUS_NODE):
            labeller.next_node(1 if key == NEXT_NODE else -1)
        elif key == ACCEPT_ALL:
            labeller.accept("all")
        elif key == NEXT_UNLABELLED:
            labeller.next_unlabelled()
        else:
            raise ValueError(f"no key {key!r} is known")

    # What the person decides

    def place(self, truth: Points) -> None:
        """Put the selected node where it belongs, with the grid open."""
        assert self.grid is not None
        keys = self.grid.keys_for((float(truth[0]), float(truth[1])), within=NEAR)
        if keys is None:
            raise ValueError("the point is not seen")
        self.press(keys)

    def label_from_empty(self, truth: Points) -> None:
        """Label the frame in sight and go on."""
        self.press([HINT])
        for _ in truth:
            # A first letter goes on to the next open node, so the node is known before it is typed.
            self.place(truth[self.coming])
        self.press([LEAVE, NEXT_UNLABELLED])

    def fix(self, truth: Points, far: float) -> None:
        """Place predicted points anew that are off by more than `far`, accept the rest and go on."""
        wrong = set(np.flatnonzero(~(_errors(self.labeller.animal.points, truth) <= far)).tolist())
        while wrong:
            node, keys = min(((node, self.way_to(node)) for node in sorted(wrong)), key=lambda found: len(found[1]))
            self.press(keys)
            self.place(truth[node])
            wrong.discard(node)
        self.press([*([LEAVE] if self.grid is not None else []), ACCEPT_ALL, NEXT_UNLABELLED])

    @property
    def coming(self) -> int:
        """The node that the next letter of the grid is for."""
        if self.grid is None or self.grid.point is None:
            return self.labeller.node
        wanted, count = self.labeller.animal.open, len(self.labeller.skeleton)
        order = [(self.labeller.node + step) % count for step in range(1, count + 1)]
        return next((node for node in order if wanted[node]), self.labeller.node)

    def way_to(self, node: int) -> list[str]:
        """The fewest keys after which the next letter of the grid is for a node."""
        if self.grid is not None and self.coming == node:
            return []
        count, here = len(self.labeller.skeleton), self.labeller.node
        forth, back = (node - here) % count, (here - node) % count
        ways = [list(str(node + 1)), [NEXT_NODE] * forth, [PREVIOUS_NODE] * back]
        if self.grid is not None:
            return min((way for way in ways if way), key=len)
        doubtful = self._doubts(node)
        if doubtful is not None:
            ways.append([DOUBTFUL] * doubtful)
        return [*min(ways, key=len), HINT]

    def _doubts(self, node: int) -> int | None:
        """How often the key for doubtful points selects others before this one."""
        animal = self.labeller.animal
        order = sorted(np.flatnonzero(animal.predicted).tolist(), key=lambda n: (animal.scores[n], n))
        if node not in order:
            return None
        if self.labeller.node in order and self.pressed[-1:] == [DOUBTFUL]:
            return (order.index(node) - order.index(self.labeller.node)) % len(order)
        return order.index(node) + 1


@dataclass
class Session:
    """Frames labelled one after the other.

    Args:
        view: how they were seen.
        with_model: whether there were predictions.
        frames: the keys of each, in order.
        errors: distances of all points from the truth.
    """

    view: View
    with_model: bool = False
    frames: list[tuple[int, list[str]]] = field(default_factory=list)
    errors: list[Points] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Keys a point, and how right the labels are."""
        errors = np.concatenate(self.errors)
        keys = [len(keys) for _, keys in self.frames]
        return {
            "frames": len(keys),
            "points": errors.size,
            "keys": sum(keys),
            "keys_per_point": round(sum(keys) / errors.size, 3),
            "keys_of_each_frame": keys,
            "missing": int(np.isnan(errors).sum()),
            "median_px": round(float(np.nanmedian(errors)), 3),
            "largest_px": round(float(np.nanmax(errors)), 3),
        }


def run_session(
    truth: Points,
    view: View,
    predictions: ArrayPredictions | None = None,
    keys: Sequence[tuple[int, list[str]]] | None = None,
    skeleton: Skeleton | None = None,
) -> Session:
    """Label all frames of a truth (N, J, 2) from the first on.

    Args:
        truth: where the points belong.
        view: how every frame is seen.
        predictions: where to start from.
        keys: what to press, or None to work it out.
        skeleton: the nodes, the fly's if left out.
    """
    skeleton = skeleton or fly32()
    session = Session(view, predictions is not None)
    far = OFF * body_length(truth, skeleton)
    record = VideoRecord(VIDEO, "fly.h5", VIDEO, len(truth), view.frame[1], view.frame[0], 1)
    with tempfile.TemporaryDirectory() as folder:
        store = LabelStore(Path(folder) / "labels", skeleton)
        labeller = Labeller(store, skeleton, [record], predictions=predictions)
        for number in range(len(truth)):
            if labeller.frame != number:
                raise ValueError(f"frame {labeller.frame} is in sight instead of frame {number}")
            hands = Hands(labeller, view)
            if keys is not None:
                hands.press(next(pressed for frame, pressed in keys if frame == number))
            elif predictions is None:
                hands.label_from_empty(truth[number])
            else:
                hands.fix(truth[number], far)
            session.frames.append((number, hands.pressed))
            labeller.flush()
        for number in range(len(truth)):
            key = labeller.key._replace(frame=number)
            session.errors.append(_errors(store.frame(key).instances[0].points, truth[number]))
        store.close()
    return session


def body_length(truth: Points, skeleton: Skeleton) -> float:
    """Mean distance of the two ends of the body axis."""
    axis = skeleton.body_axis_indices
    assert axis is not None
    return float(_errors(truth[:, axis[0]], truth[:, axis[1]]).mean())


def like_ten_labels(truth: Points, length: float, seed: int = 0) -> ArrayPredictions:
    """Predictions with the errors of a model trained on ten labelled frames.

    14 % of the points miss by more than 3 % of the body length: half of them by up to twice that, a third on or
    near another node, the rest anywhere near the animal; the others are off by 1.4 px in the median of all. Scores
    tell right from wrong as well as there: of the more confident half 95.5 % are right.
    """
    rng = np.random.default_rng(seed)
    frames, nodes = truth.shape[:2]
    far = OFF * length
    wrong = rng.random((frames, nodes)) < 0.14
    size = np.clip(rng.rayleigh(1.13, (frames, nodes)), 0, 0.98 * far)
    size = np.where(wrong, rng.uniform(far * 1.02, 2 * far, (frames, nodes)), size)
    angle = rng.uniform(0, 2 * np.pi, (frames, nodes))
    points = truth + size[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    kind = rng.random((frames, nodes))
    other = truth[np.arange(frames)[:, None], rng.integers(0, nodes, (frames, nodes))]
    points = np.where((wrong & (kind > 0.52) & (kind < 0.67))[..., None], other, points)
    stray = truth + rng.uniform(-length / 2, length / 2, truth.shape)
    points = np.where((wrong & (kind >= 0.67))[..., None], stray, points)
    doubt = rng.normal(0, 1, (frames, nodes)) + np.where(wrong, 1.15, 0.0)
    scores = 1 / (1 + np.exp(doubt))
    return ArrayPredictions({VIDEO: points[:, None]}, {VIDEO: scores[:, None]})


def from_file(path: Path, frames: int) -> ArrayPredictions:
    """The first frames of a predictions file."""
    from leaptui.formats.predictions import read_predictions

    found = read_predictions(path, fly32()).at(range(frames))
    return ArrayPredictions({VIDEO: np.asarray(found.points, float)}, {VIDEO: np.asarray(found.scores, float)})


def write_keys(session: Session, path: Path) -> None:
    """One JSON line for the view, then one a frame."""
    view = session.view
    lines: list[dict[str, Any]] = [
        {"frame_size": view.frame, "area": view.area, "cell": view.cell, "with_model": session.with_model}
    ]
    lines += [{"frame": frame, "keys": keys} for frame, keys in session.frames]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def read_keys(path: Path) -> Session:
    """What `write_keys` wrote, without errors."""
    first, *rest = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    view = View.fit(tuple(first["frame_size"]), tuple(first["area"]), tuple(first["cell"]))
    return Session(view, bool(first["with_model"]), [(int(row["frame"]), list(row["keys"])) for row in rest])


def _errors(points: Points, truth: Points) -> Points:
    return np.asarray(np.linalg.norm(points - truth, axis=-1))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fly75", type=Path, help="DeepPoseKit annotation set")
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--area", type=int, nargs=2, default=(80, 40), help="columns and rows of the picture")
    parser.add_argument("--cell", type=float, nargs=2, default=(10, 20), help="pixels of a cell")
    parser.add_argument("--predictions", type=Path, help="a model's predictions of these frames instead of made ones")
    parser.add_argument("--keys", type=Path, help="write the keys without a model here, those with one to NAME_model")
    parser.add_argument("--replay", type=Path, help="press the keys of this file")
    options = parser.parse_args()
    with h5py.File(options.fly75) as file:
        truth = np.asarray(file["annotations"][: options.frames], float)
        height, width = file["images"].shape[1:3]
        every = np.asarray(file["annotations"][:], float)
    view = View.fit((width, height), tuple(options.area), tuple(options.cell))
    length = body_length(every, fly32())
    predictions = (
        from_file(options.predictions, options.frames) if options.predictions else like_ten_labels(truth, length)
    )
    if options.replay:
        played = read_keys(options.replay)
        start = predictions if played.with_model else None
        print(json.dumps({"replayed": run_session(truth, played.view, start, played.frames).figures()}))
        return
    sessions = {"without_model": run_session(truth, view), "with_model": run_session(truth, view, predictions)}
    if options.keys:
        write_keys(sessions["without_model"], options.keys)
        write_keys(sessions["with_model"], options.keys.with_stem(options.keys.stem + "_model"))
    print(json.dumps({name: session.figures() for name, session in sessions.items()}))


if __name__ == "__main__":
    main()
