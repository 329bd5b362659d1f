"""Which handlers a name notifies; apart from what runs them, so that `validate` imports none of that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hivectl.model.playbook import own_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hivectl.model.playbook import Handler, Task

# handlers of one role, or of the play, that came together
Uses = tuple[tuple["Task", ...], ...]

_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def uses_of(handlers: Sequence[Handler]) -> Uses:
    """Return handlers by the role that they are of."""
    uses: list[list[Task]] = []
    for task in map(own_task, handlers):
        if uses and uses[-1][0].role is task.role:
            uses[-1].append(task)
        else:
            uses.append([task])
    return tuple(map(tuple, uses))


def names_of(task: Task) -> tuple[str, str]:
    """Return a handler's name and title as they are written."""
    return task.name, task.title


def notified_by(
    uses: Uses, name: str, names: Callable[[Task], tuple[str, str]] = names_of
) -> tuple[Task, ...]:
    """Return the handlers that a name notifies: one of that name, and those that listen to it.

    As in Ansible, later ones win over those of the same name: the play's over its roles', included ones over both,
    the last use of a role over those before; among those of one use, or of the play, the first one does.
    `role : name` means that of a role.
    """
    order = [task for use in reversed(uses) for task in use]
    named = next((task for task in order if name in names(task)), None)
    heard = {names(task)[0]: task for task in reversed(order) if name in task.listen}
    chosen = {id(task) for task in (*heard.values(), *(() if named is None else (named,)))}
    return tuple(task for use in uses for task in use if id(task) in chosen)


def may_be_called(task: Task, name: str) -> bool:
    """Tell whether the templates in a handler's name may give such a name."""
    if "{{" not in task.name:
        return False
    pattern = ".*".join(map(re.escape, _TEMPLATE.split(task.name)))
    role = "" if task.role is None else f"(?:{re.escape(task.role.name)} : )?"
    return re.fullmatch(role + pattern, name, re.DOTALL) is not None
