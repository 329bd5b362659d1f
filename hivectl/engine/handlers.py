"""Handlers that are owed: notified, and not yet run, across tasks, failures and whole runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hivectl.engine.failures import StepFailedError
from hivectl.engine.notified import notified_by
from hivectl.model.playbook import own_task
from hivectl.store.history import History, PendingHandler

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hivectl.engine.positions import Order
    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Handler, Task
    from hivectl.model.variables import Layer


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
        at: the place before which they run.
        queued: those that have begun and are not concluded, since they travel with what follows them.
        all: the play's, and those of included roles.
    """

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.all: list[Handler] = list(walk.group.play.handlers)
        self._frames: dict[int, tuple[Layer, ...]] = {}
        self._due: dict[int, Task] = {}
        self.queued: dict[int, Task] = {}
        self.running = False
        self.round = 0
        self.at: Order = (0,)

    def take_up_owed(self) -> None:
        """Take over what an earlier run, or an earlier attempt at this one, has left."""
        state, node = self._walk.state, self._walk.node
        earlier = state.owed.earlier(node)
        owed = {*earlier, *state.owed.of_this_run(node)}
        for handler in map(own_task, self.all):
            if handler.title in owed:
                self._due[handler.number] = handler
            if handler.title in earlier:
                state.say(
                    f"handler {handler.title} is still owed since run {earlier[handler.title]}: it runs now",
                    level="info",
                    node=node,
                )

    def add(self, handlers: Sequence[Handler], frames: tuple[Layer, ...]) -> None:
        """Take in the handlers of a role that was included, with the variables that its include gives."""
        known = {own_task(one).number for one in self.all}
        self.all += [one for one in handlers if own_task(one).number not in known]
        self._frames.update({own_task(one).number: frames for one in handlers})

    async def notify(self, task: Task, names: Iterable[str]) -> None:
        """Remember the handlers that a task notifies."""
        found: list[Task] = []
        for name in names:
            handlers = notified_by(self.all, name)
            if not handlers:
                self._walk.state.say(f"no handler is called `{name}` ({task.origin})", node=self._walk.node)
            found += handlers
        self._due.update({handler.number: handler for handler in found})
        if not self._walk.state.options.check:
            await self._walk.state.owed.owe(self._walk.node, [handler.title for handler in found])

    async def run(self, at: Order) -> None:
        """Run what was notified, in the order in which the play has its handlers, then forget it.

        A handler that notifies a later one has it run in its place, one that notifies an earlier one in another round.
        """
        if self.running:
            return
        self.running, self.at = True, at
        # each round has a handler that the one before had not: more rounds than handlers go round in a circle
        last = self.round + len(self.all)
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

    async def concluded(self, handler: Task, *, done: bool) -> None:
        """Take note that a queued handler has been done, or has failed: then it is still owed."""
        self.queued.pop(handler.number, None)
        if done and not self._walk.state.options.check:
            await self._walk.state.owed.settle(self._walk.node, [handler.title])

    def put_back(self) -> None:
        """Have handlers run later that were queued behind something that failed."""
        self._due.update(self.queued)
        self.queued.clear()

    async def _run_round(self) -> None:
        walk = self._walk
        begun: list[Task] = []
        failed: Task | None = None
        try:
            for entry in self.all:
                handler = own_task(entry)
                if self._due.pop(handler.number, None) is None:
                    continue
                walk.results.pop(handler.number, None)
                begun.append(handler)
                if entry is handler:
                    self.queued[handler.number] = handler
                with walk.variables.inside(self._frames.get(handler.number, ()), anew=True):
                    await walk.do((entry,))
                if handler.notify or entry is not handler:
                    await walk.flush()
        except StepFailedError as error:
            failed = error.task
            raise
        finally:
            waiting = {step.task.number for step in walk.pending}
            done = [
                one
                for one in begun
                if one is not failed
                and one.number in walk.results
                and one.number not in self._due
                and one.number not in waiting
            ]
            for one in done:
                self.queued.pop(one.number, None)
            if not walk.state.options.check:
                await walk.state.owed.settle(walk.node, [one.title for one in done])
