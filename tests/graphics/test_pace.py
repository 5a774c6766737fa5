"""The pacer on a simulated link."""

from __future__ import annotations

import heapq
from itertools import pairwise

import pytest

from leaptui.graphics.pace import UNKNOWN_WINDOW, Pacer
from leaptui.graphics.painter import Detail


class Link:
    """A way with a round trip and a rate, on which time passes when told; it answers each burst when it has arrived."""

    def __init__(self, round_trip: float, rate: float, *, answers: bool = True, guess: float | None = None) -> None:
        self.now = 50.0
        self.round_trip, self.rate, self.answers = round_trip, rate, answers
        self.pacer = Pacer(lambda: self.now, round_trip=guess)
        self.free_at = 0.0
        self.due: list[float] = []

    def send(self, n_bytes: int) -> float:
        """Send a burst; when its last byte is seen."""
        self.pacer.sent(n_bytes)
        self.free_at = max(self.now, self.free_at) + n_bytes / self.rate
        if self.answers:
            heapq.heappush(self.due, self.free_at + self.round_trip)
        return self.free_at + self.round_trip / 2

    def wait(self, seconds: float) -> None:
        """Let time pass, answers coming in meanwhile."""
        until = self.now + seconds
        while self.due and self.due[0] <= until:
            self.now = heapq.heappop(self.due)
            self.pacer.acknowledged()
        self.now = until


def warm(round_trip: float = 0.3, rate: float = 64_000) -> Link:
    """A link that has been used for a while."""
    link = Link(round_trip, rate)
    link.send(4)
    link.wait(1)
    for _ in range(4):
        link.send(20_000)
        link.wait(2)
    return link


@pytest.mark.parametrize("round_trip", [0.01, 0.3, 2.0])
@pytest.mark.parametrize("rate", [8_000, 64_000, 1_000_000])
def test_it_finds_round_trip_and_rate(round_trip: float, rate: float):
    link = Link(round_trip, rate)
    link.send(4)
    link.wait(3)
    for _ in range(5):
        link.send(20_000)
        link.wait(8)
    assert link.pacer.rtt == pytest.approx(round_trip, abs=0.01)
    assert link.pacer.rate == pytest.approx(rate, rel=0.1)


def test_bursts_behind_one_another_tell_the_same_rate():
    link = Link(0.3, 64_000)
    link.send(4)
    link.wait(1)
    for _ in range(8):
        link.send(8_000)
        link.wait(0.05)
    link.wait(5)
    assert link.pacer.rate == pytest.approx(64_000, rel=0.1)
    assert link.pacer.rtt == pytest.approx(0.3, abs=0.01)
    assert link.pacer.in_flight == 0


def test_a_first_guess_that_is_too_slow_does_no_harm():
    """kitty takes a second for its first answer."""
    link = Link(0.3, 64_000, guess=1.4)
    link.send(30_000)
    link.wait(2)
    assert link.pacer.rate is None or link.pacer.rate < 200_000
    link.send(4)
    link.wait(1)
    link.send(30_000)
    link.wait(2)
    assert link.pacer.rtt == pytest.approx(0.3, abs=0.01)
    assert link.pacer.rate == pytest.approx(64_000, rel=0.5)


def test_the_budget_is_what_goes_out_in_80_ms():
    link = warm()
    assert link.pacer.budget() == pytest.approx(0.08 * 64_000, rel=0.1)
    link.send(3_000)
    assert link.pacer.budget() == pytest.approx(0.08 * 64_000 - 3_000, rel=0.2)
    link.send(30_000)
    assert link.pacer.budget() == 0


def test_key_repeats_go_out_as_they_come():
    link = warm()
    for _ in range(60):
        assert link.pacer.can_send
        link.send(700)
        link.wait(1 / 30)


def test_a_held_key_sends_what_fits_between_its_repeats_and_a_single_one_everything():
    costs = {Detail.MARKER: 700, Detail.EDGES: 3_400}
    link = warm()
    assert link.pacer.detail(costs) is Detail.EDGES
    lags, details = [], []
    for _ in range(60):
        assert link.pacer.can_send
        details.append(link.pacer.detail(costs))
        lags.append(link.send(costs[details[-1]]) - link.now - link.round_trip / 2)
        link.wait(1 / 30)
    assert set(details[2:]) == {Detail.MARKER} and max(lags) < 0.08
    link.wait(1)
    assert link.pacer.detail(costs) is Detail.EDGES


def test_a_held_key_mostly_sends_what_takes_a_little_longer_than_its_repeats():
    costs = {Detail.MARKER: 900, Detail.EDGES: 2_264}
    link = warm()
    lags, details = [], []
    for _ in range(60):
        assert link.pacer.can_send
        details.append(link.pacer.detail(costs))
        lags.append(link.send(costs[details[-1]]) - link.now - link.round_trip / 2)
        link.wait(1 / 30)
    assert details.count(Detail.EDGES) > 45 and max(lags) < 0.05


def test_the_newest_state_is_seen_within_a_round_trip_and_200_ms():
    """A person holds a key whose every repeat would cost more than the link takes."""
    link = warm()
    shown = []
    for step in range(60):
        if link.pacer.can_send:
            cost = min(6_000, max(700, link.pacer.budget()))
            shown.append((step, link.send(cost) - link.now))
        link.wait(1 / 30)
    assert max(lag for _, lag in shown) < 0.3 + 0.2
    assert max(b[0] - a[0] for a, b in pairwise(shown)) <= 4


def test_a_large_picture_holds_back_what_comes_next_until_it_is_nearly_there():
    link = warm()
    link.send(30_000)
    assert not link.pacer.can_send
    waited = 0.0
    while not link.pacer.can_send:
        step = link.pacer.wait
        assert step > 0
        link.wait(step)
        waited += step
    assert waited == pytest.approx(30_000 / 64_000 - 0.04, abs=0.06)


def test_while_the_rate_is_unknown_one_window_may_be_on_the_way():
    link = Link(0.3, 64_000)
    assert link.pacer.can_send
    link.send(UNKNOWN_WINDOW // 2)
    assert link.pacer.can_send
    link.send(UNKNOWN_WINDOW // 2)
    assert not link.pacer.can_send
    assert link.pacer.budget() == 0


def test_a_terminal_that_never_answers_is_not_paced():
    link = Link(0.3, 64_000, answers=False)
    link.send(100_000)
    assert not link.pacer.can_send
    link.wait(3.1)
    assert link.pacer.is_silent
    assert link.pacer.can_send
    assert link.pacer.detail({Detail.MARKER: 100, Detail.FINE: 10_000_000}) is Detail.FINE


def test_an_answer_after_silence_brings_pacing_back():
    link = Link(0.3, 64_000, answers=False)
    link.send(100_000)
    link.wait(4)
    link.pacer.acknowledged()
    assert not link.pacer.is_silent


def test_a_long_burst_on_a_known_link_is_not_silence():
    link = warm()
    link.send(64_000 * 6)
    link.wait(5)
    assert not link.pacer.is_silent
    assert not link.pacer.can_send


def test_answers_nobody_asked_for_do_no_harm():
    link = warm()
    before = (link.pacer.rtt, link.pacer.rate)
    link.pacer.acknowledged()
    assert (link.pacer.rtt, link.pacer.rate) == before


def test_the_way_may_become_slower():
    link = warm(rate=1_000_000)
    link.rate = 64_000
    for _ in range(6):
        link.send(20_000)
        link.wait(2)
    assert link.pacer.rate == pytest.approx(64_000, rel=0.2)


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ({Detail.MARKER: 150, Detail.EDGES: 600, Detail.COARSE: 4_000, Detail.FINE: 30_000}, Detail.COARSE),
        ({Detail.MARKER: 150, Detail.EDGES: 600, Detail.COARSE: 9_000, Detail.FINE: 30_000}, Detail.EDGES),
        ({Detail.MARKER: 45, Detail.EDGES: 300, Detail.FINE: 300}, Detail.FINE),
        ({Detail.MARKER: 9_000, Detail.FINE: 30_000}, Detail.MARKER),
    ],
)
def test_detail_is_the_finest_that_fits(costs: dict[Detail, int], expected: Detail):
    assert warm().pacer.detail(costs) is expected
