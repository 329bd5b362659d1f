"""What is wrong with handlers before any run: names that there are not, and circles of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.engine.graph import CycleFoundError, Graph
from hivectl.engine.notified import may_be_called, notified_by, uses_of
from hivectl.model.errors import HivectlError, InputError
from hivectl.model.playbook import own_task
from hivectl.model.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.model.playbook import Handler, Play, Task


def handlers_of(play: Play) -> tuple[Handler, ...] | None:
    """Return the handlers that a play may have, those of included roles too; None: only the run knows them."""
    found = list(play.handlers)
    for include in play.includes():
        if include.task.module == "include_role" and include.body is None:
            return None
        found += include.handlers
    return tuple(found)


def unknown_handlers(handlers: Sequence[Handler], task: Task) -> list[HivectlError]:
    """Find names that a task notifies and no handler has."""
    errors: list[HivectlError] = []
    if not task.notify:
        return errors
    known, uses = [own_task(handler) for handler in handlers], uses_of(handlers)
    for name in task.notify:
        if "{{" in name or any(may_be_called(one, name) for one in known):
            continue
        if not notified_by(uses, name):
            names = [handler.name for handler in known] + [one for handler in known for one in handler.listen]
            best = nearest(name, names)
            hint = f"did you mean `{best}`?" if best else "name it under the play's `handlers:`"
            errors.append(InputError(f"no handler is called `{name}`", origin=task.origin, hint=hint))
    return errors


def handler_circle(play: Play) -> list[HivectlError]:
    """Find handlers that notify each other for ever."""
    graph: Graph[int] = Graph()
    known, uses = [own_task(handler) for handler in play.handlers], uses_of(play.handlers)
    for handler in known:
        for name in handler.notify:
            for notified in notified_by(uses, name):
                graph.connect(handler.number, notified.number)
    try:
        graph.order()
    except CycleFoundError as error:
        handlers = {handler.number: handler for handler in known}
        circle = " -> ".join(f"`{handlers[number].name}`" for number in error.vertices)
        origin = handlers[error.vertices[0]].origin
        return [
            InputError(
                f"these handlers notify each other: {circle}", origin=origin, hint="leave one `notify` out"
            )
        ]
    return []
