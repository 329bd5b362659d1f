"""What the rules of reservations come to, said as plainly as can be: searched through, not computed cleverly."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AGEING = 15 * 60
SHORTEST = 60
SIGN = 60


@dataclass
class One:
    """One reservation, wish or booking, as its owner knows it; times are seconds that nothing but time moves.

    Attributes:
        since: when it was asked for.
        ends: when it ends whatever happens.
        sign: when its owner last gave a sign of life.
        starts: of a booking, by the wall clock.
        reachable: it takes no node that was seen offline lately.
        created: when it was asked for, by the wall clock.
        known: its owner has been told that it is granted.
    """

    id: str
    key: str
    state: str
    candidates: tuple[str, ...]
    count: int
    duration: float
    process: bool
    priority: int
    since: float
    sign: float
    nodes: set[str] = field(default_factory=set)
    ends: float = math.inf
    starts: float = math.inf
    known: bool = True
    created: float = 0
    prolonged: bool = False
    reachable: bool = True

    @property
    def expires(self) -> float:
        """When it is over unless its owner gives a sign."""
        if self.state == "booked":
            return math.inf
        if self.state == "waiting":
            return self.sign + SIGN
        return min(self.ends, self.sign + SIGN if self.process or not self.known else math.inf)

    @property
    def needs(self) -> float:
        """For how long it must have its nodes to begin."""
        return min(SHORTEST, self.duration) if self.process else self.duration

    @property
    def rank(self) -> tuple[float, float, str]:
        """Its place in the queue: all wait equally fast, so that this never changes."""
        return (-(self.priority - self.since / AGEING), self.since, self.id)


def overlaps(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Tell whether two stretches of time share a moment."""
    return one[0] < other[1] and other[0] < one[1]


def places(
    now: float,
    wishes: Iterable[One],
    busy: Mapping[str, Iterable[tuple[float, float]]],
    never: set[str],
    offline: set[str],
) -> dict[str, tuple[float, list[str]]]:
    """Return when each of some wishes, in their order, begins, and on which nodes; inf: nobody knows."""
    spans = {node: list(found) for node, found in busy.items()}
    found: dict[str, tuple[float, list[str]]] = {}
    for wish in wishes:
        times = sorted({now} | {end for some in spans.values() for _, end in some if now < end < math.inf})
        for time in times:
            able = [
                node
                for node in wish.candidates
                if node not in never
                and not (wish.reachable and node in offline)
                and not any(overlaps(span, (time, time + wish.needs)) for span in spans.get(node, ()))
            ]
            if len(able) >= wish.count:
                break
        else:
            found[wish.id] = (math.inf, [])
            continue
        until = {
            node: min((start for start, _ in spans.get(node, ()) if start >= time), default=math.inf)
            for node in able
        }
        if wish.process:
            able.sort(key=lambda node: -until[node])
        chosen = able[: wish.count]
        end = min(time + wish.duration, *(until[node] for node in chosen))
        for node in chosen:
            spans.setdefault(node, []).append((time, end))
        found[wish.id] = (time, chosen)
    return found
