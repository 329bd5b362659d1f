"""A virtual board's WebREPL: a server that behaves as MicroPython's does, faults included.

Facts: one client at a time, others are closed before any HTTP answer; nine characters of password; text frames are
the terminal, binary frames carry file records; pings are swallowed; a reset ends the session. It is written by hand
since libraries refuse what boards accept: unmasked frames, and keys that are no base64 of 16 bytes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import struct
from functools import partial
from typing import TYPE_CHECKING

from hivectl.virtual.board.link import Link
from hivectl.virtual.board.records import Records

if TYPE_CHECKING:
    from hivectl.virtual.board.device import Device

# RFC 6455, 1.3
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE = 1, 2, 8
PASSWORD_LENGTH = 9
REQUEST_SECONDS = 10.0
PAGE = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>WebREPL of a virtual board</html>\r\n"
# bytes towards a client that wait at most
WAITING = 256 << 10
LISTENING = 0.5
# of what nobody takes, in one piece
PIECE = 65536
# of one frame, whose length has 16 bits at most
FRAME = 16384


class WebRepl:
    """The server.

    Args:
        device: the board.
        password: up to nine characters.
    """

    def __init__(self, device: Device, password: str) -> None:
        self._device = device
        self._password = password[:PASSWORD_LENGTH].encode()
        self._server: asyncio.Server | None = None
        # keeps the port while nothing listens on it
        self._place: socket.socket | None = None
        self._client: asyncio.StreamWriter | None = None
        self._logged_in = False
        self._serving: set[asyncio.Task[None]] = set()
        self._records = Records(device.folder, self._send_binary)
        self._towards = Link(device.faults)
        self._back = Link(device.faults)
        device.attach(self)

    def bind(self, port: int = 0) -> int:
        """Take a port, on which nothing listens yet; return it."""
        self._place = _bound(port)
        number: int = self._place.getsockname()[1]
        return number

    async def start(self, port: int = 0) -> int:
        """Listen; return the port."""
        if self._place is None:
            self.bind(port)
        assert self._place is not None
        number: int = self._place.getsockname()[1]
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=_bound(number))
        return number

    async def restart(self, password: str) -> None:
        """Start as the board's `webrepl.start` does: whoever is on it is thrown off."""
        self._password = password.encode()
        self.drop()
        await self.start()

    def stop(self) -> None:
        """Stop listening and end the session; the port stays taken."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.drop()

    def show(self, data: bytes) -> None:
        """Send what the board prints, in frames of its own."""
        if not self._logged_in:
            return
        data, dropped = self._device.faults.leaving(data, lossy=False)
        for start in range(0, len(data), FRAME):
            piece = data[start : start + FRAME]
            self._back.send(len(piece), partial(self._send, TEXT, piece))
        if dropped:
            self._back.send(0, self.drop)

    async def settle(self) -> None:
        """Wait until the client has taken it; a client that does not is left behind."""
        client = self._client
        if client is None or client.transport.get_write_buffer_size() < WAITING:
            return
        try:
            async with asyncio.timeout(LISTENING):
                await client.drain()
        except (TimeoutError, ConnectionError):
            client.transport.abort()

    def was_reset(self) -> None:
        """End the session, as a reset does."""
        self.drop()

    def drop(self) -> None:
        """Cut the connection, without a word."""
        self._towards.cut()
        self._back.cut()
        if self._client is not None:
            self._client.transport.abort()

    async def close(self) -> None:
        """Stop listening and end the session."""
        self._device.detach(self)
        self.stop()
        for task in tuple(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._place is not None:
            self._place.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            # a board that starts answers nobody
            await self._device.started()
            await self._take(reader, writer)
        except asyncio.CancelledError:
            # by `close`; the server's own callback would take it for a fault
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._client is not None:
            writer.transport.abort() if self._device.faults.hang else writer.close()
            return
        self._client = writer
        try:
            if await self._upgrade(reader, writer) and await self._log_in(reader):
                self._logged_in = True
                await self._session(reader)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            # the client is gone
            pass
        finally:
            self._logged_in = False
            self._client = None
            self._towards.cut()
            self._back.cut()
            self._records.end()
            writer.close()

    async def _upgrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        async with asyncio.timeout(REQUEST_SECONDS):
            request = await reader.readuntil(b"\r\n\r\n")
        key = next(
            (
                line.partition(b":")[2].strip()
                for line in request.split(b"\r\n")
                if line.lower().startswith(b"sec-websocket-key:")
            ),
            None,
        )
        if key is None:
            writer.write(PAGE)
            return False
        accept = base64.b64encode(hashlib.sha1(key + MAGIC, usedforsecurity=False).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        return True

    async def _log_in(self, reader: asyncio.StreamReader) -> bool:
        self._send(TEXT, b"Password: ")
        typed = bytearray()
        while True:
            kind, data = await self._frame(reader)
            if kind == CLOSE:
                return False
            for byte in data:
                if byte not in b"\r\n":
                    typed.append(byte)
                    continue
                if bytes(typed[: PASSWORD_LENGTH + 1]) == self._password:
                    self._send(TEXT, b"\r\nWebREPL connected\r\n>>> ")
                    return True
                self._send(TEXT, b"\r\nAccess denied\r\n")
                return False

    async def _session(self, reader: asyncio.StreamReader) -> None:
        faults = self._device.faults
        while True:
            kind, data = await self._frame(reader)
            data, happens = faults.arriving(data, lossy=kind == TEXT)
            if kind == TEXT:
                self._towards.send(len(data), partial(self._device.feed, data))
            elif kind == BINARY:
                self._towards.send(len(data), partial(self._record, data))
            elif kind == CLOSE:
                self._send(CLOSE, b"")
                return
            if happens == "drop":
                self._towards.send(0, self.drop)
            elif happens == "reboot":
                self._towards.send(0, self._device.reboot)
            if happens:
                # what was sent behind the cut arrives nowhere: a line that is cut does not lose its middle
                while await reader.read(PIECE):
                    pass
                return
            # the pipe to the interpreter tells nobody when it is free
            while self._device.full or self._towards.size > WAITING:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    def _record(self, data: bytes) -> None:
        try:
            self._records.take(data)
        except OSError:
            # the board's REPL loses its terminal: "dupterm: Exception in read() method, deactivating"
            self.drop()

    async def _frame(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", await reader.readexactly(2))
        elif size == 127:
            raise ConnectionError("boards know no 64-bit lengths")
        mask = await reader.readexactly(4) if second & 0x80 else b""
        data = await reader.readexactly(size)
        if mask:
            whole = mask * (size // 4 + 1)
            data = (int.from_bytes(data, "big") ^ int.from_bytes(whole[:size], "big")).to_bytes(size, "big")
        return first & 0x0F, data

    def _send_binary(self, data: bytes) -> None:
        data, dropped = self._device.faults.leaving(data, lossy=False)
        self._back.send(len(data), partial(self._send, BINARY, data))
        if dropped:
            self._back.send(0, self.drop)

    def _send(self, kind: int, data: bytes) -> None:
        client = self._client
        if client is None or client.is_closing():
            return
        size = len(data)
        header = bytes([0x80 | kind, size]) if size < 126 else struct.pack(">BBH", 0x80 | kind, 126, size)
        client.write(header + data)


def _bound(port: int) -> socket.socket:
    """Return a socket on a port of this machine, which others of ours may share."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made
