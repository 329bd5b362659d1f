"""The nodes that do a play at the same time: one `serial` batch, and where they meet."""

from __future__ import annotations

import asyncio
from dataclasses import field
from typing import TYPE_CHECKING, Any

from hivectl.engine.positions import Positions
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hivectl.engine.plan import PlannedPlay
    from hivectl.engine.steps import Step
    from hivectl.model.playbook import Play, Task
    from hivectl.modules.base import Result


@record(eq=False)
class Stop:
    """One node's failure that stops all nodes of the group, or has them rescued.

    Attributes:
        cause: "node: task".
    """

    cause: str
    task: Task
    result: Result


@record(frozen=False)
class Meeting:
    """Nodes at a step that one of them does for all, or that is one step on all of them.

    Attributes:
        nodes: who takes part, in the play's order; the first one leads.
        steps: node -> its own step, for group modules.
        ready: every part-taker's step is there, or will not come.
        done: holds the results once the step is done: node -> result.
    """

    nodes: tuple[str, ...]
    missing: set[str] = field(default_factory=set)
    steps: dict[str, Step] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    results: dict[str, Result] = field(default_factory=dict)
    stop: Stop | None = None

    def bring(self, node: str, step: Step | None) -> None:
        """Bring a node's step, or say that there will be none."""
        if step is not None:
            self.steps[node] = step
        self.missing.discard(node)
        if not self.missing:
            self.ready.set()


@record(frozen=False)
class Group:
    """One `serial` batch of a play.

    Attributes:
        number: of the batch, from 1.
        alive: the play's nodes that had not failed when the batch began.
        positions: how far each node has come.
        stop: the failure that concerns everybody, once there is one.
        over: a stop that no rescue has caught: no other batch or play begins.
        ended: `meta: end_batch` or `end_play` was said.
        failed: the nodes that have failed.
        at: node -> the task that it is about to do, or does.
        registers: variable -> tasks of the play that register it, for `hostvars` of another node.
        taken_in: the tasks that were included as the run went on, by the number of what took them in.
    """

    planned: PlannedPlay
    number: int
    nodes: tuple[str, ...]
    alive: tuple[str, ...]
    positions: Positions
    stop: Stop | None = None
    over: bool = False
    ended: bool = False
    whole_play_ended: bool = False
    failed: set[str] = field(default_factory=set)
    at: dict[str, Task] = field(default_factory=dict)
    meetings: dict[str, Meeting] = field(default_factory=dict)
    registers: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)
    taken_in: dict[int, tuple[Task, ...]] = field(default_factory=dict)

    @property
    def play(self) -> Play:
        """The play."""
        return self.planned.play

    def learn(self, tasks: Iterable[Task]) -> None:
        """Learn what tasks register."""
        for task in tasks:
            if name := task.register:
                self.registers.setdefault(name, []).append(task.order)
            facts: Mapping[str, Any] = task.arguments if task.module == "set_fact" else {}
            for name in facts:
                self.registers.setdefault(name, []).append(task.order)

    def meeting(self, key: str, task: Task) -> Meeting:
        """Return the meeting at a task, once all nodes have reached it: those that are at it take part."""
        if key not in self.meetings:
            nodes = tuple(
                node
                for node in self.nodes
                if self.positions.of(node) == task.order and self.at.get(node, task) is task
            )
            self.meetings[key] = Meeting(nodes, set(nodes))
        return self.meetings[key]

    def meeting_of(self, key: str, node: str) -> Meeting:
        """Return the meeting at a handler: the node that comes first leads, and the others follow it."""
        return self.meetings.setdefault(key, Meeting((node,), {node}))

    def failure(self, stop: Stop, heard: Stop | None) -> None:
        """Let a failure concern everybody, if its play or its task says that any is fatal.

        Args:
            stop: the failure.
            heard: the last one that the node which has failed knows of: a new one follows it.
        """
        fatal = bool(stop.task.keywords.get("any_errors_fatal", self.play.any_errors_fatal))
        if fatal and self.stop is heard:
            self.stop = stop

    def leave(self, node: str, stop: Stop, heard: Stop | None) -> None:
        """Count a node that has failed for good, and stop everybody when these are too many; as `failure`."""
        self.failed.add(node)
        limit = self.play.max_fail_percentage
        if limit is not None and 100.0 * len(self.failed) / len(self.nodes) > limit and self.stop is heard:
            self.stop = stop
        self.over = self.over or self.stop is not heard


def make_group(planned: PlannedPlay, number: int, alive: tuple[str, ...], nodes: tuple[str, ...]) -> Group:
    """Make the group of one batch; `nodes`: of that batch, `alive`: of the whole play."""
    start = min((task.order for task in planned.play.tasks()), default=(0,))
    group = Group(
        planned=planned,
        number=number,
        nodes=nodes,
        alive=alive,
        positions=Positions(nodes, start),
    )
    group.learn(planned.play.tasks())
    return group
