"""What is heavy is loaded only where it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "pytorch_lightning", "decord", "h5py", "pandas", "scipy", "av", "PIL", "tifffile")

STARTS = {
    "help": "from leaptui.cli.main import main; main(['--help'])",
    "help of a command": "from leaptui.cli.main import main; main(['train', '--help'])",
    "every command's help": (
        "from leaptui.cli.main import main, COMMANDS\n"
        "from leaptui.ops.table import OPERATIONS\n"
        "for name in [*OPERATIONS, *COMMANDS]: assert main([name, '--help']) == 0"
    ),
    "the operations": "from leaptui.ops.table import OPERATIONS; [o.request_class() for o in OPERATIONS.values()]",
    "the app": "import leaptui.tui.app",
    "the worker": "import leaptui.worker",
    "the runs": "import leaptui.runs.view, leaptui.runs.launch, leaptui.runs.control",
}


@pytest.mark.parametrize("start", STARTS)
def test_nothing_heavy_is_loaded_by(start: str):
    code = f"{STARTS[start]}\nimport sys; print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_help_loads_no_numpy_and_no_textual():
    code = (
        "from leaptui.cli.main import main; main(['--help'])\n"
        "import sys; print([m for m in ('numpy', 'textual') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
