"""Handlers that are owed: notified, and not yet run, across tasks, failures and whole runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hivectl.store.history import History, PendingHandler

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hivectl.model.playbook import Play, Task


def notified_by(play: Play, name: str) -> tuple[Task, ...]:
    """Return the handlers of a play that a name notifies: its own, or one that it listens to."""
    return tuple(handler for handler in play.handlers if handler.name == name or name in handler.listen)


class OwedHandlers:
    """Keeps what is owed in the lab's store, so that no failure, crash or Ctrl-C loses a restart.

    Under `--check` nothing is written: what would be notified is run (in check mode) and forgotten.
    """

    def __init__(self, history: History | None, playbook: str, run: str) -> None:
        self._history = history
        self._playbook = playbook
        self._run = run
        self._open: dict[tuple[str, str], str] = {}

    async def load(self) -> None:
        """Read what earlier runs of the playbook left."""
        if self._history is not None:
            rows = await asyncio.to_thread(self._history.owed, self._playbook)
            self._open = {(row.node, row.handler): row.run for row in rows}

    def earlier(self, node: str) -> dict[str, str]:
        """Return handler -> run for what earlier runs left to a node."""
        return {
            handler: run for (owner, handler), run in self._open.items() if owner == node and run != self._run
        }

    def of_this_run(self, node: str) -> tuple[str, ...]:
        """Return what an earlier attempt at this very run left to a node."""
        return tuple(
            handler for (owner, handler), run in self._open.items() if owner == node and run == self._run
        )

    async def owe(self, node: str, handlers: Iterable[str]) -> None:
        """Remember that handlers must run on a node."""
        new = [name for name in handlers if (node, name) not in self._open]
        if not new:
            return
        self._open.update({(node, name): self._run for name in new})
        if self._history is not None:
            rows = [
                PendingHandler(
                    node=node, playbook=self._playbook, handler=name, run=self._run, since=time.time()
                )
                for name in new
            ]
            await asyncio.to_thread(self._history.owe, rows)

    async def settle(self, node: str, handlers: Iterable[str]) -> None:
        """Forget handlers that have run."""
        names = list(handlers)
        for name in names:
            self._open.pop((node, name), None)
        if names and self._history is not None:
            await asyncio.to_thread(self._history.settle, node, self._playbook, names)

    def remaining(self) -> tuple[str, ...]:
        """Return "node: handler" for everything still owed."""
        return tuple(f"{node}: {handler}" for node, handler in self._open)
