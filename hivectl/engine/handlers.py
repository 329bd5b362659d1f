"""Handlers that are owed: notified, and not yet run, across tasks, failures and whole runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hivectl.engine.failures import StepFailedError
from hivectl.store.history import History, PendingHandler

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Play, Task


def notified_by(play: Play, name: str) -> tuple[Task, ...]:
    """Return the handlers of a play that a name notifies: the first one of that name, and those that listen to it."""
    named = next((handler for handler in play.handlers if handler.name == name), None)
    return tuple(handler for handler in play.handlers if handler is named or name in handler.listen)


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


class NodeHandlers:
    """The handlers that one node's walk through a play has to run.

    Attributes:
        running: the walk is in handlers now.
        round: how often they have run: a handler may run again, under another key.
        at: the task before which they run.
    """

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._due: dict[int, Task] = {}
        self.running = False
        self.round = 0
        self.at = 0

    def take_up_owed(self) -> None:
        """Take over what an earlier run, or an earlier attempt at this one, has left."""
        state, node = self._walk.state, self._walk.node
        earlier = state.owed.earlier(node)
        owed = {*earlier, *state.owed.of_this_run(node)}
        for handler in self._walk.group.play.handlers:
            if handler.name in owed:
                self._due[handler.number] = handler
            if handler.name in earlier:
                state.say(
                    f"handler {handler.name} is still owed since run {earlier[handler.name]}: it runs now",
                    level="info",
                    node=node,
                )

    async def notify(self, task: Task, names: Iterable[str]) -> None:
        """Remember the handlers that a task notifies."""
        found: list[Task] = []
        for name in names:
            handlers = notified_by(self._walk.group.play, name)
            if not handlers:
                self._walk.state.say(f"no handler is called `{name}` ({task.origin})", node=self._walk.node)
            found += handlers
        self._due.update({handler.number: handler for handler in found})
        if not self._walk.state.options.check:
            await self._walk.state.owed.owe(self._walk.node, [handler.name for handler in found])

    async def run(self, at: int) -> None:
        """Run what was notified, in the order in which the play has its handlers, then forget it.

        A handler that notifies a later one has it run in its place, one that notifies an earlier one in another round.
        """
        if self.running:
            return
        self.running, self.at = True, at
        # each round has a handler that the one before had not: more rounds than handlers go round in a circle
        last = self.round + len(self._walk.group.play.handlers)
        try:
            while self._due:
                if self.round > last:
                    handler = next(iter(self._due.values()))
                    message = "handlers notify each other in a circle"
                    raise StepFailedError(handler, {"failed": True, "msg": message}, message)
                self.round += 1
                await self._run_round()
        finally:
            self.running = False

    async def _run_round(self) -> None:
        walk = self._walk
        begun: list[Task] = []
        failed: Task | None = None
        try:
            for handler in walk.group.play.handlers:
                if self._due.pop(handler.number, None) is None:
                    continue
                walk.results.pop(handler.number, None)
                begun.append(handler)
                await walk.do((handler,))
                if handler.notify:
                    await walk.flush()
            await walk.flush()
        except StepFailedError as error:
            failed = error.task
            raise
        finally:
            done = [
                one.name
                for one in begun
                if one is not failed and one.number in walk.results and one.number not in self._due
            ]
            if not walk.state.options.check:
                await walk.state.owed.settle(walk.node, done)
