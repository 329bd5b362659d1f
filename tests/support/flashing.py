"""Boards that are plugged into a machine made of a folder, for those who flash them."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from hivectl.boards.registry import find_board
from hivectl.flash.base import Job, Plug
from hivectl.flash.images import read_image
from hivectl.model.records import record
from hivectl.virtual.board.device import Device
from hivectl.virtual.board.loader import Usb
from hivectl.virtual.board.start import BOARDS
from hivectl.virtual.usb_tree import UsbTree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@record
class Plugged:
    """A board on a desk.

    Attributes:
        device: its interpreter.
        usb: its plug.
        plug: what flashers are told of it.
        said: what they say.
    """

    device: Device
    usb: Usb
    plug: Plug
    said: list[str]

    def job(self, image: Path, *, seconds: float = 30.0, **asked: str) -> Job:
        """Return the job of putting an image on it; raises what the image's check raises."""
        read = read_image(image, self.plug.board)
        [way, *_] = self.plug.board.ways_for(read.kind)
        return Job(
            plug=self.plug,
            image=read,
            way=way.options,
            asked=asked,
            timeout=seconds,
            say=self.said.append,
        )


@asynccontextmanager
async def plugged(
    folder: Path, *, kind: str = "pico-w", board: str | None = None, name: str = "p1", **where: Any
) -> AsyncIterator[Plugged]:
    """Start a virtual board that is plugged in.

    Args:
        folder: of the machine, and of the board.
        kind: what it is.
        board: what the inventory says that it is.
        name: of the node; the board's serial number is made of it.
        **where: of `hivectl.virtual.board.loader.Usb`.
    """
    chip, machine = BOARDS[kind]
    device = await Device.make(name, folder / name / "files")
    device.machine = machine
    usb = Usb(device, folder / name, chip, machine, **where)
    try:
        await usb.power_on()
        root, hub_port = usb.place()
        plug = Plug(node=name, board=find_board(board or kind), root=root, hub_port=hub_port)
        yield Plugged(device, usb, plug, [])
    finally:
        await usb.close()
        await device.close()


@asynccontextmanager
async def desk(folder: Path, *names: str, kind: str = "pico-w") -> AsyncIterator[list[Plugged]]:
    """Start boards of one kind that are plugged into one machine, at the ports 1-1.1, 1-1.2 and so on."""
    tree = UsbTree(folder)
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                plugged(folder, kind=kind, name=name, tree=tree, hub_port=f"1-1.{number}")
            )
            for number, name in enumerate(names, 1)
        ]
