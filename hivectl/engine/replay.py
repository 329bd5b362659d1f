"""Going on with a run: steps that an earlier attempt had done are taken from the journal instead of being done again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.engine.events import Status
from hivectl.engine.failures import StepFailedError, one_line
from hivectl.engine.loops import loop_variables
from hivectl.engine.outcome import items_of
from hivectl.engine.state import StepEnd
from hivectl.engine.steps import rendered_names
from hivectl.model.variables import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Task

# a step that failed is what the run is resumed for
_DONE = frozenset({Status.OK, Status.CHANGED, Status.SKIPPED, Status.IGNORED, Status.RESCUED})


async def replay(walk: Walk, task: Task, key: str, *, of: Sequence[str] = ()) -> bool:
    """Take a step's result from the journal; False when it must be done.

    A result whose secrets were masked cannot be used by later tasks, so that step is done again where that does no
    harm; where it may, only a task that does use the result fails.
    """
    record = walk.state.record
    if record is None:
        return False
    found = (record.steps.get((node, key)) for node in (walk.node, *of))
    step = next((one for one in found if one is not None and Status(one.status) in _DONE), None)
    if step is None:
        return False
    await walk.flush()
    result = dict(step.result)
    outcomes = items_of(task, result)
    gives = (
        task.register is not None
        or walk.state.workshop.find_module(task.module).decide is not None
        or any("ansible_facts" in outcome for outcome in outcomes)
    )
    if step.redacted and gives and walk.may_repeat(task, key):
        return False
    walk.remember(task, result, outcomes)
    if task.module == "set_stats":
        walk.state.stats.take(walk.node, outcomes, walk.state.redactor.redact)
    if step.redacted:
        given = {name for outcome in outcomes for name in outcome.get("ansible_facts") or ()}
        walk.variables.lose(*given, *filter(None, [task.register]))
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
        await walk.handlers.notify(task, _notified(walk, task, result))
    if step.status == Status.RESCUED:
        raise StepFailedError(task, result, one_line(result))
    return True


def _notified(walk: Walk, task: Task, result: Mapping[str, Any]) -> list[str]:
    scope = walk.variables.for_task(task)
    if not scope.templates.is_template(list(task.notify)):
        return list(task.notify)
    names: list[str] = []
    for item in items_of(task, dict(result)):
        if item.get("changed"):
            values = loop_variables(item)
            names += rendered_names(task, scope.child(Layer("loop", values)))
    return names
