"""What the parts of one run share."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING, Any

from hivectl.engine.events import (
    Event,
    Message,
    NodeLost,
    Partial,
    Status,
    StepFinished,
    StepStarted,
    TaskInfo,
)
from hivectl.engine.stats import Stats
from hivectl.engine.tally import Tally
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.engine.activity import Activity
    from hivectl.engine.drift import Drift
    from hivectl.engine.events import Listener
    from hivectl.engine.expansion import Expansions
    from hivectl.engine.facts_ahead import FactsAhead
    from hivectl.engine.failures import NodeGoneError
    from hivectl.engine.handlers import OwedHandlers
    from hivectl.engine.journal import Journal, Record
    from hivectl.engine.limits import Limits
    from hivectl.engine.options import RunOptions
    from hivectl.engine.plan import Plan
    from hivectl.engine.recall import Recalled
    from hivectl.engine.redactor import Redactor
    from hivectl.engine.scopes import Scopes
    from hivectl.engine.sessions import Sessions
    from hivectl.engine.steps import Workshop
    from hivectl.engine.watching import Watcher
    from hivectl.model.playbook import Play, Task


@record(kw_only=True)
class StepEnd:
    """How a step ended.

    Attributes:
        key: of the step in the journal.
        shown: what may be shown instead of the result (`no_log`).
        drifted: somebody else has changed what was applied.
        replayed: an earlier attempt at this run did it: it is journaled already.
    """

    key: str
    status: Status
    result: Mapping[str, Any]
    seconds: float = 0.0
    reason: str = ""
    shown: Mapping[str, Any] | None = None
    replayed: bool = False
    drifted: bool = False


@record(kw_only=True, frozen=False)
class RunState:
    """One run while it runs.

    Attributes:
        record: what an earlier attempt at this run had done.
        failures: node -> its first failure, for nodes that take no further part.
        unreachable, lost, wrong: which of those could not be reached, were taken by somebody else, or are written
            down wrongly.
        causes: node -> "node: task" of the failure that left it out.
        recalled: (node, actor) -> what the actor remembers of an earlier attempt at this run.
        broken: task number -> nodes on which it failed, for `needs`.
        done: likewise for tasks with an id: nodes on which it is done.
        watcher: who sees each step: a plan that is made, or held to.
        stale: nodes that are not what the saved plan saw.
        drift: what was applied, or whether it is still so.
        facts_ahead: which facts the plays are going to use.
    """

    run: str
    plan: Plan
    options: RunOptions
    scopes: Scopes
    workshop: Workshop
    sessions: Sessions
    journal: Journal
    listeners: Sequence[Listener]
    limits: Limits
    redactor: Redactor
    owed: OwedHandlers
    record: Record | None = None
    activity: Activity = field(init=False)
    expansions: Expansions = field(init=False)
    facts_ahead: FactsAhead = field(init=False)
    tally: Tally = field(default_factory=Tally)
    stats: Stats = field(default_factory=Stats)
    failures: dict[str, str] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    causes: dict[str, str] = field(default_factory=dict)
    broken: dict[int, dict[str, str]] = field(default_factory=dict)
    recalled: dict[tuple[str, str], Recalled] = field(default_factory=dict)
    done: dict[int, set[str]] = field(default_factory=dict)
    watcher: Watcher | None = None
    drift: Drift | None = None
    stale: set[str] = field(default_factory=set)
    infos: dict[int, TaskInfo] = field(default_factory=dict)
    tells_begins: bool = field(init=False)

    def __post_init__(self) -> None:
        """Find out whether anybody wants to know when steps begin: most events of a run would be these."""
        self.tells_begins = any(getattr(listener, "begins", True) for listener in self.listeners)

    def emit(self, event: Event) -> None:
        """Tell everybody who listens."""
        self.activity.heard()
        for listener in self.listeners:
            listener(event)

    def info(self, play: Play, task: Task, node: str) -> TaskInfo:
        """Return what events say of a task; made once, its name as the first node that begins it sees it."""
        info = self.infos.get(task.number)
        if info is None:
            title = self.scopes.title_of(task, node) if "{{" in task.title else task.title
            info = self.infos[task.number] = self._info(play, task, title)
        return info

    def entitle(self, play: Play, task: Task, node: str) -> None:
        """Take note of a task's title where an include gives variables: they are gone when the task has ended."""
        if "{{" in task.title and task.number not in self.infos:
            title = self.scopes.known_title_of(task, node)
            if title is not None:
                self.infos[task.number] = self._info(play, task, title)

    def _info(self, play: Play, task: Task, title: str) -> TaskInfo:
        return TaskInfo(
            play=play.name,
            name=title,
            module=task.module,
            origin=task.origin,
            number=task.number,
            total=len(self.plan.tasks),
            handler=task.handler,
        )

    def begin(self, play: Play, node: str, task: Task) -> None:
        """Say that a node begins a task."""
        if self.tells_begins:
            self.emit(StepStarted(time=time.time(), node=node, task=self.info(play, task, node)))

    def partial(self, node: str, key: str, data: Mapping[str, Any]) -> None:
        """Tell people a part of a step's result."""
        self.emit(Partial(time=time.time(), node=node, step=key, data=self.redactor.redact(dict(data))[0]))

    def say(self, text: str, *, level: str = "warning", node: str | None = None) -> None:
        """Say something to people."""
        self.emit(Message(time=time.time(), level=level, text=self.redactor.redact(text)[0], node=node))

    def finished(self, play: Play, node: str, task: Task, end: StepEnd) -> None:
        """Journal and tell how a step ended; secrets are taken out here."""
        reason = end.reason and self.redactor.redact(end.reason)[0]
        clean, redacted = self.redactor.redact(end.result if end.shown is None else end.shown)
        if not end.replayed:
            self.journal.ended(
                node,
                end.key,
                status=end.status,
                result=clean,
                task=task.name,
                seconds=end.seconds,
                redacted=redacted or end.shown is not None,
            )
        if self.watcher is not None:
            self.watcher.ended(node, task, end, reason)
        self.tally.add(node, task.name, end.status, end.seconds)
        if end.status in (Status.FAILED, Status.UNREACHABLE, Status.UNKNOWN):
            self.broken.setdefault(task.number, {})[node] = f"{node}: {task.name}"
        else:
            self.did(node, task)
        self.emit(
            StepFinished(
                time=time.time(),
                node=node,
                task=self.info(play, task, node),
                status=end.status,
                result=clean,
                seconds=end.seconds,
                reason=reason,
                drifted=end.drifted,
            )
        )

    def did(self, node: str, task: Task) -> None:
        """Remember that a task is done on a node, for `needs`."""
        if task.id:
            self.done.setdefault(task.number, set()).add(node)

    def missing(self, needed: str, node: str) -> str | None:
        """Return the failure, "node: task", for which a task that `node` needs is not done; None: it is.

        The same node's step counts where that node has it, otherwise all of them.
        """
        task = next((one for one in self.plan.tasks.values() if one.id == needed), None)
        if task is None:
            return None
        having = self.plan.nodes_of(task)
        for other in (node,) if node in having else having:
            if cause := self.broken.get(task.number, {}).get(other):
                return cause
            if other in self.causes and other not in self.done.get(task.number, ()):
                return self.causes[other]
        return None

    def forgive(self) -> None:
        """Let nodes that have failed take part again from the next play on."""
        self.failures.clear()
        self.causes.clear()
        self.unreachable.clear()
        self.wrong.clear()

    def gone(self, node: str, error: NodeGoneError) -> None:
        """Remember why nothing more is sent to a node."""
        for kind, nodes in (
            (error.stale, self.stale),
            (error.unreachable, self.unreachable),
            (error.fence_lost, self.lost),
            (error.wrong, self.wrong),
        ):
            if kind:
                nodes.add(node)

    def drop(self, node: str, reason: str, *, cause: str, skipped: int = 0) -> None:
        """Leave a node out of the rest of the run; `cause`: the failure, "node: task", that began it."""
        if node not in self.failures:
            self.failures[node] = reason
            self.causes[node] = cause
            self.emit(
                NodeLost(time=time.time(), node=node, reason=self.redactor.redact(reason)[0], skipped=skipped)
            )
