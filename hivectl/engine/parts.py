"""Roles and files of tasks by themselves: what is wrong with them whoever uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.engine.validation import check_tasks
from hivectl.model.errors import Complaints
from hivectl.model.origin import Origin
from hivectl.model.playbook import flatten
from hivectl.model.playbook_files import read_tasks
from hivectl.model.playbook_levels import Level
from hivectl.model.playbook_reader import Reader
from hivectl.model.roles import RoleWish, read_role
from hivectl.modules.registry import known_module, module_names

if TYPE_CHECKING:
    from pathlib import Path


def check_part(path: Path) -> None:
    """Check a role's folder or a file of tasks.

    Raises:
        Complaints: every fault that does not hang on the playbook around.
    """
    path = path.resolve()
    # roles are siblings; a file of tasks counts from its own folder
    folder = path.parent.parent if path.is_dir() else path.parent
    reader = Reader(folder / "playbook.yml", known_module, module_names)
    if path.is_dir():
        wish = RoleWish(name=str(path), origin=Origin(str(path), 1, 1), checked=False)
        found = read_role(reader, wish, Level())
        entries = () if found is None else (*found.entries, *found.handlers)
        for other in sorted((path / "tasks").glob("*.y*ml")) if found is not None else ():
            # other entry points, which nothing in the role itself may name
            if other.resolve() not in reader.files:
                level = Level(role=found.role if found else None, files=(other.resolve(),))
                entries += read_tasks(reader, other.resolve(), level)
    else:
        entries = read_tasks(reader, path, Level(files=(path,)))
    faults = [*reader.errors, *check_tasks(list(flatten(entries)))]
    if faults:
        raise Complaints(faults)
