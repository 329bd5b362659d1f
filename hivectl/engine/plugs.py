"""Where a node's board is plugged in, as the inventory says, for those who flash it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.boards.registry import UnknownBoardError, built_in_boards, find_board
from hivectl.drivers.registry import find_driver
from hivectl.engine.plan import LOCALHOST
from hivectl.flash.base import NoPlaceError, Plug
from hivectl.model.inventory import connection_attributes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.boards.base import Board
    from hivectl.engine.lab import Lab
    from hivectl.model.errors import HivectlError
    from hivectl.model.inventory import ConnectionEntry, Inventory
    from hivectl.virtual.registry import VirtualDevice

USB_DRIVER = "serial"
LOCAL_DRIVER = "local"


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
    board, entry = place_of(lab.inventory, node)
    notes = lab.state / "usb" / f"{node}.json"
    if entry.virtual is not None:
        place = (await start(node, entry)).plug()
        if place is None:
            raise NoPlaceError(f"a virtual `{entry.virtual}` is nothing that is flashed", node=node)
        return Plug(node=node, board=board, root=place[0], hub_port=place[1], notes=notes)
    attributes: Any = connection_attributes(
        lab.inventory, lab.inventory.nodes[node], entry, find_driver(entry.driver).attributes
    )
    return Plug(
        node=node,
        board=board,
        serial_number=attributes.serial_number,
        hub_port=attributes.hub_port,
        port=attributes.port,
        notes=notes,
    )


def place_of(inventory: Inventory, node: str) -> tuple[Board, ConnectionEntry]:
    """Return a node's board and the connection that says where it is plugged in; nothing is started or connected.

    Raises:
        NoPlaceError: the inventory says nothing of its board, or it is plugged into another machine.
        UnknownBoardError: there is no such board.
    """
    found = inventory.nodes.get(node)
    entries = found.connections if found is not None else ()
    virtual = next((entry for entry in entries if entry.virtual is not None), None)
    name = (found.board if found is not None else None) or _board_of(virtual)
    if name is None:
        raise NoPlaceError(
            "the inventory does not say which kind of board this is",
            node=node,
            hint="write `board:` at the node; `hivectl boards` lists the boards",
        )
    try:
        board = find_board(name)
    except UnknownBoardError as error:
        error.node = node
        raise
    entry = virtual or next((entry for entry in entries if entry.driver == USB_DRIVER), None)
    if entry is None:
        raise NoPlaceError(
            "the inventory does not say where the board is plugged in",
            node=node,
            hint="give it a connection `{driver: serial, serial_number: ...}`, or `hub_port:`",
        )
    if entry.on is not None and not _is_here(inventory, entry.on):
        raise NoPlaceError(
            f"the board is plugged into {entry.on}, and only boards of the machine that hivectl runs on are flashed",
            node=node,
            hint=f"run hivectl on {entry.on}, with one inventory more behind the others: "
            f"`nodes: {{{entry.on}: {{driver: {LOCAL_DRIVER}}}}}`",
        )
    return board, entry


def _is_here(inventory: Inventory, name: str) -> bool:
    """Tell whether a node is the machine that hivectl runs on."""
    found = inventory.nodes.get(name)
    if found is None:
        return name == LOCALHOST
    return any(entry.driver == LOCAL_DRIVER for entry in found.connections)


def why_not(inventory: Inventory, node: str) -> HivectlError | None:
    """Return why a node can certainly not be flashed, or None."""
    try:
        place_of(inventory, node)
    except (NoPlaceError, UnknownBoardError) as error:
        return error
    return None


def _board_of(virtual: ConnectionEntry | None) -> str | None:
    """Return the board that a virtual device plays: `pico2-ice-icefarm` is a pico2-ice with other firmware."""
    if virtual is None or virtual.virtual is None:
        return None
    kind = virtual.virtual
    names = sorted(built_in_boards(), key=len, reverse=True)
    return next((name for name in names if kind == name or kind.startswith(f"{name}-")), None)
