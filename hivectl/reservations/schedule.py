"""Who gets which nodes now, who waits, and until when: the queue's rules, without I/O.

10 first; a wish gains a level of priority for each AGEING that it has waited, so that none starves. Who comes behind a
wish that cannot be met yet may overtake it only if that delays nobody ahead (backfill): everybody ahead has been given
a place in time, and only what is free until then is taken. Bookings stand where they stand.

All times are seconds on one clock, whichever it is.
"""

from __future__ import annotations

import math
from bisect import insort
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

HIGHEST_PRIORITY = 10
LOWEST_PRIORITY = 1
DEFAULT_PRIORITY = 5
# seconds of waiting that are worth one level of priority
AGEING = 15 * 60.0
# less is not worth beginning before a booking (seconds)
SHORTEST = 60.0
# those who must wait and are considered for overtaking; more would make a grant slow (Slurm: bf_max_job_test)
BACKFILL_DEPTH = 32


@record(kw_only=True)
class Wish:
    """Somebody who waits for nodes.

    Attributes:
        candidates: in the order in which they are preferred.
        count: how many of them, all at the same time.
        duration: seconds for which they are wanted at most.
        whole: it must have them for all of `duration`; False: it takes what there is before the next booking.
        since: when it began to wait.
    """

    id: str
    candidates: tuple[str, ...]
    count: int
    duration: float
    whole: bool = True
    priority: int = DEFAULT_PRIORITY
    since: float = 0.0


class Span(NamedTuple):
    """A stretch of time for which a node is spoken for: from `start` up to, and without, `end`."""

    start: float
    end: float


@record(kw_only=True)
class Placed:
    """What becomes of a wish.

    Attributes:
        nodes: it gets now; empty: it waits.
        start: when it can begin: now, or the time by which those ahead have had their turn; inf: nobody knows.
        end: until when at most.
        position: of those who wait, from 1; 0 where it waits no longer.
    """

    id: str
    nodes: tuple[str, ...]
    start: float
    end: float
    position: int = 0


def urgency(wish: Wish, now: float) -> tuple[float, float, str]:
    """Return what the queue is sorted by: the lowest comes first."""
    waited = max(0.0, now - wish.since)
    return (-(wish.priority + waited / AGEING), wish.since, wish.id)


def needed_by(wish: Wish) -> float:
    """Return for how many seconds a wish must have its nodes to begin at all."""
    return wish.duration if wish.whole else min(SHORTEST, wish.duration)


def schedule(
    now: float,
    wishes: Iterable[Wish],
    spoken_for: Mapping[str, Sequence[Span]],
    *,
    never: frozenset[str] = frozenset(),
    depth: int | None = BACKFILL_DEPTH,
) -> list[Placed]:
    """Give every wish its place, in the order of the queue.

    Args:
        now: this moment.
        wishes: who waits, newcomers too.
        spoken_for: node -> when it is held or booked; a hold begins at `now` or before.
        never: nodes that are not given: offline, quarantined.
        depth: how many that must wait are given a place in time before nobody further behind is looked at; so that
            a grant costs the same however long the queue is. None: all of them, for a forecast.

    Returns:
        A place for each wish that was looked at: with a depth, not for those behind the last free node.
    """
    order = sorted(wishes, key=lambda wish: urgency(wish, now))
    spans = {node: sorted(span for span in found if span.end > now) for node, found in spoken_for.items()}
    known = {id(wish.candidates): wish.candidates for wish in order}
    free = {
        node
        for candidates in known.values()
        for node in candidates
        if node not in never and not (spans.get(node) and spans[node][0].start <= now)
    }
    placed: list[Placed] = []
    waiting = 0
    for wish in order:
        if depth is not None and (not free or waiting >= depth):
            break
        place = _place(now, wish, spans, never, free)
        if place.nodes:
            free.difference_update(place.nodes)
        else:
            waiting += 1
            place = Placed(id=wish.id, nodes=(), start=place.start, end=place.end, position=waiting)
        placed.append(place)
    return placed


def _place(
    now: float, wish: Wish, spans: dict[str, list[Span]], never: frozenset[str], free: set[str]
) -> Placed:
    """Find the first moment for a wish, and note there that its nodes are spoken for."""
    fitting, end = _fitting_now(now, wish, spans, free)
    if fitting:
        _speak_for(fitting, Span(now, end), spans)
        return Placed(id=wish.id, nodes=fitting, start=now, end=end)
    start, chosen = _earliest(now, wish, spans, never)
    if not chosen:
        # nobody can say when: it keeps nobody from anything
        return Placed(id=wish.id, nodes=(), start=math.inf, end=math.inf)
    end = start + wish.duration
    if not wish.whole:
        # it will end before whoever comes next, and others begin then
        coming = [span.start for node in chosen for span in spans.get(node, ()) if span.start >= start]
        end = min([end, *coming])
    _speak_for(chosen, Span(start, end), spans)
    return Placed(id=wish.id, nodes=(), start=start, end=end)


def _speak_for(nodes: Iterable[str], span: Span, spans: dict[str, list[Span]]) -> None:
    for node in nodes:
        insort(spans.setdefault(node, []), span)


def _fitting_now(
    now: float, wish: Wish, spans: Mapping[str, Sequence[Span]], free: set[str]
) -> tuple[tuple[str, ...], float]:
    """Return the nodes that a wish can have now, and until when; nothing when it cannot."""
    if len(free) < wish.count:
        return (), now
    least = now + needed_by(wish)
    found = []
    for node in wish.candidates if len(free) > len(wish.candidates) / 8 else _in_order(wish.candidates, free):
        if node not in free:
            continue
        coming = spans.get(node)
        until = coming[0].start if coming else math.inf
        if until >= least:
            found.append((node, until))
            if wish.whole and len(found) == wish.count:
                break
    if len(found) < wish.count:
        return (), now
    if not wish.whole:
        # those that are free for longest, in the order in which they are preferred
        best = sorted(range(len(found)), key=lambda place: (-found[place][1], place))[: wish.count]
        found = [found[place] for place in sorted(best)]
    return tuple(node for node, _ in found), min(now + wish.duration, *(until for _, until in found))


def _in_order(candidates: tuple[str, ...], free: set[str]) -> list[str]:
    """Return the few free ones of many candidates, in their order."""
    return sorted(free.intersection(candidates), key=candidates.index)


def _earliest(
    now: float, wish: Wish, spans: Mapping[str, Sequence[Span]], never: frozenset[str]
) -> tuple[float, tuple[str, ...]]:
    """Return the first moment at which enough nodes are free for all of a wish's time, and which."""
    needed = needed_by(wish)
    gaps = []
    for node in wish.candidates:
        if node in never:
            continue
        for start, end in _gaps(now, spans.get(node, ())):
            if end - start >= needed:
                gaps.append((start, end - needed, node))
                if end == math.inf:
                    break
    # each node may begin from `first` to `last`: the first moment that lies in enough of these
    gaps.sort(key=lambda gap: gap[0])
    open_gaps: list[tuple[float, str]] = []
    for place, (first, last, node) in enumerate(gaps):
        heappush(open_gaps, (last, node))
        if place + 1 < len(gaps) and gaps[place + 1][0] == first:
            continue  # those that come at the same moment are chosen from together
        while open_gaps and open_gaps[0][0] < first:
            heappop(open_gaps)
        if len(open_gaps) >= wish.count:
            able = {name: last for last, name in open_gaps}
            chosen = [name for name in wish.candidates if name in able]
            if not wish.whole:
                # as it will choose then
                chosen = sorted(chosen, key=lambda name: -able[name])
            return first, tuple(chosen[: wish.count])
    return math.inf, ()


def _gaps(now: float, spans: Sequence[Span]) -> Iterator[tuple[float, float]]:
    """Yield when a node is not spoken for, from `now` on."""
    start = now
    for span in spans:
        if span.start > start:
            yield start, span.start
        start = max(start, span.end)
    if start < math.inf:
        yield start, math.inf


def end_of_extension(
    now: float, nodes: Iterable[str], until: float, booked: Mapping[str, Sequence[Span]]
) -> tuple[str, Span] | None:
    """Return the first booking that would not let nodes be held until `until`; None when none is in the way."""
    blocking = [
        (node, span)
        for node in nodes
        for span in booked.get(node, ())
        if span.start < until and span.end > now
    ]
    return min(blocking, key=lambda found: found[1].start, default=None)
