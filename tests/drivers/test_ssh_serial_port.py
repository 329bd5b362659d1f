from __future__ import annotations

import asyncio
import contextlib
import os
import termios
from typing import TYPE_CHECKING

import pytest

from hivectl.drivers.base import StreamAddress
from hivectl.drivers.errors import ConnectionLostError, PortInUseError, StreamError
from tests.support.connections import connected, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sshd import Sshd


@pytest.fixture
def board() -> Iterator[tuple[int, str]]:
    """Give both ends of a pseudo-terminal: the board's descriptor, and the path of its port."""
    master, slave = os.openpty()
    path = os.ttyname(slave)
    yield master, path
    for descriptor in (master, slave):
        with contextlib.suppress(OSError):
            os.close(descriptor)


async def take(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await asyncio.to_thread(os.read, descriptor, 65536)
    return data


def test_bytes_pass_both_ways_unchanged(sshd_host: Sshd, board: tuple[int, str]) -> None:
    master, path = board
    every_byte = bytes(range(256)) * 8

    async def main() -> None:
        async with connected(sshd_host) as connection:
            stream = await connection.open_stream(StreamAddress(path=path, baud=115200))
            await stream.write(every_byte)
            assert await take(master, len(every_byte)) == every_byte
            await asyncio.to_thread(os.write, master, every_byte)
            received = b""
            while len(received) < len(every_byte):
                received += await stream.read(100)
            assert received == every_byte
            assert termios.tcgetattr(master)[4] == termios.B115200
            await stream.close()
            await stream.close()

    asyncio.run(main())


def test_a_cancelled_read_loses_nothing(sshd_host: Sshd, board: tuple[int, str]) -> None:
    master, path = board

    async def main() -> None:
        async with connected(sshd_host) as connection:
            stream = await connection.open_stream(StreamAddress(path=path))
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await stream.read()
            os.write(master, b"all of it")
            assert await stream.read() == b"all of it"

    asyncio.run(main())


def test_a_port_has_one_user(sshd_host: Sshd, board: tuple[int, str]) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            stream = await connection.open_stream(StreamAddress(path=board[1]))
            with pytest.raises(PortInUseError, match=board[1]):
                await connection.open_stream(StreamAddress(path=board[1]))
            await stream.close()
            # free at once
            await (await connection.open_stream(StreamAddress(path=board[1]))).close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "baud", "told"),
    [
        ("absent", 9600, "there is no serial port"),
        ("file", 9600, "Inappropriate ioctl"),
        ("file", 7, "no such speed"),
    ],
)
def test_what_is_no_port_is_told(sshd_host: Sshd, tmp_path: Path, name: str, baud: int, told: str) -> None:
    (tmp_path / "file").touch()

    async def main() -> None:
        async with connected(sshd_host) as connection:
            await connection.open_stream(StreamAddress(path=str(tmp_path / name), baud=baud))

    with pytest.raises(StreamError, match=told) as caught:
        asyncio.run(main())
    assert str(tmp_path / name) in caught.value.message


def test_an_unplugged_port_is_the_end(sshd_host: Sshd, board: tuple[int, str]) -> None:
    master, path = board

    async def main() -> None:
        async with connected(sshd_host) as connection:
            stream = await connection.open_stream(StreamAddress(path=path))
            os.close(master)
            async with asyncio.timeout(5):
                assert await stream.read() == b""
                # the channel's end follows the stream's
                await until(lambda: connection.idle)
                with pytest.raises(ConnectionLostError, match="gone"):
                    await stream.write(b"x")

    asyncio.run(main())
