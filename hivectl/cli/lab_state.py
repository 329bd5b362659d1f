"""What `hivectl status` and `hivectl reservations` show: read from the store in one go, an item for each line."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.cli.tables import when
from hivectl.store.applied import Applied
from hivectl.store.health import Health, NodeHealth
from hivectl.store.history import History
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.engine.lab import Lab
    from hivectl.reservations.base import Holder
    from hivectl.store.applied import AppliedRow
    from hivectl.store.claims import Row
    from hivectl.store.history import NodeRun

NEVER_SEEN = Health(state="unknown")


def node_items(lab: Lab, nodes: Sequence[str]) -> list[dict[str, Any]]:
    """Return an item for each node."""
    with closing(lab.open_store()) as store:
        reservations = StoredReservations(store)
        holders = reservations.holders(nodes)
        queue = _queues(reservations.waiting())
        runs, applied, health = History(store).last_runs(), Applied(store).all(), NodeHealth(store).of_all()
    return [
        _node(
            lab,
            name,
            holders.get(name),
            runs.get(name),
            applied.get(name, ()),
            health.get(name, NEVER_SEEN),
            queue.get(name, ((), ())),
        )
        for name in nodes
    ]


def _queues(waiting: Sequence[tuple[Row, tuple[str, ...]]]) -> Mapping[str, tuple[list[str], list[str]]]:
    """Return node -> the reservations that wait for it, and those that have booked it."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for row, nodes in waiting:
        for node in nodes:
            found.setdefault(node, ([], []))[1 if row.state == "booked" else 0].append(row.id)
    return found


def _node(
    lab: Lab,
    name: str,
    holder: Holder | None,
    last: NodeRun | None,
    applied: Sequence[AppliedRow],
    health: Health,
    queue: tuple[Sequence[str], Sequence[str]],
) -> dict[str, Any]:
    node = lab.inventory.nodes[name]
    waiting, booked = queue
    return {
        "node": name,
        "driver": list(dict.fromkeys(entry.driver for entry in node.connections)),
        "board": node.board,
        "labels": dict(node.labels),
        "hives": list(node.hives),
        "health": health.state,
        "health_since": when(health.since),
        "health_reason": health.reason or None,
        "health_seen": when(health.seen),
        "holder": holder.owner if holder else None,
        "until": (holder.expires if holder.process else holder.ends) if holder else None,
        "reason": holder.reason if holder else None,
        "reservation": holder.reservation if holder else None,
        "queue": len(waiting) or None,
        "waiting": list(waiting),
        "booked": list(booked),
        "last": last.status if last else None,
        "changed": last.changed if last else None,
        "ended": when(last.ended) if last else None,
        "run": last.run if last else None,
        **drift_of(applied),
    }


def drift_of(rows: Sequence[AppliedRow]) -> dict[str, Any]:
    """Return what is known of a node's drift: from what was last applied, of each playbook.

    `drift` is "none" as far as anybody has looked, "drifted", "unknown" (not all was applied, and nobody has looked
    since) or "never applied"; `drift_looked`: when the one that nobody has looked at for longest was looked at.
    """
    drifted = [row for row in rows if row.drifted is not None]
    if not rows:
        state = "never applied"
    elif drifted:
        state = "drifted"
    else:
        state = "none" if all(row.whole or row.looked is not None for row in rows) else "unknown"
    return {
        "drift": state,
        "drift_since": when(min((row.drifted for row in drifted if row.drifted is not None), default=None)),
        "drift_looked": when(min((row.looked or row.at for row in rows), default=None)),
        "drift_steps": [f"{Path(row.playbook).name}: {step}" for row in drifted for step in row.what],
        "applied": [{"playbook": row.playbook, "run": row.run, "at": when(row.at)} for row in rows],
    }


def reservation_items(lab: Lab) -> list[dict[str, Any]]:
    """Return an item for each reservation that is held, booked or waited for."""
    from hivectl.reservations.schedule import urgency

    with closing(lab.open_store()) as store:
        reservations = StoredReservations(store)
        held: dict[str, list[Holder]] = {}
        for holder in reservations.holders().values():
            held.setdefault(holder.reservation, []).append(holder)
        waiting = reservations.waiting()
        with store.reading() as statements:
            now = store.now(statements)
    items = [
        {
            "id": identity,
            "state": "held",
            "owner": holders[0].owner,
            "nodes": [holder.node for holder in holders],
            "since": holders[0].since,
            "until": holders[0].expires if holders[0].process else holders[0].ends,
            "ends": holders[0].ends,
            "reason": holders[0].reason or None,
        }
        for identity, holders in held.items()
    ]
    ordered = sorted(
        (pair for pair in waiting if pair[0].state == "waiting"),
        key=lambda pair: urgency(_wish(*pair), now.seconds),
    )
    for place, (row, nodes) in enumerate(ordered, 1):
        items.append(
            _wanted(row, nodes) | {"state": "waiting", "position": place, "since": when(row.created)}
        )
    for row, nodes in waiting:
        if row.state == "booked":
            times = {"since": when(row.starts), "until": when(row.ends_wall), "ends": when(row.ends_wall)}
            items.append(_wanted(row, nodes) | {"state": "booked", **times})
    return items


def _wish(row: Row, nodes: tuple[str, ...]) -> Any:
    from hivectl.reservations.schedule import Wish

    return Wish(
        id=row.id,
        candidates=nodes,
        count=row.count,
        duration=row.duration,
        priority=row.priority,
        since=row.since,
    )


def _wanted(row: Row, nodes: Sequence[str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "owner": row.owner,
        "nodes": list(nodes),
        "count": row.count,
        "priority": row.priority,
        "reason": row.reason or None,
    }
