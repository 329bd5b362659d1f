"""The queue's rules: nobody overtakes to somebody's harm, nothing is given twice, nothing idles that somebody could have."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from hivectl.reservations.schedule import AGEING, Placed, Span, Wish, needed_by, schedule, urgency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NODES = ("a", "b", "c", "d")
NOW = 1000.0


@st.composite
def wishes(draw: st.DrawFn) -> list[Wish]:
    found = []
    for number in range(draw(st.integers(1, 7))):
        candidates = tuple(draw(st.lists(st.sampled_from(NODES), min_size=1, max_size=4, unique=True)))
        found.append(
            Wish(
                id=f"w{number}",
                candidates=candidates,
                count=draw(st.integers(1, len(candidates))),
                duration=float(draw(st.integers(1, 40)) * 100),
                whole=draw(st.booleans()),
                priority=draw(st.integers(1, 10)),
                since=NOW - draw(st.integers(0, 20)) * 300.0,
            )
        )
    return found


@st.composite
def lab(draw: st.DrawFn) -> dict[str, list[Span]]:
    """Nodes that are held from before now, and booked later, never twice at a time."""
    found: dict[str, list[Span]] = {}
    for node in NODES:
        edges = sorted(draw(st.lists(st.integers(0, 60), max_size=6, unique=True)))
        pairs = list(zip(edges[::2], edges[1::2], strict=False))
        found[node] = [Span(NOW + begin * 100.0 - 500.0, NOW + end * 100.0 - 500.0) for begin, end in pairs]
    return found


def spans_after(spoken_for: Mapping[str, Sequence[Span]], placed: Sequence[Placed]) -> dict[str, list[Span]]:
    """Return what is spoken for once the grants of now stand."""
    spans = {node: [span for span in found if span.end > NOW] for node, found in spoken_for.items()}
    for one in placed:
        for node in one.nodes:
            spans[node].append(Span(NOW, one.end))
    return {node: sorted(found) for node, found in spans.items()}


@given(wishes(), lab(), st.frozensets(st.sampled_from(NODES), max_size=2))
def test_nothing_is_given_twice_or_to_the_unfit(
    wanted: list[Wish], spoken_for: dict[str, list[Span]], never: frozenset[str]
) -> None:
    by_id = {wish.id: wish for wish in wanted}
    placed = schedule(NOW, wanted, spoken_for, never=never)
    for found in spans_after(spoken_for, placed).values():
        assert all(one.end <= other.start for one, other in pairwise(found))
    for one in placed:
        wish = by_id[one.id]
        if one.nodes:
            assert len(one.nodes) == wish.count == len(set(one.nodes))
            assert set(one.nodes) <= set(wish.candidates) - never
            assert needed_by(wish) <= one.end - NOW <= wish.duration
            assert not wish.whole or one.end == NOW + wish.duration


@given(wishes(), lab())
def test_who_comes_later_in_the_queue_changes_nothing_for_those_ahead(
    wanted: list[Wish], spoken_for: dict[str, list[Span]]
) -> None:
    order = sorted(wanted, key=lambda wish: urgency(wish, NOW))
    alone = schedule(NOW, order[:-1], spoken_for, depth=None)
    together = schedule(NOW, order, spoken_for, depth=None)
    assert together[: len(alone)] == alone


@given(wishes(), lab())
def test_nobody_waits_for_what_could_be_had_without_harm(
    wanted: list[Wish], spoken_for: dict[str, list[Span]]
) -> None:
    order = sorted(wanted, key=lambda wish: urgency(wish, NOW))
    placed = schedule(NOW, order, spoken_for, depth=None)
    ahead = {node: list(found) for node, found in spoken_for.items()}
    for wish, one in zip(order, placed, strict=True):
        end = NOW + needed_by(wish)
        fitting = [
            node
            for node in wish.candidates
            if not any(span.start < end and span.end > NOW for span in ahead[node])
        ]
        assert bool(one.nodes) == (len(fitting) >= wish.count), (wish, one)
        if not one.nodes and one.start < math.inf:
            # it has been given a place in time, which those behind it respect; which nodes only the rules know
            break
        for node in one.nodes:
            ahead[node].append(Span(NOW, one.end))


@given(wishes(), lab())
def test_a_promise_is_kept_when_nobody_else_comes(
    wanted: list[Wish], spoken_for: dict[str, list[Span]]
) -> None:
    """Who was told a time has its nodes by then, if all that is held ends as expected."""
    order = sorted(wanted, key=lambda wish: urgency(wish, NOW))
    told = {one.id: one.start for one in schedule(NOW, order, spoken_for, depth=None)}
    spans = {node: list(found) for node, found in spoken_for.items()}
    left = list(order)
    moments = sorted({NOW, *told.values(), *(span.end for found in spans.values() for span in found)})
    for moment in (one for one in moments if NOW <= one < math.inf):
        # urgency as it was: those who wait age alike, but for their level
        aged = [
            Wish(
                id=wish.id,
                candidates=wish.candidates,
                count=wish.count,
                duration=wish.duration,
                whole=wish.whole,
                priority=10 - place,
                since=moment,
            )
            for place, wish in enumerate(left)
        ]
        for one in schedule(moment, aged, spans, depth=None):
            if one.nodes:
                assert moment <= told[one.id] + 1e-6, (one, told)
                for node in one.nodes:
                    spans[node].append(Span(moment, one.end))
                left = [wish for wish in left if wish.id != one.id]
    assert all(told[wish.id] == math.inf for wish in left)


def test_what_ends_early_for_a_booking_is_planned_to_end_then() -> None:
    queue = [
        Wish(id="first", candidates=("a",), count=1, duration=1000.0, whole=False, since=1.0),
        Wish(id="second", candidates=("a",), count=1, duration=100.0, since=2.0),
    ]
    spoken_for = {"a": [Span(NOW, NOW + 100.0), Span(NOW + 300.0, NOW + 400.0)]}
    assert [one.start - NOW for one in schedule(NOW, queue, spoken_for, depth=None)] == [100.0, 400.0]


def test_ten_comes_first_and_waiting_counts() -> None:
    def wish(name: str, priority: int, waited: float) -> Wish:
        return Wish(id=name, candidates=("a",), count=1, duration=60.0, priority=priority, since=NOW - waited)

    queue = [
        wish("one", 1, 9 * AGEING + 1),
        wish("five", 5, 0.0),
        wish("ten", 10, 0.0),
        wish("ten2", 10, 1.0),
    ]
    order = [one.id for one in schedule(NOW, queue, {}, depth=None)]
    assert order == ["one", "ten2", "ten", "five"]


def test_a_long_queue_for_one_node_is_not_gone_through() -> None:
    queue = [
        Wish(id=f"w{number}", candidates=("a",), count=1, duration=60.0, since=NOW - number)
        for number in range(300)
    ]
    assert schedule(NOW, queue, {"a": [Span(0.0, NOW + 50.0)]}) == []
    assert len(schedule(NOW, queue, {"a": [Span(0.0, NOW + 50.0)]}, depth=None)) == 300
