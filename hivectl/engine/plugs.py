"""Where a node's board is plugged in, as the inventory says, for those who flash it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.boards.registry import find_board
from hivectl.drivers.registry import find_driver
from hivectl.flash.base import NoPlaceError, Plug
from hivectl.model.inventory import connection_attributes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.engine.lab import Lab
    from hivectl.model.inventory import ConnectionEntry
    from hivectl.virtual.registry import VirtualDevice

USB_DRIVER = "serial"


async def plug_of(
    lab: Lab, node: str, start: Callable[[str, ConnectionEntry], Awaitable[VirtualDevice]]
) -> Plug:
    """Return where a node's board is plugged in.

    Args:
        lab: the node's lab.
        node: its name.
        start: starts a virtual device, or returns the one that runs.

    Raises:
        NoPlaceError: the inventory says nothing of its board, or it is plugged into another machine.
        UnknownBoardError: there is no such board.
    """
    found = lab.inventory.nodes.get(node)
    if found is None or not (found.board or any(entry.virtual for entry in found.connections)):
        raise NoPlaceError(
            "the inventory does not say which kind of board this is",
            node=node,
            hint="write `board: pico-w` at the node; `hivectl boards` lists them",
        )
    notes = lab.state / "usb" / f"{node}.json"
    for entry in found.connections:
        if entry.virtual is not None:
            board = find_board(found.board or entry.virtual)
            place = (await start(node, entry)).plug()
            if place is not None:
                root, hub_port = place
                return Plug(node=node, board=board, root=root, hub_port=hub_port, notes=notes)
    for entry in found.connections:
        if entry.driver == USB_DRIVER and entry.virtual is None:
            if entry.on is not None:
                raise NoPlaceError(
                    f"the board is plugged into {entry.on}: only boards of this machine are flashed",
                    node=node,
                    hint=f"run hivectl on {entry.on}",
                )
            attributes: Any = connection_attributes(
                lab.inventory, found, entry, find_driver(entry.driver).attributes
            )
            return Plug(
                node=node,
                board=find_board(found.board or ""),
                serial_number=attributes.serial_number,
                hub_port=attributes.hub_port,
                port=attributes.port,
                notes=notes,
            )
    raise NoPlaceError(
        "the inventory does not say where the board is plugged in",
        node=node,
        hint="give it a connection `{driver: serial, serial_number: ...}`, or `hub_port:`",
    )
