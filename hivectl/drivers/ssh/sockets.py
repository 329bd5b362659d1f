"""TCP to a node, up to the first byte that it says."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

from hivectl.drivers.errors import AddressError, ConnectionLostError, ConnectTimeoutError

if TYPE_CHECKING:
    from hivectl.drivers.ssh.settings import Settings

FAMILIES = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
NOBODY = {errno.ECONNREFUSED: "nothing listens there", errno.EHOSTUNREACH: "no way to the host",
          errno.ENETUNREACH: "no way to its network", errno.EHOSTDOWN: "the host is down"}  # fmt: skip


async def open_socket(settings: Settings, node: str) -> socket.socket:
    """Return a connected socket on which the node has begun to speak.

    An SSH server speaks first (RFC 4253, 4.2), so waiting here costs no CPU and needs no turn.

    Raises:
        AddressError: no such name, nothing listens, no way there.
        ConnectTimeoutError: no answer, or silence after accepting.
        ConnectionLostError: closed without a word.
    """
    accepted = False
    try:
        async with asyncio.timeout(settings.connect_timeout):
            opened = await _connect(settings, node)
            accepted = True
            try:
                await _readable(opened)
            except BaseException:
                opened.close()
                raise
    except TimeoutError as error:
        what = "accepted the connection but said nothing" if accepted else "did not answer"
        raise ConnectTimeoutError(
            f"{settings.address} {what} within {settings.connect_timeout:g} s",
            node=node,
            hint="is it an SSH port, and is the host well?"
            if accepted
            else "is the host on, and the address right?",
        ) from error
    if not _has_spoken(opened):
        opened.close()
        raise ConnectionLostError(
            f"{settings.address} accepted the connection and closed it without a word",
            node=node,
            hint="sshd may be starting, overloaded (MaxStartups), or refusing this address",
        )
    return opened


def _has_spoken(opened: socket.socket) -> bool:
    """Tell whether there is something to read, rather than an end or a reset."""
    try:
        return bool(opened.recv(1, socket.MSG_PEEK))
    except ConnectionError:
        return False


async def _connect(settings: Settings, node: str) -> socket.socket:
    loop = asyncio.get_running_loop()
    family = FAMILIES[settings.family]
    kind = socket.SOCK_STREAM
    try:
        try:
            # a numeric address needs no name service, hence no thread
            found = socket.getaddrinfo(
                settings.host, settings.port, family, kind, flags=socket.AI_NUMERICHOST
            )
        except socket.gaierror:
            found = await loop.getaddrinfo(settings.host, settings.port, family=family, type=kind)
    except socket.gaierror as error:
        raise AddressError(
            f"the name {settings.host} cannot be resolved: {error.strerror}",
            node=node,
            hint="check `host:` in the inventory, or DNS",
        ) from error
    failures: list[str] = []
    for version, _, protocol, _, address in found:
        opened = socket.socket(version, kind, protocol)
        try:
            opened.settimeout(0)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if settings.bind_address is not None:
                opened.bind((settings.bind_address, 0))
            await loop.sock_connect(opened, address)
        except OSError as error:
            opened.close()
            failures.append(NOBODY.get(error.errno or 0, error.strerror or str(error)))
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise AddressError(
        f"{settings.address} cannot be reached: {'; '.join(dict.fromkeys(failures))}",
        node=node,
        hint="is sshd running there, and the port right?",
    )


async def _readable(opened: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    # by its number: asyncio makes a text of what it does not know yet, which asks the kernel for a socket's addresses
    number = opened.fileno()
    loop.add_reader(number, wake)
    try:
        await ready
    finally:
        loop.remove_reader(number)
