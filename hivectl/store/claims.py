"""The rows of reservations: read, written, ended. Each function is one step of somebody's transaction."""

from __future__ import annotations

import hashlib
import json
import socket
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from hivectl.model.records import record
from hivectl.reservations.base import Holder
from hivectl.reservations.rules import Clock, Lease, Moment, is_over, next_token
from hivectl.store.process import process_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hivectl.store.base import Statements

# SQLite takes at least this many parameters in a statement since 3.32 (limits.html: 32766); older builds 999
PARAMETERS = 900
WAITING, BOOKED, HELD = "waiting", "booked", "held"
# the boot of bookings, which no machine has: people have named a time of the wall clock, and that alone counts
BY_THE_WALL = ""
COLUMNS = (
    "id, key, state, owner, host, pid, process_start, reason, priority, candidates, count, duration, time_to_live,"
    " cleanup, reachable, created, since, starts, boot, expires, expires_wall, ends, ends_wall, waited"
)
NAMES = tuple(name.strip() for name in COLUMNS.split(","))
INSERT = f"INSERT INTO reservation ({COLUMNS}) VALUES ({', '.join('?' * len(NAMES))})"  # noqa: S608  # names of ours
FIND = f"SELECT {COLUMNS} FROM reservation WHERE id = ?"  # noqa: S608  # names of ours
HOLDING = (
    f"SELECT node, {', '.join(f'reservation.{name}' for name in NAMES)}"  # noqa: S608  # names of ours
    " FROM live JOIN reservation ON reservation.id = live.reservation"
)
values_of = attrgetter(*NAMES)


@record()
class Row:
    """A reservation as the store keeps it; times are seconds, those without `_wall` since `boot`.

    Attributes:
        key: SHA-256 of the owner's token.
        candidates: identity of the set of nodes that are asked for.
        duration: for how long at most.
        time_to_live: without a sign of life; None: it stands for its time.
        created: when it was asked for (wall clock).
        since: when it began to wait, or when it was granted.
        starts: of a booking (wall clock).
        expires: unless renewed.
        ends: whatever happens; of those that hold or have booked.
        waited: for how long it had stood in the queue when it was granted.
    """

    id: str
    key: str
    state: str
    owner: str
    host: str
    pid: int
    process_start: int
    reason: str
    priority: int
    candidates: str
    count: int
    duration: float
    time_to_live: float | None
    cleanup: int
    reachable: int
    created: float
    since: float
    starts: float | None
    boot: str
    expires: float
    expires_wall: float
    ends: float | None
    ends_wall: float | None
    waited: float = 0.0

    def asked_on(self, now: Clock) -> float:
        """Return when it was asked for, in seconds since the boot of `now`."""
        return self.since - self.waited if self.boot == now.boot else now.of_wall(self.created)

    def is_over(self, now: Clock) -> bool:
        """Tell whether it no longer stands: expired, or the process that it is for is gone."""
        lease = Lease(
            reservation=self.id,
            host=self.host,
            process=(self.pid, self.process_start),
            boot=self.boot,
            expires=self.expires,
            expires_wall=self.expires_wall,
        )
        return is_over(lease, now, owner_is_gone=self.time_to_live is not None and self.owner_is_gone())

    def owner_is_gone(self) -> bool:
        """Tell whether the process that asked for it is known to have ended; one of another host is not."""
        return self.host == socket.gethostname() and process_start(self.pid) != self.process_start

    def end_on(self, now: Clock) -> float:
        """Return when it ends whatever happens, in seconds since the boot of `now`."""
        if self.ends is None or self.ends_wall is None:
            return now.seconds + self.duration
        return Moment(boot=self.boot, seconds=self.ends, wall=self.ends_wall).on(now)

    def holder_of(self, node: str, now: Clock) -> Holder:
        """Return it as the holder of a node."""
        expires = Moment(boot=self.boot, seconds=self.expires, wall=self.expires_wall).on(now)
        return Holder(
            node=node,
            reservation=self.id,
            owner=self.owner,
            pid=self.pid,
            reason=self.reason,
            since=utc(self.since if self.boot == now.boot else now.of_wall(self.created), now),
            expires=utc(expires, now),
            ends=utc(self.end_on(now), now),
            process=self.time_to_live is not None,
        )


def utc(seconds: float, now: Clock) -> datetime:
    """Return seconds since a boot as people's time."""
    return datetime.fromtimestamp(now.to_wall(seconds), UTC)


def insert(statements: Statements, row: Row) -> None:
    """Write a new reservation."""
    statements.execute(INSERT, values_of(row))


def find(statements: Statements, identity: str) -> Row | None:
    """Return a reservation by its id."""
    found = statements.execute(FIND, (identity,)).fetchone()
    return None if found is None else Row(*found)


def in_state(statements: Statements, state: str) -> list[Row]:
    """Return the reservations of a state."""
    query = f"SELECT {COLUMNS} FROM reservation WHERE state = ?"  # noqa: S608
    return [Row(*found) for found in statements.execute(query, (state,)).fetchall()]


def delete(statements: Statements, identity: str) -> list[str]:
    """End a reservation; returns the nodes that it held."""
    nodes = nodes_of(statements, identity)
    statements.execute("DELETE FROM live WHERE reservation = ?", (identity,))
    statements.execute("DELETE FROM booked WHERE reservation = ?", (identity,))
    statements.execute("DELETE FROM reservation WHERE id = ?", (identity,))
    return nodes


def nodes_of(statements: Statements, identity: str) -> list[str]:
    """Return the nodes that a reservation holds."""
    rows = statements.execute("SELECT node FROM live WHERE reservation = ?", (identity,)).fetchall()
    return [str(row[0]) for row in rows]


def over_or_due(statements: Statements, now: Clock) -> tuple[list[str], list[str]]:
    """Return the reservations whose time is over, and the bookings whose time has come.

    The processes of others are not looked at.
    """
    # two ranges of boots: an index serves them, which it does not for <>
    rows = statements.execute(
        "SELECT id, 0 FROM reservation WHERE boot = ? AND expires <= ?"
        " UNION ALL SELECT id, 0 FROM reservation WHERE (boot < ? OR boot > ?) AND expires_wall <= ?"
        " UNION ALL SELECT id, 1 FROM reservation WHERE state = 'booked' AND starts <= ? AND ends_wall > ?",
        (now.boot, now.seconds, now.boot, now.boot, now.wall, now.wall, now.wall),
    ).fetchall()
    return [str(row[0]) for row in rows if not row[1]], [str(row[0]) for row in rows if row[1]]


def holding(statements: Statements, nodes: Sequence[str] | None) -> list[tuple[str, Row]]:
    """Return (node, its reservation) for those of `nodes` (None: of all) that are held."""
    found = _among(statements, HOLDING, nodes, order=" ORDER BY node")
    return [(str(row[0]), Row(*row[1:])) for row in found]


def bookings(statements: Statements, nodes: Sequence[str] | None) -> list[tuple[str, str, float, float]]:
    """Return (node, reservation, start, end) by the wall clock for those of `nodes` that are booked."""
    query = "SELECT node, reservation, starts, ends_wall FROM booked JOIN reservation ON reservation.id = booked.reservation"
    return [(str(row[0]), str(row[1]), row[2], row[3]) for row in _among(statements, query, nodes)]


def _among(
    statements: Statements, query: str, nodes: Sequence[str] | None, order: str = ""
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of some nodes."""
    if nodes is not None and not nodes:
        return
    if nodes is None or len(nodes) > PARAMETERS:
        wanted = None if nodes is None else set(nodes)
        for row in statements.execute(query + order).fetchall():
            if wanted is None or row[0] in wanted:
                yield row
        return
    marks = ", ".join("?" * len(nodes))
    yield from statements.execute(f"{query} WHERE node IN ({marks}){order}", tuple(nodes)).fetchall()


def grow_tokens(statements: Statements, nodes: Iterable[str]) -> dict[str, int]:
    """Give nodes one new fencing token."""
    # one number for all nodes of a grant, above every earlier one of the lab: a machine that the inventory knows by
    # two names keeps one lock, and must be able to compare
    token = next_token(statements.execute("SELECT max(token) FROM fence").fetchone()[0])
    tokens = dict.fromkeys(nodes, token)
    statements.executemany(
        "INSERT INTO fence VALUES (?, ?) ON CONFLICT (node) DO UPDATE SET token = excluded.token",
        list(tokens.items()),
    )
    return tokens


def tokens_of(statements: Statements, identity: str) -> dict[str, int]:
    """Return the fencing tokens of a reservation's nodes."""
    rows = statements.execute(
        "SELECT live.node, token FROM live JOIN fence ON fence.node = live.node WHERE reservation = ?",
        (identity,),
    ).fetchall()
    return {str(node): int(token) for node, token in rows}


def remember_candidates(statements: Statements, nodes: tuple[str, ...]) -> str:
    """Keep a set of candidates once, however many ask for it; returns its identity."""
    identity = _identity(nodes)
    if statements.execute("SELECT 1 FROM candidates WHERE id = ?", (identity,)).fetchone() is None:
        statements.execute("INSERT INTO candidates VALUES (?, ?)", (identity, json.dumps(nodes)))
    return identity


@lru_cache(maxsize=256)
def _identity(nodes: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(nodes).encode()).hexdigest()[:24]


class Candidates:
    """Identity -> nodes, for one database: what was read once does not change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}
        self._sets: dict[str, frozenset[str]] = {}

    def of(self, statements: Statements, identity: str) -> tuple[str, ...]:
        """Return the nodes of a set, in their order; always the same object."""
        if identity not in self._known:
            row = statements.execute("SELECT nodes FROM candidates WHERE id = ?", (identity,)).fetchone()
            self._known[identity] = tuple(json.loads(row[0]))
        return self._known[identity]

    def set_of(self, statements: Statements, identity: str) -> frozenset[str]:
        """Return the nodes of a set, for comparisons."""
        if identity not in self._sets:
            self._sets[identity] = frozenset(self.of(statements, identity))
        return self._sets[identity]
