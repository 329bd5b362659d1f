from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from hivectl.drivers.base import Capability, Target
from hivectl.drivers.errors import (
    AddressError,
    CapabilityError,
    ConnectionLostError,
    HostKeyError,
    UnreachableError,
)
from hivectl.drivers.session import Candidate, NodeSession
from hivectl.drivers.ssh import DRIVER
from tests.support.connections import sh, target
from tests.support.sshd import new_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hivectl.drivers.base import Stream, StreamAddress
    from tests.support.sshd import Sshd


def way(host: Sshd, name: str = "ssh", **changes: Any) -> Candidate:
    return Candidate(DRIVER, replace(target(host, **changes), connection=name))


def test_the_first_connection_that_can_is_taken_and_kept(sshd_hosts: Callable[..., list[Sshd]]) -> None:
    down, up, spare = sshd_hosts(3)
    down.stop()

    async def main() -> None:
        session = NodeSession("m1", [way(down, "cable"), way(up, "wifi"), way(spare, "spare")])
        first = await session.connection(Capability.RUN)
        assert await session.connection(Capability.FILES, Capability.SHELL) is first
        both = await asyncio.gather(*(session.connection(Capability.RUN) for _ in range(10)))
        assert set(both) == {first}
        await session.close()
        assert first.closed

    asyncio.run(main())
    assert (up.logins(), spare.logins()) == (1, 0)


def test_why_no_connection_works_is_told_for_each(
    sshd_hosts: Callable[..., list[Sshd]], tmp_path: Path
) -> None:
    down, other = sshd_hosts(2)
    down.stop()
    new_key(tmp_path / "key")

    async def fail(*candidates: Candidate) -> None:
        await NodeSession("m1", candidates).connection(Capability.RUN)

    with pytest.raises(AddressError, match=r"cable: .*nothing listens.*wifi: .*nothing listens"):
        asyncio.run(fail(way(down, "cable"), way(down, "wifi")))
    with pytest.raises(
        UnreachableError, match=r"cable: .*nothing listens.*wifi: .*refused the login"
    ) as caught:
        asyncio.run(fail(way(down, "cable"), way(other, "wifi", identity_file=str(tmp_path / "key"))))
    assert type(caught.value) is UnreachableError
    with pytest.raises(AddressError, match="nothing listens"):
        asyncio.run(fail(way(down)))


def test_what_no_connection_can_is_told_without_connecting(sshd_host: Sshd) -> None:
    async def main() -> None:
        await NodeSession("m1", [way(sshd_host)]).connection(Capability.REPL)

    with pytest.raises(CapabilityError, match=r"ssh \(ssh\) cannot repl, it can: files, run, shell, stream"):
        asyncio.run(main())
    assert sshd_host.logins() == 0
    with pytest.raises(CapabilityError, match="no connection"):
        asyncio.run(NodeSession("m1", []).connection())


def test_a_broken_connection_is_opened_anew(sshd_host: Sshd) -> None:
    async def main() -> None:
        session = NodeSession("m1", [way(sshd_host)])
        first: Any = await session.connection(Capability.RUN)
        running = asyncio.create_task(sh(first, "sleep 30"))
        await sh(first, "true")
        sshd_host.drop_connections()
        with pytest.raises(ConnectionLostError):
            await running
        second: Any = await session.connection(Capability.RUN)
        assert second is not first
        assert (await sh(second, "echo on")).stdout == b"on\n"
        await session.close()

    asyncio.run(main())


def test_a_node_that_reboots_is_waited_for(sshd_host: Sshd) -> None:
    async def main() -> None:
        session = NodeSession("m1", [way(sshd_host)])
        await session.connection(Capability.RUN)
        sshd_host.stop()
        coming = asyncio.create_task(session.reconnect(Capability.RUN, deadline=20))
        await asyncio.sleep(0.6)  # long enough for several attempts
        assert not coming.done()
        await asyncio.to_thread(sshd_host.start)
        again: Any = await coming
        assert (await sh(again, "echo on")).stdout == b"on\n"
        await session.close()

    asyncio.run(main())


def test_waiting_for_a_node_ends_at_the_deadline_with_the_reason(sshd_host: Sshd) -> None:
    sshd_host.stop()
    began = time.monotonic()
    with pytest.raises(AddressError, match="nothing listens"):
        asyncio.run(NodeSession("m1", [way(sshd_host)]).reconnect(deadline=0.8))
    assert time.monotonic() - began < 1.5


def test_a_node_that_comes_back_with_another_key_is_not_waited_for(sshd_host: Sshd) -> None:
    async def main() -> None:
        session = NodeSession("m1", [way(sshd_host)])
        await session.connection()
        sshd_host.stop()
        new_key(sshd_host.folder / "host_key")
        sshd_host.start()
        await session.reconnect(deadline=30)

    began = time.monotonic()
    with pytest.raises(HostKeyError, match="CHANGED"):
        asyncio.run(main())
    assert time.monotonic() - began < 5


# `on:`: a board's driver speaks through a serial port of another node


@dataclass(frozen=True)
class EchoAttributes:
    """What the tiny driver needs."""

    path: str


class EchoConnection:
    """Speaks to a board that answers each line."""

    capabilities: ClassVar = frozenset({Capability.REPL})

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.closed = False

    async def ask(self, text: str) -> str:
        await self.stream.write(text.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += await self.stream.read()
        return answer.decode().strip()

    async def close(self) -> None:
        self.closed = True
        await self.stream.close()


class EchoDriver:
    """A driver for boards on a serial port, this machine's or another node's."""

    name = "echo"
    summary = "for this test"
    attributes = EchoAttributes
    capabilities = frozenset({Capability.REPL})

    async def connect(self, target: Target) -> Any:
        from hivectl.drivers.base import StreamAddress

        assert target.open_stream is not None
        address: StreamAddress = StreamAddress(path=target.attributes.path)
        return EchoConnection(await target.open_stream(address))


def test_a_board_is_reached_through_the_node_it_is_plugged_into(sshd_host: Sshd, tmp_path: Path) -> None:
    master, slave = os.openpty()
    path = os.ttyname(slave)

    async def board() -> None:
        data = b""
        while not data.endswith(b"\n"):
            data += await asyncio.to_thread(os.read, master, 100)
        await asyncio.to_thread(os.write, master, b"pico: " + data)

    async def main() -> None:
        bench = NodeSession("bench1", [way(sshd_host)])
        plugged = Target(
            node="pico1",
            connection="usb",
            attributes=EchoAttributes(path),
            state=tmp_path,
            open_stream=bench.open_stream,
        )
        pico = NodeSession("pico1", [Candidate(EchoDriver(), plugged)])
        connection: Any = await pico.connection(Capability.REPL)
        answering = asyncio.create_task(board())
        assert await connection.ask("hello") == "pico: hello"
        await answering
        # the way there is lost with the node's connection
        sshd_host.drop_connections()
        async with asyncio.timeout(5):
            assert await connection.stream.read() == b""
        await pico.close()
        await bench.close()

    try:
        asyncio.run(main())
    finally:
        os.close(master)
        os.close(slave)
    assert sshd_host.channels() == 1


def test_a_way_that_failed_is_left_alone_while_another_will_do(sshd_hosts: Callable[..., list[Sshd]]) -> None:
    wifi, usb = sshd_hosts(2)
    wifi.stop()

    async def main() -> None:
        session = NodeSession("pico1", [way(wifi, "wifi"), way(usb, "usb")])
        over_usb = await session.connection(Capability.RUN)
        await asyncio.to_thread(wifi.start)
        assert await session.connection(Capability.FILES) is over_usb
        assert wifi.logins() == 0
        # whoever asks for a new connection gets the best one
        over_wifi = await session.reconnect(Capability.RUN)
        assert over_wifi is not over_usb
        assert await session.connection(Capability.RUN) is over_wifi
        await session.close()

    asyncio.run(main())
    assert (wifi.logins(), usb.logins()) == (1, 1)
