"""Boards over WebREPL: a real MicroPython behind a server that behaves as a board's."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from hivectl.drivers.base import Target
from hivectl.drivers.errors import (
    AddressError,
    CapabilityError,
    ConnectionLostError,
    ConnectTimeoutError,
    LoginError,
    NodeError,
)
from hivectl.drivers.webrepl import DRIVER, WebReplAttributes
from hivectl.drivers.webrepl.records import Records
from hivectl.drivers.webrepl.wire import TakenError, WebReplWire
from hivectl.helper.operations import Content, Stat, Write
from hivectl.micropython.errors import NotABoardError, RemoteError, RemoteOSError
from hivectl.micropython.outcome import Background
from hivectl.model.secret import Secret
from hivectl.virtual.board.device import Device
from hivectl.virtual.board.webrepl import WebRepl
from tests.support.boards import results

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hivectl.drivers.boards.connection import OpenBoard

PASSWORD = "secret123"


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Device, WebRepl, int]]:
    """Start a board with WebREPL."""
    device = await Device.start("pico1", folder / "files")
    server = WebRepl(device, PASSWORD)
    port = await server.start()
    try:
        yield device, server, port
    finally:
        await server.close()
        await device.close()


async def connect(port: int, password: str = PASSWORD, **attributes: Any) -> OpenBoard:
    # the machine may be busy
    patience = {"connect_timeout": 30.0, "busy_timeout": 0.0}
    given = {"host": "127.0.0.1", "port": port, "password": Secret(password), **patience}
    target = Target(
        node="pico1",
        connection="wifi",
        attributes=WebReplAttributes(**{**given, **attributes}),
        state=None,  # type: ignore[arg-type]  # the driver keeps nothing
    )
    connection: Any = await DRIVER.connect(target)
    return connection  # type: ignore[no-any-return]  # by the Protocol's name


async def wire_to(port: int) -> WebReplWire:
    """Return a wire that is logged in, the board's program left alone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    wire = WebReplWire(reader, writer, f"ws://127.0.0.1:{port}/", "pico1")
    await wire.upgrade()
    await wire.write(PASSWORD.encode() + b"\r")
    said = b""
    while b"connected" not in said:
        said += await wire.read()
    return wire


def test_code_and_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, _, port):
            connection = await connect(port)
            assert await connection.repl.evaluate("6 * 7") == 42
            data = os.urandom(30_000)
            [written] = await results(connection, Write(path="/a.bin", content=Content.of(data)))
            assert written["changed"], written
            assert (tmp_path / "files/a.bin").read_bytes() == data
            assert await connection.files.get("/a.bin") == data
            # no UTF-8, and split over frames
            shown = await connection.repl.execute(
                "import sys\nsys.stdout.buffer.write(bytes(range(128, 256)))"
            )
            assert shown == bytes(range(128, 256))
            with pytest.raises(RemoteError, match="ZeroDivisionError"):
                await connection.repl.execute("1 / 0")
            await connection.close()
            # the slot is free again
            again = await connect(port, busy_timeout=3.0)
            await again.close()

    asyncio.run(scenario())


def test_a_wrong_password_and_one_that_cannot_be(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, _, port):
            with pytest.raises(LoginError, match="denied access") as denied:
                await connect(port, "wrong")
            assert "wrong" not in str(denied.value)
            with pytest.raises(LoginError, match="more than 9 characters"):
                await connect(port, "far too long")

    asyncio.run(scenario())


def test_a_second_client_waits_its_time_and_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, _, port):
            first = await connect(port)
            with pytest.raises(TakenError, match="another client"):
                await connect(port)
            waiting = asyncio.ensure_future(connect(port, busy_timeout=10.0))
            await asyncio.sleep(0.2)
            await first.close()
            await (await waiting).close()

    asyncio.run(scenario())


def test_what_is_no_webrepl_is_told_apart() -> None:
    async def scenario() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            with pytest.raises(AddressError, match="its WebREPL did not start"):
                await connect(bound.getsockname()[1])
            bound.listen()
            with pytest.raises(ConnectTimeoutError, match="did not answer"):
                await connect(bound.getsockname()[1], connect_timeout=0.3)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            with pytest.raises(NotABoardError, match="is no WebREPL"):
                await connect(server.sockets[0].getsockname()[1])

    asyncio.run(scenario())


def test_a_reset_ends_the_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (device, _, port):
            for reset in ("import machine\nmachine.soft_reset()", "import machine\nmachine.reset()"):
                connection = await connect(port, busy_timeout=30.0)
                with pytest.raises(ConnectionLostError):
                    await connection.repl.execute(reset, timeout=30)
                await connection.close()
            connection = await connect(port, busy_timeout=30.0)
            told = asyncio.Event()
            hanging = asyncio.ensure_future(
                connection.repl.execute("print(1)\nwhile True: pass", sink=lambda _: told.set())
            )
            await told.wait()
            await device.reset()
            with pytest.raises(ConnectionLostError):
                await hanging
            await connection.close()

    asyncio.run(scenario())


def test_nothing_arrives_from_behind_a_cut(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (device, _, port):
            wire = await wire_to(port)
            first, second = b"open('/ab", b"c', 'w')\r"
            # a line that lost its middle would make a file of another name
            device.faults.drop_after = len(first) - 1
            await asyncio.gather(wire.write(first), wire.write(second))
            while await wire.read():
                pass
            await wire.close()
            connection = await connect(port, busy_timeout=30.0)
            assert await connection.files.entries("/") == []
            await connection.close()

    asyncio.run(scenario())


def test_a_board_that_takes_its_time_to_start_is_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (device, _, port):
            device.faults.start = 0.5
            device.reboot()
            with pytest.raises(ConnectTimeoutError):
                await connect(port, connect_timeout=0.1)
            connection = await connect(port)
            assert await connection.repl.evaluate("6 * 7") == 42
            await connection.close()

    asyncio.run(scenario())


def test_a_board_that_hangs_is_given_up_in_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (device, _, port):
            connection = await connect(port)
            device.faults.hang = True
            with pytest.raises(NodeError, match="did not end in"):
                await connection.repl.execute("1", timeout=0.3)
            async with asyncio.timeout(6):
                await connection.close()

    asyncio.run(scenario())


def test_a_slow_link_costs_few_round_trips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0
    write, write_record = WebReplWire.write, WebReplWire.write_record

    async def counted(wire: WebReplWire, data: bytes) -> None:
        nonlocal turns
        turns += 1
        await write(wire, data)

    async def counted_record(wire: WebReplWire, data: bytes) -> None:
        nonlocal turns
        turns += 1
        await write_record(wire, data)

    async def scenario() -> None:
        nonlocal turns
        async with served(tmp_path) as (_, _, port):
            data = os.urandom(50_000)
            connection = await connect(port)
            await connection.files.put("/a.bin", data)
            monkeypatch.setattr(WebReplWire, "write", counted)
            monkeypatch.setattr(WebReplWire, "write_record", counted_record)
            assert await connection.files.get("/a.bin") == data
            through_repl, turns = turns, 0
            records = Records(connection.repl._wire, "pico1")  # type: ignore[arg-type]  # it is a WebReplWire
            back = bytearray()
            await records.get("/a.bin", back.extend)
            assert back == data
            await connection.close()
            # one for each 256 bytes
            assert turns > 50_000 / 256
            assert through_repl <= 3

    asyncio.run(scenario())


def test_records_go_beside_a_program(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, _, port):
            wire = await wire_to(port)
            await wire.write(b"while True: pass\r\n\r\n")
            records = Records(wire, "pico1")

            async def back(path: str) -> bytes:
                gathered = bytearray()
                await records.get(path, gathered.extend)
                return bytes(gathered)

            data = os.urandom(3000)
            await records.put("/b.bin", [data[:1000], data[1000:]], 3000)
            await records.put("/empty", [], 0)
            assert (tmp_path / "files/b.bin").read_bytes() == data
            assert await back("/b.bin") == data
            assert await back("/empty") == b""
            assert len(await records.version()) == 3
            with pytest.raises(CapabilityError, match="63 bytes at most"):
                await records.put("/" + "x" * 63, [], 0)
            with pytest.raises(ConnectionLostError):
                await back("/nothing")
            await wire.close()

    asyncio.run(scenario())


def test_files_come_back_while_a_program_runs_and_do_not_disturb_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, _, port):
            connection = await connect(port)
            data = os.urandom(3000)
            await connection.files.put("/a.bin", data)
            program = Background(label="count", since="", log="", fingerprint="", boot=False)
            await connection.repl.begin(
                "n = 0\nopen('started', 'w').close()\nimport time\nwhile 1:\n n += 1\n time.sleep(0.01)\n print(n)",
                program,
            )
            while not (tmp_path / "files/started").exists():  # noqa: ASYNC110 - the board says it by a file
                await asyncio.sleep(0.01)
            assert await connection.files.get("/a.bin") == data
            assert connection.repl.background is program
            await connection.repl.watch(0.2)
            before = program.output.count(b"\n")
            assert await connection.files.get("/a.bin") == data
            await connection.repl.watch(0.5)
            assert program.output.count(b"\n") > before
            # what needs the REPL ends it, as everything that uses the REPL does
            assert await connection.files.put("/a.bin", b"new")
            assert (tmp_path / "files/a.bin").read_bytes() == b"new"
            assert connection.repl.background is not program
            await connection.close()

    asyncio.run(scenario())


def test_large_files_do_not_wait_for_windows_on_a_slow_link(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (device, _, port):
            connection = await connect(port)
            await connection.files.features()
            device.faults.delay = 0.05
            loop = asyncio.get_running_loop()
            began = loop.time()
            data = os.urandom(50_000)
            await connection.files.put("/a.bin", data)
            # raw paste grants 128 bytes in each round trip: 39 s
            assert loop.time() - began < 15
            device.faults.delay = 0.0
            assert (tmp_path / "files/a.bin").read_bytes() == data
            # what records cannot say is asked before
            with pytest.raises(RemoteOSError, match="no such file or directory"):
                await connection.files.put("/no/folder", data)
            with pytest.raises(RemoteOSError, match="no room is left"):
                await connection.files.put("/large", os.urandom(900 << 10))
            assert sorted(path.name for path in (tmp_path / "files").iterdir()) == ["a.bin"]
            await connection.close()

    asyncio.run(scenario())


def test_many_small_files_are_few_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)
    files = {f"/lib/module_{number:02d}.py": chance.randbytes(chance.randrange(1500)) for number in range(50)}
    writes = [Write(path=path, content=Content.of(data), make_parents=True) for path, data in files.items()]

    async def scenario() -> None:
        async with served(tmp_path) as (_, _, port):
            connection = await connect(port)
            turns: list[int] = []
            monkeypatch.setattr(WebReplWire, "write", counting(WebReplWire.write, turns))
            done = await results(connection, *writes)
            assert [one["changed"] for one in done] == [True] * 50
            # raw paste alone would grant 128 bytes in each: more than four hundred
            assert len(turns) < 50, turns
            root = tmp_path / "files"
            there = {f"/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*.*")}
            assert there == files
            turns.clear()
            again = await results(connection, *writes)
            assert [one["changed"] for one in again] == [False] * 50
            assert len(turns) < 5, turns
            # the helper is still there for who comes next, and nothing is left behind
            await connection.close()
            (root / ".hivectl.run").write_text("half a train")
            turns.clear()
            connection = await connect(port)
            entered = len(turns)
            await connection.files.features()
            assert len(turns) == entered + 1
            assert not (root / ".hivectl.run").exists()
            await connection.close()

    asyncio.run(scenario())


def counting(write: Any, turns: list[int]) -> Any:
    """Return a method that counts."""

    async def counted(wire: WebReplWire, data: bytes) -> None:
        turns.append(len(data))
        await write(wire, data)

    return counted


def test_small_files_for_a_board_that_is_nearly_full(tmp_path: Path) -> None:
    chance = random.Random(1)
    files = {f"/f{number:02d}": chance.randbytes(700) for number in range(60)}
    writes = [Write(path=path, content=Content.of(data)) for path, data in files.items()]

    async def scenario() -> None:
        device = await Device.start("pico1", tmp_path / "files", room=40_000)
        server = WebRepl(device, PASSWORD)
        try:
            connection = await connect(await server.start())
            done = await results(connection, *writes)
            # what carries them would have had no room: they came without it, as far as there was any
            assert [one["changed"] for one in done] == [True] * (len(done) - 1) + [False]
            assert (done[-1]["failed"], done[-1]["errno"]) == (True, 28)
            names = [f"/{path.name}" for path in sorted((tmp_path / "files").iterdir())]
            assert names == list(files)[: len(done) - 1]
            assert len(names) > 8
            await connection.close()
        finally:
            await server.close()
            await device.close()

    asyncio.run(scenario())


def test_much_that_is_printed_at_once_arrives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, server, port):
            wire = await wire_to(port)
            # more than one frame of a board can say
            server.show(b"x" * 100_000 + b"\n")
            said = b""
            while not said.endswith(b"\n"):
                said += await wire.read()
            assert said.count(b"x") == 100_000
            await wire.close()

    asyncio.run(scenario())


def test_other_clients_work_with_the_server(tmp_path: Path) -> None:
    """aiohttp knows nothing of us."""

    async def scenario() -> None:
        async with (
            served(tmp_path) as (_, _, port),
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://127.0.0.1:{port}/", compress=0, autoping=False) as socket_,
        ):
            assert await socket_.receive_str() == "Password: "
            await socket_.send_str(PASSWORD + "\r")
            assert "WebREPL connected" in await socket_.receive_str()
            await socket_.send_str("print(6 * 7)\r\n")
            said = ""
            async with asyncio.timeout(10):
                while "42" not in said:
                    said += await socket_.receive_str()

    asyncio.run(scenario())


def test_two_ways_to_one_board(tmp_path: Path) -> None:
    from hivectl.virtual.registry import start_virtual

    async def scenario() -> None:
        board = await start_virtual("pico-w", "pico1", tmp_path)
        try:
            usb = await board.reach("serial")
            wifi = await board.reach("webrepl")
            assert usb["port"]
            connection = await connect(wifi["port"], wifi["password"].reveal())
            [found] = await results(connection, Stat(path="/"))
            assert found["stat"]["isdir"]
            await connection.close()
        finally:
            await board.close()

    asyncio.run(scenario())
