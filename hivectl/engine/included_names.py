"""The names of variables that `include_vars` will bring, as far as its files are known before the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.errors import HivectlError
from hivectl.model.paths import user_path
from hivectl.model.templates import is_template
from hivectl.model.yaml import load_yaml

if TYPE_CHECKING:
    from hivectl.model.playbook import Playbook, Task


def included_names(playbook: Playbook) -> frozenset[str] | None:
    """Return the names that all `include_vars` of a playbook bring; None: only the run knows them."""
    names: set[str] = set()
    for task in playbook.tasks():
        if task.module != "include_vars":
            continue
        found = _names_of(playbook, task)
        if found is None:
            return None
        names |= found
    return frozenset(names)


def _names_of(playbook: Playbook, task: Task) -> set[str] | None:
    name, file = task.arguments.get("name"), task.arguments.get("file")
    if isinstance(name, str) and not is_template(name):
        return {name}
    if name is not None or not isinstance(file, str) or is_template(file):
        return None
    for folder in task.folders or (playbook.path.parent,):
        for path in (folder / "vars" / user_path(file), folder / user_path(file)):
            if path.is_file():
                try:
                    values = load_yaml(path, allowed=playbook.allowed)
                except HivectlError:  # told when the task is done
                    return None
                return set(values) if isinstance(values, dict) else set()
    return None
