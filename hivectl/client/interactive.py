"""A node's default shell for a person: the window of tmux that calls from Python use, too; a board's REPL."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hivectl.client.errors import NoTmuxError
from hivectl.client.kinds import is_board
from hivectl.client.tmux import ENDED_AT_ONCE, SHOW, ended_at_once
from hivectl.drivers.base import Capability
from hivectl.model.node_errors import ConnectionLostError
from hivectl.modules.tmux_window import NO_TMUX

if TYPE_CHECKING:
    from hivectl.client.reach import Reach
    from hivectl.drivers.base import Process, Terminal
    from hivectl.drivers.session import NodeSession


async def open_shell(reach: Reach, node: str, session: NodeSession, terminal: Terminal) -> Process:
    """Attach to the node's tmux session, its default shell in front; both are made where they are missing.

    On a board: open its terminal, as it is.

    Args:
        reach: the way to the node, which is held.
        node: its name.
        session: what is open to it.
        terminal: the person's.

    Raises:
        CapabilityError: the node offers no shell.
        UnreachableError: it cannot be reached.
    """
    lab = reach.lab
    if is_board(lab, node):
        from hivectl.client.board_terminal import open_board_terminal

        # whoever has a board's one terminal keeps others out; to tell it so would interrupt its program
        return await open_board_terminal(node, session)
    await reach.fenced(node, session)
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
    if status == NO_TMUX:
        raise NoTmuxError(
            "tmux is not installed, and the default shell lives in it",
            node=node,
            hint="install it: `sudo apt-get install tmux` on the node; `hivectl exec` works without",
        )
    if status == ENDED_AT_ONCE:
        raise ended_at_once(node)
    return status
