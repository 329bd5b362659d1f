"""One SSH channel: a program on the node and its three streams, as bytes."""

from __future__ import annotations

import asyncio
import re
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncssh

from hivectl.drivers.errors import ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STDERR = asyncssh.EXTENDED_DATA_STDERR
# what may lie here unread before the node is told to wait; asyncssh grants 2 MiB of its own
HIGH_WATER = 1 << 20
# how much of standard error is looked through for the group line
SNIFFED = 1 << 16
GROUP = re.compile(rb"hivectl-group (\d+)\n")
CLOSE_TIMEOUT = 2.0


class SshChannel(asyncssh.SSHClientSession[bytes]):
    """A started program; `hivectl.helper.channel.Channel` on SSH.

    Args:
        node: for messages.
        closed: called once the channel is no more.
        end: ends the program where it still runs when the channel is closed; None: a signal must do.
    """

    def __init__(
        self,
        node: str,
        closed: Callable[[SshChannel], None],
        end: Callable[[SshChannel], Awaitable[None]] | None = None,
    ) -> None:
        self._node = node
        self._closed = closed
        self._end = end
        self._buffers: dict[int | None, bytearray] = {None: bytearray(), STDERR: bytearray()}
        self._sniffed = b""
        self._ended = False
        self._lost = False
        self._paused = False
        self._status: int | None = None
        # one for each stream: who follows standard error, which says nothing, need not wake for every answer
        self._changed: dict[int | None, asyncio.Event] = {None: asyncio.Event(), STDERR: asyncio.Event()}
        self._writable = asyncio.Event()
        self._writable.set()
        self._end_written = False
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    # what asyncssh calls

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Keep the channel."""
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Keep what came, and make the node wait when nobody takes it."""
        self._buffers[datatype].extend(data)
        if datatype == STDERR and len(self._sniffed) < SNIFFED:
            self._sniffed += data
        if not self._paused and self._buffered() > HIGH_WATER:
            self._paused = True
            self._asyncssh.pause_reading()
        self._changed[datatype].set()

    def eof_received(self) -> bool:
        """Leave our side open: the exit status is still to come."""
        self._ended = True
        self._wake()
        return True

    def exit_status_received(self, status: int) -> None:
        """Keep the exit status."""
        self._status = status
        self._wake()

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002, FBT001  asyncssh's signature
        """Keep the signal as shells tell it: 128 and its number."""
        self._status = 128 + signal_number(signal)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncssh's signature
        """End everything that waits."""
        self._ended = self._lost = True
        self._writable.set()
        self._wake()
        self._closed(self)

    def pause_writing(self) -> None:
        """Make writers wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._writable.set()

    # what the helper's session calls

    async def read(self, limit: int = 65536) -> bytes:
        """Return standard output, at least one byte; empty at the end."""
        return await self._read(None, limit)

    async def read_errors(self, limit: int = 65536) -> bytes:
        """Return standard error, at least one byte; empty at the end."""
        return await self._read(STDERR, limit)

    async def write(self, data: bytes) -> None:
        """Send all of `data` to standard input.

        Raises:
            ConnectionLostError: the program or the way to it is gone.
        """
        await self._writable.wait()
        try:
            if self._lost:
                raise BrokenPipeError
            self._asyncssh.write(data)
        except OSError as error:
            raise ConnectionLostError("the program on the node is gone", node=self._node) from error
        await self._writable.wait()

    async def write_end(self) -> None:
        """Close standard input; calling it again does nothing."""
        if not self._end_written and not self._lost:
            self._end_written = True
            self._asyncssh.write_eof()

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal a new size (RFC 4254, 6.7); nothing happens once the program has ended."""
        if not self._lost:
            with suppress(OSError):
                self._asyncssh.change_terminal_size(columns, rows)

    async def wait(self) -> int | None:
        """Return the exit status, None when the way to it broke first."""
        while self._status is None and not self._lost:
            await self._change(None)
        return self._status

    async def close(self) -> None:
        """End the program and the channel; calling it again does nothing."""
        if self._lost:
            return
        if self._status is None:
            self._asyncssh.kill()
            if self._end is not None:
                await self._end(self)
        self._asyncssh.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._asyncssh.wait_closed()
        except TimeoutError:
            self._asyncssh.abort()

    @property
    def lost(self) -> bool:
        """Whether the channel is gone."""
        return self._lost

    @property
    def group(self) -> int | None:
        """Return the program's process group, if it told it (see `hivectl.drivers.ssh.groups`)."""
        found = GROUP.search(self._sniffed)
        return int(found[1]) if found else None

    @property
    def _asyncssh(self) -> asyncssh.SSHClientChannel[bytes]:
        assert self._channel is not None
        return self._channel

    async def _read(self, kind: int | None, limit: int) -> bytes:
        buffer = self._buffers[kind]
        while not buffer and not self._ended:
            await self._change(kind)
        taken = bytes(buffer[:limit])
        del buffer[:limit]
        if self._paused and self._buffered() <= HIGH_WATER // 2:
            self._paused = False
            self._asyncssh.resume_reading()
        return taken

    def _buffered(self) -> int:
        return len(self._buffers[None]) + len(self._buffers[STDERR])

    async def _change(self, kind: int | None) -> None:
        self._changed[kind].clear()
        await self._changed[kind].wait()

    def _wake(self) -> None:
        for changed in self._changed.values():
            changed.set()


def signal_number(name: str) -> int:
    """Return a signal's number by its name without SIG (RFC 4254, 6.10); 1 for an unknown one."""
    try:
        return int(signal.Signals[f"SIG{name}"])
    except KeyError:
        return 1
