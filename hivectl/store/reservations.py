"""Reservations in the lab's database: all or nothing, durable before the reply."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hivectl.reservations.base import Grant, HeldError, Holder, ReservationLostError
from hivectl.reservations.rules import Clock, Lease, is_over, next_token
from hivectl.store.process import now, owner, process_start

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from hivectl.store.database import Database

# SQLite takes at least this many parameters in a statement since 3.32 (limits.html: 32766); older builds 999
PARAMETERS = 900


class StoredReservations:
    """Implements `hivectl.reservations.base.Reservations` on the lab's store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, nodes: Sequence[str], *, reason: str, time_to_live: float) -> Grant:
        """Claim every node or none."""
        return await asyncio.to_thread(self._take, tuple(dict.fromkeys(nodes)), reason, time_to_live)

    async def extend(self, grant: Grant, nodes: Sequence[str]) -> Grant:
        """Claim more nodes for the same reservation."""
        return await asyncio.to_thread(self._extend, grant, tuple(dict.fromkeys(nodes)))

    async def renew(self, grant: Grant) -> None:
        """Let the grant stand for another `time_to_live`."""
        await asyncio.to_thread(self._renew, grant)

    async def release(self, grant: Grant) -> None:
        """Give the nodes back."""
        await asyncio.to_thread(self._release, grant)

    def holders(self, nodes: Sequence[str] | None = None) -> Mapping[str, Holder]:
        """Return who holds which of `nodes` (None: of all) now; claims that are over are left out."""
        with self._database.reading() as connection:
            return {holder.node: holder for holder in _standing(connection, nodes, now())}

    def _take(self, nodes: tuple[str, ...], reason: str, time_to_live: float) -> Grant:
        identity = self._database.identity
        reservation = f"r{secrets.token_hex(4)}"
        with self._database.writing() as connection:
            moment = now()
            _end_what_is_over(connection, moment)
            if held := _standing(connection, nodes, moment):
                raise HeldError(held)
            connection.execute(
                "INSERT INTO reservation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    reservation,
                    owner(),
                    socket.gethostname(),
                    os.getpid(),
                    process_start(os.getpid()) or 0,
                    reason,
                    moment.wall,
                    moment.boot,
                    moment.seconds + time_to_live,
                    moment.wall + time_to_live,
                ),
            )
            connection.executemany("INSERT INTO live VALUES (?, ?)", [(node, reservation) for node in nodes])
            tokens = _grow_tokens(connection, nodes)
        return Grant(
            reservation=reservation, owner=owner(), store=identity, tokens=tokens, time_to_live=time_to_live
        )

    def _extend(self, grant: Grant, nodes: tuple[str, ...]) -> Grant:
        with self._database.writing() as connection:
            moment = now()
            _end_what_is_over(connection, moment)
            known = connection.execute(
                "SELECT 1 FROM reservation WHERE id = ?", (grant.reservation,)
            ).fetchone()
            if known is None:
                raise _gone(grant)
            more = tuple(node for node in nodes if node not in grant.tokens)
            if held := _standing(connection, more, moment):
                raise HeldError(held)
            rows = [(node, grant.reservation) for node in more]
            connection.executemany("INSERT INTO live VALUES (?, ?)", rows)
            # the old token may be older than what another grant has left on the new nodes
            tokens = _grow_tokens(connection, (*grant.tokens, *more))
        return replace(grant, tokens=tokens)

    def _renew(self, grant: Grant) -> None:
        with self._database.writing() as connection:
            moment = now()
            _end_what_is_over(connection, moment)
            renewed = connection.execute(
                "UPDATE reservation SET boot = ?, expires = ?, expires_wall = ? WHERE id = ?",
                (
                    moment.boot,
                    moment.seconds + grant.time_to_live,
                    moment.wall + grant.time_to_live,
                    grant.reservation,
                ),
            ).rowcount
        if not renewed:
            raise _gone(grant)

    def _release(self, grant: Grant) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM reservation WHERE id = ?", (grant.reservation,))


def _gone(grant: Grant) -> ReservationLostError:
    return ReservationLostError(
        f"reservation {grant.reservation} is gone: it expired or an admin ended it",
        hint="see who holds the nodes now with `hivectl status`",
    )


def _grow_tokens(connection: sqlite3.Connection, nodes: Sequence[str]) -> dict[str, int]:
    # one number for all nodes of a grant, above every earlier one of the lab: a machine that the inventory knows by
    # two names keeps one lock, and must be able to compare
    token = next_token(connection.execute("SELECT max(token) FROM fence").fetchone()[0])
    tokens = dict.fromkeys(nodes, token)
    connection.executemany("INSERT OR REPLACE INTO fence VALUES (?, ?)", tokens.items())
    return tokens


def _end_what_is_over(connection: sqlite3.Connection, moment: Clock) -> None:
    over = [
        (row[0],)
        for row in connection.execute(
            "SELECT id, host, pid, process_start, boot, expires, expires_wall FROM reservation"
        )
        if _over(
            Lease(
                reservation=row[0],
                host=row[1],
                process=(row[2], row[3]),
                boot=row[4],
                expires=row[5],
                expires_wall=row[6],
            ),
            moment,
        )
    ]
    connection.executemany("DELETE FROM reservation WHERE id = ?", over)


def _standing(connection: sqlite3.Connection, nodes: Sequence[str] | None, moment: Clock) -> list[Holder]:
    query = (
        "SELECT node, id, owner, pid, reason, since, host, process_start, boot, expires, expires_wall"
        " FROM live JOIN reservation ON id = reservation"
    )
    if nodes is None:
        rows = connection.execute(query + " ORDER BY node").fetchall()
    else:
        rows = []
        for start in range(0, len(nodes), PARAMETERS):
            some = nodes[start : start + PARAMETERS]
            marks = ", ".join("?" * len(some))
            rows += connection.execute(f"{query} WHERE node IN ({marks})", some).fetchall()
    return [
        Holder(
            node=row[0],
            reservation=row[1],
            owner=row[2],
            pid=row[3],
            reason=row[4],
            since=datetime.fromtimestamp(row[5], UTC),
            expires=datetime.fromtimestamp(row[10], UTC),
        )
        for row in rows
        if not _over(
            Lease(
                reservation=row[1],
                host=row[6],
                process=(row[3], row[7]),
                boot=row[8],
                expires=row[9],
                expires_wall=row[10],
            ),
            moment,
        )
    ]


def _over(lease: Lease, moment: Clock) -> bool:
    pid, start = lease.process
    gone = lease.host == socket.gethostname() and process_start(pid) != start
    return is_over(lease, moment, owner_is_gone=gone)
