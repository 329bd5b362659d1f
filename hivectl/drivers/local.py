"""The `local` driver: this machine, through the same helper as any other, in a child process."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from hivectl.drivers.base import Capability
from hivectl.drivers.errors import BecomeError, ConnectionLostError, HelperError
from hivectl.helper.session import HelperSessions, run_command
from hivectl.model.parameters import parameter
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from hivectl.drivers.base import (
        Command,
        Completed,
        Connection,
        Process,
        Stream,
        StreamAddress,
        Target,
        Terminal,
    )
    from hivectl.helper.launch import Launch
    from hivectl.helper.operations import Batch, Become, Fence, ItemResult, Progress

# seconds for a program to end by itself once its input is closed, and after SIGTERM
ENDING = 3.0
# largest line of asyncio's readers, also how much they hold (bytes)
BUFFER = 1 << 18


@record(kw_only=True)
class LocalAttributes:
    """Inventory keys of `driver: local`."""

    python: str = parameter(
        "Interpreter of the helper: a path, or a name on PATH; `none`: do without, as where there is none.",
        default="python3",
        kind="path",
    )
    sh: str = parameter(
        "POSIX shell that runs the helper where there is no Python.", default="/bin/sh", kind="path"
    )
    shell: str | None = parameter(
        "Shell that runs command lines.", default=None, kind="path", example="/bin/bash"
    )


class LocalChannel:
    """A child process in a session of its own; a `Channel`."""

    def __init__(self, node: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._node = node
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._stderr = process.stderr

    async def read(self, limit: int = 65536) -> bytes:
        """Return what it wrote to its standard output."""
        return await self._stdout.read(limit)

    async def read_errors(self, limit: int = 65536) -> bytes:
        """Return what it wrote to its standard error."""
        return await self._stderr.read(limit)

    async def write(self, data: bytes) -> None:
        """Send all of `data` to its standard input."""
        try:
            self._stdin.write(data)
            await self._stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise ConnectionLostError("the program has ended", node=self._node) from error

    async def write_end(self) -> None:
        """Close its standard input."""
        self._stdin.close()
        with suppress(ConnectionError):
            await self._stdin.wait_closed()

    async def wait(self) -> int | None:
        """Return its exit status."""
        status = await self._process.wait()
        return 128 - status if status < 0 else status

    async def close(self) -> None:
        """End it: its input ends, then its group is told to end, then made to."""
        self._stdin.close()
        try:
            for number in (signal.SIGTERM, signal.SIGKILL):
                if self._process.returncode is not None or not self._signal(number):
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(ENDING):
                        await self._process.wait()
        finally:
            self._signal(signal.SIGKILL)
            # the pipes too: something in the background may hold their other ends
            self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio has no other way

    def _signal(self, number: int) -> bool:
        """Signal the group; False when nobody can be: gone, or root's by sudo, which its closed pipes end."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


class LocalConnection:
    """This machine as a node."""

    def __init__(self, node: str, attributes: LocalAttributes) -> None:
        self._node = node
        self._attributes = attributes
        self._helpers = HelperSessions(self._start, node=node, python=attributes.python, shell=attributes.sh)
        self._streams: list[Stream] = []
        self._processes: list[Process] = []
        self._closed = False

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this machine can do."""
        return LocalDriver.capabilities

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    async def operate(self, batch: Batch, become: Become | None = None) -> AsyncGenerator[ItemResult]:
        """Carry out a batch by the helper; raises as `HelperSessions.operate`."""
        self._need_open()
        results = self._helpers.operate(batch, become)
        try:
            async for result in results:
                yield result
        finally:
            await results.aclose()

    async def progress(self, run: str, become: Become | None = None) -> Progress:
        """Ask what `.hivelock` remembers of a run."""
        self._need_open()
        return await self._helpers.progress(run, become)

    async def unlock(self, fence: Fence, become: Become | None = None) -> None:
        """Give the fence back."""
        self._need_open()
        await self._helpers.unlock(fence, become)

    async def run(self, command: Command, become: Become | None = None) -> Completed:
        """Run one command by the login's shell; raises as `run_command`."""
        self._need_open()
        shell = "" if become is not None else self._attributes.shell or _login_shell()
        return await run_command(self._start, command, become, node=self._node, shell=shell)

    async def open_process(self, command: str, terminal: Terminal | None = None) -> Process:
        """Start a line of sh in the user's home; raises HelperError when it cannot be started."""
        from hivectl.drivers.local_process import open_process

        self._need_open()
        process = await open_process(command, terminal, node=self._node)
        self._processes.append(process)
        return process

    async def open_stream(self, address: StreamAddress) -> Stream:
        """Open a terminal device of this machine, raw and alone; raises as `open_terminal`."""
        from hivectl.drivers.terminal import open_terminal

        self._need_open()
        stream = open_terminal(address, node=self._node, exclusive=True)
        self._streams.append(stream)
        return stream

    async def close(self) -> None:
        """End the helpers and close the streams."""
        self._closed = True
        streams, self._streams = self._streams, []
        processes, self._processes = self._processes, []
        async with asyncio.TaskGroup() as group:
            group.create_task(self._helpers.close())
            for stream in streams:
                group.create_task(stream.close())
            for process in processes:
                group.create_task(process.close())

    async def _start(self, launch: Launch) -> LocalChannel:
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *(launch.instead if _lacks(launch) else launch.argv),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # no Ctrl-C and no terminal for what runs on a node
                limit=BUFFER,
            )
        )
        try:
            # when it is cancelled half started, asyncio ends the process alone and waits for what that began
            process = await asyncio.shield(starting)
        except OSError as error:
            raise self._start_error(launch, error) from error
        except asyncio.CancelledError:
            await LocalChannel(self._node, await starting).close()
            raise
        return LocalChannel(self._node, process)

    def _start_error(self, launch: Launch, error: OSError) -> BecomeError | HelperError:
        program = launch.argv[0]
        if program == "sudo":
            return BecomeError(
                f"sudo cannot be started: {error.strerror}", node=self._node, hint="install sudo"
            )
        return HelperError(
            f"{program} cannot be started: {error.strerror}",
            node=self._node,
            hint="install python3 (3.7 or newer), or set `python:` in the inventory",
        )

    def _need_open(self) -> None:
        if self._closed:
            raise ConnectionLostError("the connection is closed", node=self._node)


def _lacks(launch: Launch) -> bool:
    """Whether the interpreter that is to be started is not here, and there is something in its place."""
    return bool(launch.instead) and shutil.which(launch.interpreter) is None


def _login_shell() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    except KeyError:
        return "/bin/sh"


class LocalDriver:
    """This machine."""

    name: ClassVar[str] = "local"
    summary: ClassVar[str] = "this machine: commands, files and serial ports, no network in between"
    attributes: ClassVar[type[Any]] = LocalAttributes
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.RUN, Capability.SHELL, Capability.FILES, Capability.STREAM}
    )

    async def connect(self, target: Target) -> Connection:
        """Return the connection; nothing is started before something is asked for."""
        return LocalConnection(target.node, target.attributes)


DRIVER = LocalDriver()
