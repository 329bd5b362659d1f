"""A farm of virtual pico2-ice boards in this process, measured over their serial ports; and what disturbs them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hivectl.bitstream.framed import FramedMeter
from hivectl.bitstream.measuring import BoardLostError
from hivectl.drivers.errors import NodeError
from hivectl.virtual.fpga.cache import NetlistCache
from hivectl.virtual.fpga.target import PICO2_ICE
from hivectl.virtual.fpga.twin import Twin
from hivectl.virtual.ice.fpga import Configurations
from hivectl.virtual.ice.start import start_native
from tests.support.ice_boards import line_to

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from hivectl.bitstream.measuring import ByteStream, Meter
    from hivectl.virtual.board.start import VirtualBoard
    from hivectl.virtual.ice.start import VirtualIce

# what happens to boards, and how often beside the others
MISHAPS = {"unplug": 5, "reboot": 5, "cut": 5, "hang": 1}
# seconds for a board that was unplugged to come back
RETURN = 30.0


@dataclass
class FarmSource:
    """One board of the farm; `hivectl.bitstream.measuring.MeterSource`.

    Attributes:
        node: its name.
        board: the board.
        answer: seconds until an answer must be there.
        resets: how often it was reset by the one who measures.
    """

    node: str
    board: VirtualIce
    answer: float = 20.0
    device: str = "5k"
    firmware: str | None = None
    resets: int = field(default=0)

    async def open(self) -> Meter:
        return await FramedMeter.open(await self._line(), node=self.node, answer=self.answer)

    async def reset(self) -> None:
        """Wait until it is plugged in, and take its power away for a moment."""
        self.resets += 1
        end = asyncio.get_running_loop().time() + RETURN
        while True:
            try:
                await (await self._line()).close()
                break
            except BoardLostError:
                if asyncio.get_running_loop().time() > end:
                    raise
                await asyncio.sleep(0.01)
        self.board.device.faults.hang = False
        await self.board.device.reset()

    async def flash(self) -> None:
        await self.reset()

    async def _line(self) -> ByteStream:
        port = self.board.usb.port
        assert port is not None
        try:
            return line_to(port.link)
        except (NodeError, OSError) as error:
            raise BoardLostError(f"{self.node}: {error}") from error


@asynccontextmanager
async def farm(folder: Path, count: int, *, answer: float = 20.0) -> AsyncIterator[list[FarmSource]]:
    """Start so many boards; they share what they know of circuits."""
    known = Configurations(Twin(PICO2_ICE, cache=NetlistCache(folder / "netlists")))
    boards = await asyncio.gather(
        *(
            start_native(f"ice{number}", folder / str(number), "pico2-ice-native", configurations=known)
            for number in range(count)
        )
    )
    try:
        for board in boards:
            await board.reach("serial")
        yield [FarmSource(board.device.name, board, answer) for board in boards]
    finally:
        await asyncio.gather(*(board.close() for board in boards))


async def disturb(
    boards: Sequence[VirtualIce | VirtualBoard],
    dice: random.Random,
    *,
    every: float,
    loss: float,
    mishaps: Mapping[str, int] = MISHAPS,
) -> None:
    """Unplug and reboot boards by chance, hang them, let their lines lose bytes, until cancelled.

    Args:
        boards: may become more meanwhile.
        dice: what chance is.
        every: seconds between two mishaps, on average.
        loss: the part of all bytes that is lost, on lines that lose some.
        mishaps: what happens, and how often beside the others.
    """
    for number, board in enumerate(boards):
        board.device.faults.seed = number
        board.device.faults.loss = loss if number % 2 else 0.0
    while True:
        await asyncio.sleep(dice.uniform(0, 2 * every))
        board = dice.choice(boards)
        port = board.usb.port
        (kind,) = dice.choices(tuple(mishaps), tuple(mishaps.values()))
        if kind == "reboot":
            board.device.reboot()
        elif kind == "hang":
            board.device.faults.hang = True
        elif kind == "cut":
            board.device.faults.drop_back_after = dice.randrange(1, 200)
        elif port is not None:
            port.unplug()
            await asyncio.sleep(dice.uniform(0, 0.1))
            port.replug()
