"""From what a person writes in Python to nodes, times and a lab."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.client.reach import Reach, Wish
from hivectl.engine.lab import open_lab
from hivectl.model.errors import InputError
from hivectl.model.inventory import connection_attributes
from hivectl.model.scalars import UnfitError, to_duration
from hivectl.model.selectors import SelectorError, select
from hivectl.reservations.schedule import DEFAULT_PRIORITY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import TypeAlias

    from hivectl.engine.lab import Lab

    Inventories: TypeAlias = "str | Path | Iterable[str | Path] | None"


def open_reach(
    inventory: Inventories,
    *,
    reason: str,
    wait: bool | float | str,
    timeout: float | str | None,
    duration: float | str | None,
    priority: int | None,
) -> Reach:
    """Return a way to the nodes of a lab, with nothing taken yet.

    Raises:
        InputError, Complaints: the inventory or one of the times is wrong.
    """
    if priority is not None and not 1 <= priority <= 10:
        raise InputError(f"priority {priority} is not from 1 to 10")
    patience = None if timeout is None else _seconds(timeout, "timeout")
    # True == 1, but whoever writes wait=1 means a second
    if not isinstance(wait, bool):
        if timeout is not None:
            raise InputError(
                f"wait={wait!r} and timeout={timeout!r} both say how long to wait: leave one out"
            )
        patience = _seconds(wait, "wait")
    wish = Wish(
        reason=reason,
        wait=patience if patience is not None else math.inf if wait else None,
        duration=None if duration is None else _seconds(duration, "duration"),
        priority=DEFAULT_PRIORITY if priority is None else priority,
    )
    lab = open_lab(_paths(inventory))
    if lab.ignored is not None:
        tell(f"warning: {lab.ignored}")
    return Reach(lab, wish, tell)


def tell(text: str) -> None:
    """Say a sentence on standard error, what would steer a terminal made visible."""
    if sys.stderr is not None:
        harmless = "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
        sys.stderr.write(f"hivectl: {harmless}\n")


def _paths(inventory: Inventories) -> tuple[Path, ...]:
    if inventory is None:
        return ()
    if isinstance(inventory, str | Path):
        return (Path(inventory),)
    return tuple(Path(path) for path in inventory)


def _seconds(value: float | str, name: str) -> float:
    try:
        seconds = to_duration(value)
    except UnfitError:
        seconds = -1.0
    if seconds <= 0:
        raise InputError(f"{name}={value!r} is no time", hint='write seconds, or "90s", "30m", "2h"')
    return seconds


def chosen(lab: Lab, nodes: str | Iterable[str]) -> tuple[str, ...]:
    """Return the nodes that names, selectors and addresses mean, each once.

    Raises:
        InputError: one of them means nothing.
    """
    words = [nodes] if isinstance(nodes, str) else list(nodes)
    if not words:
        raise InputError("a hive of no nodes: name some, or a hive of the inventory")
    found: dict[str, None] = {}
    for word in words:
        if not isinstance(word, str):
            raise InputError(f"{word!r} is no node's name")
        found.update(dict.fromkeys(_meant(lab, word)))
    if not found:
        raise InputError(f"no node matches {', '.join(map(repr, words))}")
    return tuple(found)


def _meant(lab: Lab, word: str) -> Collection[str]:
    if word in lab.inventory.nodes:
        return (word,)
    if word in lab.inventory.hives:
        return lab.inventory.hives[word].nodes
    try:
        return select(word, lab.inventory, free=lambda: free_nodes(lab))
    except SelectorError:
        node = by_address(lab, word)
        if node is None:
            raise
        return (node,)


def only_node(lab: Lab, word: str) -> str:
    """Return the one node that a name or address means; raises InputError."""
    found = tuple(_meant(lab, word))
    if len(found) != 1:
        raise InputError(
            f"{word!r} is {len(found)} nodes: {', '.join(found[:10])}", hint="a Node is one; take a Hive"
        )
    return found[0]


def by_address(lab: Lab, address: str) -> str | None:
    """Return the node whose connection has this address; None when there is none."""
    return next((name for name in lab.inventory.nodes if address in addresses(lab, name)), None)


def addresses(lab: Lab, node: str) -> list[str]:
    """Return the addresses of a node's connections."""
    from hivectl.drivers.registry import find_driver

    entry = lab.inventory.nodes[node]
    found: list[str] = []
    for connection in entry.connections:
        cls: Any = find_driver(connection.driver).attributes
        if connection.virtual is None and "host" in getattr(cls, "__dataclass_fields__", {}):
            host = connection_attributes(lab.inventory, entry, connection, cls).host
            found += [host] if isinstance(host, str) else []
    return found


def free_nodes(lab: Lab) -> list[str]:
    """Return the nodes that nobody holds now."""
    from contextlib import closing

    from hivectl.store.reservations import StoredReservations

    with closing(lab.open_store()) as store:
        held = StoredReservations(store).holders()
    return [name for name in lab.inventory.nodes if name not in held]
