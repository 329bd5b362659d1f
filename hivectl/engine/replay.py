"""Going on with a run: steps that an earlier attempt had done are taken from the journal instead of being done again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.engine.events import Status
from hivectl.engine.failures import StepFailedError, one_line
from hivectl.engine.state import StepEnd

if TYPE_CHECKING:
    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Task

# a step that failed is what the run is resumed for
_DONE = frozenset({Status.OK, Status.CHANGED, Status.SKIPPED, Status.IGNORED, Status.RESCUED})


async def replay(walk: Walk, task: Task, key: str) -> bool:
    """Take a step's result from the journal; False when it must be done.

    A result whose secrets were masked cannot be used by later tasks, so that step is done again.
    """
    record = walk.state.record
    if record is None:
        return False
    step = record.steps.get((walk.node, key))
    if step is None or Status(step.status) not in _DONE:
        return False
    if step.redacted and task.register:
        return False
    await walk.flush()
    result = dict(step.result)
    outcomes = result["results"] if task.has_loop and isinstance(result.get("results"), list) else [result]
    walk.remember(task, result, outcomes)
    walk.state.finished(
        walk.group.play,
        walk.node,
        task,
        StepEnd(
            key=key,
            status=Status(step.status),
            result=result,
            seconds=step.seconds,
            reason="done before the run was cut off",
            replayed=True,
        ),
    )
    if result.get("changed") and task.notify:
        await walk.notify(task)
    if step.status == Status.RESCUED:
        raise StepFailedError(task, result, one_line(result))
    return True
