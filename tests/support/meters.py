"""Boards that stand in for real ones in process: they speak `Meter`, count by arithmetic, and fail when told."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hivectl.bitstream.measuring import (
    PULSES,
    VARIANCE,
    BoardLostError,
    BoardSilentError,
    CircuitRefusedError,
    Counted,
    Identity,
    MeasuringError,
    Meter,
    Sampled,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.bitstream.reading import Bitstream


def pulses_of(sha256: str, cycles: int) -> int:
    """Return what a circuit counts: it divides the clock by a number that its hash says."""
    return cycles // (int(sha256[:4], 16) + 2)


@dataclass
class StandIn:
    """One board, as `MeterSource`.

    Attributes:
        node: its name.
        seconds: that a measurement takes.
        transfer: seconds that a circuit takes to the board.
        buffers: circuits that it has under way.
        refuses: hashes of circuits that its FPGA does not take.
        poison: hashes of circuits that silence it.
        trouble: chance that it falls silent, or is lost, at a measurement.
        mends: resets that help, by chance.
        flashes: whether flashing helps.
        log: what was done to it.
    """

    node: str
    seconds: float = 0.0
    transfer: float = 0.0
    buffers: int = 2
    device: str = "up5k"
    measures: frozenset[str] = frozenset({PULSES, VARIANCE})
    refuses: frozenset[str] = frozenset()
    poison: frozenset[str] = frozenset()
    trouble: float = 0.0
    mends: float = 1.0
    flashes: bool = True
    firmware: str | None = "firmware.uf2"
    opens: Callable[[StandIn], None] | None = None
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    log: list[str] = field(default_factory=list)
    sick: bool = False
    opened: int = 0

    async def open(self) -> Meter:
        """Say hello, if it is well."""
        self.log.append("open")
        if self.opens is not None:
            self.opens(self)
        if self.sick:
            raise BoardSilentError(f"{self.node} says nothing")
        assert not self.opened, "two conversations at once"
        self.opened += 1
        return _Conversation(self)

    async def reset(self) -> None:
        """Start anew, which may help."""
        self.log.append("reset")
        assert not self.opened
        if self.dice.random() >= self.mends:
            raise MeasuringError(f"{self.node} did not come back from its reset")
        self.sick = False

    async def flash(self) -> None:
        """Get new firmware, which may help."""
        self.log.append("flash")
        assert not self.opened
        if not self.flashes:
            raise MeasuringError(f"{self.node} cannot be flashed")
        self.sick = False


class _Conversation:
    def __init__(self, board: StandIn) -> None:
        self._board = board
        self._held: dict[int, str] = {}
        self._next = 0
        self._turn = asyncio.Lock()
        self._ended = 0.0
        self.identity = Identity(
            firmware="stand-in",
            version="1",
            device=board.device,
            measures=board.measures,
            buffers=board.buffers,
        )

    async def load(self, bitstream: Bitstream) -> int:
        assert len(self._held) < self._board.buffers, "more circuits than there is room for"
        assert self._board.opened
        if self._board.transfer:
            await asyncio.sleep(self._board.transfer)
        self._next += 1
        self._held[self._next] = bitstream.sha256
        return self._next

    async def count(self, buffer: int, cycles: int) -> Counted:
        sha256 = await self._measured(buffer)
        return Counted(pulses=pulses_of(sha256, cycles), cycles=cycles)

    async def sample(self, buffer: int, samples: int, rate: float) -> Sampled:
        sha256 = await self._measured(buffer)
        dice = random.Random(sha256)
        return Sampled(samples=tuple(dice.randrange(4096) for _ in range(samples)), rate=rate)

    async def _measured(self, buffer: int) -> str:
        board, sha256 = self._board, self._held[buffer]
        clock = asyncio.get_running_loop().time
        asked = clock()
        async with self._turn:
            # a board begins with what it has got as soon as the one before is done, whatever this machine does then
            begins = max(asked, self._ended)
            self._ended = begins + board.seconds
            if sha256 in board.poison or board.dice.random() < board.trouble:
                board.sick = True
                lost = board.dice.random() < 0.5
                raise (BoardLostError if lost else BoardSilentError)(f"{board.node} is gone")
            await asyncio.sleep(self._ended - clock())
        if sha256 in board.refuses:
            raise CircuitRefusedError(f"{board.node}: CDONE stayed low: the FPGA refused the bitstream")
        return sha256

    def free(self, buffer: int) -> None:
        del self._held[buffer]

    async def status(self) -> Status:
        return Status(state="idle", cdone=True, errors={}, uptime=1.0)

    async def close(self) -> None:
        self._board.opened = 0
