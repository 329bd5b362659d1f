"""The `local` driver: this machine."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.base import Capability, Command, StreamAddress, Target
from hivectl.drivers.errors import (
    ConnectionLostError,
    HelperError,
    OperationTimeoutError,
    PortInUseError,
    StreamError,
)
from hivectl.drivers.local import DRIVER, LocalAttributes
from hivectl.drivers.registry import find_driver
from hivectl.drivers.terminal import open_terminal
from hivectl.helper.operations import Batch, Run
from hivectl.model.secret import Secret
from tests.support.helper import carry_out_one, items_of, local, pid_in, wait_until_gone, with_connection

if TYPE_CHECKING:
    from pathlib import Path


def run(command: str, **options: Any) -> Any:
    return with_connection(lambda connection: connection.run(Command(command=command, **options)))


def test_it_is_found_by_name_and_connects(tmp_path: Path) -> None:
    driver = find_driver("local")
    assert driver is DRIVER
    assert Capability.STREAM in driver.capabilities
    target = Target(node="here", connection="local", attributes=LocalAttributes(), state=tmp_path)

    async def connect() -> None:
        connection = await driver.connect(target)
        assert connection.capabilities == driver.capabilities
        assert connection.closed is False
        await connection.close()
        await connection.close()
        assert bool(connection.closed)
        with pytest.raises(ConnectionLostError):
            await connection.run(Command(command="true"))

    asyncio.run(connect())


def test_a_command_has_three_streams_and_a_status() -> None:
    ended = run("cat; echo bad >&2; exit 7", stdin=b"\0\xffin")
    assert (ended.rc, ended.stdout, ended.stderr) == (7, b"\0\xffin", b"bad\n")


def test_a_command_is_run_by_the_logins_shell() -> None:
    import pwd

    shell = pwd.getpwuid(os.getuid()).pw_shell
    assert run("readlink /proc/$$/exe; true").stdout.decode().strip() == os.path.realpath(shell)


def test_the_environment_is_exact_and_in_no_list_of_processes() -> None:
    value = "a'b\"c $HOME `id`\n\\n \t é %s"
    ended = run(
        'printf "%s" "$ONE|$TWO"; tr "\\0" " " < /proc/$PPID/cmdline >&2; tr "\\0" " " < /proc/$$/cmdline >&2',
        environment={"ONE": value, "TWO": Secret("hunter2")},
    )
    assert ended.stdout.decode() == f"{value}|hunter2"
    assert b"hunter2" not in ended.stderr


def test_a_signal_is_128_and_more() -> None:
    assert run("kill -9 $$").rc == 137


def test_a_command_that_reads_nothing_of_much_input_is_no_fault() -> None:
    assert run("exit 0", stdin=b"x" * 1_000_000).rc == 0


def test_large_output_of_a_command_comes_whole() -> None:
    assert len(run("head -c 5000000 /dev/zero").stdout) == 5_000_000


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(OperationTimeoutError, match=r"longer than 0\.4 s"):
        run(f"echo $$ > {tmp_path}/pid; sleep 60", timeout=0.4)
    wait_until_gone(int((tmp_path / "pid").read_text()))


def test_cancelling_a_command_ends_it(tmp_path: Path) -> None:
    async def work(connection: Any) -> None:
        task = asyncio.create_task(
            connection.run(Command(command=f"echo $$ > {tmp_path}/pid; sleep 60; true"))
        )
        await pid_in(tmp_path / "pid")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with_connection(work)
    wait_until_gone(int((tmp_path / "pid").read_text()))


def test_an_interpreter_that_is_not_there_is_named() -> None:
    with pytest.raises(HelperError, match=r"/no/python.*No such file.*`python:`"):
        carry_out_one(Run(script="true"), python="/no/python")


def test_helpers_end_with_the_connection() -> None:
    async def work(connection: Any) -> int:
        async for result in connection.operate(Batch(run="r", items=items_of([Run(script="echo $PPID")]))):
            return int(result.result["stdout"])
        raise AssertionError

    wait_until_gone(with_connection(work))


def pair() -> tuple[int, str]:
    master, slave = os.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    return master, path


def test_a_stream_is_raw_both_ways() -> None:
    async def work(connection: Any) -> None:
        master, path = pair()
        keep = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            stream = await connection.open_stream(StreamAddress(path=path, baud=115200))
            with pytest.raises(PortInUseError, match="in use"):
                await connection.open_stream(StreamAddress(path=path, baud=115200))
            os.write(master, b"a\r\n\x03\x04\x11\x13\xff")
            got = b""
            while len(got) < 8:
                got += await stream.read()
            assert got == b"a\r\n\x03\x04\x11\x13\xff"
            await stream.write(b"b\n\x00\xfe")
            assert os.read(master, 100) == b"b\n\x00\xfe"
            # cancelling loses nothing
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await stream.read()
            os.write(master, b"later")
            assert await stream.read() == b"later"
            await stream.close()
            await stream.close()
            assert await stream.read() == b""
            with pytest.raises(ConnectionLostError):
                await stream.write(b"x")
        finally:
            os.close(keep)
            os.close(master)

    with_connection(work)


def test_a_stream_waits_for_a_slow_reader_without_blocking() -> None:
    async def work() -> None:
        master, path = pair()
        stream = open_terminal(StreamAddress(path=path))
        data = bytes(range(256)) * 400
        got = b""

        async def drain() -> None:
            nonlocal got
            while len(got) < len(data):
                await asyncio.sleep(0.001)
                got += os.read(master, 4096)

        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(stream.write(data))
            group.create_task(drain())
        assert got == data
        # the other side goes away
        os.close(master)
        assert await stream.read() == b""
        await stream.close()

    asyncio.run(work())


def test_closing_a_stream_wakes_its_reader() -> None:
    async def work() -> bytes:
        master, path = pair()
        stream = open_terminal(StreamAddress(path=path))
        reader = asyncio.create_task(stream.read())
        await asyncio.sleep(0.05)
        await stream.close()
        os.close(master)
        return await asyncio.wait_for(reader, 5)

    assert asyncio.run(work()) == b""


@pytest.mark.parametrize(
    ("path", "baud", "said"),
    [
        ("/dev/no-such-port", 115200, "cannot be opened"),
        ("/dev/null", 115200, "no terminal"),
        ("/dev/ptmx", 12345, "12345 baud"),
    ],
)
def test_a_port_that_cannot_be_used_says_why(path: str, baud: int, said: str) -> None:
    async def work() -> None:
        await local().open_stream(StreamAddress(path=path, baud=baud))

    with pytest.raises(StreamError, match=said):
        asyncio.run(work())
