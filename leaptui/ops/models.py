"""Finding the model a person means."""

from __future__ import annotations

from pathlib import Path

from leaptui.errors import UnusableInput
from leaptui.nn.model_metadata import METADATA_KEY, read_header
from leaptui.project import MANIFEST

MODEL_NAME = "model.safetensors"
LEAP_NAMES = ("best_model.h5", "final_model.h5")
"""What LEAP's training leaves in its run directory, best first."""


def find_model(path: Path) -> Path:
    """The model file behind a model file, a run directory (LEAP's too), PROJECT/RUN_ID or a project (its latest model).

    Raises:
        UnusableInput: if there is none; the message says what was looked for.
    """
    if path.is_file():
        return path
    if path.is_dir():
        for name in (MODEL_NAME, *LEAP_NAMES):
            if (path / name).is_file():
                return path / name
        if (path / MANIFEST).is_file():
            models = sorted((path / "runs").glob(f"*/{MODEL_NAME}"))
            if models:
                return models[-1]
            raise UnusableInput(
                "this project has no trained model yet", where=path, hint=f"Train one: leaptui train {path}"
            )
        if (path / "request.json").is_file():
            raise UnusableInput(
                "this run has no model (yet)", where=path, hint="Wait until it has finished, or choose another run."
            )
    in_project = path.parent / "runs" / path.name
    if (path.parent / MANIFEST).is_file() and in_project.is_dir():
        return find_model(in_project)
    raise UnusableInput(
        "there is no such model",
        where=path,
        hint="Give a model file, a run directory, PROJECT/RUN, a project with a trained model, or LEAP's best_model.h5.",
    )


def is_model(path: Path) -> bool:
    """Whether a file is a model made by leaptui, of whatever version, or one that Keras saved, as LEAP's are."""
    try:
        metadata = read_header(path).get("__metadata__")
    except UnusableInput:
        return _is_keras(path)
    return isinstance(metadata, dict) and METADATA_KEY in metadata


def _is_keras(path: Path) -> bool:
    from leaptui.formats import keras_file

    return keras_file.sniff(path)
