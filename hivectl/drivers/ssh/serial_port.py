"""A serial port of the node, as bytes through a channel."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

from hivectl.drivers.errors import (
    CapabilityError,
    ConnectionLostError,
    NodeError,
    NoPortError,
    PortInUseError,
    StreamError,
)

if TYPE_CHECKING:
    from hivectl.drivers.base import StreamAddress
    from hivectl.drivers.ssh.channel import SshChannel
    from hivectl.drivers.ssh.connection import SshConnection

# exit statuses of the program below; Python's own is 1
ABSENT, IN_USE, REFUSED = 3, 4, 5
OPEN_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0
READY = b"hivectl-open\n"
# Runs on the node, Python 3.7 or newer. Raw as by cfmakeraw (termios(3)), TIOCEXCL and flock keep others away.
# HUPCL is left out: many boards reset when DTR falls.
PROGRAM = r"""
import errno, fcntl, glob, os, select, sys, termios
path, baud = sys.argv[1], sys.argv[2]
if glob.has_magic(path):
    path = (sorted(glob.glob(path)) or [path])[0]
try:
    speed = getattr(termios, "B" + baud, None)
    if speed is None:
        raise OSError(0, "no such speed: " + baud)
    port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.ioctl(port, termios.TIOCEXCL)
    mode = termios.tcgetattr(port)
    mode[0] = mode[1] = mode[3] = 0
    mode[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
    mode[4] = mode[5] = speed
    mode[6][termios.VMIN] = 1
    mode[6][termios.VTIME] = 0
    termios.tcsetattr(port, termios.TCSANOW, mode)
    termios.tcflush(port, termios.TCIFLUSH)
except (OSError, termios.error) as error:
    sys.stderr.write((getattr(error, "strerror", None) or str(error.args[-1])) + "\n")
    sys.exit({errno.ENOENT: 3, errno.EWOULDBLOCK: 4, errno.EBUSY: 4}.get(error.args[0], 5))
os.write(1, b"hivectl-open\n")
pending = b""
while True:
    ready, free, _ = select.select([port] if pending else [port, 0], [port] if pending else [], [])
    if port in ready:
        try:
            data = os.read(port, 65536)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if data == b"":
            break
        while data:
            data = data[os.write(1, data):]
    if free:
        pending = pending[os.write(port, pending):]
    if 0 in ready:
        pending = os.read(0, 65536)
        if not pending:
            break
try:
    # else it would stand as long as anybody else has the port open
    fcntl.ioctl(port, termios.TIOCNXCL)
except OSError:
    pass
"""


class SerialPort:
    """`hivectl.drivers.base.Stream` to a serial port of a node."""

    def __init__(self, channel: SshChannel, first: bytes, node: str, path: str) -> None:
        self._channel = channel
        self._first = first
        self._node = node
        self._path = path

    async def read(self, limit: int = 65536) -> bytes:
        """Return what has come, at least one byte; empty at the end."""
        if self._first:
            taken, self._first = self._first[:limit], self._first[limit:]
            return taken
        return await self._channel.read(limit)

    async def write(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            ConnectionLostError: the port or the way to it is gone.
        """
        try:
            await self._channel.write(data)
        except ConnectionLostError as error:
            raise ConnectionLostError(f"the serial port {self._path} is gone", node=self._node) from error

    async def close(self) -> None:
        """Close the port; calling it again does nothing."""
        # the program ends with its input, and the port is free once it has ended
        await self._channel.write_end()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._channel.wait()
        except TimeoutError:
            # stuck in a driver of the node's kernel: nothing more can be done from here
            pass
        finally:
            await self._channel.close()


async def open_serial_port(
    connection: SshConnection, address: StreamAddress, node: str, python: str
) -> SerialPort:
    """Open a serial port on the node of `connection`.

    Raises:
        NoPortError, PortInUseError: there is no such port, or somebody has it.
        StreamError: it cannot be opened.
        CapabilityError: the node has no Python.
    """
    argv = ("exec", python, "-I", "-S", "-c", PROGRAM, address.path, str(address.baud))
    channel = await connection.start(shlex.join(argv))
    try:
        async with asyncio.timeout(OPEN_TIMEOUT):
            said = b""
            while READY not in said:
                data = await channel.read()
                if not data:
                    error = await _failure(channel, address, node, python)
                    raise error  # noqa: TRY301  the channel is closed below for this too
                said += data
    except TimeoutError as error:
        await channel.close()
        raise NodeError(
            f"the serial port {address.path} did not open in {OPEN_TIMEOUT:g} s", node=node
        ) from error
    except BaseException:
        await channel.close()
        raise
    return SerialPort(channel, said.partition(READY)[2], node, address.path)


async def _failure(channel: SshChannel, address: StreamAddress, node: str, python: str) -> NodeError:
    errors = b""
    while data := await channel.read_errors():
        errors += data
    status = await channel.wait()
    said = errors.decode(errors="replace").strip()
    if status == ABSENT:
        return NoPortError(f"there is no serial port {address.path}", node=node, hint="is it plugged in?")
    if status == IN_USE:
        return PortInUseError(
            f"the serial port {address.path} is in use by another program",
            node=node,
            hint="a terminal, an IDE, or another hivectl there has it open",
        )
    if status == REFUSED:
        return StreamError(f"the serial port {address.path} cannot be opened: {said}", node=node)
    if status is None:
        return ConnectionLostError("the connection broke while a serial port was opened", node=node)
    return CapabilityError(
        f"{python} on the node cannot relay serial ports (exit status {status}): {said}", node=node
    )
