"""MicroPython boards: hivectl and mpremote in turn on one virtual board, WebREPL on a slow link, many boards at once.

mpremote takes part without the start of its process (`mpremote_client.py`); hivectl begins with getting a prompt and
with sending what its transfers need on the board. Both see the same terminal of a real MicroPython.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import StreamAddress, Target
from hivectl.drivers.terminal import open_terminal
from hivectl.drivers.webrepl import DRIVER, WebReplAttributes
from hivectl.drivers.webrepl.records import Records
from hivectl.drivers.webrepl.wire import WebReplWire
from hivectl.micropython.files import Files
from hivectl.micropython.repl import Repl
from hivectl.micropython.sync import carry_out, compare
from hivectl.model.secret import Secret
from hivectl.virtual.board.device import Device
from hivectl.virtual.board.package import InterpreterError
from hivectl.virtual.board.port import Port
from hivectl.virtual.board.webrepl import WebRepl
from tests.benchmarks.board_syncs import syncs, tools
from tests.benchmarks.tools import HERE, REPOSITORY, hivectl_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

PUT, GET, PUT_SMALL = "put of 100 KB", "get of 100 KB", "put of 50 small files"
IDLE_SYNC, EXEC = "sync of 50 files with nothing to do", "exec on an open connection"
SLOW_GET = "WebREPL, 10 ms: get of 25 KB"
PROVISION = "provisioning {} boards that take 2 s to start"
OURS, THEIRS, RECORDS = "hivectl", "mpremote", "file records"
SIZE, SLOW_SIZE = 100_000, 25_000
DELAY = 0.01
SMALL_FILES = 50
EXECUTIONS = 200
FEW, MANY = 5, 50
START_SECONDS = 2.0
TIMEOUT = 300.0
PASSWORD = "tr0mb0ne"
# bytes of memory that the interpreter of a board takes
MEMORY = 100 << 20


@dataclass(frozen=True, slots=True)
class BoardSample:
    """One measurement.

    Attributes:
        name: what was done.
        tool: by what.
        seconds: how long it took.
    """

    name: str
    tool: str
    seconds: float


def run_boards(
    folder: Path, rounds: int, many: int, say: Callable[[str], None]
) -> tuple[list[BoardSample], list[str]]:
    """Measure all of it; return the samples and what went wrong."""
    samples: list[BoardSample] = []

    async def main() -> None:
        write_sources(folder)
        await _transfers(folder, rounds, samples, say)
        await _slow_link(folder, samples, say)
        await _side_by_side(folder, many, samples, say)

    try:
        asyncio.run(main())
    except (InterpreterError, AssertionError, OSError) as fault:
        return samples, [f"boards: {type(fault).__name__}: {fault}"]
    return samples, []


def write_sources(folder: Path) -> None:
    """Write what is transferred: half of what is on boards is programs, the other half does not compress."""
    chance = random.Random(1)
    text = (REPOSITORY / "hivectl/micropython/repl.py").read_bytes() * 10
    (folder / "large.bin").write_bytes(text[: SIZE // 2] + chance.randbytes(SIZE // 2))
    (folder / "small").mkdir()
    for number in range(SMALL_FILES):
        start, size = 1000 * number, chance.randrange(200, 2000)
        (folder / "small" / f"module_{number:02d}.py").write_bytes(text[start : start + size])


async def _transfers(
    folder: Path, rounds: int, samples: list[BoardSample], say: Callable[[str], None]
) -> None:
    device = await Device.start("bench", folder / "board")
    port = Port(device, folder / "tty")
    large = folder / "large.bin"
    small = sorted((folder / "small").iterdir())
    board = Transfers(port.path, device.folder)
    words, environment = tools(port.path, folder / "small", folder / "lab")
    try:
        for number in range(rounds):
            say(f"boards: transfers, round {number + 1} of {rounds}")
            for name, files, back in ((PUT, [large], False), (GET, [large], True), (PUT_SMALL, small, False)):
                for tool, act in ((OURS, board.ours), (THEIRS, board.theirs)):
                    if not back:
                        board.wipe()
                    samples.append(BoardSample(name, tool, await act(files, back=back)))
                    board.verify(files)
        for number in range(rounds):
            say(f"boards: processes, round {number + 1} of {rounds}")
            taken = await syncs(
                words,
                partial(_output, environment=environment),
                board.wipe,
                partial(board.verify, small, "small"),
            )
            samples += [BoardSample(*sample) for sample in taken]
        board.wipe()
        samples += await board.connected(folder / "small")
    finally:
        port.close()
        await device.close()


@dataclass(frozen=True, slots=True)
class Transfers:
    """Both tools on one board.

    Attributes:
        port: its terminal.
        root: its files.
    """

    port: str
    root: Path

    def wipe(self) -> None:
        """Remove all of its files."""
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def verify(self, files: Sequence[Path], below: str = "") -> None:
        """Compare what is on the board."""
        for path in files:
            assert (self.root / below / path.name).read_bytes() == path.read_bytes(), (
                f"{path.name} is damaged"
            )

    @asynccontextmanager
    async def _repl(self) -> AsyncIterator[Repl]:
        repl = Repl(open_terminal(StreamAddress(path=self.port), node="bench"), node="bench")
        try:
            yield repl
            await repl.leave()
        finally:
            await repl.close()

    async def ours(self, files: Sequence[Path], *, back: bool) -> float:
        """Transfer files and return the seconds taken."""
        began = time.monotonic()
        async with self._repl() as repl:
            board = Files(repl, node="bench")
            if not back and len(files) > 1:
                await carry_out(board, await compare(board, files[0].parent, "/"))
                return time.monotonic() - began
            for path in files:
                if back:
                    assert await board.get(f"/{path.name}") == path.read_bytes()
                else:
                    await board.put(f"/{path.name}", path)
        return time.monotonic() - began

    async def theirs(self, files: Sequence[Path], *, back: bool) -> float:
        """Transfer files by mpremote and return the seconds taken."""
        words = (str(HERE / "mpremote_client.py"), self.port, "get" if back else "put", *map(str, files))
        return float(await _output([sys.executable, *words]))

    async def connected(self, folder: Path) -> list[BoardSample]:
        """Measure what an open connection does."""
        made: list[BoardSample] = []
        async with self._repl() as repl:
            board = Files(repl, node="bench")
            await carry_out(board, await compare(board, folder, "/small"))
            for _ in range(5):
                began = time.monotonic()
                assert (await compare(board, folder, "/small")).same
                made.append(BoardSample(IDLE_SYNC, OURS, time.monotonic() - began))
            for _ in range(EXECUTIONS):
                began = time.monotonic()
                await repl.execute("pass")
                made.append(BoardSample(EXEC, OURS, time.monotonic() - began))
        return made


async def _slow_link(folder: Path, samples: list[BoardSample], say: Callable[[str], None]) -> None:
    say("boards: WebREPL on a link with 10 ms delay")
    device = await Device.start("bench", folder / "slow")
    server = WebRepl(device, PASSWORD)
    data = random.Random(2).randbytes(SLOW_SIZE)
    (device.folder / "a.bin").write_bytes(data)
    try:
        port = await server.start()
        connection: Any = await DRIVER.connect(target(port, folder))
        # what gets are made of is on the board then
        await connection.files.features()

        async def by_records() -> bytes:
            gathered = bytearray()
            wire = connection.repl._wire
            assert isinstance(wire, WebReplWire)
            await Records(wire, "bench").get("/a.bin", gathered.extend)
            return bytes(gathered)

        acts: tuple[tuple[str, Callable[[], Awaitable[bytes]]], ...] = (
            (OURS, lambda: connection.files.get("/a.bin")),
            (RECORDS, by_records),
        )
        device.faults.delay = DELAY
        for _ in range(3):
            for tool, act in acts:
                began = time.monotonic()
                assert await act() == data
                samples.append(BoardSample(SLOW_GET, tool, time.monotonic() - began))
        device.faults.delay = 0.0
        await connection.close()
    finally:
        await server.close()
        await device.close()


def target(port: int, folder: Path) -> Target:
    """Return where a board's WebREPL is."""
    attributes = WebReplAttributes(host="127.0.0.1", port=port, password=Secret(PASSWORD))
    return Target(node="bench", connection="webrepl", attributes=attributes, state=folder)


async def _side_by_side(
    folder: Path, many: int, samples: list[BoardSample], say: Callable[[str], None]
) -> None:
    """Provision few boards and many, each board an interpreter of its own, with one `hivectl apply`."""
    room = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    count = min(many, room // MEMORY)
    if count < many:
        say(f"boards: memory for {count} only")
    boards: list[tuple[Device, WebRepl]] = []
    try:
        ports = []
        for number in range(1, count + 1):
            device = await Device.start(f"b{number}", folder / "boards" / f"b{number}")
            boards.append((device, WebRepl(device, PASSWORD)))
            ports.append(await boards[-1][1].start())
            device.faults.start = START_SECONDS
        for chosen in (min(FEW, count), count):
            for number in range(2):
                say(f"boards: provisioning {chosen} side by side, round {number + 1} of 2")
                for device, _ in boards:
                    shutil.rmtree(device.folder)
                    device.folder.mkdir()
                seconds = await provision(folder, ports[:chosen])
                samples.append(BoardSample(PROVISION.format(chosen), OURS, seconds))
    finally:
        for device, server in boards:
            await server.close()
            await device.close()


async def provision(folder: Path, ports: Sequence[int]) -> float:
    """Provision boards by their WebREPLs, and return the seconds taken."""
    inventory = folder / "boards.yml"
    nodes = "".join(
        f"  b{number}: {{driver: webrepl, board: pico-w, host: 127.0.0.1, port: {port},"
        " password: !env BOARD_PASSWORD, labels: {kind: board}}\n"
        for number, port in enumerate(ports, 1)
    )
    inventory.write_text(
        "version: 1\nvars: {wifi_ssid: lab, wifi_password: !env LAB_WIFI_PASSWORD,"
        f" webrepl_password: !env BOARD_PASSWORD}}\nnodes:\n{nodes}"
    )
    store = folder / f"store-{len(ports)}-{time.monotonic_ns()}"
    environment = {
        **os.environ,
        "HIVECTL_STORE": str(store / "lab.db"),
        "BOARD_PASSWORD": PASSWORD,
        "LAB_WIFI_PASSWORD": "correct horse",
    }
    words = ["apply", "-i", str(inventory), str(REPOSITORY / "playbooks/provision_board.yml")]
    began = time.monotonic()
    await _output([*hivectl_program(), *words], environment)
    return time.monotonic() - began


async def _output(argv: Sequence[str], environment: dict[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = said.decode(errors="replace")
    assert process.returncode == 0, f"{argv[-2:]}: exit status {process.returncode}: {text[-2000:]}"
    return text
