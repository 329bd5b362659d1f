"""Virtual boards for tests: a real MicroPython, its folder, and a REPL on its port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import StreamAddress, Target
from hivectl.drivers.registry import find_driver
from hivectl.drivers.serial import DRIVER, SerialAttributes
from hivectl.drivers.session import Candidate, NodeSession
from hivectl.drivers.terminal import open_terminal
from hivectl.helper.operations import Batch, Item
from hivectl.micropython.files import Files
from hivectl.micropython.repl import Repl
from hivectl.micropython.sending import PASTE
from hivectl.model.records import record
from hivectl.virtual.board.device import ROOM, Device
from hivectl.virtual.board.port import Port
from hivectl.virtual.board.start import start_board
from tests.support.tasks import TaskOnThisMachine, perform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from hivectl.drivers.base import Capability, Connection
    from hivectl.drivers.boards.connection import OpenBoard
    from hivectl.helper.operations import Fence, ItemResult, Operation
    from hivectl.micropython.wire import Wire
    from hivectl.modules.base import Result
    from hivectl.virtual.board.start import VirtualBoard


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


def count_programs(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Watch a wire; return a list that gets the size of what is sent with each program."""
    sizes: list[int] = []
    write = wire.write

    async def counting(data: bytes) -> None:
        if data.startswith(PASTE):
            sizes.append(0)
        if sizes:
            sizes[-1] += len(data)
        await write(data)

    monkeypatch.setattr(wire, "write", counting)
    return sizes


@asynccontextmanager
async def reached(
    folder: Path, driver: str, **attributes: Any
) -> AsyncIterator[tuple[VirtualBoard, NodeSession]]:
    """Start a virtual board and hold a session that reaches it by a driver."""
    virtual = await start_board("pico1", folder / "board")
    try:
        session = await reach(virtual, driver, folder, **attributes)
        try:
            yield virtual, session
        finally:
            await session.close()
    finally:
        await virtual.close()


async def reach(virtual: VirtualBoard, driver: str, folder: Path, **attributes: Any) -> NodeSession:
    """Return a session with a virtual board; nothing is connected yet."""
    known = find_driver(driver)
    found = {name: value for name, value in (await virtual.reach(driver)).items() if value is not None}
    given = known.attributes(**{**found, **attributes})
    target = Target(node="pico1", connection=driver, attributes=given, state=folder)
    return NodeSession("pico1", [Candidate(known, target)])


@dataclass(frozen=True, kw_only=True)
class TaskOnABoard(TaskOnThisMachine):
    """A task's context over a session."""

    session: NodeSession
    node: str = "pico1"

    async def operate(self, *operations: Operation) -> list[ItemResult]:
        connected = TaskOnThisMachine(
            folder=self.folder,
            open_connection=await self.session.connection(),
            check=self.check,
            diff=self.diff,
            run=self.run,
        )
        return await connected.operate(*operations)

    async def connection(self, *needed: Capability) -> Connection:
        return await self.session.connection(*needed)

    async def reconnect(self, *, deadline: float) -> None:
        await self.session.reconnect(deadline=deadline)

    async def disconnect(self) -> None:
        await self.session.close()


async def do(session: NodeSession, folder: Path, module: str, **arguments: Any) -> Result:
    """Do one task on a board; `check`, `diff` and `run` among the arguments are the context's."""
    how = {name: arguments.pop(name) for name in ("check", "diff", "run") if name in arguments}
    return await perform(module, arguments, TaskOnABoard(folder=folder, session=session, **how))
