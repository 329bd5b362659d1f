"""From a board's name to its port, and alone on it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from serial.tools.list_ports_common import ListPortInfo

from hivectl.drivers.base import Target
from hivectl.drivers.errors import AddressError, ConnectionLostError, OperationTimeoutError, StreamError
from hivectl.drivers.serial import DRIVER, SerialAttributes
from hivectl.drivers.serial.opening import choose, pattern
from hivectl.drivers.terminal import open_terminal
from hivectl.micropython.repl import Repl
from tests.support.boards import board, connected_board, results
from tests.support.connections import until

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.drivers.base import Stream, StreamAddress


def port(device: str, serial_number: str | None, location: str) -> ListPortInfo:
    info = ListPortInfo(device)
    info.serial_number, info.location, info.vid = serial_number, location, 0x2E8A
    return info


PORTS = [
    port("/dev/ttyACM2", "E66141", "1-1.2:1.2"),
    port("/dev/ttyACM1", "E66141", "1-1.2:1.0"),
    port("/dev/ttyACM0", "E66142", "1-1.4:1.0"),
    port("/dev/ttyUSB0", None, "1-1.3:1.0"),
]


@pytest.mark.parametrize(
    ("attributes", "device"),
    [
        ({"serial_number": "e66142"}, "/dev/ttyACM0"),
        ({"serial_number": "E66141"}, "/dev/ttyACM1"),
        ({"serial_number": "E66141", "interface": 1}, "/dev/ttyACM2"),
        ({"hub_port": "1-1.3"}, "/dev/ttyUSB0"),
    ],
)
def test_a_board_is_found_by_what_does_not_change(attributes: dict[str, Any], device: str) -> None:
    assert choose(PORTS, SerialAttributes(**attributes), "pico1") == device


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        (
            {"serial_number": "E7"},
            r"no board with the serial number E7.*plugged in are: 1-1\.3, E66141, E66142",
        ),
        ({"hub_port": "9-9"}, "no board with the hub port 9-9"),
        ({"serial_number": "E66142", "interface": 1}, "has 1 serial ports"),
        ({}, "does not say which board.*serial_number"),
        ({"serial_number": ""}, "does not say which board.*serial_number"),
    ],
)
def test_a_board_that_is_not_there_is_told_with_those_that_are(
    attributes: dict[str, Any], words: str
) -> None:
    with pytest.raises(AddressError) as missing:
        choose(PORTS, SerialAttributes(**attributes), "pico1")
    assert re.search(words, str(missing.value))


def test_ports_of_other_nodes_are_named_as_udev_does() -> None:
    assert pattern(SerialAttributes(serial_number="E6"), "x") == "/dev/serial/by-id/*_E6-if**"
    assert pattern(SerialAttributes(serial_number="E6", interface=1), "x") == "/dev/serial/by-id/*_E6-if02*"
    assert pattern(SerialAttributes(hub_port="1-1.4"), "x") == "/dev/serial/by-path/*-usb-*:1.4:1.**"


def test_a_port_that_somebody_has_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench, connected_board(bench):
            target = Target(
                node="pico1",
                connection="serial",
                attributes=SerialAttributes(port=str(bench.port.link)),
                state=tmp_path,
            )
            with pytest.raises(StreamError, match="in use by another program"):
                await DRIVER.connect(target)

    asyncio.run(scenario())


def test_a_program_that_was_interrupted_goes_on_afterwards(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "main.py").write_text(
        "import os, time\nn = len(os.listdir('/'))\nopen('run%d' % n, 'w').close()\nwhile True: time.sleep(1)\n"
    )
    counts: list[int] = []

    async def scenario() -> None:
        async with board(tmp_path) as bench:

            def runs() -> int:
                return sum(path.name.startswith("run") for path in bench.root.iterdir())

            await until(lambda: runs() == 1)
            async with connected_board(bench) as connection:
                assert await connection.repl.evaluate("n") == 1
            await until(lambda: runs() == 2)
            async with connected_board(bench, resume=False):
                pass
            counts.append(runs())

    asyncio.run(scenario())
    assert counts == [2]


def test_what_we_interrupted_of_our_own_starts_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench, connected_board(bench) as connection:
            with pytest.raises(OperationTimeoutError):
                await connection.repl.execute("while True: pass", timeout=0.2)
            assert await connection.repl.evaluate("1") == 1
            assert not connection.repl.interrupted

    asyncio.run(scenario())


def test_through_another_node(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            await bench.repl.close()
            asked: list[StreamAddress] = []

            async def open_stream(address: StreamAddress) -> Stream:
                asked.append(address)
                return open_terminal(address)

            target = Target(
                node="pico1",
                connection="usb",
                attributes=SerialAttributes(port=f"{bench.port.link}*"),
                state=tmp_path,
                open_stream=open_stream,
            )
            connection = await DRIVER.connect(target)
            try:
                from hivectl.helper.operations import Directory

                [made] = await results(connection, Directory(path="/lib"))
                assert made["changed"]
                assert (bench.root / "lib").is_dir()
            finally:
                await connection.close()
            assert len(asked) == 1

    asyncio.run(scenario())


def test_pulled_and_plugged_in_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            await bench.repl.close()
            for _ in range(2):
                wire = open_terminal(_address(bench.port.link))
                repl = Repl(wire, node="pico1")
                assert await repl.evaluate("1") == 1
                bench.port.unplug()
                with pytest.raises(ConnectionLostError):
                    await repl.evaluate("1")
                await repl.close()
                bench.port.replug()

    asyncio.run(scenario())


def _address(path: Path) -> StreamAddress:
    from hivectl.drivers.base import StreamAddress

    return StreamAddress(path=str(path))
