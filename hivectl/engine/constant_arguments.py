"""What is wrong with the arguments of roles before any run: values that no template can change, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.argument_specs import argument_faults
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.model.errors import HivectlError
    from hivectl.model.origin import Origin
    from hivectl.model.playbook import Task

OF_THE_RUN = "{{ }}"


def constant_faults(task: Task, names: frozenset[str] | None) -> Sequence[HivectlError]:
    """Return what is surely wrong with the arguments that a role's first task checks.

    Args:
        task: a `validate_argument_spec`.
        names: the variables that are defined somewhere; None: only the run knows them all.
    """
    options = task.arguments.get("argument_spec")
    role = task.role
    if not isinstance(options, YamlMapping) or role is None:
        return []
    # those that hold for this use alone, the strongest first: others may be what the inventory says
    levels: list[Mapping[str, Any]] = [task.given, role.parameters, *reversed(task.variables)]
    levels += [role.call_variables]
    own = [role.own_variables, role.defaults]

    def value_of(name: str) -> tuple[bool, Any, Origin | None]:
        for values in levels:
            if name in values:
                return True, values[name], origin_of(values, name)
        known = names is None or name in names or any(name in values for values in own)
        # what may come from anywhere is looked at when its time has come
        return known, OF_THE_RUN, None

    about = f"role {role.name}"
    return list(argument_faults(options, value_of, what=about, origin=task.origin, missing=names is not None))
