"""The queue: what is over ends, what is due begins, who waits is served. Steps of somebody's transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hivectl.model.records import record
from hivectl.reservations.rules import Moment
from hivectl.reservations.schedule import BACKFILL_DEPTH, Placed, Span, Wish, schedule
from hivectl.store import claims, health
from hivectl.store.claims import BOOKED, HELD, WAITING, Candidates, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hivectl.reservations.rules import Clock
    from hivectl.store.base import Statements

NEWCOMER = "\x7f"  # behind every other wish of the same urgency


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

    def tidy(self, asked: Iterable[str] = (), *, ended: Iterable[str] = (), more: Iterable[str] = ()) -> None:
        """End what is over, begin what is due, serve those who wait for what that frees.

        Args:
            asked: nodes whose holders' processes are looked at too: a dead one's are free at once.
            ended: reservations that end now.
            more: nodes that are free now for other reasons.
        """
        over, due = claims.over_or_due(self.statements, self.now)
        nodes = tuple(asked)
        gone = [
            row.id
            for _, row in (claims.holding(self.statements, nodes) if nodes else ())
            if row.is_over(self.now)
        ]
        freed = set(more)
        for identity in dict.fromkeys((*over, *gone, *ended)):
            freed |= self._end(identity)
        if due:
            self._begin(due)
        if freed:
            self.serve(freed)

    def _end(self, identity: str) -> set[str]:
        """End a reservation; returns the nodes that others may have now, or wait for in front of others."""
        row = claims.find(self.statements, identity)
        if row is None:
            return set()
        freed = set(claims.delete(self.statements, identity))
        if row.state != HELD:
            # who has stood behind it may go on
            freed |= self.candidates.set_of(self.statements, row.candidates)
        return freed

    def _begin(self, due: Sequence[str]) -> None:
        """Give bookings whose time has come their nodes; those that cannot have them yet stay booked."""
        rows = [row for identity in due if (row := claims.find(self.statements, identity))]
        for row in sorted(rows, key=lambda row: (row.starts or 0.0, row.created)):
            end = row.end_on(self.now)
            wish = replace(self._wish(row), duration=end - self.now.seconds, whole=False)
            placed = self.place([wish], wish.candidates, depth=1, booking=row.id)
            if placed and placed[0].nodes:
                self.statements.execute("DELETE FROM booked WHERE reservation = ?", (row.id,))
                self.grant(row, placed[0].nodes, placed[0].end, told=True)

    # -- who waits

    def serve(self, freed: Iterable[str]) -> None:
        """Grant what those who wait can have, now that some nodes are free."""
        sets = self._competing(frozenset(freed))
        if not sets:
            return
        waiting = {row.id: row for row in claims.in_state(self.statements, WAITING) if row.candidates in sets}
        nodes = {node for identity in sets for node in self.candidates.of(self.statements, identity)}
        while True:
            wishes = [self._wish(row) for row in waiting.values()]
            granted = [one for one in self.place(wishes, nodes, depth=BACKFILL_DEPTH) if one.nodes]
            # looked at no earlier: there may be hundreds who wait
            dead = [one.id for one in granted if waiting[one.id].owner_is_gone()]
            if not dead:
                break
            for identity in dead:
                claims.delete(self.statements, identity)
                del waiting[identity]
        for placed in granted:
            self.grant(waiting[placed.id], placed.nodes, placed.end, told=False)

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
        return Wish(
            id=row.id,
            candidates=self.fitting(row.candidates, reachable=bool(row.reachable)),
            count=row.count,
            duration=row.duration,
            whole=row.time_to_live is None,
            priority=row.priority,
            since=row.asked_on(self.now),
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

    def place_of(self, own: Wish) -> Placed | None:
        """Return what a wish that does not stand in the queue would get, those ahead of it considered."""
        nodes = frozenset(own.candidates)
        wishes, concerned = self.competitors(nodes)
        last = replace(own, id=f"{NEWCOMER}{own.id}")
        # a set keeps no order: the queue's is its own, the candidates keep theirs
        around = own.candidates if len(concerned) == len(nodes) else tuple(concerned)
        placed = self.place([*wishes, last], around, depth=BACKFILL_DEPTH)
        return next((one for one in placed if one.id == last.id), None)

    def could_have(self, own: Wish) -> tuple[str, ...]:
        """Return the nodes that a wish could have now; nothing where it could not."""
        placed = self.place_of(own) if own.candidates else None
        return placed.nodes if placed else ()

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

    def grant(self, row: Row, nodes: Sequence[str], end: float, *, told: bool) -> None:
        """Let a reservation hold nodes until `end`, in seconds since this boot.

        Args:
            row: the reservation.
            nodes: that it holds from now on.
            end: of it, in seconds since this boot.
            told: its owner knows; who does not ask any more has died while waiting, and keeps nothing for longer than
                the wish would have stood.
        """
        now = self.now
        expires = Moment(boot=row.boot, seconds=row.expires, wall=row.expires_wall).on(now)
        if told:
            expires = end if row.time_to_live is None else now.seconds + row.time_to_live
        expires = min(end, expires)
        self.statements.execute(
            "UPDATE reservation SET state = ?, since = ?, waited = ?, boot = ?, expires = ?, expires_wall = ?, ends = ?,"
            " ends_wall = ? WHERE id = ?",
            (
                HELD,
                now.seconds,
                now.seconds - row.asked_on(now),
                now.boot,
                expires,
                now.to_wall(expires),
                end,
                now.to_wall(end),
                row.id,
            ),
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
