"""An open SSH connection: batches through the helper, commands, serial ports; files alone where nothing else goes."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import asyncssh
from asyncssh import ChannelOpenError

from hivectl.drivers.base import Capability, Command
from hivectl.drivers.errors import CapabilityError, ConnectionLostError, NodeError
from hivectl.drivers.ssh.channel import SshChannel
from hivectl.drivers.ssh.config import blocks_of, runs_programs
from hivectl.drivers.ssh.groups import ending, telling
from hivectl.drivers.ssh.handshake import log_in
from hivectl.drivers.ssh.settings import config_files, settle
from hivectl.helper.session import HelperSessions, run_command

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from hivectl.drivers.base import Completed, Process, Stream, StreamAddress, Target, Terminal
    from hivectl.drivers.ssh.attributes import SshAttributes
    from hivectl.drivers.ssh.handshake import Login
    from hivectl.drivers.ssh.sftp import SftpOperations
    from hivectl.helper.launch import Launch
    from hivectl.helper.operations import Batch, Become, Fence, ItemResult, Progress

EVERYTHING = frozenset({Capability.RUN, Capability.SHELL, Capability.FILES, Capability.STREAM})
# how a server of ours that offers files only says so in its version (RFC 4253, 4.2: comments follow a space)
FILES_ONLY = "hivectl-files-only"
END_TIMEOUT = 5.0


class ExecRefusedError(CapabilityError):
    """The server opens channels but runs no commands."""


async def connect(target: Target) -> SshConnection:
    """Open one connection; one attempt."""
    attributes: SshAttributes = target.attributes
    blocks = blocks_of(config_files(attributes))
    if runs_programs(blocks):
        settings = await asyncio.to_thread(settle, attributes, target.node, blocks)
    else:
        settings = settle(attributes, target.node, blocks)
    login = await log_in(settings, target.node)
    return SshConnection(target.node, login, settings.user, attributes.python, attributes.sh)


class SshConnection:
    """`hivectl.drivers.base.Connection` through SSH.

    Args:
        node: the node's name, for messages.
        login: owned by this connection.
        user: who logged in.
        python: the interpreter for the helper on the node.
        shell: what runs the helper where there is none.
    """

    def __init__(
        self, node: str, login: Login, user: str, python: str = "python3", shell: str = "/bin/sh"
    ) -> None:
        self._node = node
        self._login = login
        self._ssh = login.connection
        self._python = python
        self._user = user
        version = str(self._ssh.get_extra_info("server_version", ""))
        self._capabilities = frozenset({Capability.FILES}) if FILES_ONLY in version else EVERYTHING
        self._channels: set[SshChannel] = set()
        # counts channels that are no more, for those who wait for room
        self._released = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._helper = HelperSessions(self.open_channel, node=node, python=python, shell=shell)
        self._sftp: SftpOperations | None = None
        self._closing = False

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Everything but `repl`; only files where the server refuses commands."""
        return self._capabilities

    @property
    def closed(self) -> bool:
        """Whether the way is gone."""
        return self._closing or bool(self._ssh.is_closed())

    @property
    def idle(self) -> bool:
        """Whether no channel is open."""
        return not self._channels

    @property
    def asyncssh(self) -> asyncssh.SSHClientConnection:
        """The connection itself, for file transfer and interactive shells."""
        return self._ssh

    async def operate(self, batch: Batch, become: Become | None = None) -> AsyncGenerator[ItemResult, None]:
        """Send a batch to the helper and yield its results; by SFTP where no command may run."""
        if Capability.RUN in self._capabilities:
            try:
                # closed with us: what is left of the batch is stopped at once
                async with aclosing(self._helper.operate(batch, self._other(become))) as results:
                    async for result in results:
                        yield result
            except ExecRefusedError:
                # nothing can have been done: the helper never started
                pass
            else:
                return
        if self._sftp is None:
            from hivectl.drivers.ssh.sftp import SftpOperations

            self._sftp = SftpOperations(self._ssh, self._node, self._user)
        async with aclosing(self._sftp.operate(batch, become)) as results:
            async for result in results:
                yield result

    async def progress(self, run: str, become: Become | None = None) -> Progress:
        """Ask what the node remembers of a run."""
        self._need(Capability.RUN)
        return await self._helper.progress(run, self._other(become))

    async def unlock(self, fence: Fence, become: Become | None = None) -> None:
        """Say in the node's .hivelock that this fence is given back; without commands none was taken."""
        if Capability.RUN in self._capabilities:
            await self._helper.unlock(fence, self._other(become))

    async def run(self, command: Command, become: Become | None = None) -> Completed:
        """Run one command line; cancelled, it leaves no process on the node."""
        self._need(Capability.RUN)
        become = self._other(become)

        async def end(channel: SshChannel) -> None:
            await self._end_group(channel, become)

        async def open_channel(launch: Launch) -> SshChannel:
            return await self.start(telling(launch).command, end)

        return await run_command(open_channel, command, become, node=self._node)

    async def open_channel(self, launch: Launch) -> SshChannel:
        """Start a program in a channel of its own.

        Raises:
            ExecRefusedError: the server runs no commands.
            ConnectionLostError: the way is gone.
        """
        return await self.start(launch.command)

    async def open_process(self, command: str, terminal: Terminal | None = None) -> Process:
        """Start a line of sh in a channel of its own, on this same connection."""
        self._need(Capability.SHELL)
        # the login's own shell may be of another kind
        return await self.start(shlex.join(("exec", "/bin/sh", "-c", command)), terminal=terminal)

    async def start(
        self,
        command: str,
        end: Callable[[SshChannel], Awaitable[None]] | None = None,
        *,
        terminal: Terminal | None = None,
    ) -> SshChannel:
        """Start a command line in a channel of its own; waits for a free channel if the server limits them.

        Args:
            command: for the login's shell.
            end: see SshChannel.
            terminal: what it shall have.

        Raises:
            ExecRefusedError: the server runs no commands.
            ConnectionLostError: the way is gone.
        """
        while True:
            if self.closed:
                raise ConnectionLostError("the connection is closed", node=self._node)
            channel = SshChannel(self._node, self._forget, end)
            self._channels.add(channel)
            released = self._released
            try:
                await self._create(channel, command, terminal)
            except ChannelOpenError as error:
                self._forget(channel)
                await self._refused(error, released + 1, exec_refused=not channel.lost)
            except (OSError, asyncssh.Error) as error:
                self._forget(channel)
                raise ConnectionLostError(f"the connection broke: {error}", node=self._node) from error
            except BaseException:
                self._forget(channel)
                raise
            else:
                return channel

    async def _create(self, channel: SshChannel, command: str, terminal: Terminal | None) -> None:
        size: dict[str, Any] = {}
        if terminal is not None:
            size = {"term_type": terminal.kind, "term_size": (terminal.columns, terminal.rows)}
        creation = asyncio.ensure_future(
            self._ssh.create_session(lambda: channel, command, encoding=None, **size)
        )
        try:
            await asyncio.shield(creation)
        except asyncio.CancelledError:
            # asyncssh would forget a half-open channel, and the node would keep it
            await asyncio.wait({creation}, timeout=END_TIMEOUT)
            if creation.done() and creation.exception() is None:
                await channel.close()
            creation.cancel()
            raise

    async def open_stream(self, address: StreamAddress) -> Stream:
        """Open a serial port of the node."""
        self._need(Capability.STREAM)
        from hivectl.drivers.ssh.serial_port import open_serial_port

        return await open_serial_port(self, address, self._node, self._python)

    async def close(self) -> None:
        """End what this connection began on the node, then the connection."""
        if self._closing:
            return
        self._closing = True
        try:
            if not self._ssh.is_closed():
                await self._end_all()
        finally:
            await self._login.close()

    async def _end_all(self) -> None:
        try:
            async with asyncio.timeout(END_TIMEOUT):
                await self._helper.close()
                for channel in tuple(self._channels):
                    await channel.close()
        except (TimeoutError, NodeError):
            # the way is broken or stuck: the node's side ends with it
            return

    async def _refused(self, error: ChannelOpenError, released: int, *, exec_refused: bool) -> None:
        """Wait for another channel's end where that may help, else say what is wrong."""
        if self._ssh.is_closed():
            raise ConnectionLostError(f"the connection broke: {error.reason}", node=self._node) from error
        if error.code == asyncssh.OPEN_REQUEST_SESSION_FAILED and exec_refused:
            self._capabilities = frozenset({Capability.FILES})
            raise ExecRefusedError(
                "the SSH server runs no commands, it offers files only",
                node=self._node,
                hint="give the node another connection for what runs commands",
            ) from error
        if not self._channels:
            raise CapabilityError(
                f"the SSH server opens no channel: {error.reason}", node=self._node
            ) from error
        # sshd's MaxSessions, 10 by default: one of ours must end first
        while self._released == released and self._channels:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            await place

    async def _end_group(self, channel: SshChannel, become: Become | None) -> None:
        """End a command that is not wanted any more; if that fails, the connection ends too."""
        if channel.group is None or self._ssh.is_closed():
            return
        try:
            async with asyncio.timeout(END_TIMEOUT):
                line = Command(command=ending(channel.group))
                # /bin/sh: the login's own shell may be another kind; the line holds nothing but a number
                ended = await run_command(self.open_channel, line, become, node=self._node, shell="/bin/sh")  # noqa: S604
        except (TimeoutError, NodeError):
            ended = None
        if ended is None or ended.rc != 0:
            self._ssh.abort()

    def _other(self, become: Become | None) -> Become | None:
        """Return None where the login is that user already: no sudo is needed, and hosts without sudo do."""
        return None if become is not None and become.user == self._user else become

    def _need(self, capability: Capability) -> None:
        if capability not in self._capabilities:
            raise CapabilityError(
                f"this SSH connection offers files only, not {capability}",
                node=self._node,
                hint="give the node another connection for what runs commands",
            )

    def _forget(self, channel: SshChannel) -> None:
        if channel not in self._channels:
            return
        self._channels.remove(channel)
        self._released += 1
        for place in self._waiting:
            if not place.done():
                place.set_result(None)
        self._waiting.clear()
