"""`ignore_unreachable`: a step that cannot reach its node is passed over, and the node's walk goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.engine.failures import NodeGoneError
from hivectl.engine.outcome import conclude
from hivectl.engine.steps import Iteration, Step, StepOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Task
    from hivectl.modules.base import Result


async def send(walk: Walk, steps: list[Step], *, uses: Mapping[str, int] | None = None) -> None:
    """Send steps of which some may go unreached; raises NodeGoneError for one that may not."""
    while steps:
        try:
            await walk.send(steps, uses=uses)
        except NodeGoneError as error:
            steps = walk.unsent or steps
            if not may_pass(steps[0].options, error):
                raise
            await pass_over(walk, steps[0], error)
            steps = steps[1:]
        else:
            return


def may_pass(options: StepOptions, error: NodeGoneError) -> bool:
    """Tell whether a step may go unreached; one whose node was taken away may not."""
    return options.ignore_unreachable and error.unreachable


async def pass_over(walk: Walk, step: Step, error: NodeGoneError) -> None:
    """Conclude a step that was not reached."""
    for iteration in step.iterations:
        if iteration.outcome is None:
            iteration.outcome = _result(error)
            if step.looped:
                iteration.outcome["item"] = iteration.item
    await conclude(walk, step)


async def pass_over_task(walk: Walk, task: Task, key: str, error: NodeGoneError) -> None:
    """Conclude a task whose step could not even be made, since the node tells no facts; raises `error` if it may not."""
    options = StepOptions(
        ignore_unreachable=task.keywords.get("ignore_unreachable") is True,
        no_log=task.keywords.get("no_log", False) is not False,
    )
    if not may_pass(options, error):
        raise error
    scope = walk.variables.for_task(task)
    step = Step(
        key=key,
        node=walk.node,
        actor=walk.node,
        task=task,
        module=walk.state.workshop.find_module(task.module),
        options=options,
        iterations=[Iteration(index=0, scope=scope, outcome=_result(error))],
        scope=scope,
    )
    await conclude(walk, step)


def _result(error: NodeGoneError) -> Result:
    return {"changed": False, "unreachable": True, "msg": error.reason}
