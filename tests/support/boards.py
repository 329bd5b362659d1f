"""Virtual boards for tests: a real MicroPython, its folder, and a REPL on its port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import StreamAddress, Target
from hivectl.drivers.serial import DRIVER, SerialAttributes
from hivectl.drivers.terminal import open_terminal
from hivectl.helper.operations import Batch, Item
from hivectl.micropython.files import Files
from hivectl.micropython.repl import Repl
from hivectl.model.records import record
from hivectl.virtual.board.device import ROOM, Device
from hivectl.virtual.board.port import Port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hivectl.drivers.base import Connection
    from hivectl.drivers.boards.connection import OpenBoard
    from hivectl.helper.operations import Fence, Operation


@record
class Bench:
    """A board on a desk.

    Attributes:
        device: the board.
        port: what it is plugged into.
        repl: a raw REPL on it.
        files: the board's files through it.
        root: the folder of this machine that holds them.
    """

    device: Device
    port: Port
    repl: Repl
    files: Files
    root: Path


@asynccontextmanager
async def board(folder: Path, *, room: int = ROOM) -> AsyncIterator[Bench]:
    """Start a board that is plugged in."""
    root = folder / "files"
    device = await Device.start("pico1", root, room=room)
    port = Port(device, folder / "tty")
    wire = open_terminal(StreamAddress(path=str(port.link)), node="pico1")
    repl = Repl(wire, node="pico1")
    try:
        yield Bench(device, port, repl, Files(repl, node="pico1"), root)
    finally:
        await repl.close()
        port.close()
        await device.close()


@asynccontextmanager
async def connected_board(bench: Bench, **attributes: Any) -> AsyncIterator[OpenBoard]:
    """Hold a connection of the driver `serial` to a board; the bench's own REPL lets go of it."""
    await bench.repl.close()
    target = Target(
        node="pico1",
        connection="serial",
        attributes=SerialAttributes(port=str(bench.port.link), **attributes),
        state=bench.root.parent,
    )
    connection: Any = await DRIVER.connect(target)
    try:
        yield connection
    finally:
        await connection.close()


def batch(*operations: Operation, fence: Fence | None = None, **options: Any) -> Batch:
    """Make a batch whose operations are steps of their own."""
    items = tuple(
        Item(key=str(number), step=number, chain=0, operation=operation, **options)
        for number, operation in enumerate(operations)
    )
    return Batch(run="run", items=items, fence=fence)


async def results(connection: Connection, *operations: Operation, **options: Any) -> list[dict[str, Any]]:
    """Carry operations out and return their results."""
    return [one.result async for one in connection.operate(batch(*operations, **options))]
