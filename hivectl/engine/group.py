"""The nodes that do a play at the same time: one `serial` batch, and where they meet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hivectl.engine.positions import Positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.engine.plan import PlannedPlay
    from hivectl.engine.steps import Step
    from hivectl.model.playbook import Play, Task
    from hivectl.modules.base import Result


@dataclass(slots=True)
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
    cause: str | None = None

    def bring(self, node: str, step: Step | None) -> None:
        """Bring a node's step, or say that there will be none."""
        if step is not None:
            self.steps[node] = step
        self.missing.discard(node)
        if not self.missing:
            self.ready.set()


@dataclass(slots=True)
class Group:
    """One `serial` batch of a play.

    Attributes:
        number: of the batch, from 1.
        positions: how far each node has come.
        stopped: the failure that stops everybody ("node: task"), once there is one.
        ended: `meta: end_batch` or `end_play` was said.
        registers: variable -> tasks of the play that register it, for `hostvars` of another node.
    """

    planned: PlannedPlay
    number: int
    nodes: tuple[str, ...]
    positions: Positions
    stopped: str | None = None
    ended: bool = False
    whole_play_ended: bool = False
    failed: set[str] = field(default_factory=set)
    meetings: dict[str, Meeting] = field(default_factory=dict)
    registers: dict[str, list[int]] = field(default_factory=dict)

    @property
    def play(self) -> Play:
        """The play."""
        return self.planned.play

    def meeting(self, key: str, number: int) -> Meeting:
        """Return the meeting at a task, once all nodes have reached it: those that are at it take part."""
        if key not in self.meetings:
            nodes = tuple(node for node in self.nodes if self.positions.of(node) == number)
            self.meetings[key] = Meeting(nodes, set(nodes))
        return self.meetings[key]

    def fail(self, node: str, task: Task, cause: str) -> None:
        """Count a node's failure, and stop everybody if the play asks for that."""
        self.failed.add(node)
        play = self.play
        fatal = play.any_errors_fatal or bool(task.keywords.get("any_errors_fatal"))
        limit = play.max_fail_percentage
        if fatal or (limit is not None and 100.0 * len(self.failed) / len(self.nodes) > limit):
            self.stopped = self.stopped or cause


def make_group(planned: PlannedPlay, number: int, nodes: tuple[str, ...]) -> Group:
    """Make the group of one batch."""
    registers: dict[str, list[int]] = {}
    for task in planned.play.tasks():
        if name := task.register:
            registers.setdefault(name, []).append(task.number)
        facts: Mapping[str, Any] = task.arguments if task.module == "set_fact" else {}
        for name in facts:
            registers.setdefault(name, []).append(task.number)
    start = min((task.number for task in planned.play.tasks()), default=0)
    return Group(
        planned=planned, number=number, nodes=nodes, positions=Positions(nodes, start), registers=registers
    )
