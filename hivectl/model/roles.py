"""Roles: found, read with what they depend on, and turned into tasks, handlers and variables."""

from __future__ import annotations

import json
import os
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from hivectl.model.argument_specs import read_specs
from hivectl.model.paths import is_there, user_path
from hivectl.model.playbook import Entry, Handler, Include, Role, RoleTasks, Task
from hivectl.model.playbook_files import read_tasks
from hivectl.model.playbook_levels import Level, hand_down
from hivectl.model.playbook_tasks import make_task
from hivectl.model.records import record
from hivectl.model.role_files import merged, read_meta, role_file, variables_of
from hivectl.model.suggestions import did_you_mean, nearest
from hivectl.model.yaml import YamlMapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hivectl.model.origin import Origin
    from hivectl.model.playbook_reader import Reader

# of a role's folders, those that are read before a run
READ_FOLDERS = ("tasks", "handlers", "defaults", "vars", "meta")
OPEN_IT = "let this user read that folder and look into it, or say another role's path"
ROLES_ARE = "roles are folders in `roles/` beside the playbook; a link there will do, `roles_path` of Ansible is not read"


@record(kw_only=True)
class RoleWish:
    """Which role is asked for, and how.

    Attributes:
        files: "tasks", "vars", "defaults", "handlers" -> the file to take in place of main.
        parameters: keys that are no keywords.
        variables: `vars:`.
        public: whether others see its variables; None: as is usual where it is asked for.
        checked: whether its arguments are checked.
        attributes: the other keywords, for telling uses apart.
        by_task: it is imported or included.
    """

    name: str
    origin: Origin
    files: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    public: bool | None = None
    allow_duplicates: bool = False
    checked: bool = True
    attributes: str = ""
    by_task: bool = False


@record(kw_only=True)
class FoundRole:
    """A role that was read: its tasks behind those that it depends on."""

    role: Role
    entries: tuple[Entry, ...]
    handlers: tuple[Handler, ...]


def read_role(
    reader: Reader, wish: RoleWish, level: Level, *, dynamic: bool = False, again: bool = False
) -> FoundRole | None:
    """Read a role and all that it depends on.

    Args:
        reader: takes the complaints.
        wish: which one.
        level: what is handed down to its tasks.
        dynamic: it is taken in as the run goes on.
        again: the run goes on now: it may be around already.

    Returns:
        None after a complaint, and for a dynamic one that is around already: only the run knows its end.
    """
    path = find_role(reader, wish, level)
    if path is None:
        return None
    chosen = role_file(reader, path, "tasks", wish.files.get("tasks"), wish.origin)
    if chosen is not None and chosen in level.files and not again:
        if not dynamic or chosen in level.imported:
            around = " -> ".join(one.parent.parent.name for one in (*level.files, chosen))
            reader.complain(f"these roles use each other: {around}", wish.origin, "leave one of the uses out")
        return None
    return _read(reader, wish, level, path, chosen, dynamic=dynamic)


def _read(
    reader: Reader, wish: RoleWish, level: Level, path: Path, tasks: Path | None, *, dynamic: bool
) -> FoundRole | None:
    meta = read_meta(reader, path)
    bare = Role(
        name=path.name if user_path(wish.name).is_absolute() else wish.name,
        path=path,
        origin=wish.origin,
        own_defaults=variables_of(reader, path, "defaults", wish.files.get("defaults"), wish.origin),
        own_variables=variables_of(reader, path, "vars", wish.files.get("vars"), wish.origin),
        call_variables=wish.variables,
        parameters=merged(*([level.role.parameters] if level.role is not None else []), wish.parameters),
        parents=() if level.role is None else (*level.role.parents, level.role),
        including=level.includers,
        allow_duplicates=wish.allow_duplicates or meta.allow_duplicates,
    )
    around = replace(
        level, role=bare, includers=(*level.includers, bare), folders=_folders(reader, bare, level)
    )
    if path in [one.path for one in bare.parents] and not dynamic and level.imported == ():
        circle = " -> ".join([*(one.name for one in bare.parents), bare.name])
        reader.complain(f"these roles depend on each other: {circle}", wish.origin, "leave one of them out")
        return None
    entries: list[Entry] = []
    handlers: list[Handler] = []
    dependencies: list[Role] = []
    for item, origin in meta.dependencies:
        below = read_role_item(reader, item, origin, replace(around, imported=(), includers=bare.including))
        if below is not None:
            dependencies.append(below.role)
            entries += below.entries
            handlers += below.handlers
    role = _with_all(bare, dependencies)
    inside = replace(around, role=role)
    # before the role's own tasks, whose numbers come after its own
    entries += _checked_arguments(reader, wish, inside, meta.argument_specs)
    if tasks is not None:
        files = replace(inside, files=(*level.files, tasks), imported=(*level.imported, tasks), certain=False)
        entries += read_tasks(reader, tasks, files)
    handlers += _handlers(reader, wish, inside)
    return FoundRole(
        role=role, entries=_once(reader, wish, role, level, tuple(entries)), handlers=tuple(handlers)
    )


def read_role_item(reader: Reader, item: Any, origin: Origin, level: Level) -> FoundRole | None:
    """Read one item of a play's `roles` or of a role's `dependencies`: a name, or a mapping."""
    from hivectl.model.role_items import role_of_item

    found = role_of_item(reader, item, origin)
    if found is None:
        return None
    wish, keywords = found
    return read_role(reader, wish, hand_down(level, keywords, reader.defaults_of(keywords), variables=False))


def find_role(reader: Reader, wish: RoleWish, level: Level) -> Path | None:
    """Return a role's folder; None after a complaint."""
    given = user_path(wish.name)
    base = level.base or reader.root
    folders = [base / "roles"]
    if level.role is not None:
        folders += [one.path.parent for one in (level.role, *reversed(level.role.parents))]
    folders += [base, reader.root / "roles", reader.root]
    folders = list(dict.fromkeys(folders))
    for path in [given] if given.is_absolute() else [folder / given for folder in folders]:
        if is_there(path) and path.is_dir():
            return path.resolve() if _is_open(reader, wish, path) else None
    names: list[str] = []
    for folder in folders:
        if folder.name != "roles":
            continue
        try:
            names += [one.name for one in folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            # the role may well be there
            reader.complain(
                f"the role `{wish.name}` cannot be looked for in {folder}: {error.strerror}",
                wish.origin,
                OPEN_IT,
            )
            return None
    best = nearest(wish.name, sorted(names))
    places = " nor ".join(str(folder) for folder in folders)
    hint = f"did you mean `{best}`?" if best else ROLES_ARE
    reader.complain(f"there is no role `{wish.name}` in {places}", wish.origin, hint)
    return None


def _is_open(reader: Reader, wish: RoleWish, path: Path) -> bool:
    """Tell whether a role's folders may be looked into; complain of the first that may not."""
    for folder in (path, *(path / name for name in READ_FOLDERS)):
        try:
            os.scandir(folder).close()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            reader.complain(
                f"the role `{wish.name}` cannot be read: {folder}: {error.strerror}", wish.origin, OPEN_IT
            )
            return False
    return True


def _folders(reader: Reader, role: Role, level: Level) -> tuple[Path, ...]:
    """Return where a role's files are looked for: in the role, in those that use it, beside the playbook."""
    chain = (role, *reversed(role.parents))
    return tuple(
        dict.fromkeys(
            (*(one.path for one in chain), role.path / "tasks", level.base or reader.root, reader.root)
        )
    )


def _with_all(role: Role, dependencies: Sequence[Role]) -> Role:
    """Return a role with the variables of the roles that it depends on and that use it."""
    defaults = [one.exported_defaults for one in dependencies]
    variables = [one.exported_variables for one in dependencies]
    above = [part for one in role.parents for part in (one.call_variables, one.own_variables)]
    return replace(
        role,
        dependencies=tuple(name for one in dependencies for name in (*one.dependencies, one.name)),
        defaults=merged(*defaults, *(one.own_defaults for one in role.parents), role.own_defaults),
        variables=merged(*above, *variables, role.own_variables, role.call_variables),
        exported_defaults=merged(*defaults, role.own_defaults),
        exported_variables=merged(*variables, role.own_variables),
    )


def _checked_arguments(reader: Reader, wish: RoleWish, level: Level, in_meta: Any) -> list[Entry]:
    """Return the task that checks a role's arguments, where it says which it takes."""
    role = level.role
    assert role is not None
    specs = read_specs(reader, role.path, in_meta)
    entry = wish.files.get("tasks", "main").removesuffix(".yml").removesuffix(".yaml")
    spec = specs.get(entry) or {}
    module = reader.find_module("validate_argument_spec")
    if not wish.checked or not spec.get("options") or module is None:
        return []
    known = {
        one
        for name, option in spec["options"].items()
        for one in (name, *((option or {}).get("aliases") or ()))
    }
    for name in wish.parameters:
        if name not in known:
            reader.complain(
                f"the role {role.name} takes no argument `{name}`",
                _origin_of_key(wish, name),
                did_you_mean(str(name), sorted(known))
                or "meta/argument_specs.yml names those it takes; `vars:` sets others",
            )
    about = {"type": "role", "name": role.name, "argument_spec_name": entry, "path": str(role.path)}
    arguments = YamlMapping({"argument_spec": spec["options"], "validate_args_context": about})
    arguments.origin = wish.origin
    line = f" - {spec['short_description']}" if spec.get("short_description") else ""
    name = f"Validating arguments against arg spec '{entry}'{line}"
    keywords = YamlMapping({"name": name, "tags": ["always"]}, origin=wish.origin)
    return [make_task(reader, module, arguments, keywords, level, reader.number())]


def _origin_of_key(wish: RoleWish, name: str) -> Origin | None:
    parameters = wish.parameters
    known = parameters.key_origins if isinstance(parameters, YamlMapping) else {}
    return known.get(name) or wish.origin


def _handlers(reader: Reader, wish: RoleWish, level: Level) -> list[Handler]:
    path = (
        role_file(reader, level.role.path, "handlers", wish.files.get("handlers"), wish.origin)
        if level.role
        else None
    )
    if path is None:
        return []
    entries = read_tasks(reader, path, replace(level, handler=True, files=(*level.files, path)))
    return [entry for entry in entries if isinstance(entry, Task | Include)]


def _once(
    reader: Reader, wish: RoleWish, role: Role, level: Level, entries: tuple[Entry, ...]
) -> tuple[Entry, ...]:
    """Leave a role out that is used twice in the same way; where that hangs on conditions, say so for the run."""
    # those of `roles:` and those that tasks take in do not count for each other, as in Ansible
    alike: list[Any] = [str(role.path), wish.parameters, wish.variables, dict(wish.files), wish.attributes]
    key = json.dumps([*alike, wish.by_task], sort_keys=True, default=str)
    if role.allow_duplicates:
        return (RoleTasks(key=key, body=entries, again=True),)
    known = reader.uses.setdefault(key, [])
    if level.certain:
        if any(not when and tags == level.tags for when, tags in known):
            return ()
        known.append((level.when, level.tags))
    return (RoleTasks(key=key, body=entries),)
