"""What is known of nodes' health: quarantined by somebody, seen offline, not cleaned up. Steps of a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hivectl.reservations.rules import Clock
    from hivectl.store.base import Statements, Store

# seconds for which it is believed that a node is offline; then somebody may try again
BELIEVED = 120.0
HEALTHY, OFFLINE, UNHEALTHY, UNKNOWN, QUARANTINED = (
    "healthy",
    "offline",
    "unhealthy",
    "unknown",
    "quarantined",
)


@record(kw_only=True)
class Health:
    """How a node is, as far as anybody has seen.

    Attributes:
        state: healthy, offline, unhealthy, unknown or quarantined.
        since: when it was first seen so, seconds since the epoch.
        seen: when it was last seen so.
    """

    state: str
    reason: str = ""
    since: float | None = None
    seen: float | None = None


def quarantined(statements: Statements, nodes: Iterable[str]) -> dict[str, str]:
    """Return those of `nodes` that nobody may have until somebody lifts it, each with why."""
    wanted = set(nodes)
    rows = statements.execute("SELECT node, reason, by_whom FROM quarantine").fetchall()
    return {str(node): f"is quarantined by {by}: {reason}" for node, reason, by in rows if node in wanted}


def unfit(statements: Statements, now: Clock) -> dict[str, str]:
    """Return the nodes that were seen offline or unhealthy lately, each with why."""
    # two ranges of boots, as in claims.over_or_due; after a boot only the wall clock can tell
    rows = statements.execute(
        "SELECT node, state, reason FROM health WHERE state <> 'healthy' AND boot = ? AND seconds > ?"
        " UNION ALL SELECT node, state, reason FROM health"
        " WHERE state <> 'healthy' AND (boot < ? OR boot > ?) AND seen > ? AND seen <= ?",
        (now.boot, now.seconds - BELIEVED, now.boot, now.boot, now.wall - BELIEVED, now.wall),
    ).fetchall()
    return {str(node): f"is {state}: {reason}" for node, state, reason in rows}


def quarantine(statements: Statements, nodes: Sequence[str], reason: str, by: str, now: Clock) -> None:
    """Keep nodes from being granted until somebody lifts it."""
    statements.executemany(
        "INSERT INTO quarantine VALUES (?, ?, ?, ?) ON CONFLICT (node) DO UPDATE SET reason = excluded.reason,"
        " by_whom = excluded.by_whom, since = excluded.since",
        [(node, reason, by, now.wall) for node in nodes],
    )


def lift_quarantine(statements: Statements, nodes: Sequence[str]) -> list[str]:
    """Let nodes be granted again; returns those that were in quarantine."""
    lifted = []
    for node in nodes:
        if statements.execute("DELETE FROM quarantine WHERE node = ?", (node,)).rowcount:
            lifted.append(node)
        statements.execute("DELETE FROM health WHERE node = ? AND state <> 'healthy'", (node,))
        statements.execute("DELETE FROM dirty WHERE node = ?", (node,))
    return lifted


def saw(statements: Statements, node: str, state: str, reason: str, now: Clock) -> None:
    """Remember how a node was seen; `since` stays while the state does."""
    statements.execute(
        "INSERT INTO health (node, state, reason, since, seen, boot, seconds) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (node) DO UPDATE SET reason = excluded.reason, seen = excluded.seen, boot = excluded.boot,"
        " seconds = excluded.seconds, since = CASE WHEN health.state = excluded.state THEN health.since"
        " ELSE excluded.since END, state = excluded.state",
        (node, state, reason, now.wall, now.wall, now.boot, now.seconds),
    )


def of_all(statements: Statements) -> dict[str, Health]:
    """Return what is known of every node that was ever seen."""
    found = {
        str(node): Health(state=state, reason=reason, since=since, seen=seen)
        for node, state, reason, since, seen in statements.execute(
            "SELECT node, state, reason, since, seen FROM health"
        ).fetchall()
    }
    for node, reason, by, since in statements.execute(
        "SELECT node, reason, by_whom, since FROM quarantine"
    ).fetchall():
        found[str(node)] = Health(state=QUARANTINED, reason=f"{reason} ({by})", since=since, seen=since)
    return found


def soil(statements: Statements, nodes: Iterable[str], reservation: str, now: Clock) -> None:
    """Remember that whoever takes nodes next must clean up first, unless their holder does."""
    statements.executemany(
        "INSERT INTO dirty VALUES (?, ?, ?) ON CONFLICT (node) DO UPDATE SET reservation = excluded.reservation,"
        " since = excluded.since",
        [(node, reservation, now.wall) for node in nodes],
    )


def cleaned(statements: Statements, nodes: Iterable[str]) -> None:
    """Forget that nodes must be cleaned up."""
    statements.executemany("DELETE FROM dirty WHERE node = ?", [(node,) for node in nodes])


def dirty(statements: Statements, nodes: Iterable[str], *, besides: str = "") -> frozenset[str]:
    """Return those of `nodes` that the holder before has not cleaned up."""
    wanted = set(nodes)
    rows = statements.execute("SELECT node FROM dirty WHERE reservation <> ?", (besides,)).fetchall()
    return frozenset(str(row[0]) for row in rows if row[0] in wanted)


class NodeHealth:
    """What the lab knows of its nodes' health; each method is one transaction."""

    def __init__(self, database: Store) -> None:
        self._database = database

    def saw(self, states: Mapping[str, tuple[str, str]]) -> None:
        """Remember how nodes were seen: node -> (state, reason); who waits for one that is back is served."""
        if not states:
            return
        with self._database.writing() as statements:
            now = self._database.now(statements)
            back = [node for node in unfit(statements, now) if states.get(node, ("", ""))[0] == HEALTHY]
            for node, (state, reason) in states.items():
                saw(statements, node, state, reason[:300], now)
            if back:
                _serve(statements, now, back)

    def quarantine(self, nodes: Sequence[str], reason: str, by: str) -> None:
        """Keep nodes from being granted until somebody lifts it; who holds them now keeps them."""
        with self._database.writing() as statements:
            quarantine(statements, nodes, reason, by, self._database.now(statements))

    def lift(self, nodes: Sequence[str]) -> list[str]:
        """Let nodes be granted again, and serve those who wait for them; returns those that were in quarantine."""
        with self._database.writing() as statements:
            lifted = lift_quarantine(statements, nodes)
            _serve(statements, self._database.now(statements), nodes)
            return lifted

    def cleaned(self, nodes: Iterable[str]) -> None:
        """Remember that nodes are clean."""
        with self._database.writing() as statements:
            cleaned(statements, nodes)

    def of_all(self) -> dict[str, Health]:
        """Return what is known of every node that was ever seen."""
        with self._database.reading() as statements:
            return of_all(statements)


def _serve(statements: Statements, now: Clock, nodes: Iterable[str]) -> None:
    """Give nodes that can be had again to those who wait for them."""
    from hivectl.store.claims import Candidates
    from hivectl.store.queue import Desk

    Desk(statements, now, Candidates()).tidy(more=nodes)
