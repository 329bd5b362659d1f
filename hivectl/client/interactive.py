"""A node's default shell for a person: the same window of tmux that calls from Python use."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hivectl.client.errors import NoTmuxError
from hivectl.client.tmux import ENDED_AT_ONCE, NO_TMUX_STATUS, SHOW, ended_at_once
from hivectl.drivers.base import Capability
from hivectl.model.node_errors import ConnectionLostError

if TYPE_CHECKING:
    from hivectl.drivers.base import Process, Terminal
    from hivectl.drivers.session import NodeSession
    from hivectl.engine.lab import Lab


async def open_shell(lab: Lab, node: str, session: NodeSession, terminal: Terminal) -> Process:
    """Attach to the node's tmux session, its default shell in front; both are made where they are missing.

    Args:
        lab: the node's.
        node: its name.
        session: the way to it.
        terminal: the person's.

    Raises:
        CapabilityError: the node offers no shell.
        UnreachableError: it cannot be reached.
    """
    connection = await session.connection(Capability.SHELL)
    runs = lab.inventory.nodes[node].shell or ""
    return await connection.open_process(f"set -- {shlex.quote(runs)}; {SHOW}", terminal)


def checked_end(node: str, status: int | None) -> int:
    """Return the exit status of what `open_shell` has started.

    Raises:
        ConnectionLostError: the way to the node broke.
        NoTmuxError, ShellEndedError: it did not start.
    """
    if status is None:
        raise ConnectionLostError("the connection broke; the shell goes on without it", node=node)
    if status == NO_TMUX_STATUS:
        raise NoTmuxError(
            "tmux is not installed, and the default shell lives in it",
            node=node,
            hint="install it: `sudo apt-get install tmux` on the node; `hivectl exec` works without",
        )
    if status == ENDED_AT_ONCE:
        raise ended_at_once(node)
    return status
