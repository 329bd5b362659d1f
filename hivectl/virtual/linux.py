"""`virtual: linux`: a real SSH server in this process, whose node is a file tree that nobody can leave.

Where bubblewrap may confine programs, commands run in the node's own namespaces: read-only programs of this
machine, own /home, /root, /etc, /tmp and /var, own host name, processes and users, no network but its loopback.
Elsewhere the node offers file transfer only, confined to the tree. The one user is root, root of a user
namespace: outside, everything belongs to whoever runs hivectl.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.model.records import record
from hivectl.virtual.confinement import NoSandbox, find_sandbox, prepare
from hivectl.virtual.registry import need_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncssh

    from hivectl.model.origin import Origin
    from hivectl.virtual.namespace import Namespace

# tells the `ssh` driver that no command is worth a try (RFC 4253, 4.2: no spaces in the version itself)
FILES_ONLY_VERSION = "hivectl-files-only"
VERSION = "hivectl-virtual"


@record(frozen=False)
class VirtualLinux:
    """A virtual node that runs.

    Attributes:
        node: its name.
        attributes: how the `ssh` driver reaches it.
        root: its tree on this machine.
        refusal: why it runs no commands, None when it does.
    """

    node: str
    attributes: Mapping[str, Any]
    root: Path
    refusal: str | None
    _acceptor: asyncssh.SSHAcceptor = field(repr=False)
    _connections: set[asyncssh.SSHServerConnection] = field(repr=False)
    _handlers: set[asyncio.Task[Any]] = field(repr=False)
    _namespace: Namespace | None = field(repr=False)
    _closed: bool = False

    async def reach(self, driver: str, *, origin: Origin | None = None) -> Mapping[str, Any]:
        """Return the attributes of the `ssh` driver; raises InputError for another one."""
        need_kind("linux", driver, origin=origin)
        return self.attributes

    def plug(self) -> None:
        """Return nothing: a computer is not flashed."""

    async def close(self) -> None:
        """End the node and all that runs in it; its tree stays. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        self._acceptor.close()
        for connection in tuple(self._connections):
            connection.abort()
            await connection.wait_closed()
        await self._acceptor.wait_closed()
        if self._namespace is not None:
            await self._namespace.close()
        # their programs are gone, so they end; what they hold open goes with them
        await asyncio.gather(*self._handlers, return_exceptions=True)


async def start(node: str, folder: Path) -> VirtualLinux:
    """Start a virtual node; a second start finds the tree and the host key as the first left them.

    Args:
        node: its name, also its host name.
        folder: of this node alone: `root/`, keys and known_hosts are in it.

    Raises:
        VirtualError: its namespaces could not be started.
    """
    import asyncssh

    from hivectl.virtual.namespace import Namespace
    from hivectl.virtual.server import NodeServer
    from hivectl.virtual.tree import Tree

    root = folder / "root"
    host_key, client_key = await asyncio.to_thread(_keys, folder)
    sandbox = await find_sandbox()
    namespace = None
    if isinstance(sandbox, NoSandbox):
        prepare(root, node)
    else:
        namespace = await Namespace.start(sandbox, node, root, folder / "tools")
    tree = Tree(root, home="/root")
    public_key = client_key.convert_to_public()
    connections: set[asyncssh.SSHServerConnection] = set()
    handlers: set[asyncio.Task[Any]] = set()
    try:
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            config=None,
            server_version=FILES_ONLY_VERSION if namespace is None else VERSION,
            server_host_keys=[host_key],
            password_auth=False,
            kbdint_auth=False,
            gss_host=None,
            server_factory=lambda: NodeServer(namespace, node, tree, public_key, connections, handlers),
            encoding=None,
            x509_trusted_certs=None,
        )
    except BaseException:
        if namespace is not None:
            await namespace.close()
        raise
    port = acceptor.get_port()
    known_hosts = folder / "known_hosts"
    await asyncio.to_thread(_write_known_hosts, known_hosts, port, host_key)
    attributes = {
        "host": "127.0.0.1",
        "port": port,
        "user": "root",
        "identity_file": [str(folder / "client_key")],
        "identities_only": True,
        "known_hosts": [str(known_hosts)],
        "ssh_config": "none",
    }
    refusal = sandbox.reason if isinstance(sandbox, NoSandbox) else None
    return VirtualLinux(node, attributes, root, refusal, acceptor, connections, handlers, namespace)


def _keys(folder: Path) -> tuple[asyncssh.SSHKey, asyncssh.SSHKey]:
    """Return the host's and the client's key of a node's folder, which is made when it is missing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _key(folder / "host_key"), _key(folder / "client_key")


def _key(file: Path) -> asyncssh.SSHKey:
    """Return the key in a file, made when there is none."""
    import asyncssh

    if not file.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        # whole or not at all: whoever is killed here leaves no half of a key; and the first of two wins
        descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(key.export_private_key("openssh"))
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(temporary)
        finally:
            Path(temporary).unlink()
    return asyncssh.read_private_key(file)


def _write_known_hosts(file: Path, port: int, key: asyncssh.SSHKey) -> None:
    file.write_text(f"[127.0.0.1]:{port} {key.export_public_key('openssh').decode()}")
