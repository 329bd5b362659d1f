"""Files of tasks beside a playbook and in its roles: where they are looked for, and what is in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hivectl.model.origin import Origin
from hivectl.model.paths import is_there, user_path
from hivectl.model.playbook_tasks import entries_of
from hivectl.model.suggestions import nearest
from hivectl.model.yaml import YamlList

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hivectl.model.playbook import Entry
    from hivectl.model.playbook_levels import Level
    from hivectl.model.playbook_reader import Reader


def find_tasks_file(reader: Reader, name: str, level: Level, origin: Origin | None) -> Path | None:
    """Return the file of tasks of that name; None after a complaint."""
    folders = list(task_folders(reader, level))
    given = user_path(name)
    for path in [given] if given.is_absolute() else [folder / given for folder in folders]:
        if is_there(path) and path.is_file():
            return path.resolve()
    hint = None
    if best := nearest(given.name, _names_in([folder / given.parent for folder in folders])):
        hint = f"did you mean `{given.parent / best}`?"
    places = " nor ".join(str(folder) for folder in folders)
    missing = f"there is no file {name}" + ("" if given.is_absolute() else f" in {places}")
    reader.complain(missing, origin, hint)
    return None


def task_folders(reader: Reader, level: Level) -> Iterator[Path]:
    """Yield where files of tasks are looked for: beside the file around, in the role, beside files further out."""
    folders = [path.parent for path in reversed(level.files)]
    if level.role is not None:
        folders.insert(1, level.role.path / "tasks")
    base = level.base or reader.root
    yield from dict.fromkeys((*folders, base, base / "tasks"))


def _names_in(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        if folder.is_dir():
            yield from sorted(path.name for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))


def read_tasks(reader: Reader, path: Path, level: Level) -> tuple[Entry, ...]:
    """Return the tasks of a file, with what is handed down to them."""
    document: Any = reader.load(path)
    if document is None:
        return ()
    if not isinstance(document, YamlList):
        reader.complain(
            "a file of tasks is a list", Origin(str(path), 1, 1), "write `- name: …` and a module below it"
        )
        return ()
    # the role's folders, then the file's own, then the playbook's
    own = (
        [one for one in level.folders if one not in (level.base, reader.root)]
        if level.role is not None
        else []
    )
    folders = dict.fromkeys((*own, path.parent, level.base or reader.root, reader.root))
    return entries_of(reader, document, replace(level, folders=tuple(folders)))
