"""Commands of this machine that are talked to while they run, with a terminal of their own or without one."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import struct
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hivectl.drivers.errors import ConnectionLostError, HelperError

if TYPE_CHECKING:
    from hivectl.drivers.base import Process, Terminal

# seconds for a program to end by itself after the end of its input and a hang-up
ENDING = 2.0
BUFFER = 1 << 18
# a session leader without a terminal gets the first one that it opens as its own (tty_ioctl(4), TIOCSCTTY)
TAKE_TERMINAL = 'exec <"$1" >"$1" 2>&1; exec /bin/sh -c "$2"'


async def open_process(command: str, terminal: Terminal | None, *, node: str) -> Process:
    """Start a line of sh in the user's home.

    Args:
        command: the line.
        terminal: what it shall have; None: pipes.
        node: for messages.

    Raises:
        HelperError: it cannot be started.
    """
    if terminal is None:
        process = await _spawn(("/bin/sh", "-c", command), node, pipes=True)
        return PipedProcess(process, node)
    ours, theirs = os.openpty()
    try:
        _set_size(ours, terminal.columns, terminal.rows)
        argv = ("/bin/sh", "-c", TAKE_TERMINAL, "sh", os.ttyname(theirs), command)
        process = await _spawn(argv, node, pipes=False, kind=terminal.kind, held=theirs)
        os.set_blocking(ours, False)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return TerminalProcess(process, ours, node)


async def _spawn(
    argv: tuple[str, ...], node: str, *, pipes: bool, kind: str = "", held: int | None = None
) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE if pipes else asyncio.subprocess.DEVNULL
    # the tmux that we may run in is none of the node's
    environment = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
    if kind:
        environment["TERM"] = kind
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd=os.path.expanduser("~"),  # noqa: ASYNC240, PTH111  reads no disk; Path.home() fails where there is no such user
            env=environment,
            start_new_session=True,
            limit=BUFFER,
            # kept open until the program has opened it too, or its other end would read as ended
            pass_fds=() if held is None else (held,),
        )
    except OSError as error:
        raise HelperError(f"{argv[0]} cannot be started: {error.strerror}", node=node) from error


def _set_size(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Hang up, then kill."""
    for number in (signal.SIGHUP, signal.SIGKILL):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDING):
                await process.wait()


def _status(status: int) -> int:
    return 128 - status if status < 0 else status


class PipedProcess:
    """A process with three pipes; a `hivectl.drivers.base.Process`."""

    def __init__(self, process: asyncio.subprocess.Process, node: str) -> None:
        self._process = process
        self._node = node

    async def read(self, limit: int = 65536) -> bytes:
        """Return what it wrote."""
        assert self._process.stdout is not None
        return await self._process.stdout.read(limit)

    async def read_errors(self, limit: int = 65536) -> bytes:
        """Return what it wrote to its standard error."""
        assert self._process.stderr is not None
        return await self._process.stderr.read(limit)

    async def write(self, data: bytes) -> None:
        """Send all of `data`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise ConnectionLostError("the program has ended", node=self._node) from error

    async def resize(self, columns: int, rows: int) -> None:
        """Do nothing: there is no terminal."""

    async def wait(self) -> int | None:
        """Return its exit status."""
        return _status(await self._process.wait())

    async def close(self) -> None:
        """End its input, then the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDING / 4):
                await self._process.wait()
        await _end(self._process)
        # the pipes too: something in the background may hold their other ends
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio has no other way


class TerminalProcess:
    """A process with a terminal; a `hivectl.drivers.base.Process`."""

    def __init__(self, process: asyncio.subprocess.Process, descriptor: int, node: str) -> None:
        self._process = process
        self._descriptor = descriptor
        self._node = node
        self._closed = asyncio.Event()

    async def read(self, limit: int = 65536) -> bytes:
        """Return what it wrote."""
        while not self._closed.is_set():
            try:
                return os.read(self._descriptor, limit)
            except BlockingIOError:
                await self._ready(reading=True)
            except OSError as error:
                # its last user is gone (Linux, pty(7))
                if error.errno == errno.EIO:
                    return b""
                raise
        return b""

    async def read_errors(self, limit: int = 65536) -> bytes:  # noqa: ARG002  the protocol's signature
        """Return nothing: a terminal has one output."""
        return b""

    async def write(self, data: bytes) -> None:
        """Send all of `data`."""
        while data:
            if self._closed.is_set():
                raise ConnectionLostError("the program has ended", node=self._node)
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                await self._ready(reading=False)
            except OSError as error:
                raise ConnectionLostError("the program has ended", node=self._node) from error

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal; the kernel sends SIGWINCH."""
        if not self._closed.is_set():
            _set_size(self._descriptor, columns, rows)

    async def wait(self) -> int | None:
        """Return its exit status."""
        return _status(await self._process.wait())

    async def close(self) -> None:
        """Hang up, and end what does not end by that."""
        if self._closed.is_set():
            return
        self._closed.set()
        try:
            await _end(self._process)
        finally:
            os.close(self._descriptor)

    async def _ready(self, *, reading: bool) -> None:
        """Wait until the terminal can be read or written, or is closed."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[Any] = loop.create_future()
        add, remove = (
            (loop.add_reader, loop.remove_reader) if reading else (loop.add_writer, loop.remove_writer)
        )
        # the loop may call it once more than it is waited for
        add(self._descriptor, lambda: None if ready.done() else ready.set_result(None))
        closed: asyncio.Future[Any] = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait({ready, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            remove(self._descriptor)
            closed.cancel()
