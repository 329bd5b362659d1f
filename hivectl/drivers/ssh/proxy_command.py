"""`proxy_command`: a program whose standard streams lead to the node, as a socket that SSH is spoken on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from hivectl.drivers.errors import ProxyCommandError

if TYPE_CHECKING:
    from hivectl.drivers.ssh.settings import Settings

# seconds for the program to end by itself once its socket is closed, or is told to
ENDING = 1.0
# bytes of what it said last that a message quotes
TAIL = 400


class ProxyCommand:
    """A program that leads to a node.

    Args:
        process: the program.
        command: its line.
    """

    def __init__(self, process: asyncio.subprocess.Process, command: str) -> None:
        self._process = process
        self._command = command
        self._said = b""
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self._said = (self._said + data)[-TAIL:]

    async def no_way(self, settings: Settings, node: str, what: str) -> ProxyCommandError:
        """Return what to raise where it does not lead there; `what` it did instead."""
        await self.close()
        lines = [line.strip() for line in self._said.decode("utf-8", "replace").splitlines() if line.strip()]
        said = f" ({'; '.join(lines[-2:])})" if lines else ""
        return ProxyCommandError(
            f"the proxy_command that leads to {settings.address} {what}{said}: {self._command}",
            node=node,
            hint="try it by hand: it must join its standard streams to the node's sshd",
        )

    async def close(self) -> None:
        """End it, and all that it began."""
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(ENDING):
                    await self._process.wait()
                    await self._listening
                    return
        self._listening.cancel()


async def start_proxy_command(settings: Settings, node: str) -> tuple[socket.socket, ProxyCommand]:
    """Start the program, by a shell as ssh_config(5) has it; return our end, and what ends it.

    Raises:
        ProxyCommandError: it cannot be started.
    """
    command = settings.proxy_command or ""
    ours, theirs = socket.socketpair()
    try:
        # cancelled half started, it sees the end of its input and goes
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            f"exec {command}",
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except BaseException as error:
        ours.close()
        if isinstance(error, OSError):
            raise ProxyCommandError(
                f"the proxy_command cannot be started: {error.strerror}: {command}", node=node
            ) from error
        raise
    finally:
        theirs.close()
    os.set_blocking(ours.fileno(), False)
    return ours, ProxyCommand(process, command)
