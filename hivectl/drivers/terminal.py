"""Terminal devices of this machine (serial ports, pseudo-terminals) as streams of bytes."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import glob
import os
import termios
from typing import TYPE_CHECKING

from hivectl.drivers.errors import ConnectionLostError, NoPortError, PortInUseError, StreamError

if TYPE_CHECKING:
    from hivectl.drivers.base import StreamAddress

# fields of termios(3) attributes as Python numbers them
INPUT, OUTPUT, CONTROL, LOCAL, INPUT_SPEED, OUTPUT_SPEED, CHARACTERS = range(7)


def open_terminal(address: StreamAddress, *, node: str | None = None, exclusive: bool = False) -> Terminal:
    """Open a terminal device raw: eight bits, no parity, no flow control, no echo.

    Args:
        address: the device, or a glob that one device matches.
        node: for messages.
        exclusive: nobody else may use it meanwhile, as far as others ask by flock(2), as pyserial and we do.

    Raises:
        NoPortError: there is no such device.
        PortInUseError: somebody has it.
        StreamError: it may not be used, or cannot be as fast.
    """
    speed = getattr(termios, f"B{address.baud}", None)
    if speed is None:
        raise StreamError(f"{address.path}: there is no speed of {address.baud} baud", node=node)
    path = matching(address.path)
    try:
        # not our controlling terminal, and no waiting for a modem
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        hint = "is the user in the group `dialout`?" if error.errno == errno.EACCES else None
        raise (NoPortError if error.errno == errno.ENOENT else StreamError)(
            f"{address.path} cannot be opened: {error.strerror}", node=node, hint=hint
        ) from error
    if exclusive:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise PortInUseError(
                f"{address.path} is in use by another program",
                node=node,
                hint="a terminal, an IDE, or another hivectl has it open: fuser -v " + path,
            ) from error
    try:
        _make_raw(descriptor, speed)
    except termios.error as error:
        os.close(descriptor)
        raise StreamError(f"{address.path} is no terminal device: {error.args[1]}", node=node) from error
    return Terminal(descriptor, address.path, node)


def matching(path: str) -> str:
    """Return the first device that a glob matches, the path itself without one."""
    if not glob.has_magic(path):
        return path
    return next(iter(sorted(glob.glob(path))), path)  # noqa: PTH207 - an absolute pattern is none of Path.glob's


def _make_raw(descriptor: int, speed: int) -> None:
    attributes = termios.tcgetattr(descriptor)
    attributes[INPUT] = termios.IGNPAR
    attributes[OUTPUT] = 0
    attributes[CONTROL] = termios.CS8 | termios.CREAD | termios.CLOCAL
    attributes[LOCAL] = 0
    attributes[INPUT_SPEED] = attributes[OUTPUT_SPEED] = speed
    attributes[CHARACTERS][termios.VMIN] = 1
    attributes[CHARACTERS][termios.VTIME] = 0
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    # what came before anybody listened answers nothing of ours
    termios.tcflush(descriptor, termios.TCIFLUSH)


class Terminal:
    """An open terminal device; a `Stream` that never blocks the loop."""

    def __init__(self, descriptor: int, path: str, node: str | None) -> None:
        self._descriptor = descriptor
        self._path = path
        self._node = node
        self._writing = asyncio.Lock()
        self._waiting: set[asyncio.Future[None]] = set()

    def fileno(self) -> int:
        """Return the descriptor, for the lines of the port."""
        return self._descriptor

    async def read(self, limit: int = 65536) -> bytes:
        """Return what has come, at least one byte; empty once it was closed or unplugged."""
        while self._descriptor >= 0:
            try:
                return os.read(self._descriptor, limit)
            except BlockingIOError:
                await self._ready(reading=True)
            except OSError as error:
                if error.errno == errno.EIO:  # unplugged, or the other side of a pseudo-terminal is gone
                    return b""
                raise ConnectionLostError(f"{self._path}: {error.strerror}", node=self._node) from error
        return b""

    async def write(self, data: bytes) -> None:
        """Send all of `data`; raises ConnectionLostError when the device is gone."""
        async with self._writing:
            left = memoryview(data)
            while left:
                if self._descriptor < 0:
                    raise ConnectionLostError(f"{self._path} is closed", node=self._node)
                try:
                    left = left[os.write(self._descriptor, left) :]
                except BlockingIOError:
                    await self._ready(reading=False)
                except OSError as error:
                    raise ConnectionLostError(f"{self._path}: {error.strerror}", node=self._node) from error

    async def close(self) -> None:
        """Close it; whoever waits for bytes gets the end."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        loop = asyncio.get_running_loop()
        loop.remove_reader(descriptor)
        loop.remove_writer(descriptor)
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        os.close(descriptor)

    async def _ready(self, *, reading: bool) -> None:
        loop = asyncio.get_running_loop()
        descriptor = self._descriptor
        future: asyncio.Future[None] = loop.create_future()
        add, remove = (
            (loop.add_reader, loop.remove_reader) if reading else (loop.add_writer, loop.remove_writer)
        )
        self._waiting.add(future)
        add(descriptor, lambda: None if future.done() else future.set_result(None))
        try:
            await future
        finally:
            self._waiting.discard(future)
            if self._descriptor == descriptor:
                remove(descriptor)
