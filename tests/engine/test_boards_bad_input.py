"""What goes wrong with boards: one clear message each, and the board is of use afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.errors import NodeError
from hivectl.drivers.session import NodeSession
from hivectl.drivers.webrepl.wire import TakenError
from hivectl.micropython import repl as micropython_repl
from hivectl.micropython.errors import BusyBoardError
from hivectl.model.node_errors import (
    LoginError,
    OperationTimeoutError,
    OutputError,
    StreamError,
    UnreachableError,
)
from hivectl.model.secret import Secret
from tests.support.boards import do, reach, reached

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from hivectl.virtual.board.start import VirtualBoard

    Task = Callable[..., Awaitable[Any]]

STUBBORN = """\
open("/running", "w").close()
while True:
    try:
        while True:
            print("temperature 21.5")
    except KeyboardInterrupt:
        pass
"""


def with_a_board(
    folder: Path, driver: str, scenario: Callable[[Task, VirtualBoard, NodeSession], Awaitable[None]]
) -> None:
    async def main() -> None:
        async with reached(folder, driver) as (virtual, session):

            async def task(module: str, **arguments: Any) -> Any:
                return await do(session, folder, module, **arguments)

            await scenario(task, virtual, session)

    asyncio.run(main())


async def running(folder: Path) -> None:
    """Wait until a board's program has written a file that says so."""
    async with asyncio.timeout(30):
        while not (folder / "board/files/running").exists():  # noqa: ASYNC110 - a file sends no events
            await asyncio.sleep(0.01)


def clear(error: NodeError) -> str:
    """Return a message, which is one line and names the node."""
    said = str(error)
    assert said.startswith("pico1: ")
    assert "\n" not in said
    return said


def test_code_that_prints_for_ever_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(task: Task, _virtual: VirtualBoard, _session: NodeSession) -> None:
        endless = "while True: print('x' * 200)"
        with pytest.raises(OperationTimeoutError) as late:
            await task("repl", code=endless, timeout=0.5)
        assert "did not end in 0.5 s and was interrupted" in clear(late.value)
        assert (await task("repl", value="6 * 7"))["value"] == 42
        monkeypatch.setattr(micropython_repl, "LARGEST_OUTPUT", 100_000)
        with pytest.raises(OutputError) as much:
            await task("repl", code=endless, timeout=60)
        assert "printed more than" in clear(much.value)
        assert (await task("repl", value="6 * 7"))["value"] == 42

    with_a_board(tmp_path, "webrepl", scenario)


def test_a_program_that_prints_for_ever_and_takes_no_interrupt(tmp_path: Path) -> None:
    (tmp_path / "board/files").mkdir(parents=True)
    (tmp_path / "board/files/main.py").write_text(STUBBORN)

    async def scenario(_task: Task, virtual: VirtualBoard, _session: NodeSession) -> None:
        await running(tmp_path)
        hasty = await reach(virtual, "serial", tmp_path, enter_timeout=2.0)
        with pytest.raises(BusyBoardError) as busy:
            await hasty.connection()
        assert "does not let itself be interrupted; it says" in clear(busy.value)
        assert "temperature 21.5" in str(busy.value)
        assert "reset the board" in str(busy.value)

    with_a_board(tmp_path, "serial", scenario)


def test_code_with_a_syntax_error(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("print('first')\ndef pump(:\n")

    async def scenario(task: Task, _virtual: VirtualBoard, _session: NodeSession) -> None:
        for module, arguments in (
            ("repl", {"src": "wrong.py"}),
            ("script", {"cmd": "wrong.py"}),
            ("program", {"name": "wrong", "script": "wrong.py", "settle": 30}),
        ):
            result = await task(module, **arguments)
            assert result["failed"], module
            assert "SyntaxError: invalid syntax" in result["msg"]
            # nothing of it ran
            assert "first" not in result.get("stdout", result.get("output", ""))

    with_a_board(tmp_path, "serial", scenario)


@pytest.mark.parametrize("driver", ["serial", "webrepl"])
def test_long_paths_and_odd_names(tmp_path: Path, driver: str) -> None:
    async def scenario(task: Task, _virtual: VirtualBoard, _session: NodeSession) -> None:
        await task("file", path="/deep", state="directory")
        # file records of WebREPL take 63 bytes; through the REPL there is no such limit
        for name in ("/" + "d" * 63, "/deep/" + "d" * 64 + ".py", '/it\'s "ä" \\ {x}.txt'):
            made = await task("copy", content="x", dest=name)
            assert made["changed"], name
            assert (await task("stat", path=name))["stat"]["size"] == 1
            assert not (await task("copy", content="x", dest=name))["changed"]
        long = await task("copy", content="x", dest="/" + "d" * 300)
        assert long["failed"]
        assert "the name is too long" in long["msg"]

    with_a_board(tmp_path, driver, scenario)


def test_a_full_file_system(tmp_path: Path) -> None:
    files = tmp_path / "board/files"
    files.mkdir(parents=True)
    (files / "big.bin").write_bytes(b"x" * (840 << 10))
    (files / "a.txt").write_text("before")
    (tmp_path / "much.bin").write_bytes(bytes(range(256)) * 200)
    (tmp_path / "more").mkdir()
    (tmp_path / "more/much.bin").write_bytes(bytes(range(256)) * 200)
    (tmp_path / "pump.py").write_text("#" + "x" * 50_000)

    async def scenario(task: Task, _virtual: VirtualBoard, _session: NodeSession) -> None:
        copied = await task("copy", src="much.bin", dest="/a.txt")
        synced = await task("sync", src="more/", dest="/more")
        for result, path in ((copied, "/a.txt"), (synced, "/more/much.bin")):
            assert result["failed"]
            assert result["msg"].startswith(f"{path}: ")
            assert "no room is left in the file system" in result["msg"]
        with pytest.raises(NodeError) as program:
            await task("program", name="pump", script="pump.py")
        assert "no room is left in the file system" in clear(program.value)
        # nothing half is left, and what was there still is
        assert (files / "a.txt").read_text() == "before"
        assert not list(files.rglob("*.tmp"))
        assert not (files / "main.py").exists()

    with_a_board(tmp_path, "serial", scenario)


@pytest.mark.parametrize("driver", ["serial", "webrepl"])
def test_output_that_is_no_utf_8(tmp_path: Path, driver: str) -> None:
    code = "import sys\nsys.stdout.buffer.write(bytes(set(range(256)) - {4}) + b'\\xc3')\nprint('ä')\n"
    (tmp_path / "odd.py").write_text(code)

    async def scenario(task: Task, _virtual: VirtualBoard, _session: NodeSession) -> None:
        for result in (await task("repl", code=code), await task("script", cmd="odd.py")):
            assert not result.get("failed"), result
            assert result["stdout"].rstrip("\n").endswith("�ä")
            assert "ABCDEFG" in result["stdout"]
        kept = await task("repl", value="b'\\xff\\x04\\x01'")
        assert kept["value"] == b"\xff\x04\x01"

    with_a_board(tmp_path, driver, scenario)


@pytest.mark.parametrize(("driver", "error"), [("serial", StreamError), ("webrepl", TakenError)])
def test_two_controllers_at_once(tmp_path: Path, driver: str, error: type[NodeError]) -> None:
    async def scenario(task: Task, virtual: VirtualBoard, session: NodeSession) -> None:
        await session.connection()
        more = {"busy_timeout": 0.0} if driver == "webrepl" else {}
        other = await reach(virtual, driver, tmp_path, **more)
        with pytest.raises(error) as taken:
            await other.connection()
        assert "another" in clear(taken.value)
        # the first one never noticed
        assert (await task("repl", value="6 * 7"))["value"] == 42
        await session.close()
        # the board may notice a moment later that he is gone
        later = await reach(virtual, driver, tmp_path)
        await later.connection()
        await later.close()

    with_a_board(tmp_path, driver, scenario)


def test_a_port_that_somebody_has_leaves_the_other_way(tmp_path: Path) -> None:
    async def scenario(_task: Task, virtual: VirtualBoard, session: NodeSession) -> None:
        await session.connection()
        usb = await reach(virtual, "serial", tmp_path)
        with pytest.raises(UnreachableError, match="in use by another program"):
            await usb.connection()
        wifi = await reach(virtual, "webrepl", tmp_path)
        both = NodeSession("pico1", [*usb._candidates, *wifi._candidates])
        connection: Any = await both.connection()
        assert await connection.repl.evaluate("6 * 7") == 42
        await both.close()

    with_a_board(tmp_path, "serial", scenario)


def test_what_was_said_to_others_answers_nothing_of_ours(tmp_path: Path) -> None:
    async def scenario(_task: Task, virtual: VirtualBoard, session: NodeSession) -> None:
        # the port is there, and nobody has it open
        usb = await reach(virtual, "serial", tmp_path)
        for number in range(3):
            wifi: Any = await session.connection()
            assert await wifi.files.features()
            assert await wifi.repl.evaluate("[1] * 9") == [1] * 9
            await session.close()
            cable: Any = await usb.connection()
            assert await cable.repl.evaluate(f"6 * {number}") == 6 * number
            assert await cable.files.entries("/") == []
            await usb.close()

    with_a_board(tmp_path, "webrepl", scenario)


def test_wrong_passwords(tmp_path: Path) -> None:
    async def scenario(_task: Task, virtual: VirtualBoard, _session: NodeSession) -> None:
        for password, words in (
            ("wrong", "its WebREPL has another password"),
            ("", "its WebREPL has another password"),
            ("0123456789", "has more than 9 characters"),
            ("ääääää", "has more than 9"),
        ):
            other = await reach(virtual, "webrepl", tmp_path, password=Secret(password))
            with pytest.raises(LoginError) as denied:
                await other.connection()
            assert words in clear(denied.value)
            assert not password or password not in str(denied.value)

    with_a_board(tmp_path, "serial", scenario)


def test_a_script_whose_end_nobody_heard_is_not_repeated(tmp_path: Path) -> None:
    code = "import time\nopen('/running', 'w').close()\nwhile True:\n    time.sleep(0.01)\n"
    (tmp_path / "fill.py").write_text(code)
    (tmp_path / "short.py").write_text("print('done')")

    async def scenario(task: Task, virtual: VirtualBoard, session: NodeSession) -> None:
        connection = await session.connection()
        assert (await connection.progress("test")).key is None
        assert (await task("script", cmd="short.py"))["stdout"] == "done\n"
        # who resumes a run learns which one began last
        assert (await connection.progress("test")).key == "t0"
        assert (await connection.progress("another")).key is None
        filling = asyncio.ensure_future(task("script", cmd="fill.py"))
        await running(tmp_path)
        await virtual.device.reset()
        result = await filling
        assert (result["failed"], result["unknown"], result["changed"]) == (True, True, True)
        assert "nobody can tell whether it ended" in result["msg"]

    with_a_board(tmp_path, "webrepl", scenario)
