"""The SSH server of a virtual node: who may come in, and what a session is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncssh

from hivectl.virtual.files import ConfinedFiles
from hivectl.virtual.shell import NodeProcess

if TYPE_CHECKING:
    import asyncio

    from hivectl.virtual.namespace import Namespace
    from hivectl.virtual.tree import Tree


class NodeServer(asyncssh.SSHServer):
    """One client's connection.

    Args:
        namespace: where commands run; None refuses them.
        node: the node's name.
        tree: the files.
        client_key: the public key that may log in.
        connections: where this one is kept while it is open.
        handlers: where the tasks of its commands are kept while they run.
    """

    def __init__(
        self,
        namespace: Namespace | None,
        node: str,
        tree: Tree,
        client_key: asyncssh.SSHKey,
        connections: set[asyncssh.SSHServerConnection],
        handlers: set[asyncio.Task[Any]],
    ) -> None:
        self._handlers = handlers
        self._namespace = namespace
        self._node = node
        self._tree = tree
        self._client_key = client_key
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
        """Keep the connection."""
        self._connection = connection
        self._connections.add(connection)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncssh's signature
        """Forget the connection."""
        if self._connection is not None:
            self._connections.discard(self._connection)

    def public_key_auth_supported(self) -> bool:
        """Take keys and nothing else."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Let the one user in with the one key."""
        return username == "root" and key == self._client_key

    def session_requested(self) -> tuple[asyncssh.SSHServerChannel[bytes], NodeProcess]:
        """Give every channel a session of its own, in bytes."""
        assert self._connection is not None
        session = NodeProcess(
            self._namespace, self._node, lambda channel: ConfinedFiles(channel, self._tree), self._handlers
        )
        return self._connection.create_server_channel(None, "strict"), session
