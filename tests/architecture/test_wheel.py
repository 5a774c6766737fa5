"""What is installed has everything it needs, and nothing it should not have."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_has_every_style_and_document(wheel: zipfile.ZipFile):
    names = set(wheel.namelist())
    styles = {f"leaptui/styles/{p.name}" for p in (ROOT / "styles").glob("*.tcss")}
    documents = {f"leaptui/docs/{p.name}" for p in (ROOT / "leaptui" / "docs").glob("*.md")}
    assert styles
    assert documents
    assert styles | documents | {"leaptui/py.typed"} <= names


def test_the_wheel_has_every_module_and_no_tests(wheel: zipfile.ZipFile):
    names = set(wheel.namelist())
    modules = {str(p.relative_to(ROOT)) for p in (ROOT / "leaptui").rglob("*.py")}
    assert modules <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_the_command_is_installed(wheel: zipfile.ZipFile):
    entry = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "leaptui = leaptui.__main__:main" in wheel.read(entry).decode()
