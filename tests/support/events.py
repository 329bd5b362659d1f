"""Events as a run emits them, made in a line."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from hivectl.engine.events import (
    NodeSummary,
    PlayStarted,
    RunEnded,
    RunStarted,
    Status,
    StepFinished,
    StepStarted,
    TaskInfo,
)
from hivectl.model.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

_clock = itertools.count()


def now() -> float:
    """A time that grows by a millisecond at each call."""
    return 1_700_000_000 + next(_clock) / 1000


def task(name: str, number: int = 1, module: str = "command") -> TaskInfo:
    return TaskInfo(
        play="Play", name=name, module=module, origin=Origin("site.yml", 3 * number, 7), number=number
    )


def started(nodes: Sequence[str], steps: int = 0, mode: str = "apply") -> list[RunStarted | PlayStarted]:
    return [
        RunStarted(time=now(), run="R1", playbook="site.yml", mode=mode, nodes=tuple(nodes), steps=steps),
        PlayStarted(time=now(), play="Play", nodes=tuple(nodes)),
    ]


def began(node: str, what: TaskInfo) -> StepStarted:
    return StepStarted(time=now(), node=node, task=what)


def finished(
    node: str,
    what: TaskInfo,
    status: str = "ok",
    result: dict[str, Any] | None = None,
    *,
    reason: str = "",
    cause: str | None = None,
    time: float | None = None,
) -> StepFinished:
    return StepFinished(
        time=now() if time is None else time,
        node=node,
        task=what,
        status=Status(status),
        result=result or {},
        reason=reason,
        cause=cause,
    )


def ended(nodes: dict[str, NodeSummary], **more: Any) -> RunEnded:
    values: dict[str, Any] = {"status": "ok", "exit_code": 0, "seconds": 2.5} | more
    return RunEnded(time=now(), run="R1", nodes=nodes, **values)
