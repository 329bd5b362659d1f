"""A running virtual node: one set of namespaces, in which programs start, live on, and end with it."""

from __future__ import annotations

import array
import asyncio
import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import HivectlError
from hivectl.virtual.confinement import command, prepare, write_tools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.virtual.confinement import Sandbox

LARGEST = 1 << 20
CLOSE_TIMEOUT = 5.0
INIT = Path(__file__).with_name("namespace_init.py")


class VirtualError(HivectlError):
    """A virtual device could not be started, or ended by itself."""


class Started:
    """A program in a node.

    Attributes:
        number: names it in control messages.
        ended: its exit status, negative for a signal.
        terminal: descriptor of its terminal, where it has one.
    """

    def __init__(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        self.number = number
        self.ended: asyncio.Future[int] = loop.create_future()
        self.terminal: asyncio.Future[int] = loop.create_future()


class Namespace:
    """The namespaces of one node, and its first process; `start` makes one."""

    def __init__(self, node: str, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self._node = node
        self._process = process
        self._control = control
        self._programs: dict[int, Started] = {}
        self._count = 0
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(control, self._receive)

    @classmethod
    async def start(cls, sandbox: Sandbox, node: str, root: Path, tools: Path) -> Namespace:
        """Start a node's namespaces.

        Args:
            sandbox: as this machine has it.
            node: the node's name, its host name.
            root: its tree.
            tools: a folder of ours for what stands first in its PATH.

        Raises:
            VirtualError: they could not be started.
        """
        prepare(root, node)
        write_tools(tools, sandbox)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
        ours.setblocking(False)  # noqa: FBT003  the socket module's signature
        program = [sandbox.python, "-I", "-S", "-c", INIT.read_text(), str(theirs.fileno())]
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command(sandbox, root, node, tools, program),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                # Ctrl-C is for hivectl, which still has to say good-bye to the node
                start_new_session=True,
            )
        started = cls(node, process, ours)
        try:
            await started._ready
        except BaseException:
            await started.close()
            raise
        return started

    def spawn(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Sequence[int],
        *,
        directory: str = "/root",
        terminal: bool = False,
    ) -> Started:
        """Start a program in the node.

        Args:
            argv: a name that begins with a dash makes a login shell.
            environment: all of it.
            descriptors: for standard input, output and error; empty with `terminal`. They stay open here.
            directory: where it starts.
            terminal: give it a terminal of its own.

        Raises:
            VirtualError: the node has ended.
        """
        self._count += 1
        started = Started(self._count)
        request = {
            "id": started.number,
            "argv": list(argv),
            "environment": dict(environment),
            "directory": directory,
            "terminal": terminal,
        }
        self._programs[started.number] = started
        try:
            self._send(request, descriptors)
        except BaseException:
            del self._programs[started.number]
            raise
        return started

    def signal(self, started: Started, number: int) -> None:
        """Send a signal to a program's process group; nothing happens once it has ended."""
        if not started.ended.done():
            self._send({"id": started.number, "signal": number}, ())

    async def close(self) -> None:
        """End the node and everything that runs in it; calling it again does nothing."""
        if self._control.fileno() >= 0:
            # The first process ends with the end of its control socket, and only when the kernel has ended all
            # others; bwrap waits for it. To kill bwrap would not wait for anybody.
            with suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._process.communicate()
        except TimeoutError:
            self._process.kill()
            await self._process.communicate()
        finally:
            if self._control.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(self._control)
                self._control.close()
        self._end("the virtual node was ended")

    def _send(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        rights = (
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        )
        try:
            self._control.sendmsg([json.dumps(request).encode()], rights)
        except OSError as error:
            raise VirtualError(f"the virtual node takes no commands: {error}", node=self._node) from error

    def _receive(self) -> None:
        try:
            message, ancillary, _, _ = self._control.recvmsg(
                LARGEST, socket.CMSG_SPACE(array.array("i").itemsize)
            )
        except OSError:
            message, ancillary = b"", []
        if not message:
            asyncio.get_running_loop().remove_reader(self._control)
            self._end("the virtual node ended by itself")
            return
        descriptors = array.array("i")
        for _, _, data in ancillary:
            descriptors.frombytes(data)
        self._heard(json.loads(message), list(descriptors))

    def _heard(self, said: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        if "ready" in said:
            self._ready.set_result(None)
        elif "terminal" in said:
            self._give_terminal(self._programs[said["id"]], descriptors[0])
        else:
            started = self._programs.pop(said["id"])
            if not started.ended.done():
                started.ended.set_result(said["status"])

    def _give_terminal(self, started: Started, descriptor: int) -> None:
        if started.terminal.done():
            os.close(descriptor)
        else:
            started.terminal.set_result(descriptor)

    def _end(self, why: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(VirtualError(why, node=self._node))
        for started in self._programs.values():
            for future in (started.ended, started.terminal):
                if not future.done():
                    # as if by SIGKILL, which it was
                    future.set_result(-9) if future is started.ended else future.cancel()
        self._programs.clear()
