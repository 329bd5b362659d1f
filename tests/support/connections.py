"""Targets and connections for tests of drivers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import Command, Target
from hivectl.drivers.ssh import DRIVER
from hivectl.drivers.ssh.attributes import SshAttributes
from tests.support.sshd import Sshd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from hivectl.drivers.base import Completed
    from hivectl.drivers.ssh.connection import SshConnection


def target(place: Sshd | Mapping[str, Any], node: str = "m1", **changes: Any) -> Target:
    """Return where a host is, its attributes changed if need be; ssh_config is left out unless it is given."""
    attributes = dict(place.attributes if isinstance(place, Sshd) else place)
    attributes = {"ssh_config": "none", **attributes, **changes}
    for name in ("identity_file", "known_hosts"):
        if isinstance(attributes.get(name), str | Path):
            attributes[name] = [str(attributes[name])]
    return Target(node=node, connection="ssh", attributes=SshAttributes(**attributes), state=Path("unused"))


@asynccontextmanager
async def connected(
    place: Sshd | Mapping[str, Any], node: str = "m1", **changes: Any
) -> AsyncIterator[SshConnection]:
    """Hold a connection to a host."""
    connection: Any = await DRIVER.connect(target(place, node, **changes))
    try:
        yield connection
    finally:
        await connection.close()


async def sh(connection: SshConnection, command: str, stdin: bytes = b"") -> Completed:
    """Run a command line."""
    return await connection.run(Command(command=command, stdin=stdin))


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something outside of this process is so, which tells nobody when it is."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  see above
            await asyncio.sleep(0.01)
