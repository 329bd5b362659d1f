"""The FPGA behind the pins of a virtual board that runs a real MicroPython: questions of its stand-in modules."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.virtual.fpga.circuit import StoppedError
from hivectl.virtual.ice.fpga import UnknownCountError

if TYPE_CHECKING:
    from hivectl.virtual.ice.fpga import VirtualFpga

HEADER = struct.Struct("<cI")
NUMBER = struct.Struct("<Q")
# of the largest message: a bitstream comes in pieces
LIMIT = 1 << 20
GOOD, WRONG = b"K", b"E"


class IceHardware:
    """An iCE40 on a board's pins; `hivectl.virtual.board.plugged.Hardware`.

    Args:
        fpga: what stands for it.

    Attributes:
        modules: JavaScript module with the board's Python modules.
        pace: seconds that a second of measuring takes; 0: no time. It holds from the next start on.
    """

    modules = Path(__file__).parent / "modules.mjs"

    def __init__(self, fpga: VirtualFpga) -> None:
        self.fpga = fpga
        self.pace = 0.0
        self._image = bytearray()
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None

    async def connect(self) -> tuple[int, int]:
        """Return descriptors for an interpreter that starts: questions go out by the first, answers come by the second.

        They are its own: whoever starts it closes ours.
        """
        await self.close()
        self._stop = threading.Event()
        questions, asking = os.pipe()
        answering, answers = os.pipe()
        self._task = asyncio.get_running_loop().create_task(self._serve(questions, answers))
        return asking, answering

    async def close(self) -> None:
        """Stop answering."""
        self._stop.set()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self.fpga.stop()

    async def _serve(self, questions: int, answers: int) -> None:
        reader = asyncio.StreamReader(limit=LIMIT)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(questions, "rb", buffering=0)
        )
        try:
            while True:
                letter, length = HEADER.unpack(await reader.readexactly(HEADER.size))
                data = await reader.readexactly(length) if length else b""
                try:
                    answer = await self._answer(letter, data)
                except UnknownCountError as error:
                    told = error.message.encode()
                    os.write(answers, HEADER.pack(WRONG, len(told)) + told)
                else:
                    if answer is not None:
                        os.write(answers, HEADER.pack(GOOD, len(answer)) + answer)
        except (asyncio.IncompleteReadError, BrokenPipeError, StoppedError):
            # the interpreter has ended
            return
        finally:
            transport.close()
            with contextlib.suppress(OSError):
                os.close(answers)

    async def _answer(self, letter: bytes, data: bytes) -> bytes | None:
        """Do what was asked; None: that has no answer."""
        fpga = self.fpga
        if letter == b"Z":
            self._image.clear()
            fpga.stop()
            return None
        if letter == b"D":
            self._image += data
            return None
        if letter == b"C":
            image = bytes(self._image)
            self._image.clear()
            return b"1" if await fpga.configure(image) else b"0"
        if letter == b"P":
            (cycles,) = NUMBER.unpack(data)
            return NUMBER.pack(await fpga.count(cycles, self._stop))
        if letter == b"V":
            (microseconds,) = NUMBER.unpack(data)
            return b"1" if await fpga.level(microseconds, self._stop) else b"0"
        raise UnknownCountError(f"the board's modules ask {letter!r}, which nobody knows")
