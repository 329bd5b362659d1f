"""A connection sends no packet that guards nothing, and tells all to whoever listens."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import asyncssh
import pytest

from hivectl.drivers.errors import LoginError
from tests.support.connections import connected, sh
from tests.support.sshd import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.sshd import Sshd


@pytest.fixture
def packets(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What asyncssh tells of each packet."""
    asyncssh.set_debug_level(3)
    caplog.set_level(logging.DEBUG, "asyncssh")
    yield caplog
    asyncssh.set_debug_level(1)


def log_in(sshd: Sshd, cipher: str) -> None:
    async def main() -> None:
        async with connected(sshd, ciphers=cipher) as connection:
            assert (await sh(connection, "echo done")).stdout == b"done\n"

    asyncio.run(main())


@pytest.mark.parametrize("cipher", ["aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"])
def test_no_packet_is_sent_that_guards_nothing(
    sshd_host: Sshd, packets: pytest.LogCaptureFixture, cipher: str
) -> None:
    log_in(sshd_host, cipher)
    assert "Sent MSG_USERAUTH_REQUEST" in packets.text
    assert "MSG_IGNORE" not in packets.text


def test_a_logger_that_is_off_is_told_nothing(sshd_host: Sshd, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "asyncssh")
    log_in(sshd_host, "aes256-gcm@openssh.com")
    assert caplog.text == ""


def test_a_cipher_that_needs_the_empty_packets_has_them(
    sshd_hosts: Callable[..., list[Sshd]], packets: pytest.LogCaptureFixture
) -> None:
    [sshd] = sshd_hosts(settings=["Ciphers aes128-cbc"])
    log_in(sshd, "aes128-cbc")
    assert "Sent MSG_IGNORE" in packets.text


def test_the_only_key_is_proven_without_asking_first(
    sshd_host: Sshd, packets: pytest.LogCaptureFixture
) -> None:
    log_in(sshd_host, "aes256-gcm@openssh.com")
    assert packets.text.count("Sent MSG_USERAUTH_REQUEST") == 1
    assert "Received MSG_USERAUTH_PK_OK" not in packets.text


def test_where_the_only_key_is_refused_the_server_may_let_us_in_without(
    sshd_host: Sshd, packets: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    new_key(tmp_path / "other")

    async def main() -> None:
        async with connected(sshd_host, identity_file=(str(tmp_path / "other"),)):
            pass

    with pytest.raises(LoginError, match=r"with key .*other"):
        asyncio.run(main())
    # with the key, and with nothing
    assert packets.text.count("Sent MSG_USERAUTH_REQUEST") == 2


def test_of_several_keys_each_is_shown_before_it_is_used(
    sshd_host: Sshd, packets: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    new_key(tmp_path / "other")

    async def main() -> None:
        files = (str(tmp_path / "other"), str(sshd_host.identity_file))
        async with connected(sshd_host, identity_file=files):
            pass

    asyncio.run(main())
    assert packets.text.count("Received MSG_USERAUTH_PK_OK") == 1
