"""The nodes that do a play at the same time: one `serial` batch, and where they meet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hivectl.engine.positions import Positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.engine.plan import PlannedPlay
    from hivectl.model.playbook import Play, Task
    from hivectl.modules.base import NodeContext, Result


@dataclass(slots=True)
class Meeting:
    """Nodes that have arrived at a step that one of them does for all.

    Attributes:
        arrived: node -> its parameters' context, for group modules.
        done: holds the result of each node, or of the leader for all, once the step is done.
    """

    arrived: dict[str, NodeContext | None] = field(default_factory=dict)
    leader: str | None = None
    done: asyncio.Future[Mapping[str, Result]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


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

    def meeting(self, key: str) -> Meeting:
        """Return the meeting at a step."""
        if key not in self.meetings:
            self.meetings[key] = Meeting()
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
    return Group(planned=planned, number=number, nodes=nodes, positions=Positions(nodes, start), registers=registers)
