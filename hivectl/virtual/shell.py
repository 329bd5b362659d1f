"""What the SSH server of a virtual node does with a command or a shell: start it in the node and relay bytes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios
from typing import TYPE_CHECKING, Any

import asyncssh

from hivectl.virtual.confinement import PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.virtual.namespace import Namespace, Started

CHUNK = 65536
SFTP_VERSION = 3
SHELL = "/bin/sh"


class NodeProcess(asyncssh.SSHServerProcess[bytes]):
    """A command, a shell or a file transfer that a client asks for.

    Signals and window sizes act at once; asyncssh would hold them back until the input is read, which may have
    ended long before.
    """

    def __init__(
        self,
        namespace: Namespace | None,
        node: str,
        files: Callable[[Any], asyncssh.SFTPServer],
        handlers: set[asyncio.Task[Any]],
    ) -> None:
        self.handlers = handlers
        super().__init__(lambda _: self.handle(), files, SFTP_VERSION, allow_scp=False)
        self.namespace = namespace
        self.node = node
        self.started: Started | None = None
        self.terminal: int | None = None

    def shell_requested(self) -> bool:
        """Allow shells where they can be confined."""
        return self.namespace is not None

    def exec_requested(self, command: str) -> bool:  # noqa: ARG002  asyncssh's signature
        """Allow commands where they can be confined."""
        return self.namespace is not None

    def subsystem_requested(self, subsystem: str) -> bool:
        """Allow file transfer."""
        return subsystem == "sftp"

    def signal_received(self, signal: str) -> None:
        """Pass a signal on to the process group."""
        if self.namespace is not None and self.started is not None:
            self.namespace.signal(self.started, _number(signal))

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """Pass a window size on to the terminal."""
        if self.terminal is not None:
            _resize(self.terminal, (width, height, pixwidth, pixheight))

    def break_received(self, msec: int) -> bool:  # noqa: ARG002  asyncssh's signature
        """Refuse breaks, as terminals of programs do."""
        return False

    async def handle(self) -> None:
        """Run what was asked for, until it ends."""
        assert self.namespace is not None
        task = asyncio.current_task()
        assert task is not None
        self.handlers.add(task)
        task.add_done_callback(self.handlers.discard)
        try:
            status = await (_with_terminal if self.term_type else _with_pipes)(self.namespace, self)
        except (asyncssh.ConnectionLost, BrokenPipeError, ConnectionResetError):
            # the client is gone; as with OpenSSH, what it started may go on
            return
        if status < 0:
            self.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            self.exit(status)


def _argv(process: NodeProcess) -> list[str]:
    return [SHELL, "-c", process.command] if process.command is not None else [f"-{SHELL}"]


def _environment(process: NodeProcess) -> dict[str, str]:
    own = {
        "HOME": "/root",
        "USER": "root",
        "LOGNAME": "root",
        "SHELL": SHELL,
        "PATH": PATH,
        "LANG": "C.UTF-8",
    }
    host, port, *_ = process.get_extra_info("peername")
    server_host, server_port, *_ = process.get_extra_info("sockname")
    own["SSH_CONNECTION"] = f"{host} {port} {server_host} {server_port}"
    if process.term_type:
        own |= {"TERM": process.term_type, "SSH_TTY": "/dev/pts/0"}
    # as sshd's AcceptEnv in Debian
    sent = {name: value for name, value in process.env.items() if name == "LANG" or name.startswith("LC_")}
    return own | sent | {"HIVECTL_VIRTUAL": process.node}


async def _with_pipes(namespace: Namespace, process: NodeProcess) -> int:
    stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
    theirs = (stdin[0], stdout[1], stderr[1])
    try:
        started = namespace.spawn(_argv(process), _environment(process), theirs)
    except BaseException:
        for descriptor in (stdin[1], stdout[0], stderr[0]):
            os.close(descriptor)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    process.started = started
    feeding = asyncio.ensure_future(_feed(process, stdin[1]))
    try:
        await asyncio.gather(_drain(stdout[0], process.stdout), _drain(stderr[0], process.stderr))
        return await started.ended
    finally:
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding


async def _with_terminal(namespace: Namespace, process: NodeProcess) -> int:
    started = namespace.spawn(_argv(process), _environment(process), (), terminal=True)
    process.started = started
    process.terminal = master = await started.terminal
    _resize(master, process.term_size)
    feeding = asyncio.ensure_future(_feed(process, os.dup(master), terminal=True))
    try:
        await _drain(os.dup(master), process.stdout)
        return await started.ended
    finally:
        # the terminal goes, which is a hang-up to those who still use it
        process.terminal = None
        os.close(master)
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding


async def _feed(process: NodeProcess, descriptor: int, *, terminal: bool = False) -> None:
    """Carry the client's input to the program, until it ends."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(_Writer, os.fdopen(descriptor, "wb", buffering=0))
    try:
        while data := await process.stdin.read(CHUNK):
            transport.write(data)
            await protocol.drained.wait()
        if terminal:
            # closing our copy would tell nobody; the end-of-file character does (termios(3), VEOF)
            transport.write(b"\x04")
    except (asyncssh.ConnectionLost, ConnectionError):
        # the client is gone: the input ends
        return
    finally:
        transport.close()


async def _drain(descriptor: int, writer: asyncssh.SSHWriter[bytes]) -> None:
    """Carry a program's output to the client, until it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=CHUNK)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        while data := await _read(reader):
            writer.write(data)
            await writer.drain()
    finally:
        transport.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(CHUNK)
    except OSError:
        # a terminal whose last user is gone reads as EIO
        return b""


class _Writer(asyncio.BaseProtocol):
    """Knows whether the pipe takes more."""

    def __init__(self) -> None:
        self.drained = asyncio.Event()
        self.drained.set()

    def pause_writing(self) -> None:
        self.drained.clear()

    def resume_writing(self) -> None:
        self.drained.set()

    def connection_lost(self, _error: Exception | None) -> None:
        self.drained.set()


def _resize(descriptor: int, size: tuple[int, int, int, int]) -> None:
    width, height, pixel_width, pixel_height = size
    packed = struct.pack("HHHH", height, width, pixel_width, pixel_height)
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, packed)


def _number(name: str) -> int:
    return int(getattr(signal, f"SIG{name.removeprefix('SIG')}", signal.SIGTERM))
