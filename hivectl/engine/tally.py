"""Counts and times of a run: per node, the slowest steps, the critical path."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from heapq import nlargest
from operator import attrgetter
from typing import NamedTuple

from hivectl.engine.events import NodeSummary, Status, Timing
from hivectl.model.records import record

SLOWEST = 5
# shorter steps would only make the critical path long to read
WORTH_NAMING = 0.05


class Segment(NamedTuple):
    """A step's stretch of time, and the stretch that had to end before it could begin."""

    total: float
    seconds: float
    node: str
    task: str
    before: Segment | None

    @property
    def timing(self) -> Timing:
        """What people are told of it."""
        return Timing(node=self.node, task=self.task, seconds=self.seconds)


@record(frozen=False)
class Tally:
    """What the summary is made of."""

    counts: dict[str, Counter[Status]] = field(default_factory=dict)
    _last: dict[str, Segment] = field(default_factory=dict)
    _slowest: list[Segment] = field(default_factory=list)

    def add(self, node: str, task: str, status: Status, seconds: float) -> None:
        """Count one step of a node."""
        counts = self.counts.get(node)
        if counts is None:
            counts = self.counts[node] = Counter()
        counts[status] += 1
        if status is Status.SKIPPED:
            return
        before = self._last.get(node)
        segment = Segment(seconds if before is None else seconds + before.total, seconds, node, task, before)
        self._last[node] = segment
        self._slowest.append(segment)
        if len(self._slowest) > 50 * SLOWEST:
            self._slowest = nlargest(SLOWEST, self._slowest, key=_seconds)

    def join(self, nodes: tuple[str, ...]) -> None:
        """Say that these nodes waited for the slowest of them."""
        segments = [self._last[node] for node in nodes if node in self._last]
        if segments:
            latest = max(segments, key=lambda segment: segment.total)
            self._last.update(dict.fromkeys(nodes, latest))

    def summaries(self, nodes: tuple[str, ...]) -> dict[str, NodeSummary]:
        """Return the counts of each node."""
        result = {}
        for node in nodes:
            count = self.counts.get(node, Counter())
            result[node] = NodeSummary(
                ok=count[Status.OK],
                changed=count[Status.CHANGED],
                failed=count[Status.FAILED] + count[Status.UNKNOWN],
                skipped=count[Status.SKIPPED],
                unreachable=count[Status.UNREACHABLE],
                rescued=count[Status.RESCUED],
                ignored=count[Status.IGNORED],
                unobserved=count[Status.UNOBSERVED],
            )
        return result

    def slowest(self) -> tuple[Timing, ...]:
        """Return the slowest steps, slowest first."""
        return tuple(one.timing for one in nlargest(SLOWEST, self._slowest, key=_seconds))

    def critical_path(self) -> tuple[Timing, ...]:
        """Return the chain of steps that took longest, in order, those of no weight left out."""
        if not self._last:
            return ()
        segment: Segment | None = max(self._last.values(), key=lambda one: one.total)
        path = []
        while segment is not None:
            if segment.seconds >= WORTH_NAMING:
                path.append(segment.timing)
            segment = segment.before
        return tuple(reversed(path))


# how long a step took
_seconds = attrgetter("seconds")
