"""Foreign and own file formats, one module each.

An import format is a module with

- `sniff(path: Path) -> bool`: whether the content of a file or folder is of this format, without reading
  much and without raising on anything else;
- `read(paths: Sequence[Path]) -> leaptui.formats.imported.Imported`: validate, then read; raises
  UnusableInput that names file and key.
- `read_skeleton(path: Path) -> tuple[Skeleton, tuple[str, ...]]`: the skeleton alone, without needing frames, and
  notes on what was guessed.

and, if its frames are files of their own, `companion(path: Path) -> bool`, whether a file is such frames, with
`COMPANION_HINT`, what to do when they come without labels.

Adding a new format: write such a module and list it in `leaptui.registry.IMPORT_FORMATS`; an export format
has `write(predictions: leaptui.formats.predictions.Predictions, path: Path) -> None` instead and is listed
in `EXPORT_FORMATS`.
"""
