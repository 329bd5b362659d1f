"""WebREPL's frames: text is the terminal, binary the file records.

The library's protocol is used without its connection: that answers slowness with pings, which boards swallow, and
takes text for UTF-8, which a board's output need not be.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from hivectl.drivers.errors import ConnectionLostError, HandshakeError
from hivectl.micropython.errors import NotABoardError

if TYPE_CHECKING:
    from collections.abc import Iterable

# of one frame: boards have small buffers
FRAME = 1024
READ = 65536
# seconds for a close to go out
CLOSING = 1.0


class TakenError(HandshakeError):
    """The board has another client, and it takes one."""


class WebReplWire:
    """A board's terminal over a WebSocket; a `hivectl.micropython.wire.Wire`.

    Args:
        reader: of the TCP connection.
        writer: likewise.
        address: as a ws:// URL.
        node: for messages.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, node: str
    ) -> None:
        self.node = node
        self._reader = reader
        self._writer = writer
        self._address = address
        try:
            self._protocol = ClientProtocol(parse_uri(address), max_size=None)
        except InvalidURI as error:
            raise NotABoardError(f"{address} is no address: {error}", node=node) from error
        self._text = bytearray()
        self._binary = bytearray()
        self._turn = asyncio.Lock()
        self._ended = False

    async def upgrade(self) -> None:
        """Ask for a WebSocket.

        Raises:
            TakenError: the board closed the connection before it answered: it has a client.
            NotABoardError: something else answered.
        """
        self._protocol.send_request(self._protocol.connect())
        await self._flush()
        while self._protocol.state is State.CONNECTING:
            try:
                data = await self._reader.read(READ)
            except ConnectionError:
                data = b""
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            self._sort(self._protocol.events_received())
            if not data:
                self._writer.transport.abort()
                raise TakenError(
                    "the board has another client, and it takes one at a time",
                    node=self.node,
                    hint="close it; one that lost its Wi-Fi goes by itself after a while",
                )
            error = self._protocol.handshake_exc
            if error is not None:
                self._writer.transport.abort()
                raise NotABoardError(
                    f"{self._address} is no WebREPL: {_told(error)}",
                    node=self.node,
                    hint="is it the right port?",
                )

    async def read(self, limit: int = READ) -> bytes:
        """Return what the terminal said; empty at the end."""
        while not self._text and not self._ended:
            await self._more()
        taken = bytes(self._text[:limit])
        del self._text[:limit]
        return taken

    async def read_record(self, size: int) -> bytes:
        """Return `size` bytes of binary frames; raises ConnectionLostError at the end."""
        while len(self._binary) < size:
            if self._ended:
                raise ConnectionLostError("the board ended the connection during a transfer", node=self.node)
            await self._more()
        taken = bytes(self._binary[:size])
        del self._binary[:size]
        return taken

    async def write(self, data: bytes) -> None:
        """Type `data`."""
        for start in range(0, len(data), FRAME):
            self._send(data[start : start + FRAME], binary=False)
        await self._flush()

    async def write_record(self, data: bytes) -> None:
        """Send binary frames."""
        for start in range(0, len(data), FRAME):
            self._send(data[start : start + FRAME], binary=True)
        await self._flush()

    def abort(self) -> None:
        """Cut the connection."""
        self._ended = True
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection, with a word if the board still listens; calling it again does nothing."""
        if self._writer.is_closing():
            return
        try:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close()
                async with asyncio.timeout(CLOSING):
                    await self._flush()
                    while not self._ended:
                        await self._more()
        except (TimeoutError, ConnectionLostError):
            # it does not listen
            pass
        finally:
            self._writer.transport.abort()

    def _send(self, data: bytes, *, binary: bool) -> None:
        if self._ended or self._protocol.state is not State.OPEN:
            raise ConnectionLostError("the board ended the connection", node=self.node)
        if binary:
            self._protocol.send_binary(data)
        else:
            self._protocol.send_text(data)

    async def _more(self) -> None:
        """Read once from the network, whoever waits; bytes are sorted for both who may."""
        have = len(self._text) + len(self._binary)
        async with self._turn:
            if len(self._text) + len(self._binary) != have or self._ended:
                return
            try:
                data = await self._reader.read(READ)
            except OSError:
                data = b""
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
                self._ended = True
            self._sort(self._protocol.events_received())
            if self._protocol.state is not State.OPEN:
                self._ended = True

    def _sort(self, events: Iterable[object]) -> None:
        kind = Opcode.TEXT
        for event in events:
            if isinstance(event, Response) or not isinstance(event, Frame):
                continue
            if event.opcode is not Opcode.CONT:
                kind = event.opcode
            if kind is Opcode.TEXT:
                self._text += event.data
            elif kind is Opcode.BINARY:
                self._binary += event.data

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
        try:
            await self._writer.drain()
        except OSError as error:
            self._ended = True
            raise ConnectionLostError(f"the connection broke: {error}", node=self.node) from error


def _told(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"the answer is no WebSocket's ({text})" if isinstance(error, InvalidHandshake) else text
