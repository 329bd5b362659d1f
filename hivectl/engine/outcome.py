"""What a step comes to: put together, judged, registered, told, and its handlers notified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.engine.blame import blamed
from hivectl.engine.events import Status
from hivectl.engine.failures import StepFailedError, failure, one_line
from hivectl.engine.group import Stop
from hivectl.engine.judge import censored, combine, judge, status_of
from hivectl.engine.loops import item_of, told
from hivectl.engine.state import StepEnd
from hivectl.engine.watching import UNOBSERVED
from hivectl.model.errors import HivectlError
from hivectl.model.variables import Layer
from hivectl.modules.base import merge_results

if TYPE_CHECKING:
    from hivectl.engine.steps import Iteration, Step
    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Task
    from hivectl.modules.base import Result

# in a result: whose the facts are, with `delegate_facts`
FACTS_OF = "_hivectl_facts_of"
# of a look for drift: what is said of steps that show none
_NO_DRIFT = {
    Status.CHANGED: "no drift: it was never applied so",
    Status.UNOBSERVED: "no drift: it is done anew each time",
}
WELL = frozenset({Status.OK, Status.CHANGED})
NO_CHECK_MODE = "skipped: this module cannot say what it would change"


def settle_iteration(
    step: Step, iteration: Iteration, result: Result | None = None, *, attempts: int = 0
) -> Result:
    """Decide what one item of a step comes to, and keep it as the iteration's outcome.

    Args:
        step: of the item.
        iteration: the item.
        result: None: it is made of what the operations gave.
        attempts: the number of this attempt, which conditions may ask for; 0: there is only one.
    """
    if iteration.skipped is not None:
        outcome: Result = {
            "changed": False,
            "skipped": True,
            "skip_reason": "Conditional result was False",
            "false_condition": iteration.skipped,
        }
    else:
        outcome = _judged(step, iteration, result, attempts)
    if step.looped:
        outcome = {**outcome, **told(iteration.given)}
        if iteration.label is not iteration.item:
            outcome["_ansible_item_label"] = iteration.label
    if step.task.keywords.get("delegate_facts") and iteration.actor and "ansible_facts" in outcome:
        outcome = {**outcome, FACTS_OF: iteration.actor}
    iteration.outcome = outcome
    return outcome


def _judged(step: Step, iteration: Iteration, result: Result | None, attempts: int) -> Result:
    assert iteration.context is not None
    try:
        if result is None:
            make = step.module.result
            with blamed(step.module):
                result = (
                    make(iteration.parameters, iteration.results, iteration.context)
                    if make is not None
                    else merge_results(iteration.results)
                )
        if attempts:
            result = {**result, "attempts": attempts}
        register = step.task.register
        scope = (
            iteration.scope.child(Layer("result", {register: result}, data=True))
            if register
            else iteration.scope
        )
        return judge(step.task, result, scope)
    except HivectlError as error:
        return failure(error)


def result_of(step: Step) -> tuple[Result, list[Result]]:
    """Return what a step comes to, and what its loop's items come to; every item must be settled."""
    if not step.looped and len(step.iterations) == 1 and (outcome := step.iterations[0].outcome) is not None:
        return outcome, [outcome]
    outcomes = [iteration.outcome for iteration in step.iterations if iteration.outcome is not None]
    return (combine(outcomes) if step.looped else outcomes[0]), outcomes


def items_of(task: Task, result: Result) -> list[Result]:
    """Return the results of a loop's items, or the result itself where there is no loop."""
    results = result.get("results")
    return list(results) if task.has_loop and isinstance(results, list) else [result]


def may_notify(step: Step) -> bool:
    """Tell whether what becomes of a step that waits to be sent may notify a handler."""
    return bool(step.task.notify) and any(
        one.outcome is None or bool(one.outcome.get("changed")) or UNOBSERVED in one.outcome
        for one in step.iterations
    )


async def conclude(walk: Walk, step: Step) -> None:
    """Register, notify, journal and tell what a step has come to.

    Raises:
        StepFailedError: it failed, and nothing says to go on.
    """
    result, outcomes = result_of(step)
    status = status_of(result)
    if (watcher := walk.state.watcher) is not None:
        result, status = watcher.judged(step, result, status)
    drifted = (drift := walk.state.drift) is not None and drift.saw(step, status)
    if walk.state.options.mode == "refresh" and status in _NO_DRIFT and not drifted:
        result, status = (
            {**result, "changed": False, "skipped": True, "msg": _NO_DRIFT[status]},
            Status.SKIPPED,
        )
    failed = status is Status.FAILED
    if result.get("unknown"):
        status = Status.UNKNOWN
    if (failed and step.options.ignore_errors) or status is Status.UNREACHABLE:
        # only what may go unreached comes here unreached
        status = Status.IGNORED
    elif failed and walk.rescuable:
        status = Status.RESCUED
    if failed and not step.options.ignore_errors:
        walk.group.failure(Stop(f"{step.node}: {step.task.name}", step.task, result), walk.heard)
    walk.remember(step.task, result, outcomes)
    if step.module.name == "set_stats" and not step.options.no_log:
        walk.state.stats.take(step.node, outcomes, walk.state.redactor.redact)
    reason = "" if status in WELL else _reason(step, result, status)
    walk.state.finished(
        walk.group.play,
        step.node,
        step.task,
        StepEnd(
            key=step.key,
            status=status,
            result=result,
            seconds=step.seconds,
            reason=reason,
            shown=censored(result) if step.options.no_log else None,
            drifted=drifted,
        ),
    )
    if step.task.notify and (
        result.get("changed") or status is Status.UNOBSERVED or _may_have_changed(walk, step, result)
    ):
        await walk.handlers.notify(step.task, _notified(step))
    fatal = failed and not step.options.ignore_errors
    if step.task.number in walk.handlers.queued:
        await walk.handlers.concluded(step.task, done=not fatal)
    if fatal:
        raise StepFailedError(step.task, result, reason if not step.options.no_log else "failed (no_log)")


def _may_have_changed(walk: Walk, step: Step, result: Result) -> bool:
    """Tell whether an attempt whose answer was lost may have made the change, so that this one found nothing to do."""
    if not step.uncertain or result.get("failed") or result.get("skipped"):
        return False
    names = ", ".join(step.task.notify)
    walk.state.say(
        f"{step.task.name} may have changed something before its answer was lost, so {names} runs",
        level="info",
        node=walk.node,
    )
    return True


def _notified(step: Step) -> list[str]:
    changed = [one for one in step.iterations if one.outcome is not None and one.outcome.get("changed")]
    return [name for iteration in changed or step.iterations for name in iteration.notify]


def _reason(step: Step, result: Result, status: Status) -> str:
    if status is Status.UNOBSERVED:
        return "unknown until applied" if step.options.no_log else str(result.get("msg", ""))
    if status is Status.SKIPPED:
        condition = result.get("false_condition")
        return f"when: {condition}" if condition else str(result.get("msg", ""))
    if status in (Status.FAILED, Status.IGNORED, Status.RESCUED, Status.UNKNOWN):
        if step.options.no_log:
            return "failed; no_log hides the rest"
        if step.looped:
            failed = [one for one in result["results"] if one.get("failed")]
            items = ", ".join(str(item_of(one)) for one in failed[:3])
            return f"{items}: {one_line(failed[0])}" if failed else one_line(result)
        return one_line(result)
    return ""
