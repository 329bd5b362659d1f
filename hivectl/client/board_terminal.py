"""A board's terminal for a person: everything that is typed goes there, until Ctrl-]; resets are waited out."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from hivectl.drivers.errors import ConnectionLostError, NodeError, StreamError, UnreachableError

if TYPE_CHECKING:
    from hivectl.drivers.base import Stream
    from hivectl.drivers.session import NodeSession

# Ctrl-], as telnet and mpremote have it
LEAVE = b"\x1d"
# an idle friendly REPL answers with its banner, one that is still raw becomes friendly; half a line stays as it is
# ("The MicroPython REPL" in MicroPython's reference manual)
SHOW_PROMPT = b"\x02"
GREETING = "Connected to {node}. Ctrl-C interrupts, Ctrl-D starts the interpreter anew, Ctrl-] leaves it as it is.\r\n"
LOST = "\r\n-- the line ended: the board was reset or unplugged; it is waited for, Ctrl-] leaves --\r\n"
BACK = "\r\n-- connected again --\r\n"
# seconds for a board to be there again, and between two looks
COMING_BACK = 120.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
# pieces of output that wait for a slow terminal
WAITING = 64


async def open_board_terminal(node: str, session: NodeSession) -> BoardTerminal:
    """Open a board's terminal; raises as `NodeSession.open_terminal`."""
    stream = await session.open_terminal()
    try:
        await stream.write(SHOW_PROMPT)
    except BaseException:
        await stream.close()
        raise
    return BoardTerminal(node, session, stream)


class BoardTerminal:
    """A `hivectl.drivers.base.Process` that is a board's terminal; it ends when it is left.

    Args:
        node: the board's name.
        session: opens the terminal again.
        stream: the terminal.
    """

    def __init__(self, node: str, session: NodeSession, stream: Stream) -> None:
        self._node = node
        self._session = session
        self._stream: Stream | None = stream
        self._lost: NodeError | None = None
        self._shown: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self._shown.put_nowait(GREETING.format(node=node).encode())
        self._left = asyncio.Event()
        self._carrying = asyncio.ensure_future(self._carry(stream))

    async def read(self, limit: int = 65536) -> bytes:  # noqa: ARG002  pieces are no longer than a stream's
        """Return what the board printed, and what is to be said of its line; empty when it was left or lost."""
        return await self._shown.get()

    async def read_errors(self, limit: int = 65536) -> bytes:  # noqa: ARG002  Process's
        """Return nothing."""
        return b""

    async def write(self, data: bytes) -> None:
        """Type; Ctrl-] leaves. What is typed while the line is gone goes nowhere."""
        typed, leave, _ = data.partition(LEAVE)
        if typed and self._stream is not None:
            # whoever reads knows that the line is gone
            with suppress(ConnectionLostError):
                await self._stream.write(typed)
        if leave:
            self._left.set()

    async def resize(self, columns: int, rows: int) -> None:
        """Nothing: a board does not know how large its terminal is."""

    async def wait(self) -> int | None:
        """Return 0 once it was left.

        Raises:
            NodeError: the board did not come back.
        """
        await self._carrying
        if self._lost is not None:
            raise self._lost
        return 0

    async def close(self) -> None:
        """Let go of the board, as it is; calling it again does nothing."""
        self._left.set()
        self._carrying.cancel()
        await asyncio.wait([self._carrying])

    async def _carry(self, stream: Stream) -> None:
        """Show what the board prints, by one line after the other, until it is left."""
        left = asyncio.ensure_future(self._left.wait())
        showing = asyncio.ensure_future(self._show(stream))
        try:
            await asyncio.wait((left, showing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (left, showing):
                task.cancel()
            await asyncio.wait((left, showing))
            if self._stream is not None:
                await self._stream.close()
        if not showing.cancelled() and (error := showing.exception()) is not None:
            if not isinstance(error, NodeError):
                raise error
            self._lost = error
        else:
            await self._shown.put(b"\r\n")
        await self._shown.put(b"")

    async def _show(self, stream: Stream) -> None:
        while True:
            self._stream = stream
            with suppress(ConnectionLostError):
                while data := await stream.read():
                    await self._shown.put(data)
            self._stream = None
            await stream.close()
            await self._shown.put(LOST.encode())
            stream = await self._opened_again()
            await self._shown.put(BACK.encode())

    async def _opened_again(self) -> Stream:
        """Open the terminal as often as it takes; raises the last error when the time is up."""
        end = asyncio.get_running_loop().time() + COMING_BACK
        pause = FIRST_PAUSE
        while True:
            try:
                stream = await self._session.open_terminal()
                await stream.write(SHOW_PROMPT)
            except (UnreachableError, StreamError):
                if asyncio.get_running_loop().time() + pause > end:
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return stream
