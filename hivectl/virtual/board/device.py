"""A virtual board: the interpreter's process, its files, and the terminals that are attached to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hivectl.virtual.board.faults import Faults
from hivectl.virtual.board.package import InterpreterError, find_interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hivectl.virtual.board.package import Interpreter
    from hivectl.virtual.board.plugged import Hardware

PROGRAM = Path(__file__).parent / "device.mjs"
RESET_STATUS, LOADER_STATUS = 42, 43
# why it starts, as machine.reset_cause() tells it: its power came, it reset itself, it slept while nobody had it
POWER, RESET, SLEPT = 1, 2, 4
# what os.uname() says where nothing else was flashed; the version is that of the npm package
VERSION, MACHINE = "v1.27.0 on 2025-12-10", "Raspberry Pi Pico W with RP2040"
BOOT_SECONDS = 60.0
# seconds that whoever starts a board leaves its boot.py alone: Ctrl-C would end it
UNDISTURBED = 5.0
END_SECONDS = 3.0
# of flash that a Pico W has for files, in bytes
ROOM = 848 << 10
# bytes towards the board that wait at most
WAITING = 256 << 10
# events; behind the last one: the password's length in a byte, the password
BOOTED, READY, SOFT_RESET, HARD_RESET, WEBREPL = b"B", b"R", b"S", b"H", b"W"
# lets a board that has reset itself start
GO = b"\x07"


class Attached(Protocol):
    """A terminal of the board: a pseudo-terminal, a WebREPL client."""

    def show(self, data: bytes) -> None:
        """Take what the board prints."""
        ...

    async def settle(self) -> None:
        """Wait until somebody has taken it, or nobody will."""
        ...

    def was_reset(self) -> None:
        """Learn that the interpreter starts anew."""
        ...


class Network(Protocol):
    """What the board's programs reach over the network."""

    async def webrepl_started(self, password: str) -> None:
        """Learn that the board's program has started its WebREPL."""
        ...

    def was_reset(self) -> None:
        """Learn that whatever listened on the board is gone."""
        ...


class Device:
    """One board that runs.

    Args:
        name: the node's.
        folder: where its files are.
        interpreter: what it runs on.
        room: of its file system, in bytes; 0: no limit.

    Attributes:
        version: of its firmware, as `os.uname()` says; it holds from the next start on.
        machine: likewise.
        on_loader: is called when a program on the board asks for the boot loader.
        hardware: what it has besides; it holds from the next start on.
    """

    def __init__(self, name: str, folder: Path, interpreter: Interpreter, room: int = ROOM) -> None:
        self.name = name
        self.folder = folder
        self.faults = Faults()
        self.version, self.machine = VERSION, MACHINE
        self.on_loader: Callable[[], None] | None = None
        self.hardware: Hardware | None = None
        self._interpreter = interpreter
        self._room = room
        self._terminals: list[Attached] = []
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._booted = asyncio.Event()
        self._ready = asyncio.Event()
        self._off = False
        self._power = asyncio.Lock()
        # the start of a command is nothing that happened to the board
        self._cause = SLEPT
        self._closed = False
        self.network: Network | None = None

    @classmethod
    async def start(cls, name: str, folder: Path, *, room: int = ROOM) -> Device:
        """Start a board and wait until it has booted, or runs its program.

        Raises:
            InterpreterError: it cannot be had or does not start.
        """
        device = await cls.make(name, folder, room=room)
        try:
            await device.power_on()
        except BaseException:
            await device.close()
            raise
        return device

    @classmethod
    async def make(cls, name: str, folder: Path, *, room: int = ROOM) -> Device:
        """Make a board that is off; raises InterpreterError when its interpreter cannot be had."""
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        return cls(name, folder, await find_interpreter(), room)

    async def power_on(self) -> None:
        """Start the interpreter; returns when boot.py is through, unless that takes long; main.py may run then."""
        self._down()
        await self.starting()
        self._off = False
        reading, writing = os.pipe()
        passed, words = [writing], []
        if self.hardware is not None:
            passed += await self.hardware.connect()
            words = [str(self.hardware.modules), str(self.hardware.pace), *(str(one) for one in passed[1:])]
        try:
            process = await asyncio.create_subprocess_exec(
                self._interpreter.node,
                "--no-warnings",
                str(PROGRAM),
                str(self._interpreter.script),
                str(self.folder),
                self.name,
                str(self._room),
                str(writing),
                self.version,
                self.machine,
                str(self._cause),
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=passed,
                start_new_session=True,
                limit=1 << 20,
            )
        except OSError as error:
            os.close(reading)
            raise InterpreterError(
                f"{self._interpreter.node} cannot be started: {error.strerror}", node=self.name
            ) from error
        finally:
            for descriptor in passed:
                os.close(descriptor)
        self._process = process
        events = await self._events(reading)
        self._keep(events)
        self._keep(self._relay(process))
        await self.started()
        if process.returncode:
            raise InterpreterError(
                f"the virtual board ended with status {process.returncode}: {await _said(process)}",
                node=self.name,
            )

    async def started(self) -> None:
        """Wait until the interpreter serves its terminals and boot.py is through, unless that takes long."""
        async with asyncio.timeout(BOOT_SECONDS):
            await self._booted.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNDISTURBED):
                await self._ready.wait()

    def _down(self) -> None:
        self._booted.clear()
        self._ready.clear()

    def _up(self) -> None:
        self._booted.set()
        self._ready.set()

    def attach(self, terminal: Attached) -> None:
        """Let a terminal see what the board prints."""
        self._terminals.append(terminal)

    def detach(self, terminal: Attached) -> None:
        """Forget a terminal."""
        if terminal in self._terminals:
            self._terminals.remove(terminal)

    def feed(self, data: bytes) -> None:
        """Give the board what was typed; one that is off hears nothing."""
        if data and not self._off and self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(data)

    @property
    def full(self) -> bool:
        """Whether so much waits for the board that nothing more shall be given."""
        if self._process is None or self._process.stdin is None:
            return False
        return self._process.stdin.transport.get_write_buffer_size() > WAITING

    def reboot(self) -> None:
        """Begin to reset the board, without waiting for it."""
        self._keep(self.reset())

    async def reset(self) -> None:
        """Take the board's power away and give it back."""
        await self._start_anew(POWER)

    async def _start_anew(self, cause: int) -> None:
        self._down()
        async with self._power:
            self._down()
            self._cause = cause
            process, self._process = self._process, None
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()
            self._was_reset()
            await self.power_on()

    async def power_off(self) -> None:
        """Take the board's power away: nothing of its firmware runs until `power_on`."""
        async with self._power:
            self._down()
            self._cause = POWER
            process, self._process = self._process, None
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()
            self._was_reset()

    async def _go(self) -> None:
        """Let a board start that has reset itself."""
        process = self._process
        await self.starting()
        if process is not None and process is self._process and process.stdin is not None:
            self._off = False
            process.stdin.write(GO)

    async def starting(self) -> None:
        """Take the time that a start takes."""
        if self.faults.start:
            await asyncio.sleep(self.faults.start)

    def _was_reset(self) -> None:
        for terminal in tuple(self._terminals):
            terminal.was_reset()
        if self.network is not None:
            self.network.was_reset()

    async def close(self) -> None:
        """End the board; its files stay. Calling it again does nothing."""
        self._closed = True
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(END_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self.hardware is not None:
            await self.hardware.close()
        # whoever waits for it waits no longer
        self._up()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while data := await process.stdout.read(65536):
            if not self.faults.hang:
                for terminal in tuple(self._terminals):
                    terminal.show(data)
                    await terminal.settle()
        status = await process.wait()
        if self._process is not process:
            # its power was taken away
            return
        if status == RESET_STATUS:
            # the board asked for it
            self._down()
            self._keep(self._start_anew(RESET))
            return
        if status == LOADER_STATUS and self.on_loader is not None:
            self.on_loader()
            return
        self._up()
        if status > 0:
            said = f"\r\nthe virtual board crashed with status {status}: {await _said(process)}\r\n"
            for terminal in tuple(self._terminals):
                terminal.show(said.encode())

    async def _events(self, descriptor: int) -> Coroutine[None, None, None]:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )

        async def listen() -> None:
            try:
                while event := await reader.read(1):
                    if event == BOOTED:
                        self._booted.set()
                    elif event == READY:
                        self._ready.set()
                    elif event == SOFT_RESET:
                        self._down()
                        self._was_reset()
                    elif event == HARD_RESET:
                        self._down()
                        self._off = True
                        self._was_reset()
                        self._keep(self._go())
                    elif event == WEBREPL:
                        password = await reader.readexactly((await reader.readexactly(1))[0])
                        if self.network is not None:
                            await self.network.webrepl_started(password.decode("utf-8", "replace"))
            finally:
                transport.close()

        return listen()


async def _said(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
    return next((line for line in said if "Error" in line), said[-1] if said else "it said nothing")
