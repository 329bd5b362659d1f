"""What a result means: `changed_when`, `failed_when`, loops put together, secrets taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.engine.events import Status
from hivectl.model.playbook_levels import Condition, conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.model.playbook import Task
    from hivectl.model.variables import Scope
    from hivectl.modules.base import Result

CENSORED = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"


def judge(task: Task, result: Result, scope: Scope) -> Result:
    """Return a result with `changed_when` and `failed_when` applied; `scope` holds it under its registered name.

    Raises:
        InputError: a condition is undefined or no bool.
    """
    judged = dict(result)
    judged.setdefault("changed", False)
    judged["failed"] = bool(judged.get("failed", False))
    if judged.get("skipped"):
        return judged
    if "changed_when" in task.keywords:
        judged["changed"] = holds(task.keywords["changed_when"], scope, task)
    if "failed_when" in task.keywords:
        judged["failed"] = judged["failed_when_result"] = holds(task.keywords["failed_when"], scope, task)
    return judged


def holds(value: Any, scope: Scope, task: Task) -> bool:
    """Tell whether all of a keyword's conditions hold."""
    return all(
        scope.templates.evaluate(one.text, scope, origin=one.origin) for one in conditions(value, task.origin)
    )


def first_false(when: Sequence[Condition], scope: Scope) -> Condition | None:
    """Return the first of a task's conditions that does not hold."""
    return next(
        (one for one in when if not scope.templates.evaluate(one.text, scope, origin=one.origin)), None
    )


def combine(results: Sequence[Result]) -> Result:
    """Put the results of a loop's items together as Ansible does."""
    failed = any(result.get("failed") for result in results)
    skipped = bool(results) and all(result.get("skipped") for result in results)
    combined: Result = {
        "results": list(results),
        "changed": any(result.get("changed") for result in results),
        "failed": failed,
        "msg": "One or more items failed" if failed else "All items completed",
    }
    if any(result.get("unreachable") for result in results):
        combined["unreachable"] = True
    if skipped or not results:
        combined["skipped"] = True
        combined["msg"] = "All items skipped"
    return combined


def status_of(result: Result) -> Status:
    """Return what people call a result."""
    if result.get("unreachable"):
        return Status.UNREACHABLE
    if result.get("failed"):
        return Status.FAILED
    if result.get("skipped"):
        return Status.SKIPPED
    return Status.CHANGED if result.get("changed") else Status.OK


def censored(result: Result) -> Result:
    """Return what may be shown of a `no_log` result."""
    shown: Result = {"censored": CENSORED}
    shown.update(
        {key: result[key] for key in ("changed", "failed", "skipped", "unreachable") if key in result}
    )
    return shown
