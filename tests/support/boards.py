"""Virtual boards for tests: a real MicroPython, its folder, and a REPL on its port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from hivectl.drivers.base import StreamAddress
from hivectl.drivers.terminal import open_terminal
from hivectl.micropython.files import Files
from hivectl.micropython.repl import Repl
from hivectl.model.records import record
from hivectl.virtual.board.device import ROOM, Device
from hivectl.virtual.board.port import Port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


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
