"""A small bitmap font for names and hints in pictures: printable ASCII, 5 x 7 and a row for descenders."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HEIGHT = 8
WIDTH = 5
ADVANCE = WIDTH + 1
"""From one character to the next."""

_FIRST = 32
_UNKNOWN = "?"

_GLYPHS = """
00000000 44444040 AAA00000 AAVAVAA0 4FKE5U40 OP248J30 CIK8LID0 44400000
24888420 84222480 04LEL400 044V4400 00000C48 000V0000 00000CC0 01248G00
EHJLPHE0 4C4444E0 EH1248V0 V2421HE0 26AIV220 VGU11HE0 68GUHHE0 V1248880
EHHEHHE0 EHHF12C0 0CC0CC00 0CC0C480 248G8420 00V0V000 84212480 EH124040
EH1DLLE0 EHHVHHH0 UHHUHHU0 EHGGGHE0 SIHHHIS0 VGGUGGV0 VGGUGGG0 EHGNHHF0
HHHVHHH0 E44444E0 72222IC0 HIKOKIH0 GGGGGGV0 HRLLHHH0 HHPLJHH0 EHHHHHE0
UHHUGGG0 EHHHLID0 UHHUKIH0 FGGE11U0 V4444440 HHHHHHE0 HHHHHA40 HHHLLLA0
HHA4AHH0 HHHA4440 V1248GV0 E88888E0 0G842100 E22222E0 4AH00000 000000V0
84200000 00E1FHF0 GGMPHHU0 00EGGHE0 11DJHHF0 00EHVGE0 698S8880 00FHHF1E
GGMPHHH0 40C444E0 206222IC GGIKOKI0 C44444E0 00QLLHH0 00MPHHH0 00EHHHE0
00UHHUGG 00FHHF11 00MPGGG0 00EGE1U0 88S88960 00HHHJD0 00HHHA40 00HHLLA0
00HA4AH0 00HHHF1E 00V248V0 24484420 44444440 84424480 008L2000
"""
"""One glyph each, from the space on: a base-32 digit a row, its highest bit the leftmost pixel."""


@lru_cache(maxsize=1)
def _glyphs() -> NDArray[np.bool_]:
    rows = np.array([[int(digit, 32) for digit in glyph] for glyph in _GLYPHS.split()], np.uint8)
    return ((rows[..., None] >> np.arange(WIDTH - 1, -1, -1, dtype=np.uint8)) & 1).astype(bool)


def write(text: str, factor: int = 1) -> NDArray[np.bool_]:
    """(8 * factor, n) mask of a line of text; characters the font does not have are question marks.

    Raises:
        ValueError: if the text is empty or the factor below 1.
    """
    if not text or factor < 1:
        raise ValueError(f"nothing to write: {text!r} at {factor}")
    glyphs = _glyphs()
    codes = [ord(char) - _FIRST for char in text]
    places = [code if 0 <= code < len(glyphs) else ord(_UNKNOWN) - _FIRST for code in codes]
    line = np.zeros((HEIGHT, ADVANCE * len(places)), bool)
    for position, place in enumerate(places):
        line[:, position * ADVANCE : position * ADVANCE + WIDTH] = glyphs[place]
    return np.kron(line[:, :-1], np.ones((factor, factor), bool)).astype(bool)
