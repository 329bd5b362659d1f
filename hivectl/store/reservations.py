"""Reservations in the lab's database: all or nothing, durable before the reply."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import secrets
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from hivectl.reservations.base import (
    LONGEST,
    TIME_TO_LIVE,
    Asked,
    BookedError,
    Grant,
    HeldError,
    Holder,
    NotReservedError,
    NotYoursError,
    Queued,
    ReservationLostError,
    TooLongError,
    UnavailableError,
    UnknownReservationError,
    moment,
    over,
)
from hivectl.reservations.rules import check, digest, in_words, longest
from hivectl.reservations.schedule import Span, Wish, end_of_extension, urgency
from hivectl.store import claims, health
from hivectl.store.claims import BOOKED, BY_THE_WALL, HELD, WAITING, Candidates, Row, utc
from hivectl.store.process import own_start, owner
from hivectl.store.queue import Desk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hivectl.store.base import Statements, Store

# whoever is further behind is told a place, and no time: too much may happen until then
FORECAST = 50


class StoredReservations:
    """Implements `hivectl.reservations.base.Reservations` on the lab's store.

    Each method is one transaction; those with a bare verb are for other tasks to go on meanwhile, those that end in
    `_now` for callers without an event loop.

    Args:
        database: the lab's.
        limit: for how many seconds anybody may hold a node.
    """

    def __init__(self, database: Store, *, limit: float = LONGEST) -> None:
        self._database = database
        self._limit = limit
        self._candidates = Candidates()
        self._identity: str | None = None

    # -- for the engine

    async def ask(self, asked: Asked) -> Grant | Queued:
        """Claim what is asked for, or stand in the queue for it."""
        return await asyncio.to_thread(self.ask_now, asked)

    async def poll(self, reservation: str, key: str) -> Grant | Queued:
        """Say that somebody still waits, and how it stands."""
        return await asyncio.to_thread(self.poll_now, reservation, key)

    async def take(self, nodes: Sequence[str], *, reason: str, time_to_live: float) -> Grant:
        """Claim every node or none, for this process."""
        asked = Asked(
            nodes=tuple(dict.fromkeys(nodes)), reason=reason, time_to_live=time_to_live, reachable=False
        )
        granted = await self.ask(asked)
        assert isinstance(granted, Grant)
        return granted

    async def adopt(self, reservation: str, key: str, nodes: Sequence[str]) -> Grant:
        """Return a reservation that holds all of `nodes` already."""
        return await asyncio.to_thread(self.adopt_now, reservation, key, nodes)

    async def withdraw(self, queued: Queued) -> None:
        """Wait no longer."""
        await asyncio.to_thread(self.withdraw_now, queued)

    async def extend(self, grant: Grant, nodes: Sequence[str]) -> Grant:
        """Claim more nodes for the same reservation."""
        return await asyncio.to_thread(self._extend, grant, tuple(dict.fromkeys(nodes)))

    async def renew(self, grant: Grant) -> datetime:
        """Let the grant stand for another `time_to_live`; returns when it ends whatever happens."""
        return await asyncio.to_thread(self.renew_now, grant)

    async def release(self, grant: Grant) -> bool:
        """Give the nodes back; tells whether they were still held."""
        return await asyncio.to_thread(self.release_now, grant)

    # -- asking

    def ask_now(self, asked: Asked) -> Grant | Queued:
        """Claim what is asked for, or stand in the queue for it."""
        with self._database.writing() as statements:
            desk = self._desk(statements)
            check(asked, desk.now)
            duration = longest(asked, self._limit)
            desk.tidy(asked.nodes)
            key = secrets.token_urlsafe(24)
            row = self._row(desk, asked, key, duration)
            if asked.at is not None and asked.at > desk.now.wall:
                return self._book(desk, row, asked, key)
            return self._begin_or_wait(desk, row, asked, key)

    def _row(self, desk: Desk, asked: Asked, key: str, duration: float) -> Row:
        now = desk.now
        # who waits shows that it lives by polling, whatever it waits for
        alive = asked.time_to_live or TIME_TO_LIVE
        return Row(
            id=f"r{secrets.token_hex(4)}",
            key=digest(key),
            state=WAITING,
            owner=owner(),
            host=socket.gethostname(),
            pid=os.getpid(),
            process_start=own_start(os.getpid()),
            reason=asked.reason,
            priority=asked.priority,
            candidates=claims.remember_candidates(desk.statements, asked.nodes),
            count=asked.count or len(asked.nodes),
            duration=duration,
            time_to_live=asked.time_to_live,
            cleanup=int(asked.cleanup),
            reachable=int(asked.reachable),
            created=now.wall,
            since=now.seconds,
            starts=asked.at,
            boot=now.boot,
            expires=now.seconds + alive,
            expires_wall=now.wall + alive,
            ends=None,
            ends_wall=None,
        )

    def _begin_or_wait(self, desk: Desk, row: Row, asked: Asked, key: str) -> Grant | Queued:
        own = Wish(
            id=row.id,
            candidates=desk.fitting(row.candidates, reachable=asked.reachable),
            count=row.count,
            duration=row.duration,
            whole=row.time_to_live is None,
            priority=row.priority,
            since=desk.now.seconds,
        )
        mine = desk.place_of(own)
        if mine is not None and mine.nodes:
            end = mine.end
            expires = end if row.time_to_live is None else min(end, desk.now.seconds + row.time_to_live)
            row = replace(
                row,
                state=HELD,
                expires=expires,
                expires_wall=desk.now.to_wall(expires),
                ends=end,
                ends_wall=desk.now.to_wall(end),
            )
            claims.insert(desk.statements, row)
            tokens = desk.take(row.id, mine.nodes)
            return self._granted(desk, row, key, tokens)
        if not asked.wait:
            raise self._why_not(desk, asked, row)
        claims.insert(desk.statements, row)
        return self._queued(desk, row, key)

    def _book(self, desk: Desk, row: Row, asked: Asked, key: str) -> Queued:
        assert asked.at is not None
        end = asked.at + row.duration
        row = replace(
            row,
            state=BOOKED,
            boot=BY_THE_WALL,
            expires=desk.now.of_wall(end),
            expires_wall=end,
            ends=desk.now.of_wall(end),
            ends_wall=end,
        )
        claims.insert(desk.statements, row)
        nodes = desk.book(row)
        if not nodes:
            claims.delete(desk.statements, row.id)
            raise self._why_not_booked(desk, asked, asked.at, end)
        return Queued(
            reservation=row.id,
            key=key,
            starts=utc(desk.now.of_wall(asked.at), desk.now),
            ends=utc(desk.now.of_wall(end), desk.now),
            nodes=nodes,
        )

    def _why_not(self, desk: Desk, asked: Asked, row: Row) -> HeldError | UnavailableError | BookedError:
        """Say why a wish cannot be met now."""
        unfit = health.unfit(desk.statements, desk.now) if asked.reachable else {}
        found_unfit = unfit | health.quarantined(desk.statements, asked.nodes)
        reasons = {node: found_unfit[node] for node in asked.nodes if node in found_unfit}
        if len(asked.nodes) - len(reasons) < row.count:
            return UnavailableError(reasons)
        holders = [
            found.holder_of(node, desk.now) for node, found in claims.holding(desk.statements, asked.nodes)
        ]
        if len(asked.nodes) - len(reasons) - len(holders) < row.count:
            return HeldError(holders)
        booked = claims.bookings(desk.statements, asked.nodes)
        if booked:
            node, identity, start, _ = min(booked, key=lambda one: one[2])
            when = moment(utc(desk.now.of_wall(start), desk.now))
            return BookedError(
                f"{node} is booked from {when} ({identity})", hint="ask for less time, or wait with --wait"
            )
        return BookedError(
            "others have waited for these nodes for longer", hint="stand in the queue with --wait"
        )

    def _why_not_booked(self, desk: Desk, asked: Asked, start: float, end: float) -> Exception:
        reasons = health.quarantined(desk.statements, asked.nodes)
        if reasons and len(asked.nodes) - len(reasons) < (asked.count or len(asked.nodes)):
            return UnavailableError(reasons)
        now = desk.now
        until = now.of_wall(start)
        holders = [
            row.holder_of(node, now)
            for node, row in claims.holding(desk.statements, asked.nodes)
            if row.end_on(now) > until
        ]
        if holders:
            held = replace(holders[0], expires=holders[0].ends or holders[0].expires)
            return HeldError([held, *holders[1:]], hint="book a later time")
        clash = [
            one for one in claims.bookings(desk.statements, asked.nodes) if one[2] < end and one[3] > start
        ]
        said = ", ".join(
            f"{node} from {moment(utc(now.of_wall(begin), now))} to {moment(utc(now.of_wall(over), now))} ({identity})"
            for node, identity, begin, over in clash[:10]
        )
        return BookedError(f"booked already: {said}", hint="book another time, or other nodes")

    # -- waiting

    def poll_now(self, reservation: str, key: str) -> Grant | Queued:
        """Say that somebody still waits, and how it stands."""
        with self._database.writing() as statements:
            desk = self._desk(statements)
            desk.tidy()
            row = self._mine(desk, reservation, key)
            if row.state == HELD:
                # granted while its owner waited, who lives, and knows now: its time to live counts from here
                self._set_end(desk, row, row.end_on(desk.now))
                return self._granted(desk, row, key, claims.tokens_of(statements, row.id))
            if row.state == BOOKED:
                nodes = tuple(
                    str(found[0])
                    for found in statements.execute(
                        "SELECT node FROM booked WHERE reservation = ?", (row.id,)
                    ).fetchall()
                )
                starts = utc(desk.now.of_wall(row.starts or 0.0), desk.now)
                return Queued(
                    reservation=row.id,
                    key=key,
                    starts=starts,
                    ends=utc(row.end_on(desk.now), desk.now),
                    nodes=nodes,
                )
            now = desk.now
            alive = row.time_to_live or TIME_TO_LIVE
            statements.execute(
                "UPDATE reservation SET boot = ?, since = ?, expires = ?, expires_wall = ? WHERE id = ?",
                (now.boot, row.asked_on(now), now.seconds + alive, now.wall + alive, row.id),
            )
            nodes = self._candidates.of(statements, row.candidates)
            # a holder's process that has died frees its nodes at once, and time alone may have freed others
            desk.tidy(nodes, more=nodes)
            row = self._mine(desk, reservation, key)
            if row.state == HELD:
                self._set_end(desk, row, row.end_on(desk.now))
                return self._granted(desk, row, key, claims.tokens_of(statements, row.id))
            return self._queued(desk, row, key)

    def _told(self, desk: Desk, row: Row) -> None:
        """Let a reservation for a time, granted while its owner waited, stand until its end: the owner knows now."""
        if row.time_to_live is None and row.expires != row.ends:
            desk.statements.execute(
                "UPDATE reservation SET expires = ends, expires_wall = ends_wall WHERE id = ?", (row.id,)
            )

    def _queued(self, desk: Desk, row: Row, key: str) -> Queued:
        nodes = self._candidates.of(desk.statements, row.candidates)
        holders = [found.holder_of(node, desk.now) for node, found in claims.holding(desk.statements, nodes)]
        position, start = self._forecast(desk, row)
        return Queued(
            reservation=row.id,
            key=key,
            position=position,
            starts=None if start == math.inf else utc(start, desk.now),
            nodes=nodes,
            holders=tuple(holders),
        )

    def _forecast(self, desk: Desk, row: Row) -> tuple[int, float]:
        """Return the place in the queue for the same nodes, from 1, and when it begins at the latest."""
        wishes, concerned = desk.competitors(self._candidates.set_of(desk.statements, row.candidates))
        ordered = sorted(wishes, key=lambda wish: urgency(wish, desk.now.seconds))
        position = next(place for place, wish in enumerate(ordered, 1) if wish.id == row.id)
        if position > FORECAST:
            return position, math.inf
        places = desk.place(ordered[:position], concerned, depth=None)
        return position, next(placed.start for placed in places if placed.id == row.id)

    def exchange_now(self, grant: Grant, unfit: Mapping[str, str], *, wait: bool) -> Grant | Queued:
        """Take other nodes for those that turned out to be unfit; with none, wait again where one stood.

        Args:
            grant: just granted.
            unfit: node -> why, remembered as offline.
            wait: stand in the queue again when there are no others; else the reservation ends.

        Raises:
            UnavailableError: there are no others.
            ReservationLostError: the reservation is gone.
        """
        # raised behind the transaction, or what it has brought about would be undone
        with self._database.writing() as statements:
            found = self._exchange(self._desk(statements), grant, unfit, wait=wait)
        if found is None:
            raise UnavailableError({node: f"is offline: {reason}" for node, reason in unfit.items()})
        return found

    def leave_now(self, grant: Grant, nodes: Sequence[str]) -> Grant:
        """Give some of the nodes back, and hold the others; raises ReservationLostError."""
        with self._database.writing() as statements:
            desk = self._desk(statements)
            row = self._mine(desk, grant.reservation, grant.key)
            own = [node for node in nodes if node in grant.tokens]
            statements.executemany(
                "DELETE FROM live WHERE node = ? AND reservation = ?", [(node, row.id) for node in own]
            )
            desk.serve(own)
            return self._granted(desk, row, grant.key, claims.tokens_of(statements, row.id))

    def _exchange(
        self, desk: Desk, grant: Grant, unfit: Mapping[str, str], *, wait: bool
    ) -> Grant | Queued | None:
        statements = desk.statements
        desk.tidy()
        row = self._mine(desk, grant.reservation, grant.key)
        if row.state != HELD:
            raise _gone(row.id)
        for node, reason in unfit.items():
            health.saw(statements, node, health.OFFLINE, reason, desk.now)
        statements.executemany("DELETE FROM live WHERE node = ?", [(node,) for node in unfit])
        others = tuple(
            node for node in desk.fitting(row.candidates, reachable=True) if node not in grant.tokens
        )
        wish = Wish(
            id=row.id,
            candidates=others,
            count=len(unfit),
            duration=max(1.0, row.end_on(desk.now) - desk.now.seconds),
            whole=row.time_to_live is None,
            priority=row.priority,
            since=row.asked_on(desk.now),
        )
        if nodes := desk.could_have(wish):
            self._told(desk, row)
            desk.take(row.id, nodes)
            self._end_before_bookings(desk, row, nodes)
            row = self._mine(desk, row.id, grant.key)
            # others may want them all the same
            desk.serve(unfit)
            return self._granted(desk, row, grant.key, claims.tokens_of(statements, row.id))
        freed = {*unfit, *claims.nodes_of(statements, row.id)}
        if not wait:
            desk.tidy(ended=[row.id], more=freed)
            return None
        statements.execute("DELETE FROM live WHERE reservation = ?", (row.id,))
        alive = desk.now.seconds + (row.time_to_live or TIME_TO_LIVE)
        statements.execute(
            "UPDATE reservation SET state = ?, reachable = 1, boot = ?, since = ?, waited = 0, expires = ?,"
            " expires_wall = ?, ends = NULL, ends_wall = NULL WHERE id = ?",
            (WAITING, desk.now.boot, row.asked_on(desk.now), alive, desk.now.to_wall(alive), row.id),
        )
        desk.serve(freed)
        waiting = claims.find(statements, row.id)
        assert waiting is not None
        return self._queued(desk, waiting, grant.key)

    # -- holding

    def _extend(self, grant: Grant, nodes: tuple[str, ...]) -> Grant:
        with self._database.writing() as statements:
            desk = self._desk(statements)
            more = tuple(node for node in nodes if node not in grant.tokens)
            desk.tidy(more)
            row = claims.find(statements, grant.reservation)
            if row is None or row.state != HELD:
                raise _gone(grant.reservation)
            if reasons := health.quarantined(statements, more):
                raise UnavailableError(reasons)
            if held := [found.holder_of(node, desk.now) for node, found in claims.holding(statements, more)]:
                raise HeldError(held)
            if more and not desk.could_have(self._longer(desk, row, more)):
                raise BookedError(f"others have waited for {', '.join(more[:10])} for longer, or have booked")
            # the old token may be older than what another grant has left on the new nodes
            desk.take(row.id, more)
            tokens = claims.grow_tokens(statements, (*grant.tokens, *more))
            if row.cleanup:
                health.soil(statements, more, row.id, desk.now)
            self._end_before_bookings(desk, row, more)
        return replace(grant, tokens=tokens)

    def _end_before_bookings(self, desk: Desk, row: Row, more: tuple[str, ...]) -> None:
        """Let a reservation that has got more nodes end before somebody has booked one of them."""
        end = row.end_on(desk.now)
        if blocked := end_of_extension(desk.now.seconds, more, end, self._booked(desk, more)):
            self._set_end(desk, row, blocked[1].start)

    def _longer(self, desk: Desk, row: Row, nodes: tuple[str, ...]) -> Wish:
        """Return the wish for all of some nodes until a reservation ends."""
        left = max(1.0, row.end_on(desk.now) - desk.now.seconds)
        return Wish(
            id=row.id,
            candidates=nodes,
            count=len(nodes),
            duration=left,
            whole=False,
            priority=row.priority,
            since=desk.now.seconds,
        )

    def renew_now(self, grant: Grant) -> datetime:
        """Let the grant stand for another `time_to_live`; returns when it ends whatever happens, UTC."""
        with self._database.writing() as statements:
            desk = self._desk(statements)
            desk.tidy()
            row = claims.find(statements, grant.reservation)
            if row is None or row.state != HELD:
                raise _gone(grant.reservation)
            end = row.end_on(desk.now)
            if row.time_to_live is not None:
                self._set_end(desk, row, end)
            self._told(desk, row)
            return utc(end, desk.now)

    def prolong_now(self, reservation: str, key: str, seconds: float) -> Grant:
        """Let a reservation end `seconds` later.

        Raises:
            BookedError: somebody has booked one of its nodes for that time.
            TooLongError: it would be longer than the lab gives.
            NotYoursError, ReservationLostError, UnknownReservationError: it is not there, or not yours.
        """
        with self._database.writing() as statements:
            desk = self._desk(statements)
            desk.tidy()
            row = self._mine(desk, reservation, key)
            if row.state == WAITING:
                raise NotReservedError(
                    f"reservation {row.id} has not begun: it waits", hint="see `hivectl status`"
                )
            now = desk.now
            begun = row.since if row.boot == now.boot else now.of_wall(row.created)
            if row.state == BOOKED:
                begun = now.of_wall(row.starts or now.wall)
            end = row.end_on(now) + seconds
            if not 0 < seconds < math.inf:
                raise TooLongError(f"{seconds:g} s is no time to extend by", hint="write --for 30m")
            if end - begun > self._limit:
                raise TooLongError(
                    f"it would last {in_words(round(end - begun))}, the lab gives {in_words(self._limit)} at once",
                    hint="reserve again afterwards, or ask for less",
                )
            nodes = claims.nodes_of(statements, row.id) or [
                str(found[0])
                for found in statements.execute(
                    "SELECT node FROM booked WHERE reservation = ?", (row.id,)
                ).fetchall()
            ]
            blocked = end_of_extension(row.end_on(now), nodes, end, self._booked(desk, nodes, besides=row.id))
            if blocked is not None:
                node, span = blocked
                raise BookedError(
                    f"{node} is booked by somebody else from {moment(utc(span.start, now))}",
                    hint=f"extend until then at most: {in_words(max(0, round(span.start - row.end_on(now))))}",
                )
            self._set_end(desk, row, end)
            changed = claims.find(statements, row.id)
            assert changed is not None
            return self._granted(desk, changed, key, claims.tokens_of(statements, row.id))

    def _set_end(self, desk: Desk, row: Row, end: float) -> None:
        now = desk.now
        statements = desk.statements
        if row.state == BOOKED:
            wall = now.to_wall(end)
            statements.execute(
                "UPDATE reservation SET duration = ?, expires = ?, expires_wall = ?, ends = ?, ends_wall = ? WHERE id = ?",
                (wall - (row.starts or 0.0), end, wall, end, wall, row.id),
            )
            return
        expires = end if row.time_to_live is None else min(end, now.seconds + row.time_to_live)
        same = row.boot == now.boot
        since, waited = (row.since, row.waited) if same else (row.asked_on(now), 0.0)
        statements.execute(
            "UPDATE reservation SET boot = ?, since = ?, waited = ?, expires = ?, expires_wall = ?, ends = ?,"
            " ends_wall = ? WHERE id = ?",
            (now.boot, since, waited, expires, now.to_wall(expires), end, now.to_wall(end), row.id),
        )

    def _booked(self, desk: Desk, nodes: Sequence[str], *, besides: str = "") -> Mapping[str, list[Span]]:
        spans: dict[str, list[Span]] = {}
        for node, identity, start, end in claims.bookings(desk.statements, nodes):
            if identity != besides:
                spans.setdefault(node, []).append(Span(desk.now.of_wall(start), desk.now.of_wall(end)))
        return spans

    def adopt_now(self, reservation: str, key: str, nodes: Sequence[str] = ()) -> Grant:
        """Return a reservation that is held already, for work under it.

        Raises:
            HeldError: it does not hold all of `nodes`.
            NotYoursError, ReservationLostError: the token is another's, or it is over.
        """
        with self._database.writing() as statements:
            desk = self._desk(statements)
            desk.tidy()
            row = self._mine(desk, reservation, key)
            tokens = claims.tokens_of(statements, row.id)
            if row.state != HELD:
                raise ReservationLostError(
                    f"reservation {row.id} has not begun: it is {row.state}", hint="see `hivectl status`"
                )
            lacking = tuple(node for node in nodes if node not in tokens)
            if lacking:
                holders = [
                    found.holder_of(node, desk.now) for node, found in claims.holding(statements, lacking)
                ]
                if holders:
                    raise HeldError(holders)
                raise BookedError(
                    f"reservation {row.id} does not hold {', '.join(lacking[:10])}",
                    hint=f"it holds {', '.join(list(tokens)[:10])}; limit to these with --limit",
                )
            self._told(desk, row)
            return self._granted(desk, row, key, tokens)

    def look_up_now(self, reservation: str, key: str) -> Grant | None:
        """Return a reservation that is held; None where it waits, is booked or over. Raises NotYoursError."""
        with self._database.writing() as statements:
            desk = self._desk(statements)
            desk.tidy()
            row = claims.find(statements, reservation)
            if row is None or row.state != HELD:
                return None
            row = self._mine(desk, reservation, key)
            return self._granted(desk, row, key, claims.tokens_of(statements, row.id))

    # -- ending

    def release_now(self, grant: Grant) -> bool:
        """Give the nodes back; tells whether they were still held."""
        with self._database.writing() as statements:
            desk = self._desk(statements)
            row = claims.find(statements, grant.reservation)
            if row is None or row.key != digest(grant.key):
                return False
            desk.tidy(ended=[row.id])
            return not row.is_over(desk.now)

    def withdraw_now(self, queued: Queued) -> None:
        """Wait no longer; what was granted in the meantime is given back."""
        with contextlib.suppress(NotReservedError, UnknownReservationError):
            self.end_now(queued.reservation, queued.key)

    def end_now(self, reservation: str, key: str | None) -> tuple[str, ...]:
        """End a reservation, a booking or a wish; returns the nodes that are free now.

        Args:
            reservation: its id.
            key: the owner's token; None: as an admin.

        Raises:
            UnknownReservationError: there is none.
            NotYoursError: the token is another's, or we are no admin.
        """
        with self._database.writing() as statements:
            desk = self._desk(statements)
            desk.tidy()
            row = claims.find(statements, reservation)
            if row is None:
                raise _unknown(reservation)
            if key is None and not self._database.is_admin(statements):
                raise NotYoursError(
                    f"{reservation} is {row.owner}'s: only its owner, or an admin, may end it",
                    hint="the owner has the token; an admin is root, or whoever owns the lab's store",
                )
            if key is not None and digest(key) != row.key:
                raise _not_yours(row)
            freed = claims.nodes_of(statements, reservation)
            desk.tidy(ended=[reservation])
            return tuple(freed)

    # -- looking

    def holders(self, nodes: Sequence[str] | None = None) -> Mapping[str, Holder]:
        """Return who holds which of `nodes` (None: of all) now; claims that are over are left out."""
        with self._database.reading() as statements:
            now = self._database.now(statements)
            living: dict[str, bool] = {}
            found = {}
            for node, row in claims.holding(statements, nodes):
                if row.id not in living:
                    living[row.id] = not row.is_over(now)
                if living[row.id]:
                    found[node] = row.holder_of(node, now)
            return found

    async def stands(self, token: int) -> bool:
        """Tell whether a fencing token is of a reservation that holds its node still."""
        return await asyncio.to_thread(self.stands_now, token)

    def stands_now(self, token: int) -> bool:
        """Tell whether a fencing token is of a reservation that holds its node still."""
        with self._database.reading() as statements:
            now = self._database.now(statements)
            nodes = [
                str(row[0])
                for row in statements.execute("SELECT node FROM fence WHERE token = ?", (token,)).fetchall()
            ]
            return any(not row.is_over(now) for _, row in claims.holding(statements, nodes))

    def waiting(self) -> list[tuple[Row, tuple[str, ...]]]:
        """Return who stands in the queue or has booked, each with the nodes that it asks for, or has booked."""
        with self._database.reading() as statements:
            found = [
                (row, self._candidates.of(statements, row.candidates))
                for row in claims.in_state(statements, WAITING)
            ]
            booked: dict[str, list[str]] = {}
            for node, identity, _, _ in claims.bookings(statements, None):
                booked.setdefault(identity, []).append(node)
            found += [(row, tuple(booked.get(row.id, ()))) for row in claims.in_state(statements, BOOKED)]
            return found

    # -- parts

    def _desk(self, statements: Statements) -> Desk:
        return Desk(statements, self._database.now(statements), self._candidates)

    def _mine(self, desk: Desk, reservation: str, key: str) -> Row:
        row = claims.find(desk.statements, reservation)
        if row is None:
            raise _gone(reservation)
        if row.key != digest(key):
            raise _not_yours(row)
        return row

    def _granted(self, desk: Desk, row: Row, key: str, tokens: Mapping[str, int]) -> Grant:
        left_dirty = health.dirty(desk.statements, tokens, besides=row.id)
        if row.cleanup:
            health.soil(
                desk.statements, [node for node in tokens if node not in left_dirty], row.id, desk.now
            )
        if self._identity is None:
            self._identity = _identity(desk.statements)
        return Grant(
            reservation=row.id,
            owner=row.owner,
            store=self._identity,
            tokens=tokens,
            time_to_live=row.time_to_live,
            key=key,
            ends=utc(row.end_on(desk.now), desk.now),
            dirty=left_dirty,
            cleanup=bool(row.cleanup),
        )


def _identity(statements: Statements) -> str:
    return str(statements.execute("SELECT value FROM about WHERE name = 'identity'").fetchone()[0])


def _gone(reservation: str) -> ReservationLostError:
    return ReservationLostError(over(reservation), hint="see who holds the nodes now with `hivectl status`")


def _unknown(reservation: str) -> UnknownReservationError:
    return UnknownReservationError(
        f"there is no reservation {reservation}, or it is over",
        hint="`hivectl status` shows those that stand",
    )


def _not_yours(row: Row) -> NotYoursError:
    return NotYoursError(
        f"{row.id} is {row.owner}'s, and this is not its token",
        hint="the token was shown once, when it was reserved; set HIVECTL_RESERVATION to it",
    )
