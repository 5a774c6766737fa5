"""Replies never become keys, keys always do, wherever reads split them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaptui.graphics.replies import ReplyFilter

REPLIES = (
    "\x1b[?63;1;2;4;6;9;15;22c",
    "\x1b[?1;2c",
    "\x1b[>41;379;0c",
    "\x1b_Gi=4211;OK\x1b\\",
    "\x1b_Gi=31,p=2;ENOENT:no such image\x1b\\",
    "\x1bP>|XTerm(379)\x1b\\",
    "\x1bP>|foot(1.13.1)\x1b\\",
    "\x1bP1$r0m\x1b\\",
    "\x1bP1+r524742=38\x1b\\",
    "\x1bP!|00000000\x1b\\",
    "\x1b[4;800;1000t",
    "\x1b[6;20;10t",
    "\x1b[8;40;100t",
    "\x1b[?2;0;600;585S",
    "\x1b[?1;3;0S",
    "\x1b]11;rgb:0000/1e1e/ffff\x1b\\",
    "\x1b]10;rgb:ff/ff/ff\x07",
    "\x1b]1337;ReportCellSize=20.0;10.0;1.0\x1b\\",
    "\x1b[0n",
    "\x1b[?997;1n",
    "\x1b[?5u",
)
KEYS = (
    *"aqn[?c;0 ~",
    "\r",
    "\t",
    "\x7f",
    "ä",
    "\x1b[A",
    "\x1b[1;5C",
    "\x1b[3~",
    "\x1b[15;2~",
    "\x1b[24~",
    "\x1b[Z",
    "\x1b[c",
    "\x1b[3$",
    "\x1b[[A",
    "\x1bOP",
    "\x1bOM",
    "\x1bx",
    "\x1b\x1b[A",
    "\x1b[97;5u",
    "\x1b[57362;2u",
    "\x1b[I",
    "\x1b[O",
    "\x1b[<35;120;48M",
    "\x1b[<0;1;1m",
    "\x1b[200~text\x1b[201~",
    "\x1b[12;34R",
    "\x1b[?2026;2$y",
    "\x1b[48;40;100;800;1000t",
)


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[str], str, list[str]]:
    """Pieces as they are read, the keys among them, the replies among them."""
    parts = draw(
        st.lists(st.sampled_from([*((key, True) for key in KEYS), *((r, False) for r in REPLIES)]), max_size=8)
    )
    whole = "".join(text for text, _ in parts)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    return pieces, "".join(t for t, is_key in parts if is_key), [t for t, is_key in parts if not is_key]


@settings(max_examples=400)
@given(streams())
def test_any_split_of_keys_and_replies_gives_exactly_the_keys(stream: tuple[list[str], str, list[str]]):
    pieces, keys, replies = stream
    heard: list[str] = []
    filter = ReplyFilter(heard.append)
    assert "".join(filter.feed(piece) for piece in pieces) + filter.close() == keys
    assert heard == replies


@given(streams())
def test_slow_pieces_give_no_keys_of_replies_either(stream: tuple[list[str], str, list[str]]):
    """Each piece comes 0.2 s after the one before; a split right after ESC or its letter cannot be told from a key."""
    pieces, _, _ = stream
    clock = Clock()
    filter = ReplyFilter(clock=clock)
    out = []
    for piece in pieces:
        clock.now += 0.2
        out.append(filter.tick() + filter.feed(piece))
    whole, held = "".join(pieces), [sum(map(len, pieces[:n])) for n in range(len(pieces))]
    if not any(whole[:cut].endswith(("\x1b", *(f"\x1b{c}" for c in "[]P_"))) for cut in held):
        assert "".join(out) + filter.close() == stream[1]


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_split_at_any_byte_with_a_pause_leaves_nothing(reply: str):
    for cut in range(3, len(reply)):
        clock = Clock()
        filter = ReplyFilter(clock=clock)
        got = filter.feed(reply[:cut])
        clock.now += 1.0
        assert got + filter.tick() + filter.feed(reply[cut:] + "k") == "k", cut


def test_the_escape_key_comes_after_a_moment():
    clock = Clock()
    filter = ReplyFilter(clock=clock)
    assert filter.feed("\x1b") == ""
    assert filter.tick() == ""
    assert filter.wait is not None
    assert 0 < filter.wait < 0.1
    clock.now += 0.06
    assert filter.wait == 0
    assert filter.tick() == "\x1b"
    assert (filter.tick(), filter.wait) == ("", None)


@pytest.mark.parametrize("letter", "[]P_")
def test_alt_and_a_letter_that_starts_replies_comes_after_a_moment(letter: str):
    clock = Clock()
    filter = ReplyFilter(clock=clock)
    assert filter.feed("\x1b" + letter) == ""
    clock.now += 0.11
    assert filter.tick() == "\x1b" + letter


def test_alt_letters_before_other_keys_are_keys():
    assert ReplyFilter().feed("\x1bPa\x1b_x\x1b]y") == "\x1bPa\x1b_x\x1b]y"


def test_the_rest_of_a_reply_that_never_comes_is_dropped_and_keys_go_on():
    clock = Clock()
    filter = ReplyFilter(clock=clock)
    assert filter.feed("\x1b[?62;4") == ""
    clock.now += 3.1
    assert filter.tick() == ""
    assert filter.feed("abc") == "abc"


@pytest.mark.parametrize("broken", ["\x1b[?62\x1b[A", "\x1b_Gi=1\x1b[A", "\x1bP>|XT\x1b[A", "\x1b]11;rgb\x1b[A"])
def test_a_reply_that_breaks_off_does_not_take_the_next_key_along(broken: str):
    assert ReplyFilter().feed(broken) == "\x1b[A"


def test_enter_ends_a_string_that_has_no_end():
    assert ReplyFilter().feed("\x1b]11;rgb:00\rq") == "\rq"


def test_an_endless_reply_is_not_kept():
    filter = ReplyFilter()
    filter.feed("\x1b_G" + "A" * 10_000)
    assert len(filter.close()) < 5000


def test_mode_reports_are_taken_out_for_those_who_do_not_understand_them():
    assert ReplyFilter(keeps_modes=False).feed("a\x1b[?2026;2$yb") == "ab"
    assert ReplyFilter().feed("a\x1b[?2026;2$yb") == "a\x1b[?2026;2$yb"


def test_bytes_as_latin_1_come_back_as_they_were():
    data = bytes(byte for byte in range(256) if byte != 0x1B)
    assert ReplyFilter().feed(data.decode("latin-1")).encode("latin-1") == data
