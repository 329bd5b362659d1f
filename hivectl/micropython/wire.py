"""Bytes to and from a board, with a memory for what came before it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hivectl.model.node_errors import ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Callable

# of what is discarded while something is looked for, in bytes
KEPT = 2048


class Wire(Protocol):
    """A terminal's bytes both ways; `hivectl.drivers.base.Stream` is one."""

    async def read(self, limit: int = 65536) -> bytes:
        """Return what has come, at least one byte; empty at the end. Cancellation loses nothing."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`."""
        ...

    async def close(self) -> None:
        """Close both ways."""
        ...


class Input:
    """What comes from the board, looked at piece by piece.

    Args:
        wire: where it comes from.
        node: for messages.
    """

    def __init__(self, wire: Wire, node: str | None) -> None:
        self._wire = wire
        self._node = node
        self._buffer = bytearray()
        self.last = b""

    async def _more(self) -> None:
        data = await self._wire.read()
        if not data:
            raise ConnectionLostError("the board's line ended", node=self._node)
        self._buffer += data

    def drop(self) -> None:
        """Forget what came and was not asked for."""
        self._buffer.clear()
        self.last = b""

    async def take(self, count: int) -> bytes:
        """Return exactly `count` bytes."""
        while len(self._buffer) < count:
            await self._more()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def ready(self) -> bytes:
        """Return what is here already, without waiting."""
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken

    async def until(self, mark: bytes, sink: Callable[[bytes], None] | None = None) -> bytes:
        """Return what comes before `mark`, which is one byte, and leave out the mark itself.

        Args:
            mark: one byte.
            sink: takes the bytes as they come; then nothing is returned.
        """
        gathered = bytearray()
        while True:
            end = self._buffer.find(mark)
            piece = self._buffer if end < 0 else self._buffer[:end]
            if sink is None:
                gathered += piece
            elif piece:
                sink(bytes(piece))
            del self._buffer[: len(piece) + (end >= 0)]
            if end >= 0:
                return bytes(gathered)
            await self._more()

    async def find(self, *marks: bytes) -> bytes:
        """Throw away what comes until one of `marks` has, and return that one; `last` keeps what was thrown away."""
        longest = max(map(len, marks))
        while True:
            found = [(at, mark) for mark in marks if (at := self._buffer.find(mark)) >= 0]
            if found:
                at, mark = min(found)
                self._remember(at + len(mark))
                return mark
            self._remember(max(0, len(self._buffer) - longest + 1))
            await self._more()

    async def has(self, mark: bytes) -> None:
        """Wait until `mark` is among what came; nothing is taken."""
        while mark not in self._buffer:
            await self._more()

    @property
    def seen(self) -> bytes:
        """What was thrown away lately, and what is still here."""
        return self.last + bytes(self._buffer)

    def _remember(self, count: int) -> None:
        self.last = (self.last + bytes(self._buffer[:count]))[-KEPT:]
        del self._buffer[:count]
