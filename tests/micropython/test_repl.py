"""The raw REPL, on a real MicroPython."""

from __future__ import annotations

import asyncio
import os
import pty
import time
import tty
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.base import StreamAddress
from hivectl.drivers.terminal import open_terminal
from hivectl.micropython.errors import (
    BusyBoardError,
    NotABoardError,
    ProtocolError,
    RemoteError,
    RemoteOSError,
    RemoteSyntaxError,
    SilentBoardError,
)
from hivectl.micropython.prompt import no_prompt
from hivectl.micropython.repl import Repl
from hivectl.micropython.sending import PASTE
from hivectl.model.node_errors import ConnectionLostError, OperationTimeoutError
from tests.support.boards import board

if TYPE_CHECKING:
    from pathlib import Path


def test_programs_run_and_values_come_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            assert await bench.repl.execute("print(6 * 7)") == b"42\r\n"
            assert await bench.repl.evaluate("{'a': [1, 2.5, None], 'b': (True, b'x')}") == {
                "a": [1, 2.5, None],
                "b": (True, b"x"),
            }
            # longer than many windows of raw paste, of the very size of one, and empty
            for size in (0, 127, 128, 129, 5000):
                assert await bench.repl.execute("#" * max(0, size - 9) + "\nprint(1)" * (size > 0)) == (
                    b"1\r\n" if size else b""
                )
            await bench.repl.execute("kept = 5")
            assert await bench.repl.evaluate("kept") == 5
            with pytest.raises(ProtocolError, match="no literal"):
                await bench.repl.evaluate("object()")
            assert await bench.repl.execute("import sys\nsys.stdout.buffer.write(b'\\xff\\x00\\n')") == (
                b"\xff\x00\n"
            )

    asyncio.run(scenario())


def test_errors_of_the_board_are_typed_and_keep_its_traceback(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            with pytest.raises(RemoteOSError, match="no such file") as missing:
                await bench.repl.execute("def f():\n    open('nothing')\nf()")
            assert missing.value.errno == 2
            assert "line 2, in f" in missing.value.traceback
            with pytest.raises(RemoteSyntaxError):
                await bench.repl.execute("1 +")
            with pytest.raises(RemoteError, match="ZeroDivisionError") as division:
                await bench.repl.execute("1 / 0")
            assert division.value.kind == "ZeroDivisionError"
            # and all is well afterwards
            assert await bench.repl.evaluate("1") == 1

    asyncio.run(scenario())


def test_a_program_that_does_not_end_is_interrupted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            for program in (
                "while True: pass",
                "import time\nprint('begun')\ntime.sleep(3600)",
                "while True: print('on and on')",
                "import time\ntry:\n    while True: time.sleep(0.01)\nexcept KeyboardInterrupt:\n    while True: pass",
            ):
                began = time.monotonic()
                with pytest.raises(OperationTimeoutError, match=r"did not end in 0\.2 s"):
                    await bench.repl.execute(program, timeout=0.2)
                assert await bench.repl.evaluate("1 + 1") == 2, program
                assert time.monotonic() - began < 8

    asyncio.run(scenario())


def test_cancelling_ends_the_program(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            running = asyncio.ensure_future(bench.repl.execute("n = 0\nwhile True: n += 1"))
            await asyncio.sleep(0.3)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert await bench.repl.evaluate("n > 0")

    asyncio.run(scenario())


def test_a_program_at_boot_is_interrupted_for_a_prompt(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "main.py").write_text("n = 1\nwhile True: n += 1\n")
        async with board(tmp_path) as bench:
            assert await bench.repl.evaluate("n > 1")

    asyncio.run(scenario())


def test_soft_reset_forgets_names_and_keeps_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            await bench.repl.execute("kept = 5\nwith open('boot.py', 'w') as f: f.write('booted = 1')")
            await bench.repl.soft_reset()
            assert await bench.repl.evaluate("booted") == 1
            with pytest.raises(RemoteError, match="NameError"):
                await bench.repl.execute("kept")

    asyncio.run(scenario())


def test_a_board_resets_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            with pytest.raises((OperationTimeoutError, ProtocolError, ConnectionLostError)):
                await bench.repl.execute("import machine\nmachine.reset()", timeout=2)
            assert await bench.repl.evaluate("1") == 1

    asyncio.run(scenario())


async def answering(answer: bytes, *, again: bool = False) -> tuple[Repl, asyncio.Task[None]]:
    """Return a REPL on a pseudo-terminal that answers each input with the same bytes."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.set_blocking(master, False)

    async def reply() -> None:
        try:
            while True:
                await asyncio.sleep(0.005)
                try:
                    os.read(master, 4096)
                except BlockingIOError:
                    if not again:
                        continue
                try:
                    os.write(master, answer)
                except BlockingIOError:
                    continue
        finally:
            os.close(master)
            os.close(slave)

    task = asyncio.ensure_future(reply())
    return Repl(open_terminal(StreamAddress(path=path)), node="x"), task


@pytest.mark.parametrize(
    ("answer", "again", "error", "words"),
    [
        (b"", False, SilentBoardError, "says nothing"),
        (b"login: ", False, NotABoardError, "no MicroPython board: 'login: "),
        (b"\xff\xfe\x00", False, NotABoardError, "no MicroPython"),
        (bytes(range(256)) * 4, True, NotABoardError, "what comes is no text"),
        (b"temperature 21.5\r\n", True, BusyBoardError, "does not let itself be interrupted"),
        (b'Type "help()"\r\n>>> ', False, SilentBoardError, "says nothing any more: it hangs"),
    ],
)
def test_what_gives_no_prompt_is_told_apart(
    answer: bytes, *, again: bool, error: type[Exception], words: str
) -> None:
    async def scenario() -> None:
        repl, task = await answering(answer, again=again)
        try:
            began = time.monotonic()
            with pytest.raises(error, match=words):
                await repl.enter(deadline=0.8)
            assert time.monotonic() - began < 4
        finally:
            await repl.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())


def test_a_cable_that_is_pulled_ends_the_program(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            await bench.repl.enter()
            running = asyncio.ensure_future(bench.repl.execute("import time\ntime.sleep(60)"))
            await asyncio.sleep(0.2)
            bench.port.unplug()
            with pytest.raises(ConnectionLostError):
                await running

    asyncio.run(scenario())


def test_a_program_that_arrives_in_part_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hivectl.micropython.sending.SEND_SECONDS", 0.3)

    async def scenario() -> None:
        async with board(tmp_path) as bench:
            await bench.repl.enter()
            bench.device.faults.loss = 0.02
            with pytest.raises(ProtocolError, match="bytes were lost"):
                await bench.repl.execute("#" * 1000)
            bench.device.faults.loss = 0.0
            assert await bench.repl.evaluate("1") == 1

    asyncio.run(scenario())


def test_another_terminals_goodbye_does_not_spoil_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hivectl.micropython.sending.LEARNING", 1.5)

    async def scenario() -> None:
        async with board(tmp_path) as bench:
            wire: Any = bench.repl._wire
            write = wire.write
            left = [b"\r\x02"]

            async def disturbed(data: bytes) -> None:
                # Ctrl-B from USB, behind the prompt that Wi-Fi got
                if data.startswith(PASTE) and left:
                    await write(left.pop())
                elif data.startswith(PASTE):
                    # what is not spoilt is answered, however busy the machine is
                    monkeypatch.setattr("hivectl.micropython.sending.LEARNING", 30.0)
                await write(data)

            monkeypatch.setattr(wire, "write", disturbed)
            await bench.repl.enter()
            assert not left
            assert await bench.repl.evaluate("'x' * 3000") == "x" * 3000

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("seen", "kind", "words"),
    [
        (b"", SilentBoardError, "says nothing: it hangs"),
        (bytes(range(128, 256)), BusyBoardError, "does not let itself be interrupted"),
    ],
)
def test_what_has_asked_for_a_password_is_a_board_without_a_cable(
    seen: bytes, kind: type[Exception], words: str
) -> None:
    error = no_prompt(seen, "x", logged_in=True)
    assert isinstance(error, kind)
    assert words in str(error)
    assert "baud" not in f"{error} {error.hint}"
