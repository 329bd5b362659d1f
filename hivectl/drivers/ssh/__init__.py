"""The `ssh` driver: Linux hosts by asyncssh, with ssh_config, agent, known hosts and jump hosts as OpenSSH has them.

Importing this costs nothing of asyncssh (230 ms): that is imported when the first connection is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hivectl.drivers.base import Capability
from hivectl.drivers.ssh.attributes import SshAttributes

if TYPE_CHECKING:
    from hivectl.drivers.base import Connection, Target


class SshDriver:
    """Opens SSH connections; what they share (keys, known hosts, jump hosts) is kept for the process."""

    name: ClassVar[str] = "ssh"
    summary: ClassVar[str] = "a Linux host through SSH: commands, shells, files, and the serial ports there"
    attributes: ClassVar[type[Any]] = SshAttributes
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.RUN, Capability.SHELL, Capability.FILES, Capability.STREAM}
    )

    async def connect(self, target: Target) -> Connection:
        """Open one connection: one attempt, whose timeout begins when it begins.

        Raises:
            AddressError, ConnectTimeoutError, HostKeyError, LoginError, HandshakeError, ConnectionLostError:
                why not.
            InputError: a file that ssh_config or an attribute names is wrong.
        """
        from hivectl.drivers.ssh.loading import load_asyncssh

        load_asyncssh()
        from hivectl.drivers.ssh.connection import connect

        return await connect(target)


DRIVER = SshDriver()
