"""The queue: what is over ends, what is due begins, who waits is served. Steps of somebody's transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hivectl.model.records import record
from hivectl.reservations.schedule import BACKFILL_DEPTH, Placed, Span, Wish, schedule
from hivectl.store import claims, health
from hivectl.store.claims import BOOKED, HELD, WAITING, Candidates, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hivectl.reservations.rules import Clock
    from hivectl.store.base import Statements


@record()
class Desk:
    """One transaction at the lab's desk.

    Attributes:
        now: when it began.
        candidates: sets of nodes that were read already.
    """

    statements: Statements
    now: Clock
    candidates: Candidates

    # -- what time brings about

    def tidy(self, asked: Iterable[str] = ()) -> None:
        """End what is over, begin what is due, serve those who wait for what that frees.

        Args:
            asked: nodes whose holders' processes are looked at too: a dead one's are free at once.
        """
        freed: list[str] = []
        for identity in claims.expired(self.statements, self.now):
            freed += claims.delete(self.statements, identity)
        nodes = tuple(asked)
        gone = {
            row.id: row
            for _, row in (claims.holding(self.statements, nodes) if nodes else ())
            if row.is_over(self.now)
        }
        for identity in gone:
            freed += claims.delete(self.statements, identity)
        if due := self._due():
            self._begin(due)
        if freed:
            self.serve(freed)

    def _due(self) -> list[Row]:
        found = self.statements.execute(
            "SELECT id FROM reservation WHERE state = 'booked' AND starts <= ?", (self.now.wall,)
        ).fetchall()
        rows = [claims.find(self.statements, str(row[0])) for row in found]
        return sorted(
            (row for row in rows if row is not None), key=lambda row: (row.starts or 0.0, row.created)
        )

    def _begin(self, due: Sequence[Row]) -> None:
        """Give bookings whose time has come their nodes; those that cannot have them wait in front of all."""
        for row in due:
            self.statements.execute("DELETE FROM booked WHERE reservation = ?", (row.id,))
            wish = replace(
                self._wish(row), duration=max(1.0, row.end_on(self.now) - self.now.seconds), whole=False
            )
            placed = self.place([wish], wish.candidates, depth=1)
            if placed and placed[0].nodes:
                self.grant(row, placed[0].nodes, row.end_on(self.now))
            else:
                self.statements.execute(
                    "UPDATE reservation SET state = ?, since = ?, boot = ? WHERE id = ?",
                    (WAITING, self.now.of_wall(row.created), self.now.boot, row.id),
                )

    # -- who waits

    def serve(self, freed: Iterable[str]) -> None:
        """Grant what those who wait can have, now that some nodes are free."""
        sets = self._competing(frozenset(freed))
        if not sets:
            return
        waiting = {row.id: row for row in claims.in_state(self.statements, WAITING) if row.candidates in sets}
        nodes = {node for identity in sets for node in self.candidates.of(self.statements, identity)}
        wishes = [self._wish(row) for row in waiting.values()]
        for placed in self.place(wishes, nodes, depth=BACKFILL_DEPTH):
            if placed.nodes:
                self.grant(waiting[placed.id], placed.nodes, placed.end)

    def competitors(self, nodes: frozenset[str]) -> tuple[list[Wish], frozenset[str]]:
        """Return those who wait for any of `nodes`, or for what those wait for, and all nodes concerned."""
        sets = self._competing(nodes)
        if not sets:
            return [], nodes
        rows = [row for row in claims.in_state(self.statements, WAITING) if row.candidates in sets]
        concerned = nodes.union(*(self.candidates.set_of(self.statements, identity) for identity in sets))
        return [self._wish(row) for row in rows], concerned

    def _competing(self, nodes: frozenset[str]) -> set[str]:
        """Return the sets of candidates that are waited for and touch `nodes`, directly or through each other."""
        found = self.statements.execute(
            "SELECT DISTINCT candidates FROM reservation WHERE state = 'waiting'"
        ).fetchall()
        left = {str(row[0]) for row in found}
        reached, sets = nodes, set[str]()
        while touched := {
            identity
            for identity in left
            if not reached.isdisjoint(self.candidates.set_of(self.statements, identity))
        }:
            left -= touched
            sets |= touched
            reached = reached.union(*(self.candidates.set_of(self.statements, one) for one in touched))
        return sets

    def _wish(self, row: Row) -> Wish:
        since = row.since if row.boot == self.now.boot else self.now.of_wall(row.created)
        return Wish(
            id=row.id,
            candidates=self.fitting(row.candidates, reachable=bool(row.reachable)),
            count=row.count,
            duration=row.duration,
            whole=row.time_to_live is None,
            priority=row.priority,
            since=since,
        )

    def fitting(self, identity: str, *, reachable: bool) -> tuple[str, ...]:
        """Return the nodes of a set that somebody would take as they are."""
        nodes = self.candidates.of(self.statements, identity)
        if not reachable or not (unfit := health.unfit(self.statements, self.now)):
            return nodes
        return tuple(node for node in nodes if node not in unfit)

    # -- places and grants

    def place(
        self, wishes: Sequence[Wish], nodes: Iterable[str], *, depth: int | None, booking: str = ""
    ) -> list[Placed]:
        """Give wishes their places among what is held and booked on `nodes`."""
        concerned = tuple(nodes)
        return schedule(
            self.now.seconds,
            wishes,
            self.spoken_for(concerned, besides=booking),
            never=frozenset(health.quarantined(self.statements, concerned)),
            depth=depth,
        )

    def spoken_for(self, nodes: Sequence[str], *, besides: str = "") -> dict[str, list[Span]]:
        """Return node -> when it is held or booked, in seconds since this boot."""
        spans: dict[str, list[Span]] = {}
        begun = self.now.seconds
        for node, row in claims.holding(self.statements, nodes):
            spans.setdefault(node, []).append(Span(begun, max(begun, row.end_on(self.now))))
        for node, identity, start, end in claims.bookings(self.statements, nodes):
            if identity != besides:
                span = Span(self.now.of_wall(start), self.now.of_wall(end))
                spans.setdefault(node, []).append(span)
        return spans

    def grant(self, row: Row, nodes: Sequence[str], end: float) -> None:
        """Let a reservation hold nodes until `end`, in seconds since this boot."""
        now = self.now
        expires = end if row.time_to_live is None else min(end, now.seconds + row.time_to_live)
        self.statements.execute(
            "UPDATE reservation SET state = ?, since = ?, boot = ?, expires = ?, expires_wall = ?, ends = ?,"
            " ends_wall = ? WHERE id = ?",
            (HELD, now.seconds, now.boot, expires, now.to_wall(expires), end, now.to_wall(end), row.id),
        )
        self.take(row.id, nodes)

    def take(self, identity: str, nodes: Sequence[str]) -> dict[str, int]:
        """Write down that a reservation holds nodes, with new fencing tokens."""
        self.statements.executemany("INSERT INTO live VALUES (?, ?)", [(node, identity) for node in nodes])
        return claims.grow_tokens(self.statements, nodes)

    def book(self, row: Row) -> tuple[str, ...]:
        """Find nodes for a booking, from its start to its end, and write them down; nothing where there are none."""
        assert row.starts is not None
        start = self.now.of_wall(row.starts)
        nodes = self.candidates.of(self.statements, row.candidates)
        # what ends before it begins is no obstacle
        spans = self.spoken_for(nodes)
        # who is offline now may be there then
        never = frozenset(health.quarantined(self.statements, nodes))
        wish = replace(self._wish(row), candidates=nodes, whole=True)
        placed = schedule(start, [wish], spans, never=never, depth=1)
        if not placed or not placed[0].nodes:
            return ()
        chosen = placed[0].nodes
        self.statements.executemany("INSERT INTO booked VALUES (?, ?)", [(node, row.id) for node in chosen])
        return chosen


__all__ = ["BOOKED", "HELD", "WAITING", "Desk"]
