from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest

from hivectl.drivers.errors import (
    AddressError,
    ConnectionLostError,
    ConnectTimeoutError,
    HostKeyError,
    LoginError,
    UnreachableError,
)
from hivectl.model.errors import ExitCode
from hivectl.model.secret import Secret
from tests.support.connections import connected, sh
from tests.support.sshd import new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.support.sshd import Sshd


def refused(sshd: Sshd, **changes: Any) -> UnreachableError:
    async def attempt() -> None:
        async with connected(sshd, **changes):
            pass

    with pytest.raises(UnreachableError) as caught:
        asyncio.run(attempt())
    assert caught.value.node == "m1"
    assert caught.value.exit_code == ExitCode.UNREACHABLE
    return caught.value


def test_a_host_is_reached_and_its_home_is_its_own(sshd_host: Sshd) -> None:
    async def main() -> bytes:
        async with connected(sshd_host) as connection:
            return (await sh(connection, "pwd; echo $HOME")).stdout

    assert asyncio.run(main()).decode().splitlines() == [str(sshd_host.home)] * 2


def test_an_unknown_host_key_is_told_with_its_fingerprint_and_the_command_that_accepts_it(
    sshd_host: Sshd, tmp_path: Path
) -> None:
    known = tmp_path / "known hosts of mine"
    error = refused(sshd_host, known_hosts=str(tmp_path / "known_hosts"))
    assert isinstance(error, HostKeyError)
    told = subprocess.run(
        ["ssh-keygen", "-lf", sshd_host.folder / "host_key"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert told in error.message
    assert "unknown" in error.message
    command = next(part for part in str(error.hint).split("; ") if "ssh-keyscan" in part)
    command = command.split(": ", 1)[-1]
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    asyncio.run(_true(sshd_host, known_hosts=str(tmp_path / "known_hosts")))
    assert not known.exists()


async def _true(sshd: Sshd, **changes: Any) -> None:
    async with connected(sshd, **changes) as connection:
        assert (await sh(connection, "true")).rc == 0


def test_a_changed_host_key_is_refused_even_where_new_ones_are_accepted(
    sshd_host: Sshd, tmp_path: Path
) -> None:
    other = new_key(tmp_path / "other")
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd_host.port} {other}\n")
    for strict in ("yes", "accept-new"):
        error = refused(sshd_host, known_hosts=str(known), strict_host_key_checking=strict)
        assert isinstance(error, HostKeyError)
        assert "CHANGED" in error.message
        assert f"ssh-keygen -R '[127.0.0.1]:{sshd_host.port}' -f {known}" in str(error.hint)
    asyncio.run(_true(sshd_host, known_hosts=str(known), strict_host_key_checking="no"))


def test_accept_new_adds_the_key_once_and_the_host_is_known_from_then_on(
    sshd_host: Sshd, tmp_path: Path
) -> None:
    known = tmp_path / "new" / "known_hosts"
    asyncio.run(_true(sshd_host, known_hosts=str(known), strict_host_key_checking="accept-new"))
    asyncio.run(_true(sshd_host, known_hosts=str(known)))
    assert known.read_text() == f"[127.0.0.1]:{sshd_host.port} {sshd_host.host_key}\n"


def test_a_line_of_nonsense_in_known_hosts_stops_nobody(sshd_host: Sshd) -> None:
    sshd_host.known_hosts.write_text(
        "nonsense\n@what is this\n|1|x|y z\n" + sshd_host.known_hosts.read_text()
    )
    asyncio.run(_true(sshd_host))


def test_a_refused_login_names_the_keys_that_were_offered(sshd_host: Sshd, tmp_path: Path) -> None:
    new_key(tmp_path / "other")
    error = refused(sshd_host, identity_file=str(tmp_path / "other"))
    assert isinstance(error, LoginError)
    assert str(tmp_path / "other") in error.message
    assert "publickey" in error.message


def test_a_refused_password_is_not_told(sshd_hosts: Callable[..., list[Sshd]], tmp_path: Path) -> None:
    host = sshd_hosts(settings=["PasswordAuthentication yes"])[0]
    new_key(tmp_path / "other")
    error = refused(host, identity_file=str(tmp_path / "other"), password=Secret("not it"))
    assert isinstance(error, LoginError)
    assert "the password" in error.message
    assert "not it" not in str(error)


def test_a_missing_identity_file_is_told(sshd_host: Sshd, tmp_path: Path) -> None:
    error = refused(sshd_host, identity_file=str(tmp_path / "absent"))
    assert isinstance(error, LoginError)
    assert f"{tmp_path / 'absent'} does not exist" in error.message


def test_a_key_with_a_passphrase_needs_it(sshd_host: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    # PKCS 8: OpenSSH's own encryption would need the package bcrypt
    key = asyncssh.read_private_key(sshd_host.identity_file)
    sshd_host.identity_file.write_bytes(key.export_private_key("pkcs8-pem", "open sesame"))
    error = refused(sshd_host)
    assert "passphrase" in error.message
    asyncio.run(_true(sshd_host, identity_passphrase=Secret("open sesame")))
    assert "passphrase is another" in refused(sshd_host, identity_passphrase=Secret("abracadabra")).message


def test_the_agents_keys_are_offered_where_the_files_are_none(
    sshd_host: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agent(tmp_path / "agent", sshd_host.identity_file) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        monkeypatch.setenv("HOME", str(tmp_path))
        asyncio.run(_true(sshd_host, identity_file=None))
        # ten at once share one agent

        async def ten() -> None:
            await asyncio.gather(*(_true(sshd_host, identity_file=None) for _ in range(10)))

        asyncio.run(ten())


@contextmanager
def agent(path: Path, key: Path) -> Iterator[str]:
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
        subprocess.run(["ssh-add", "-q", key], env=environment, check=True)
        yield str(path)
    finally:
        process.terminate()
        process.communicate()


def test_a_host_that_is_down_is_told(sshd_host: Sshd) -> None:
    sshd_host.stop()
    error = refused(sshd_host)
    assert isinstance(error, AddressError)
    assert "nothing listens" in error.message


def test_a_name_that_means_nothing_is_told(sshd_host: Sshd) -> None:
    error = refused(sshd_host, host="no-such-host.invalid")
    assert isinstance(error, AddressError)
    assert "no-such-host.invalid" in error.message


@asynccontextmanager
async def says(banner: bytes, *, then_closes: bool = False) -> AsyncIterator[int]:
    """Run a server that accepts, says this much and no more."""
    ended = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        if not then_closes:
            await ended.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        ended.set()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("banner", "told"), [(b"", "said nothing"), (b"SSH-2.0-slow\r\n", "the key exchange took longer")]
)
def test_a_host_that_accepts_and_hangs_costs_the_timeout_and_no_more(
    sshd_host: Sshd, banner: bytes, told: str
) -> None:
    async def main() -> None:
        async with (
            says(banner) as port,
            asyncio.timeout(5),
            connected(sshd_host, port=port, connect_timeout=0.3),
        ):
            pass

    with pytest.raises(ConnectTimeoutError, match=told):
        asyncio.run(main())


def test_a_host_that_accepts_and_closes_is_told(sshd_host: Sshd) -> None:
    async def main() -> None:
        async with says(b"", then_closes=True) as port, connected(sshd_host, port=port):
            pass

    with pytest.raises(ConnectionLostError, match="without a word"):
        asyncio.run(main())


def test_a_host_that_accepts_and_resets_is_told(sshd_host: Sshd) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = writer.get_extra_info("socket")
        # closed with a reset, as by a host that goes down: socket(7), SO_LINGER
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(reset, "127.0.0.1", 0)
        async with server, connected(sshd_host, port=server.sockets[0].getsockname()[1]):
            pass

    with pytest.raises(ConnectionLostError, match="without a word"):
        asyncio.run(main())


def test_hosts_that_hang_do_not_hold_up_those_that_answer(sshd_host: Sshd) -> None:
    async def main() -> float:
        async with says(b"") as port:

            async def hang() -> None:
                with pytest.raises(ConnectTimeoutError):
                    async with connected(sshd_host, port=port, connect_timeout=3):
                        pass

            loop = asyncio.get_running_loop()
            async with asyncio.TaskGroup() as group:
                for _ in range(100):
                    group.create_task(hang())
                await asyncio.sleep(0)
                began = loop.time()
                await _true(sshd_host)
                return loop.time() - began

    assert asyncio.run(main()) < 2.5


def test_a_jump_host_is_gone_through_and_shared(sshd_hosts: Callable[..., list[Sshd]]) -> None:
    jump, *behind = sshd_hosts(4)

    async def main() -> None:
        via = f"{jump.user}@127.0.0.1:{jump.port}"
        await asyncio.gather(*(_true(host, proxy_jump=via) for host in behind))

    asyncio.run(main())
    assert jump.logins() == 1
    assert [host.logins() for host in behind] == [1, 1, 1]


def test_a_jump_host_that_is_down_is_named(sshd_hosts: Callable[..., list[Sshd]]) -> None:
    jump, behind = sshd_hosts(2)
    jump.stop()
    error = refused(behind, proxy_jump=f"{jump.user}@127.0.0.1:{jump.port}")
    assert isinstance(error, AddressError)
    assert "jump host 127.0.0.1" in error.message


def test_a_host_down_behind_a_jump_host_is_told(sshd_hosts: Callable[..., list[Sshd]]) -> None:
    jump, behind = sshd_hosts(2)
    behind.stop()
    error = refused(behind, proxy_jump=f"{jump.user}@127.0.0.1:{jump.port}")
    assert isinstance(error, AddressError)
    assert "from the jump host" in error.message


def test_ssh_config_says_where_a_node_is(sshd_host: Sshd, tmp_path: Path) -> None:
    included = tmp_path / "lab.conf"
    included.write_text(
        f"Host m*\n  HostName 127.0.0.1\n  Port {sshd_host.port}\n  IdentityFile {sshd_host.identity_file}\n"
    )
    config = tmp_path / "config"
    config.write_text(f"Include {included}\nHost *\n  UserKnownHostsFile {sshd_host.known_hosts}\n  Port 1\n")
    asyncio.run(
        _true(sshd_host, ssh_config=str(config), host=None, port=None, identity_file=None, known_hosts=None)
    )


def test_a_proxy_command_is_used(sshd_host: Sshd, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import socket, sys, threading, os\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536): s.sendall(data)\n"
        "    s.shutdown(socket.SHUT_WR)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := s.recv(65536): os.write(1, data)\n"
    )
    # a shell's line, as in ssh_config
    asyncio.run(_true(sshd_host, proxy_command=f"python3 {relay} %h %p 2>/dev/null"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-proxy %h", "no-such-proxy: not found"),
        ("sh -c 'echo the door is closed >&2; exit 3'", "(the door is closed)"),
        ("sh -c 'echo", "nterminated quoted string"),
    ],
)
def test_a_proxy_command_that_leads_nowhere_is_told_with_what_it_said(
    sshd_host: Sshd, command: str, said: str
) -> None:
    error = refused(sshd_host, proxy_command=command)
    assert error.message.startswith("the proxy_command that leads to ")
    assert said in error.message
    assert "Errno" not in str(error)
    assert "by hand" in str(error.hint)


def test_a_silent_connection_counts_as_lost_after_keepalives(sshd_host: Sshd) -> None:
    """The relay between stops in mid-air: no end, no reset, as when a cable is pulled."""

    async def main() -> None:
        frozen = asyncio.Event()

        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while data := await reader.read(65536):
                    if frozen.is_set():
                        await asyncio.Event().wait()
                    writer.write(data)
            finally:
                writer.close()

        tasks: list[asyncio.Task[None]] = []

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", sshd_host.port)
            tasks.extend(
                (
                    asyncio.create_task(pump(reader, there_writer)),
                    asyncio.create_task(pump(there_reader, writer)),
                )
            )

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        changes = {"port": port, "strict_host_key_checking": "no", "server_alive_interval": 0.2}
        async with server, connected(sshd_host, **changes, server_alive_count_max=2) as connection:
            running = asyncio.create_task(sh(connection, "sleep 30"))
            await sh(connection, "true")
            frozen.set()
            with pytest.raises(ConnectionLostError):
                async with asyncio.timeout(5):
                    await running
            assert connection.closed
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


def test_importing_the_driver_imports_no_asyncssh() -> None:
    program = "import sys, hivectl.drivers.ssh; sys.exit('asyncssh' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_ports_are_free_afterwards(sshd_host: Sshd) -> None:
    sshd_host.stop()
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", sshd_host.port))
