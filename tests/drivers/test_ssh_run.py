from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hivectl.drivers.base import Capability, Command
from hivectl.drivers.errors import BecomeError, ConnectionLostError, OperationTimeoutError
from hivectl.helper.operations import Batch, Become, Content, Item, Read, Run, Write
from hivectl.model.secret import Secret
from tests.support.connections import connected, sh, until
from tests.support.sshd import connection_servers, descendants, new_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.drivers.ssh.connection import SshConnection
    from hivectl.helper.operations import ItemResult, Operation
    from tests.support.sshd import Sshd


def batch(*operations: Operation) -> Batch:
    items = tuple(
        Item(key=str(n), step=n, chain=0, operation=operation) for n, operation in enumerate(operations)
    )
    return Batch(run="test", items=items)


async def all_of(connection: SshConnection, *operations: Operation) -> list[ItemResult]:
    return [result async for result in connection.operate(batch(*operations))]


def commands_of(host: Sshd) -> list[str]:
    """Return the command lines of everything that runs below a host's sshd."""
    assert host.process is not None
    lines = []
    for pid in descendants(host.process.pid):
        with contextlib.suppress(OSError):
            lines.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
    return [line for line in lines if line and not line.startswith("sshd")]


def sleeping(host: Sshd) -> int:
    return sum(line.strip() == "sleep 30" for line in commands_of(host))


async def until_nothing_runs(host: Sshd) -> None:
    await until(lambda: not commands_of(host))


def test_a_command_gives_its_bytes_and_its_status(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            done = await sh(connection, "cat; printf '\\377' >&2; exit 3", b"\x00\xfe\n")
            assert (done.rc, done.stdout, done.stderr) == (3, b"\x00\xfe\n", b"\xff")
            assert (await sh(connection, "kill -TERM $$")).rc == 128 + signal.SIGTERM
            assert connection.capabilities == {
                Capability.RUN,
                Capability.SHELL,
                Capability.FILES,
                Capability.STREAM,
            }

    asyncio.run(main())


def test_a_large_stream_passes_both_ways(sshd_host: Sshd) -> None:
    data = os.urandom(5_000_000)

    async def main() -> bytes:
        async with connected(sshd_host) as connection:
            return (await sh(connection, "cat", data)).stdout

    assert hashlib.sha256(asyncio.run(main())).digest() == hashlib.sha256(data).digest()


def test_the_environment_arrives_and_stands_in_no_list_of_processes(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            command = Command(
                command='printf %s "$TOKEN"; cat /proc/[0-9]*/cmdline | tr "\\0" " " >&2',
                environment={"TOKEN": Secret("it's $two\nlines of pumpernickel")},
            )
            done = await connection.run(command)
            assert done.stdout == b"it's $two\nlines of pumpernickel"
            assert b"pumpernickel" not in done.stderr

    asyncio.run(main())


def test_more_commands_at_once_than_sshd_has_channels(sshd_host: Sshd) -> None:
    """MaxSessions is 10: the others wait for their turn."""

    async def main() -> list[bytes]:
        async with connected(sshd_host) as connection:
            runs = (sh(connection, f"sleep 0.1; echo {number}") for number in range(25))
            return [done.stdout for done in await asyncio.gather(*runs)]

    assert asyncio.run(main()) == [f"{number}\n".encode() for number in range(25)]
    assert sshd_host.logins() == 1


def test_a_cancelled_command_leaves_no_process(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            running = asyncio.create_task(sh(connection, "sleep 30 & sleep 30"))
            await until(lambda: sleeping(sshd_host) == 2)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await until_nothing_runs(sshd_host)
            # and the connection is as good as before
            assert (await sh(connection, "echo on")).stdout == b"on\n"

    asyncio.run(main())


def test_a_command_that_takes_too_long_is_ended(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            with pytest.raises(OperationTimeoutError):
                await connection.run(Command(command="trap '' HUP TERM; sleep 30", timeout=0.3))
            await until_nothing_runs(sshd_host)

    asyncio.run(main())


def test_batches_share_one_channel(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            for text in ("one", "two"):
                write = Write(path="file", content=Content.of(text.encode()))
                results = [result async for result in connection.operate(batch(write, Read(path="file")))]
                assert results[0].result["changed"], results
                assert results[1].content == text.encode()

    asyncio.run(main())
    assert (sshd_host.home / "file").read_text() == "two"
    assert sshd_host.channels() == 1


def test_closing_ends_what_runs_on_the_node(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            running = asyncio.create_task(all_of(connection, Run(argv=("sleep", "30"))))
            await until(lambda: sleeping(sshd_host) == 1)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await until_nothing_runs(sshd_host)

    asyncio.run(main())


def test_a_connection_lost_in_mid_batch_is_told(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            two = connection.operate(batch(Run(argv=("true",)), Run(argv=("sleep", "30"))))
            running = asyncio.ensure_future(anext(two))
            assert (await running).index == 0
            running = asyncio.ensure_future(anext(two))
            await until(lambda: sleeping(sshd_host) == 1)
            sshd_host.drop_connections()
            with pytest.raises(ConnectionLostError):
                await running
            assert connection.closed
            with pytest.raises(ConnectionLostError):
                await sh(connection, "true")

    asyncio.run(main())


def test_a_lost_connection_ends_a_waiting_command(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            running = asyncio.create_task(sh(connection, "sleep 30"))
            await sh(connection, "true")
            assert sshd_host.process is not None
            assert connection_servers(sshd_host.process.pid)
            sshd_host.drop_connections()
            with pytest.raises(ConnectionLostError):
                await running

    asyncio.run(main())


def test_the_logins_own_user_needs_no_sudo(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with connected(sshd_host) as connection:
            # PATH without sudo: it is not even looked for
            done = await connection.run(Command(command="id -un"), Become(user=sshd_host.user))
            assert done.stdout.decode().strip() == sshd_host.user

    asyncio.run(main())


ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a user with a password")
# a machine of its own as far as users go: /etc is a copy, /home is empty, both in a private mount namespace
WRAPPER = """
set -e
cp -a /etc "$1/etc"; mount --bind "$1/etc" /etc; mount -t tmpfs -o mode=755 tmpfs /home
useradd -m -s /bin/sh pat; echo pat:open-sesame | chpasswd; cp "$1/authorized_keys" /home/pat/keys
chown pat /home/pat/keys; echo 'pat ALL=(ALL) ALL' >/etc/sudoers; chmod 440 /etc/sudoers
shift; exec "$@"
"""


@pytest.fixture
def pats_host(sshd_hosts: Callable[..., list[Sshd]], tmp_path: Path) -> Sshd:
    """Give a host where the user pat may sudo with the password open-sesame."""
    folder = tmp_path / "sshd1"
    wrapper = ("unshare", "--mount", "sh", "-c", WRAPPER, "sh", str(folder))
    settings = ["AuthorizedKeysFile /home/pat/keys", "SetEnv HOME=/home/pat", "PasswordAuthentication yes"]
    return sshd_hosts(settings=settings, wrapper=wrapper)[0]


@ROOT_ONLY
def test_sudo_with_a_password(pats_host: Sshd) -> None:
    right, wrong = Secret("open-sesame"), Secret("abracadabra")

    async def main() -> None:
        async with connected(pats_host, user="pat") as connection:
            for become in (None, Become(user="root", password=right), Become(user="nobody", password=right)):
                user = "pat" if become is None else become.user
                done = await connection.run(Command(command="id -un; cat", stdin=b"input"), become)
                assert done.stdout.decode() == f"{user}\ninput"
                results = [r async for r in connection.operate(batch(Run(argv=("id", "-un"))), become)]
                assert results[0].result["stdout"] == user
            with pytest.raises(BecomeError) as refused:
                await connection.run(Command(command="true"), Become(user="root", password=wrong))
            assert "abracadabra" not in str(refused.value)
            # nobody but root or pat may end what root runs
            running = asyncio.create_task(
                connection.run(Command(command="sleep 30"), Become(user="root", password=right))
            )
            await until(lambda: sleeping(pats_host) == 1)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await until(lambda: sleeping(pats_host) == 0)

    asyncio.run(main())


@ROOT_ONLY
def test_a_password_opens_the_login_where_no_key_does(pats_host: Sshd, tmp_path: Path) -> None:
    new_key(tmp_path / "other")

    async def main() -> bytes:
        changes = {"user": "pat", "identity_file": str(tmp_path / "other"), "password": Secret("open-sesame")}
        async with connected(pats_host, "m1", **changes) as connection:
            return (await sh(connection, "id -un")).stdout

    assert asyncio.run(main()) == b"pat\n"
