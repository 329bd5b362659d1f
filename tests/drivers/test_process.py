"""Commands that are talked to while they run: on this machine and by SSH, with and without a terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hivectl.drivers.base import Target, Terminal
from hivectl.drivers.errors import CapabilityError
from hivectl.drivers.registry import find_driver
from hivectl.model.parameters import convert

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from hivectl.drivers.base import Connection, Process
    from tests.support.sshd import Sshd

    Open = Callable[[], Awaitable[Connection]]


@pytest.fixture(params=["local", "ssh"])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Awaitable[Connection]]:
    """Open a connection to a home with nothing in it."""
    values = {}
    if request.param == "ssh":
        host: Sshd = request.getfixturevalue("sshd_host")
        values = host.attributes
    else:
        (tmp_path / "home").mkdir()
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
    driver = find_driver(request.param)

    async def connect() -> Connection:
        attributes = convert(driver.attributes, values)
        return await driver.connect(
            Target(node="n1", connection="main", attributes=attributes, state=tmp_path / "state")
        )

    return connect


async def everything(process: Process) -> bytes:
    found = b""
    while data := await process.read():
        found += data
    return found


async def until(process: Process, wanted: bytes) -> bytes:
    found = b""
    while wanted not in found:
        data = await process.read()
        assert data, found
        found += data
    return found


def test_it_is_talked_to_by_pipes(opened: Open) -> None:
    async def main() -> None:
        connection = await opened()
        process = await connection.open_process('read -r line; echo "got $line"; echo bad >&2; exit 7')
        await process.write(b"one\n")
        assert await everything(process) == b"got one\n"
        assert await process.read_errors() == b"bad\n"
        assert await process.wait() == 7
        await process.close()
        await connection.close()

    asyncio.run(main())


def test_its_terminal_has_a_size_and_passes_keys_on(opened: Open) -> None:
    async def main() -> None:
        connection = await opened()
        process = await connection.open_process(
            "stty size; echo $TERM; trap 'echo caught' INT; trap 'stty size' WINCH; "
            "echo ready; while :; do sleep 0.05; done",
            Terminal(columns=101, rows=33, kind="screen"),
        )
        begun = await until(process, b"ready\r\n")
        assert begun.startswith(b"33 101\r\nscreen\r\n"), begun
        await process.resize(120, 40)
        await until(process, b"40 120\r\n")
        await process.write(b"\x03")
        await until(process, b"caught\r\n")
        await process.close()
        await process.close()
        assert await process.read() == b""
        await connection.close()

    asyncio.run(main())


def test_the_end_of_a_terminal_is_told(opened: Open) -> None:
    async def main() -> None:
        connection = await opened()
        process = await connection.open_process("test -t 0 && pwd; exit 3", Terminal())
        assert (await everything(process)).strip().endswith(b"home")
        assert await process.wait() == 3
        await connection.close()

    asyncio.run(main())


def test_closing_the_connection_ends_it(opened: Open) -> None:
    async def main() -> None:
        connection = await opened()
        process = await connection.open_process("cat", Terminal())
        await process.write(b"hello\n")
        await until(process, b"hello\r\nhello\r\n")
        await connection.close()
        assert await process.wait() != 0

    asyncio.run(main())


def test_much_output_arrives_whole(opened: Open) -> None:
    async def main() -> None:
        connection = await opened()
        process = await connection.open_process("head -c 3000000 /dev/zero | tr '\\0' x; echo end")
        found = await everything(process)
        assert (len(found), found[-4:]) == (3000004, b"end\n")
        await connection.close()

    asyncio.run(main())


def test_where_only_files_are_offered_it_is_refused(
    tmp_path: Path, sshd_hosts: Callable[..., list[Sshd]]
) -> None:
    [host] = sshd_hosts(1, settings=["ForceCommand internal-sftp"])
    driver = find_driver("ssh")

    async def main() -> None:
        attributes = convert(driver.attributes, host.attributes)
        connection = await driver.connect(
            Target(node="n1", connection="main", attributes=attributes, state=tmp_path)
        )
        try:
            connection._capabilities = frozenset({"files"})  # type: ignore[attr-defined]
            with pytest.raises(CapabilityError, match="offers files only"):
                await connection.open_process("true")
        finally:
            await connection.close()

    asyncio.run(main())
