"""Which files and which frames a command means: patterns among paths, and A:B:S."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from leaptui.errors import UnusableInput, UsageError

_OURS = (".predictions.h5", ".parts", ".tmp")
_HDF5 = (".h5", ".hdf5")


def expand(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """The inputs with patterns replaced by what they match, each path once.

    A path that exists is itself, whatever signs its name has. `**` reaches into folders. What a pattern matches comes
    in the order of the numbers in the names, without hidden files and without files of predictions.

    Raises:
        UnusableInput: if there is no such file, or a pattern matches nothing.
    """
    found: dict[Path, None] = {}
    for path in inputs:
        if path.exists():
            found[path] = None
            continue
        if not glob.has_magic(str(path)):
            raise UnusableInput("there is no such file", where=path, hint="Check the path.")
        matched = _matches(path)
        if not matched:
            raise UnusableInput(
                "nothing matches this pattern", where=path, hint="Check it with ls; predictions are left out."
            )
        found.update(dict.fromkeys(matched))
    return tuple(found)


def _matches(pattern: Path) -> list[Path]:
    from leaptui.media.images import natural_key

    text = str(pattern)
    names = sorted(glob.glob(text, recursive=True), key=natural_key)  # noqa: PTH207  Path.glob takes no absolute pattern
    # Folders may be folders of images, but with ** every folder on the way would be one.
    paths = [Path(name) for name in names if "**" not in text or not Path(name).is_dir()]
    return [path for path in paths if not _is_ours(path)]


def _is_ours(path: Path) -> bool:
    """Whether it is an output of leaptui, whatever its name: a pattern means what is to be predicted."""
    from leaptui.formats.predictions import sniff

    return path.name.endswith(_OURS) or (path.suffix.lower() in _HDF5 and path.is_file() and sniff(path))


def parse_frames(text: str) -> slice:
    """A:B:S, each of them optional, as Python slices count; a single number is that frame.

    Raises:
        UsageError: if it is not of that form.
    """
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        numbers = []
    if not numbers or len(numbers) > 3 or numbers == [None]:
        raise UsageError(f"--frames is A:B:S, such as 0:1000 or ::10, not {text!r}")
    if len(numbers) == 1:
        first = numbers[0]
        return slice(first, None if first == -1 or first is None else first + 1)
    step = numbers[2] if len(numbers) == 3 else None
    if step is not None and step < 1:
        raise UsageError(f"the step of --frames must be 1 or more, not {step}")
    return slice(*numbers)


def chosen_frames(text: str | None, total: int) -> range:
    """The frames that are meant of a video of `total`; all without a text.

    Raises:
        UsageError: if there is none among them.
    """
    chosen = range(total) if text is None else range(total)[parse_frames(text)]
    if not chosen:
        raise UsageError(
            f"--frames {text} chooses none of the {total:,} frames",
            hint="Frames count from 0; negative numbers count from the end.",
        )
    return chosen
