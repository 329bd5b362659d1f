"""What roles add to a node's variables: defaults below everything, variables, parameters, and their own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.role_files import merged
from hivectl.model.variables import Layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.model.playbook import Play, Role, Task

ROLE_DEFAULTS = "role defaults"
ROLE_VARIABLES = "role vars"
ROLE_MAGIC = frozenset(
    {
        *("role_name", "role_path", "ansible_role_name", "ansible_collection_name", "ansible_search_path"),
        *("ansible_parent_role_names", "ansible_parent_role_paths"),
    }
)


def exposed_layers(roles: Sequence[Role]) -> tuple[Layer, ...]:
    """Return the variables of roles that all tasks of a play see, later roles above earlier ones."""
    return (
        Layer(ROLE_DEFAULTS, merged(*(role.exported_defaults for role in roles))),
        Layer(ROLE_VARIABLES, merged(*(role.exported_variables for role in roles))),
    )


def role_layers(task: Task) -> tuple[tuple[Layer, ...], tuple[Layer, ...], tuple[Layer, ...]]:
    """Return what a task's role adds below its own variables, above what was registered, and on top of all."""
    role = task.role
    if role is None:
        if len(task.folders) < 2:
            return (), (), ()
        return (), (), (Layer("magic", {"ansible_search_path": [*map(str, task.folders)]}, data=True),)
    below = (Layer(ROLE_DEFAULTS, role.defaults), Layer(ROLE_VARIABLES, role.variables))
    parameters = (Layer("role parameters", role.parameters),) if role.parameters else ()
    magic: dict[str, Any] = {
        "role_name": role.name,
        "role_path": str(role.path),
        "ansible_role_name": role.name,
        "ansible_search_path": [*map(str, task.folders)],
        "ansible_collection_name": None,
    }
    if role.including:
        # the nearest one first
        magic["ansible_parent_role_names"] = [one.name for one in reversed(role.including)]
        magic["ansible_parent_role_paths"] = [str(one.path) for one in reversed(role.including)]
    return below, parameters, (Layer("magic", magic, data=True),)


def play_magic(play: Play) -> dict[str, Any]:
    """Return what all tasks of a play know of its roles."""
    names = [role.name for role in play.roles]
    below = list(dict.fromkeys(name for role in play.roles for name in role.dependencies))
    return {
        "role_names": names,
        "ansible_play_role_names": names,
        "ansible_dependent_role_names": below,
        "ansible_role_names": list(dict.fromkeys((*names, *below))),
    }
