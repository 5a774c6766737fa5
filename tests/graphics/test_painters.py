"""The table of painters."""

from __future__ import annotations

import subprocess
import sys

import pytest

from leaptui.graphics.painters import PAINTERS, make
from leaptui.graphics.terminal import Graphics, Terminal
from tests.graphics.scenes import made_up
from tests.graphics.test_cells import VIEW


@pytest.mark.parametrize("graphics", list(Graphics))
def test_every_way_to_show_pictures_has_a_painter_that_paints(graphics: Graphics) -> None:
    painter = make(Terminal(graphics))
    scene = made_up(0, VIEW.frame)
    fragments = painter.draw(scene, VIEW)
    assert fragments
    assert all(fragment.is_text != graphics.has_pixels for fragment in fragments)
    assert (painter.cells(scene, VIEW) is None) == graphics.has_pixels
    assert painter.draw(scene, VIEW) == []


def test_the_table_names_nothing_else() -> None:
    assert set(PAINTERS) == set(Graphics)


@pytest.mark.parametrize("graphics", [Graphics.HALF, Graphics.ASCII])
def test_text_loads_no_pictures(graphics: Graphics) -> None:
    """What an app on a terminal without pictures does not need is not loaded."""
    code = (
        "import sys; from leaptui.graphics.painters import make; from leaptui.graphics.terminal import *; "
        f"make(Terminal(Graphics.{graphics.name})); "
        "print([name for name in ('sixel', 'kitty', 'iterm2', 'png') if f'leaptui.graphics.{name}' in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
