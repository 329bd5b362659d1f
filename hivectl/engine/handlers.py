"""Handlers that are owed: notified, and not yet run, across tasks, failures and whole runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hivectl.engine.failures import StepFailedError
from hivectl.engine.notified import may_be_called, names_of, notified_by, uses_of
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
        self._uses = uses_of(self.all)
        self._frames: dict[int, tuple[Layer, ...]] = {}
        # what was notified since handlers have last run; those of an earlier run by their whole title
        self._told: dict[tuple[str, bool], None] = {}
        # what these names mean as yet: a role that is included again brings its handlers again
        self._meant: dict[int, Task] = {}
        self._due: dict[int, Task] = {}
        self._owed_as: dict[int, str] = {}
        self._earlier: dict[str, str] = {}
        self.queued: dict[int, Task] = {}
        self.running = False
        self.round = 0
        self.at: Order = (0,)

    async def take_up_owed(self) -> None:
        """Take over what an earlier run, or an earlier attempt at this one, has left."""
        state, node = self._walk.state, self._walk.node
        self._earlier = {**state.owed.earlier(node), **dict.fromkeys(state.owed.of_this_run(node), "")}
        await self._take_up()

    async def _take_up(self) -> None:
        """Take over what is owed and has come into sight: handlers of included roles come later."""
        for title, run in list(self._earlier.items()):
            if self._called(title, whole=True):
                del self._earlier[title]
                self._told[title, True] = None
                if run:
                    said = f"handler {title} is still owed since run {run}: it runs now"
                    self._walk.state.say(said, level="info", node=self._walk.node)
        await self._choose()

    async def add(self, handlers: Sequence[Handler], frames: tuple[Layer, ...]) -> None:
        """Take in the handlers of a role that was included, with the variables that its include gives."""
        known = {own_task(one).number for one in self.all}
        new = [one for one in handlers if own_task(one).number not in known]
        self.all += new
        self._uses += uses_of(new)
        self._frames.update({own_task(one).number: frames for one in handlers})
        await self._take_up()

    async def notify(self, task: Task, names: Iterable[str]) -> None:
        """Remember the handlers that a task notifies."""
        new = [name for name in names if (name, False) not in self._told]
        for name in new:
            if not self._called(name) and not any(may_be_called(own_task(one), name) for one in self.all):
                self._walk.state.say(f"no handler is called `{name}` ({task.origin})", node=self._walk.node)
            self._told[name, False] = None
        if new:
            await self._choose()
            if self.running:
                self._forget_names()

    def _called(self, name: str, *, whole: bool = False) -> tuple[Task, ...]:
        if not whole:
            return notified_by(self._uses, name, self._names_of)
        order = (task for use in reversed(self._uses) for task in use)
        return next(((task,) for task in order if self._names_of(task)[1] == name), ())

    def _names_of(self, task: Task) -> tuple[str, str]:
        if "{{" not in task.name:
            return names_of(task)
        with self._walk.variables.inside(self._frames.get(task.number, ()), anew=True):
            title = self._walk.state.scopes.title_of(task, self._walk.node)
        return title.removeprefix(task.title.removesuffix(task.name)), title

    async def _choose(self) -> None:
        """Find which handlers the names mean that were told: of those that came since, the last ones."""
        if not self._told:
            return
        meant = {one.number: one for name, whole in self._told for one in self._called(name, whole=whole)}
        for number in self._meant.keys() - meant.keys():
            self._due.pop(number, None)
        passed = {self._owed_as.pop(number, "") for number in self._meant.keys() - meant.keys()}
        new = {number: self._names_of(one)[1] for number, one in meant.items() if number not in self._due}
        self._meant = meant
        self._due.update(meant)
        self._owed_as.update(new)
        if not self._walk.state.options.check:
            await self._walk.state.owed.owe(self._walk.node, new.values())
            await self._settle(passed.difference(self._owed_as[number] for number in self._due))

    def _forget_names(self) -> None:
        self._told.clear()
        self._meant = {}

    async def _settle(self, titles: Iterable[str]) -> None:
        if not self._walk.state.options.check:
            await self._walk.state.owed.settle(self._walk.node, titles)

    async def run(self, at: Order) -> None:
        """Run what was notified, in the order in which the play has its handlers, then forget it.

        A handler that notifies a later one has it run in its place, one that notifies an earlier one in another round.
        """
        if self.running:
            return
        self.running, self.at = True, at
        await self._take_up()
        self._forget_names()
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
        if done:
            await self._settle([self._owed_as.get(handler.number, handler.title)])

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
            await self._settle([self._owed_as.get(one.number, one.title) for one in done])
