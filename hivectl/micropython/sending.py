"""Programs on their way to a board: by raw paste with its flow control, or blindly where firmware has none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.micropython.errors import ProtocolError
from hivectl.micropython.prompt import INTERRUPT, PROMPT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.micropython.wire import Input, Wire

END = b"\x04"
PASTE = b"\x05A\x01"
PASTE_ACCEPTED = b"R\x01"
PASTE_KNOWN = b"R\x00"
# seconds to find out whether there is raw paste; to wait for it behind a prompt where it may not exist
LEARNING, LATE = 4.0, 1.0
# seconds to take a program in, and bytes a second of the slowest line (9600 baud)
SEND_SECONDS, SLOWEST = 5.0, 900
# bytes that a board without raw paste takes in one go (its input buffer has 256), and seconds between
BLIND_SIZE, BLIND_PAUSE = 128, 0.01


class Sending:
    """Sends programs to a board that shows the prompt of its raw REPL.

    Args:
        wire: the terminal.
        answers: what comes from it.
        node: for messages.
        stop: interrupts a board that waits for the rest of a program.
    """

    def __init__(
        self, wire: Wire, answers: Input, node: str | None, stop: Callable[[], Awaitable[None]]
    ) -> None:
        self._wire = wire
        self._input = answers
        self._node = node
        self._stop = stop
        # bytes of raw paste that may be sent before the board grants more; 0: it has no raw paste; None: not known
        self._window: int | None = None

    async def learn(self) -> bool:
        """Find out whether the board has raw paste, and throw away prompts of earlier attempts that come late.

        Returns:
            Whether it answered as a raw REPL does, with raw paste or without.
        """
        known = bool(self._window)
        await self._wire.write(PASTE)
        try:
            async with asyncio.timeout(LEARNING):
                answer = await self._input.find(PASTE_ACCEPTED, PASTE_KNOWN, PROMPT)
                if answer == PROMPT and (known or await self._late()):
                    # the prompt of an earlier attempt
                    answer = await self._input.find(PASTE_ACCEPTED)
                if answer != PASTE_ACCEPTED:
                    self._window = 0
                    return True
                self._window = int.from_bytes(await self._input.take(2), "little")
                await self._wire.write(END)
                # taken, output, exception: a late Ctrl-C may end even an empty program with one
                for _ in range(3):
                    await self._input.until(END)
                await self._input.find(b">")
        except TimeoutError:
            if known:
                raise ProtocolError(
                    "the board's REPL did not settle after an interrupt", node=self._node
                ) from None
            # old firmware echoes nothing of it; begin with a clean line
            self._window = 0
            await self._wire.write(INTERRUPT)
            return False
        return True

    async def _late(self) -> bool:
        """Whether raw paste is accepted behind a prompt that was still under way; old firmware shows a prompt alone."""
        try:
            async with asyncio.timeout(LATE):
                await self._input.has(PASTE_ACCEPTED)
        except TimeoutError:
            return False
        return True

    async def send(self, code: bytes) -> None:
        """Send code; a board that lost a byte of it waits for ever."""
        sending = asyncio.timeout(SEND_SECONDS + len(code) / SLOWEST)
        try:
            async with sending:
                await self._typed(code)
        except TimeoutError as error:
            if not sending.expired():
                raise
            await self._stop()
            raise ProtocolError(
                "the board did not take a program to its end: bytes were lost on the line", node=self._node
            ) from error

    async def _typed(self, code: bytes) -> None:
        if self._window:
            await self._paste(code, self._window)
            return
        for start in range(0, len(code), BLIND_SIZE):
            await self._wire.write(code[start : start + BLIND_SIZE])
            await asyncio.sleep(BLIND_PAUSE)
        await self._wire.write(END)
        answer = await self._input.take(2)
        if answer != b"OK":
            raise ProtocolError(f"the raw REPL answered {answer!r} to a program", node=self._node)

    async def _paste(self, code: bytes, window: int) -> None:
        """Send code as fast as the board takes it; the first window goes with the question, which saves a turn."""
        sent = min(len(code), window)
        whole = sent == len(code)
        await self._wire.write(PASTE + code[:sent] + (END if whole else b""))
        answer = await self._input.take(4)
        if answer[:2] != PASTE_ACCEPTED:
            raise ProtocolError(f"the raw REPL answered {answer!r} to raw paste", node=self._node)
        allowed = int.from_bytes(answer[2:], "little") - sent
        while not whole:
            # one grant at least, then all that are here already
            for grant in await self._input.take(1) if not allowed else b"":
                allowed += self._granted(grant, window)
            piece = code[sent : sent + allowed]
            sent += len(piece)
            allowed -= len(piece)
            whole = sent == len(code)
            if piece or whole:
                await self._wire.write(piece + END if whole else piece)
        while (grant := (await self._input.take(1))[0]) != END[0]:
            self._granted(grant, window)

    def _granted(self, grant: int, window: int) -> int:
        if grant != 1:
            raise ProtocolError(f"the board broke raw paste off with {grant:#04x}", node=self._node)
        return window
