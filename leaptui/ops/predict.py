"""Predict points in videos with a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaptui.errors import UsageError
from leaptui.ops.compute import backend_option, check_looks, device_option, looks_option, prediction_precision_option
from leaptui.ops.inputs import expand, parse_frames
from leaptui.ops.models import find_model
from leaptui.ops.requests import Request, option
from leaptui.project import Project

ENCODINGS = ("float32", "uint16")
PEAKS = ("refined", "whole")


@dataclass(frozen=True)
class PredictRequest(Request):
    """Predict points in videos with a model; memory does not grow with the number of frames."""

    model: Path = option(
        "A model file, a run directory, PROJECT/RUN, or a project (its latest model).", positional=True
    )
    inputs: tuple[Path, ...] = option(
        "Video files, HDF5 boxes, TIFF stacks or folders of images; patterns such as '*.mp4' or '**/*.h5' too.",
        positional=True,
        metavar="INPUT …",
    )
    out: Path = option("File to write, or a folder when there are several inputs.", metavar="FILE_OR_DIR")
    resume: bool = option("Go on where an interrupted prediction of the same input stopped.", default=False)
    frames: str | None = option(
        "Only these frames of each input, A:B:S as Python counts: 0:1000, ::10, -500: or a single number.",
        default=None,
        metavar="A:B:S",
    )
    encoding: str = option(
        "How points are kept: float32, or uint16 in sixteenths of a pixel (a quarter of the size).",
        default="float32",
        choices=ENCODINGS,
        advanced=True,
    )
    peaks: str = option(
        "Points refined below the pixel, or whole ones: the highest pixel of each map and the height there, as LEAP"
        " predicts.",
        default="refined",
        choices=PEAKS,
        advanced=True,
    )
    looks: int = looks_option()
    skeleton: Path | None = option(
        "Names for the nodes of a model that has none, such as LEAP's: a skeleton file (TOML, CSV) or labels (.mat, …).",
        default=None,
        advanced=True,
    )
    dataset: str | None = option("The dataset inside HDF5 inputs, if they have several.", default=None, advanced=True)
    axes: str | None = option(
        "Axis order of that dataset as Python sees it, e.g. NHWC or NCWH.", default=None, advanced=True
    )
    batch_size: int | None = option(
        "Frames at a time; chosen by size and device when left out.",
        default=None,
        minimum=1,
        maximum=4096,
        advanced=True,
    )
    workers: int | None = option(
        "Processes that share several inputs, each input done by one. They take a GPU each, or share a CPU's cores;"
        " when left out there are as many as GPUs to be seen.",
        default=None,
        minimum=1,
        maximum=64,
        advanced=True,
    )
    device: str = device_option()
    precision: str = prediction_precision_option()
    backend: str = backend_option()

    def takes_long(self) -> bool:
        """Predicting always does."""
        return True

    def runs_folder(self) -> Path:
        """In the model's project, or beside the output when the model is in none."""
        project = Project.containing(find_model(self.model))
        if project is not None:
            return project.runs_folder
        return (self.out if self.out.is_dir() else self.out.parent) / "leaptui-runs"

    def check(self) -> None:
        """Refuse missing models and inputs, and outputs that would overwrite an input."""
        find_model(self.model)
        if not self.inputs:
            raise UsageError("there is nothing to predict: give at least one input")
        check_looks(self.looks)
        if self.looks > 1 and self.peaks == "whole":
            raise UsageError("whole peaks are those of one look: leave --looks or --peaks out")
        if self.frames is not None:
            parse_frames(self.frames)
        sources = self.sources()
        if len(sources) > 1 and self.out.is_file():
            raise UsageError("several inputs need a folder to write to, this is a file", where=self.out)
        written = {out.resolve() for out in self.outputs(sources)}
        for path in sources:
            if path.resolve() in written and not path.is_dir():
                raise UsageError("--out would overwrite an input", where=path)

    def sources(self) -> tuple[Path, ...]:
        """The inputs, patterns replaced by what they match now."""
        return expand(self.inputs)

    def outputs(self, sources: Sequence[Path]) -> list[Path]:
        """The predictions file of each source."""
        if len(sources) == 1 and not self.out.is_dir():
            return [self.out]
        names = [path.name if path.is_dir() else path.stem for path in sources]
        once = {name for name, times in Counter(names).items() if times == 1}
        taken: set[str] = set(once)
        for i, name in enumerate(names):
            if name not in once:
                number = i + 1
                while f"{name}-{number}" in taken:
                    number += len(names)
                names[i] = f"{name}-{number}"
                taken.add(names[i])
        return [self.out / f"{name}.predictions.h5" for name in names]


@dataclass(frozen=True)
class PredictResult:
    """What was written.

    Args:
        frames: frames predicted.
        seconds: of reading, predicting and writing, without start-up.
        fps: frames a second, file to file.
        device, precision: where and how it ran.
        out: the predictions file, or the folder of several.
        files: every predictions file.
        backend: what computed the network; "torch" where nothing was chosen.
        waited: shares of the time spent waiting for reading, for the network and for writing.
        bounded_by: the stage that was waited for longest; None where nothing was.
        bad_frames: frames that could not be read, over all inputs, those of earlier attempts included.
        unreadable: the same as stretches, such as "7, 1,200-1,340", of each input that has some.
        failed: inputs that could not be used, with the reason.
        stopped: it was stopped before its end; what is done stays and --resume goes on from there.
    """

    frames: int
    seconds: float
    fps: float
    device: str
    precision: str
    backend: str
    waited: dict[str, float]
    bounded_by: str | None
    out: Path
    files: list[Path]
    bad_frames: int
    unreadable: dict[str, str]
    failed: dict[str, str]
    stopped: bool
    provenance: dict[str, Any]
