"""iCEFARM's C firmware, played: raw bitstreams in, lines of text out, no checks (iCEFARM 0.1.16, `pulse_count`).

Its window is a second. It does not look at CDONE, so that a bitstream that the FPGA refuses counts 0.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from hivectl.virtual.fpga.circuit import StoppedError
from hivectl.virtual.ice.fpga import UnknownCountError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.virtual.ice.board import NativeDevice

SIZE = 104_090
CLOCK = 48_000_000
# seconds from the first byte, after which a bitstream that is not whole is given up
WATCHDOG = 2.0
# of `variance`: samples, a second, seconds before; a sample has 12 bits
SAMPLES, RATE, SETTLE, HIGH = 500, 10_000, 0.1, 4095


class IcefarmFirmware:
    """Measures whatever comes; `hivectl.virtual.ice.board.Firmware`.

    Args:
        board: that it runs on.
        send: takes what goes to the host.
        variance: it is the firmware `variance`, which samples.
    """

    def __init__(self, board: NativeDevice, send: Callable[[bytes], None], *, variance: bool = False) -> None:
        self._board = board
        self._send = send
        self._variance = variance
        self._buffer = bytearray()
        self._more = asyncio.Event()
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def feed(self, data: bytes) -> None:
        """Take what came over USB."""
        self._buffer += data
        self._more.set()

    @property
    def waiting(self) -> int:
        """Bytes that are not measured yet."""
        return len(self._buffer)

    async def end(self) -> None:
        """Stop."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _serve(self) -> None:
        while True:
            self._say("USB Connected :)", "Waiting for bitstream transfer")
            image = await self._received()
            if image is None:
                continue
            self._say("Flashing FPGA")
            await self._board.fpga.configure(image)
            self._say("FPGA Flash times (us): init 1, start 1400, open 1310, write 35000, close 10")
            await self._measure()
            self._say("IDLE")

    async def _received(self) -> bytes | None:
        """Return the next bitstream; None: it was not whole in time."""
        while not self._buffer:
            self._more.clear()
            await self._more.wait()
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._say("Bitstream transfer started", "Receiving bitstream")
        try:
            async with asyncio.timeout_at(began + WATCHDOG):
                while len(self._buffer) < SIZE:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            self._say(f"Watchdog timeout, {len(self._buffer)} bytes received of {SIZE}")
            self._buffer.clear()
            return None
        image = bytes(self._buffer[:SIZE])
        del self._buffer[:SIZE]
        self._say(f"Received bitstream in {round(1e6 * (loop.time() - began))} us :)")
        return image

    async def _measure(self) -> None:
        fpga, loop = self._board.fpga, asyncio.get_running_loop()
        began = loop.time()
        try:
            if self._variance:
                self._say("Sampling ADC")
                levels = [0] * SAMPLES
                if fpga.done:
                    levels = await fpga.levels(SAMPLES, RATE, SETTLE, self._stop)
                text = "samples: " + ",".join(str(HIGH * level) for level in levels)
                seconds = SETTLE + SAMPLES / RATE
            else:
                pulses = await fpga.count(CLOCK, self._stop) if fpga.done else 0
                text, seconds = f", pulses: {pulses}", 1.0
        except UnknownCountError as error:
            # a number would be a guess
            text, seconds = error.message, 0.0
        except StoppedError:
            return
        await asyncio.sleep(max(0.0, began + self._board.pace * seconds - loop.time()))
        self._say(text)

    def _say(self, *lines: str) -> None:
        self._send("".join(f"{line}\r\n" for line in lines).encode())
