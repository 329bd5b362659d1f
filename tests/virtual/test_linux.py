from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncssh
import pytest

from hivectl.drivers.base import Capability, Command
from hivectl.drivers.errors import CapabilityError, ConnectionLostError, LoginError
from hivectl.helper.operations import (
    Attributes,
    Batch,
    Become,
    Content,
    Directory,
    Edit,
    Item,
    Link,
    Read,
    Remove,
    Run,
    Stat,
    Touch,
    Write,
)
from hivectl.virtual.linux import start
from hivectl.virtual.namespace import INIT
from tests.support.connections import connected, sh
from tests.support.sshd import new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hivectl.drivers.ssh.connection import SshConnection
    from hivectl.helper.operations import ItemResult, Operation
    from hivectl.virtual.linux import VirtualLinux


@asynccontextmanager
async def running(folder: Path, node: str = "demo1") -> AsyncIterator[VirtualLinux]:
    virtual = await start(node, folder)
    try:
        yield virtual
    finally:
        await virtual.close()


async def operate(connection: SshConnection, *operations: Operation, check: bool = False) -> list[ItemResult]:
    items = tuple(
        Item(key=str(number), step=number, chain=0, operation=operation, check=check, diff=True)
        for number, operation in enumerate(operations)
    )
    return [result async for result in connection.operate(Batch(run="test", items=items))]


def test_a_node_is_a_linux_host_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual:
            assert virtual.refusal is None
            async with connected(virtual.attributes) as connection:
                said = await sh(connection, "hostname; id -un; pwd; cat; echo oops >&2; exit 4", b"in\n")
                assert said.stdout.decode().split() == ["demo1", "root", "/root", "in"]
                assert (said.stderr, said.rc) == (b"oops\n", 4)
                assert (await sh(connection, "kill -9 $$")).rc == 137
                assert (await sh(connection, "python3 -c 'print(6*7)'")).stdout == b"42\n"

    asyncio.run(main())


def test_nothing_of_this_machine_is_seen_or_changed(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    witness.write_text("here")

    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual, connected(virtual.attributes) as connection:
            assert (await sh(connection, f"cat {witness}")).rc != 0
            assert (await sh(connection, "touch /usr/hivectl-test")).rc != 0
            assert (await sh(connection, "ls /etc/shadow /etc/ssh")).rc != 0
            # no process but its own, and no network but its own loopback
            assert (await sh(connection, f"kill -0 {os.getpid()} || ls /proc/{os.getpid()}")).rc != 0
            devices = (await sh(connection, "cat /proc/net/dev")).stdout.decode()
            assert [line.split(":")[0].strip() for line in devices.splitlines()[2:]] == ["lo"]

    asyncio.run(main())


def test_the_tree_stays_between_runs_and_so_does_the_host_key(tmp_path: Path) -> None:
    async def main() -> None:
        for expected in (b"", b"kept\n"):
            async with running(tmp_path / "demo1") as virtual, connected(virtual.attributes) as connection:
                said = await sh(connection, "cat /etc/motd /tmp/x; echo kept >/etc/motd; echo >/tmp/x")
                assert said.stdout.startswith(expected)

    asyncio.run(main())
    assert (tmp_path / "demo1/root/etc/motd").read_text() == "kept\n"
    keys = {line.split()[-1] for line in (tmp_path / "demo1/known_hosts").read_text().splitlines()}
    assert len(keys) == 1
    assert (tmp_path / "demo1/client_key").stat().st_mode & 0o777 == 0o600


def test_background_processes_live_across_channels_and_end_with_the_node(tmp_path: Path) -> None:
    name = f"3{time.time_ns() % 10**8}"

    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual:
            async with connected(virtual.attributes) as connection:
                assert (await sh(connection, f"nohup sleep {name} >/dev/null 2>&1 &")).rc == 0
            async with connected(virtual.attributes) as connection:
                assert (
                    await sh(connection, f"grep -al 'sleep.{name}' /proc/[0-9]*/cmdline | head -1")
                ).stdout

    asyncio.run(main())
    found = subprocess.run(["pgrep", "-f", f"^sleep {name}"], capture_output=True, check=False)
    assert found.stdout == b""


def test_the_helper_works_and_becoming_root_needs_no_sudo(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual, connected(virtual.attributes) as connection:
            write = Write(
                path="/etc/demo.conf", content=Content.of(b"on\n"), attributes=Attributes(mode="0600")
            )
            assert [r.result["changed"] for r in await operate(connection, write)] == [True]
            assert [r.result["changed"] for r in await operate(connection, write)] == [False]
            done = await connection.run(Command(command="id -u"), Become(user="root"))
            assert done.stdout == b"0\n"
            refused = await sh(connection, "sudo -u nobody id")
            assert b"a virtual node has one user" in refused.stderr

    asyncio.run(main())


def test_a_cancelled_command_leaves_no_process(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual, connected(virtual.attributes) as connection:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await sh(connection, "echo; sleep 4321; true")
            left = (await sh(connection, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).stdout
            assert b"sleep 4321" not in left

    asyncio.run(main())


def test_a_shell_has_a_terminal_of_the_right_size(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual, connected(virtual.attributes) as connection:
            shell = await connection.asyncssh.create_process(term_type="xterm", term_size=(91, 17))
            shell.stdin.write("stty size; tty; exit 5\n")
            async with asyncio.timeout(10):
                done = await shell.wait()
            assert "17 91" in str(done.stdout)
            assert "/dev/pts/" in str(done.stdout)
            assert done.exit_status == 5

    asyncio.run(main())


def test_only_the_generated_key_and_root_come_in(tmp_path: Path) -> None:
    new_key(tmp_path / "other")

    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual:
            for changes in ({"identity_file": str(tmp_path / "other")}, {"user": "pat"}):
                with pytest.raises(LoginError):
                    async with connected({**virtual.attributes, **changes}):
                        pass

    asyncio.run(main())


def test_a_node_that_ends_cuts_its_connections(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual, connected(virtual.attributes) as connection:
            waiting = asyncio.create_task(sh(connection, "sleep 30"))
            await sh(connection, "true")
            await virtual.close()
            with pytest.raises(ConnectionLostError):
                await waiting
            assert connection.closed

    asyncio.run(main())


def test_three_nodes_start_in_a_second(tmp_path: Path) -> None:
    """A bound a good deal wider than what it takes (0.2 s), since tests run beside others."""

    async def main() -> float:
        began = time.monotonic()
        nodes = await asyncio.gather(*(start(f"demo{n}", tmp_path / f"demo{n}") for n in range(3)))
        took = time.monotonic() - began
        for node in nodes:
            await node.close()
            await node.close()
        return took

    assert asyncio.run(main()) < 3


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take bubblewrap off this machine, as far as the search path goes."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


@pytest.mark.usefixtures("no_sandbox")
def test_without_a_sandbox_it_offers_files_and_says_why_no_commands(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual:
            assert "apt-get install bubblewrap" in str(virtual.refusal)
            async with connected(virtual.attributes) as connection:
                assert connection.capabilities == {Capability.FILES}
                with pytest.raises(CapabilityError, match="files only"):
                    await sh(connection, "id")
                # and the server means it
                with pytest.raises(asyncssh.ChannelOpenError):
                    await connection.asyncssh.run("id")

    asyncio.run(main())


@pytest.mark.usefixtures("no_sandbox")
def test_file_operations_by_sftp_change_once_and_then_nothing(tmp_path: Path) -> None:
    operations: tuple[Operation, ...] = (
        Directory(path="~/data/deep", attributes=Attributes(mode="0750")),
        Write(
            path="~/data/deep/a.txt", content=Content.of(b"one\ntwo\n"), attributes=Attributes(mode="0640")
        ),
        Write(path="~/data/deep", into="b.txt", content=Content.of(b"b")),
        Edit(path="~/data/deep/a.txt", edit="line", arguments={"line": "three", "state": "present"}),
        Link(path="~/data/link", source="deep/a.txt"),
        Touch(path="~/data/empty", make=True, access_time="preserve", modification_time="preserve"),
        Remove(path="~/data/old"),
    )

    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual, connected(virtual.attributes) as connection:
            home = virtual.root / "root"
            (home / "data").mkdir()
            (home / "data/old").mkdir()
            (home / "data/old/file").write_text("x")
            checked = await operate(connection, *operations, check=True)
            assert [r.result["changed"] for r in checked] == [True] * 7
            assert sorted(path.name for path in (home / "data").iterdir()) == ["old"]
            # what a check pretended is forgotten by another connection
            async with connected(virtual.attributes) as again:
                first = await operate(again, *operations)
                assert [r.result["changed"] for r in first] == [True] * 7, first
                assert (home / "data/deep/a.txt").read_text() == "one\ntwo\nthree\n"
                second = await operate(again, *operations[:1], *operations[2:])
                assert [r.result["changed"] for r in second] == [False] * 6, second
                found, read = await operate(
                    again, Stat(path="data/link", follow=True), Read(path="data/deep/a.txt")
                )
                assert found.result["stat"]["mode"] == "0640"
                assert read.content == b"one\ntwo\nthree\n"
                (run,) = await operate(again, Run(argv=("id",)))
                assert run.result["failed"]
                assert "runs commands" in run.result["msg"]

    asyncio.run(main())


@pytest.mark.usefixtures("no_sandbox")
def test_files_by_sftp_stay_in_the_tree(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")

    async def main() -> None:
        async with running(tmp_path / "demo1") as virtual, connected(virtual.attributes) as connection:
            home = virtual.root / "root"
            async with connection.asyncssh.start_sftp_client() as sftp:
                await sftp.symlink("/", "/root/top")
                await sftp.symlink("../" * 20 + str(tmp_path).lstrip("/"), "/root/up")
                await sftp.symlink(str(tmp_path), "/root/absolute")
                for path in (
                    "up/secret",
                    "absolute/secret",
                    f"top{tmp_path}/secret",
                    "../" * 9 + f"{tmp_path}/secret",
                ):
                    with pytest.raises(asyncssh.SFTPError):
                        async with sftp.open(path) as file:
                            await file.read()
                    with pytest.raises(asyncssh.SFTPError):
                        await sftp.remove(path)
                    with pytest.raises(asyncssh.SFTPError):
                        await sftp.rename(path, "stolen")
                async with sftp.open("up-there", "wb") as file:
                    await file.write(b"x")
                await sftp.symlink("/up-there-2", "dangling")
                async with sftp.open("dangling", "wb") as file:
                    await file.write(b"y")
            assert (home / "up-there").read_bytes() == b"x"
            assert (virtual.root / "up-there-2").read_bytes() == b"y"
        assert (tmp_path / "secret").read_text() == "outside"

    asyncio.run(main())


def test_the_first_process_runs_on_old_pythons() -> None:
    ast.parse(INIT.read_text(), feature_version=(3, 7))
