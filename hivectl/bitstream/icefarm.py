"""A pico2-ice with iCEFARM's C firmware: raw bitstreams in, lines of text out.

iCEFARM 0.1.16, firmware `pulse_count` and `variance`: exactly 104,090 bytes start a measurement; there is no length,
no checksum and no answer but `pulses: N` or `samples: v1,v2,...`. The window is 1000 ms. A circuit that the FPGA
refuses counts 0: the firmware does not look at CDONE.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Self

from hivectl.bitstream.measuring import (
    CLOCK,
    PULSES,
    BoardLostError,
    BoardSilentError,
    Counted,
    Identity,
    NotMeasurableError,
    Sampled,
    Status,
)
from hivectl.model.node_errors import NodeError

if TYPE_CHECKING:
    from hivectl.bitstream.measuring import ByteStream
    from hivectl.bitstream.reading import Bitstream

SIZE = 104_090
SAMPLES, RATE = 500, 10_000.0
# what it says when it is ready for the next one
READY = re.compile(rb"Waiting for bitstream transfer")
RESULT = re.compile(rb"pulses: ([0-9]+)\r?\n|samples:\s*([\d,\s]*\d)\r?\n|(Watchdog timeout[^\r\n]*)")
# what its firmware alone says: when it waits for a bitstream, and at the first byte of one
WORDS = b"itstream transfer"
# seconds: what it said before is here by then; until it has given up a bitstream that is not whole, and is ready
LISTENING, SETTLING = 0.25, 8.0
# of one measurement beyond its window: transfer, configuration, answer
WORK_SECONDS = 6.0
# times that a bitstream is sent of which bytes were lost
TRIES = 3
ZERO = "this firmware does not say whether the FPGA took the bitstream: 0 pulses may mean that it did not"


class IcefarmMeter:
    """Implements `hivectl.bitstream.measuring.Meter`, one circuit at a time.

    Args:
        line: to the board, ours alone.
        node: for messages.
        measures: what its firmware does: it is either for pulses or for variances.
    """

    def __init__(self, line: ByteStream, *, node: str, measures: str = PULSES) -> None:
        self._line = line
        self._node = node
        self._held: dict[int, bytes] = {}
        self._next = 0
        self._seen = b""
        self._turn = asyncio.Lock()
        self.identity = Identity(
            firmware="icefarm",
            version="",
            clock=CLOCK,
            measures=frozenset({measures}),
            buffers=1,
            windows=(CLOCK,) if measures == PULSES else (),
        )

    @classmethod
    async def open(cls, line: ByteStream, *, node: str, measures: str = PULSES) -> Self:
        """Wait until the board is ready; the line is closed when it is not.

        Raises:
            BoardSilentError, BoardLostError: it is not there, or has other firmware.
        """
        meter = cls(line, node=node, measures=measures)
        try:
            await meter._settle()
        except BaseException:
            await line.close()
            raise
        return meter

    async def load(self, bitstream: Bitstream) -> int:
        """Keep a circuit until it is measured."""
        if len(bitstream.packed) != SIZE:
            raise NotMeasurableError(
                f"{self._node}: iCEFARM's firmware takes {SIZE:,} bytes, and {bitstream.name} has "
                f"{len(bitstream.packed):,}"
            )
        buffer, self._next = self._next, self._next + 1
        self._held[buffer] = bitstream.packed
        return buffer

    async def count(self, buffer: int, cycles: int) -> Counted:
        """Measure for 1000 ms, as the firmware does."""
        if cycles != CLOCK:
            raise NotMeasurableError(
                f"{self._node}: iCEFARM's firmware has a window of {CLOCK:,} cycles alone"
            )
        found = await self._measured(buffer, cycles / CLOCK)
        if found[1] is None:
            raise NotMeasurableError(f"{self._node}: the firmware does not count pulses, it samples")
        pulses = int(found[1])
        return Counted(pulses=pulses, cycles=CLOCK, warnings=() if pulses else (ZERO,))

    async def sample(self, buffer: int, samples: int, rate: float) -> Sampled:
        """Sample 500 times in 50 ms, as the firmware does."""
        if (samples, rate) != (SAMPLES, RATE):
            raise NotMeasurableError(f"{self._node}: iCEFARM's firmware takes 500 samples, 10,000 a second")
        found = await self._measured(buffer, 0.2)
        if found[2] is None:
            raise NotMeasurableError(f"{self._node}: the firmware does not sample, it counts pulses")
        return Sampled(samples=tuple(int(one) for one in found[2].split(b",")), rate=RATE)

    def free(self, buffer: int) -> None:
        """Forget a circuit."""
        self._held.pop(buffer, None)

    async def status(self) -> Status:
        """Say what can be said: this firmware cannot be asked."""
        state = "measuring" if self._turn.locked() else "idle"
        return Status(state=state, cdone=False, errors={}, uptime=0.0)

    async def close(self) -> None:
        """Close the line."""
        await self._line.close()

    async def _settle(self) -> None:
        """Wait until the board is ready for the first byte of a bitstream.

        It says so once, and perhaps to nobody. A board that does not gets a byte: it takes that for the beginning of a
        bitstream, or for more of one that was not sent to its end, gives that up after two seconds, and is ready. A
        bitstream that followed such a beginning would be measured as another one.
        """
        waits = False
        with contextlib.suppress(BoardSilentError):
            while True:
                await self._until(READY, LISTENING)
                waits = True
        if not waits or self._seen.strip():
            await self._write(b"\0")
            await self._until(READY, SETTLING)

    async def _measured(self, buffer: int, seconds: float) -> re.Match[bytes]:
        async with self._turn:
            for _ in range(TRIES):
                await self._write(self._held[buffer])
                found = await self._until(RESULT, seconds + WORK_SECONDS)
                if found[3] is None:
                    await self._until(READY, WORK_SECONDS)
                    return found
                # the rest of it may be taken for the beginning of the next one
                await self._settle()
            raise BoardSilentError(f"{self._node}: bytes were lost on the way, {TRIES} times")

    async def _write(self, data: bytes) -> None:
        try:
            await self._line.write(data)
        except NodeError as error:
            raise BoardLostError(str(error)) from error

    async def _until(self, pattern: re.Pattern[bytes], seconds: float) -> re.Match[bytes]:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found = pattern.search(self._seen)
                    if found:
                        self._seen = self._seen[found.end() :]
                        return found
                    data = await self._line.read()
                    if not data:
                        raise BoardLostError(f"{self._node}: the board's line ended")
                    self._seen += data
        except TimeoutError:
            shown = self._seen[-80:].decode("ascii", "replace")
            raise BoardSilentError(
                f"{self._node}: the firmware did not answer in {seconds:g} s; it says {shown!r}"
            ) from None
        except NodeError as error:
            raise BoardLostError(str(error)) from error
