"""A task's loop on one node: its items, and the variables that each of them sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.errors import InputError
from hivectl.model.keywords import LoopControl
from hivectl.model.loop_forms import LOOKUP, PREFIX
from hivectl.model.parameters import convert
from hivectl.model.playbook_levels import conditions
from hivectl.model.secret import Secret
from hivectl.model.variables import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.engine.steps import Iteration
    from hivectl.model.playbook import Task
    from hivectl.model.variables import Scope

PLAIN = LoopControl()
LATER = frozenset({"label", "break_when"})  # rendered item by item


def control_of(task: Task, scope: Scope) -> LoopControl:
    """Return a task's `loop_control`, rendered but for what is rendered for each item; raises InputError."""
    raw = task.keywords.get("loop_control")
    if not raw:
        return PLAIN
    rendered = {
        name: value if name in LATER else scope.templates.render(value, scope, origin=task.origin)
        for name, value in raw.items()
    }
    return convert(LoopControl, rendered, origin=task.origin, what="loop_control")


def items_of_loop(task: Task, scope: Scope) -> list[Any]:
    """Return what a task is done for; raises InputError."""
    given, lookup = task.keywords["loop"], task.keywords.get(LOOKUP)
    if lookup is not None:
        try:
            return scope.templates.look_up(lookup, given, scope, origin=task.origin, action=task.module)
        except InputError as error:
            if not error.message.startswith("the lookup "):
                error.message = f"{PREFIX}{lookup}: {error.message}"
            raise
    items = scope.templates.render(given, scope, origin=task.origin)
    if isinstance(items, str | Secret | dict) or not hasattr(items, "__iter__"):
        raise InputError(
            f"`loop` must be a list, not {type(items).__name__}",
            origin=task.origin,
            hint="for a mapping write `{{ it | dict2items }}`, for one value `[it]`",
        )
    return list(items)


def variables_of(control: LoopControl, items: list[Any], index: int) -> dict[str, Any]:
    """Return the variables that one item sees, as Ansible names them."""
    values: dict[str, Any] = {control.loop_var: items[index], "ansible_loop_var": control.loop_var}
    if control.index_var is not None:
        values |= {control.index_var: index, "ansible_index_var": control.index_var}
    if control.extended:
        length = len(items)
        around: dict[str, Any] = {
            "index": index + 1,
            "index0": index,
            "first": index == 0,
            "last": index + 1 == length,
            "length": length,
            "revindex": length - index,
            "revindex0": length - index - 1,
        }
        if control.extended_allitems:
            around["allitems"] = items
        if index + 1 < length:
            around["nextitem"] = items[index + 1]
        if index:
            around["previtem"] = items[index - 1]
        values["ansible_loop"] = around
    return values


def told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of an item as its result holds them: without all the others, in each of them."""
    around = values.get("ansible_loop")
    if not around:
        return dict(values)
    return {**values, "ansible_loop": {name: value for name, value in around.items() if name != "allitems"}}


def breaks(task: Task, iteration: Iteration) -> bool:
    """Tell whether a loop ends behind an item that is settled; raises InputError."""
    control = task.keywords.get("loop_control") or {}
    if not control.get("break_when") or iteration.outcome is None:
        return False
    scope = iteration.scope
    if task.register:
        scope = scope.child(Layer("result", {task.register: iteration.outcome}, data=True))
    return all(
        scope.templates.evaluate(one.text, scope, origin=one.origin)
        for one in conditions(control["break_when"], task.origin)
    )


def item_of(result: Mapping[str, Any]) -> Any:
    """Return what people see of the item that a result is of."""
    name = result.get("ansible_loop_var", "item")
    return result.get("_ansible_item_label", result.get(name))


def loop_variables(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the loop's variables that a result of an item holds; `ansible_loop` without all the items."""
    names = [result.get("ansible_loop_var"), result.get("ansible_index_var"), "ansible_loop"]
    return {name: result[name] for name in names if name is not None and name in result}
