"""Which handlers a name notifies; apart from what runs them, so that `validate` imports none of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.playbook import own_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.model.playbook import Handler, Task


def notified_by(handlers: Sequence[Handler], name: str) -> tuple[Task, ...]:
    """Return the handlers that a name notifies: one of that name, and those that listen to it.

    As in Ansible, later ones win over those of the same name: the play's over its roles', included ones over both;
    among those of one role, or of the play, the first one does. `role : name` means that of a role.
    """
    groups: list[list[Task]] = []
    for task in map(own_task, handlers):
        if groups and groups[-1][0].role is task.role:
            groups[-1].append(task)
        else:
            groups.append([task])
    order = [task for group in reversed(groups) for task in group]
    named = next((task for task in order if name in (task.name, task.title)), None)
    heard = {task.name: task for task in reversed(order) if name in task.listen}
    chosen = {id(task) for task in (*heard.values(), *(() if named is None else (named,)))}
    return tuple(task for task in map(own_task, handlers) if id(task) in chosen)
