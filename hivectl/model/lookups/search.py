"""Where lookups find files: as `copy` and `template` do, a role's folders before the playbook's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.model.paths import is_there, user_path
from hivectl.model.templating.errors import TemplateValueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.model.lookups.base import Request

# the variable that a role sets for its tasks, as in Ansible: its folder, then those of the roles that need it
SEARCH_PATH = "ansible_search_path"


def search_folders(variables: Mapping[str, Any], folder: Path) -> tuple[Path, ...]:
    """Return the folders that relative names count from, the nearest first.

    Args:
        variables: of the task; `ansible_search_path` names the folders of its role.
        folder: the playbook's, which is always the last one.
    """
    from hivectl.model.templating.environment import look_up

    given = look_up(variables, SEARCH_PATH, None)
    role = look_up(variables, "role_path", None) if not given else None
    found = [Path(str(one)) for one in given] if isinstance(given, list | tuple) else []
    if isinstance(role, str) and role:
        found.append(Path(role))
    return (*dict.fromkeys(path for path in found if path != folder), folder)


def places(name: str, folders: Sequence[Path], inside: str) -> list[Path]:
    """Return where a file may be: in the folder `inside` of each folder, and in the folder itself.

    Args:
        name: as it was written; `~` and absolute ones stand for themselves.
        folders: the nearest first.
        inside: "files", "templates" or "vars".
    """
    given = user_path(name)
    if given.is_absolute():
        return [given]
    return [place for folder in folders for place in (folder / inside / given, folder / given)]


def find(request: Request, name: str, inside: str = "files") -> Path:
    """Return the file of a name; raises TemplateValueError where there is none."""
    tried = places(name, search_folders(request.variables, request.host.folder), inside)
    for path in tried:
        if is_there(path):
            return path
    where = " nor ".join(str(path.parent) for path in tried)
    raise TemplateValueError(f"there is no file {Path(name).name} in {where}")
