"""From a selector on the command line to nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from hivectl.engine.lab import Lab


def chosen_nodes(lab: Lab, selector: str) -> tuple[str, ...]:
    """Return the nodes that a selector means, in the inventory's order.

    Raises:
        InputError: a name in it is unknown, or nothing matches.
    """
    from hivectl.model.selectors import select

    nodes = select(selector, lab.inventory, free=lambda: free_nodes(lab))
    if not nodes:
        hint = "`hivectl inventory list` shows all" if lab.inventory.nodes else "the inventory has no nodes"
        raise InputError(f"no node matches '{selector}'", hint=hint)
    return nodes


def one_node(lab: Lab, name: str) -> str:
    """Return the one node that `name` means.

    Raises:
        InputError: it is unknown, or means several.
    """
    if name in lab.inventory.nodes:
        return name
    nodes = chosen_nodes(lab, name)
    if len(nodes) > 1:
        from hivectl.report.names import listing

        raise InputError(f"'{name}' is {len(nodes)} nodes: {listing(nodes)}", hint="name one of them")
    return nodes[0]


def free_nodes(lab: Lab) -> Collection[str]:
    """Return the nodes that nobody holds now."""
    from contextlib import closing

    from hivectl.store.reservations import StoredReservations

    with closing(lab.open_store()) as store:
        held = StoredReservations(store).holders()
    return [name for name in lab.inventory.nodes if name not in held]
