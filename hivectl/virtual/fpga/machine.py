"""What every engine offers, and the state that one hands to another."""

from __future__ import annotations

from dataclasses import field
from typing import Protocol

from hivectl.model.records import record


@record(frozen=False)
class State:
    """A simulation between two cycles.

    The first state that comes again is found by Brent's algorithm (R. P. Brent, "An improved Monte Carlo factorization
    algorithm", 1980): one state is kept, and compared with all that follow; after twice as many as the time before,
    a newer one takes its place.

    Attributes:
        bits: of flip-flops and memories' outputs.
        level: of the pin, as it was last looked at; 1 at the start, so that a level is no edge.
        edges: rising edges so far.
        cycles: clock cycles so far.
        kept: bits and level of the kept state; empty: none is kept yet.
        kept_edges: rising edges until then.
        power: cycles after which a newer one is kept.
        since: cycles since the kept one.
        period: cycles after which the same state comes again; 0 while that is not known.
        period_edges: rising edges in that time.
    """

    bits: list[int] = field(default_factory=list)
    level: int = 1
    edges: int = 0
    cycles: int = 0
    kept: list[int] = field(default_factory=list)
    kept_edges: int = 0
    power: int = 1
    since: int = 0
    period: int = 0
    period_edges: int = 0

    def keep(self) -> None:
        """Begin to look for this state, unless one is looked for."""
        if not self.kept:
            self.kept, self.kept_edges, self.power, self.since = [*self.bits, self.level], self.edges, 1, 0

    def forget(self) -> None:
        """Look for no state any more, and know no period."""
        self.kept, self.period, self.period_edges = [], 0, 0


class Machine(Protocol):
    """A circuit that runs."""

    def run(self, state: State, cycles: int) -> None:
        """Go on for some cycles; ends early at the first state that comes again, and then sets the period."""
        ...
