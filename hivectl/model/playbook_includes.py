"""Tasks and roles that are written elsewhere: static imports are expanded here, includes as far as they are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hivectl.model.keywords import BlockKeywords
from hivectl.model.playbook import Entry, Handler, Include
from hivectl.model.playbook_files import find_tasks_file, read_tasks
from hivectl.model.playbook_levels import HANDED_DOWN, Level, hand_down
from hivectl.model.playbook_tasks import make_task
from hivectl.model.role_files import merged
from hivectl.model.roles import RoleWish, read_role
from hivectl.model.suggestions import nearest
from hivectl.model.templates import is_template
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.model.playbook_reader import ModuleShape, Reader

# what an include may bear itself; the rest stands in `apply` (as in ansible-core, TaskInclude)
OF_INCLUDES = frozenset(
    {
        *("name", "args", "ignore_errors", "loop", "loop_control", "no_log", "register", "run_once"),
        *("tags", "timeout", "vars", "when", "listen"),
    }
)
# what imports hand down to all that they stand for
OF_IMPORTS = HANDED_DOWN | {
    *("name", "args", "when", "vars", "environment", "tags", "notify", "module_defaults"),
}
# stands for a value that only a loop knows
OF_LOOP = "{{ item }}"
FROM = ("tasks_from", "vars_from", "defaults_from", "handlers_from")
ROLE_PARAMETERS = (
    "name",
    "role",
    *FROM,
    "apply",
    "public",
    "allow_duplicates",
    "rolespec_validate",
)


def read_include(
    reader: Reader,
    module: ModuleShape,
    arguments: Mapping[str, Any],
    keywords: YamlMapping,
    level: Level,
    number: int,
    looking: Mapping[str, Any],
) -> tuple[Entry, ...]:
    """Return what an import or include stands for."""
    static = module.name.startswith("import_")
    _check_keywords(reader, module.name, keywords, OF_IMPORTS if static else OF_INCLUDES, level)
    if module.name.endswith("_role") and level.handler:
        reader.complain(
            f"a handler cannot be `{module.name}`", keywords.origin, "notify the handlers of that role"
        )
        return ()
    if module.name == "import_tasks":
        return _import_tasks(reader, arguments, keywords, level)
    if module.name == "import_role":
        return _import_role(reader, arguments, keywords, level)
    return (_include(reader, module, arguments, keywords, level, number, looking),)


def _check_keywords(
    reader: Reader, name: str, keywords: YamlMapping, allowed: frozenset[str], level: Level
) -> None:
    for key in keywords:
        if key not in allowed and not (key == "listen" and level.handler):
            if name.startswith("import_"):
                other = name.replace("import", "include")
                hint = (
                    f"write `{other}`" if key in ("loop", "register") else "write it at the tasks themselves"
                )
            else:
                hint = f"write it under `apply:` of `{name}`, or at the tasks themselves"
            reader.complain(f"`{key}` does not go with `{name}`", keywords.key_origins.get(key), hint)


# -- files of tasks


def _import_tasks(
    reader: Reader, arguments: Mapping[str, Any], keywords: YamlMapping, level: Level
) -> tuple[Entry, ...]:
    _only(reader, "import_tasks", arguments, ("file",))
    name = arguments.get("file")
    origin = origin_of(arguments, "file") or keywords.origin
    if not isinstance(name, str) or not name:
        reader.complain("`import_tasks` needs a file", origin, "write `import_tasks: more.yml`")
        return ()
    if is_template(name):
        reader.complain(
            "`import_tasks` is read before the run, so its file cannot be a template",
            origin,
            "write `include_tasks`",
        )
        return ()
    path = find_tasks_file(reader, name, level, origin)
    if path is None:
        return ()
    if path in level.imported:
        circle = " -> ".join(one.name for one in (*level.imported[level.imported.index(path) :], path))
        reader.complain(f"these files import each other: {circle}", origin, "leave one import out")
        return ()
    inner = hand_down(level, keywords, reader.defaults_of(keywords))
    return read_tasks(
        reader, path, replace(inner, files=(*level.files, path), imported=(*level.imported, path))
    )


def _include(
    reader: Reader,
    module: ModuleShape,
    arguments: Mapping[str, Any],
    keywords: YamlMapping,
    level: Level,
    number: int,
    looking: Mapping[str, Any],
) -> Include:
    variables = keywords.get("vars") or {}
    inner = _level_inside(reader, module.name, arguments, keywords, level)
    task = make_task(reader, module, arguments, keywords, level, number, looking)
    include = Include(task=task, body=None, variables=variables, level=inner)
    if module.name == "include_tasks":
        return _known_tasks(reader, include)
    return _known_role(reader, include)


def _level_inside(
    reader: Reader, name: str, arguments: Mapping[str, Any], keywords: YamlMapping, level: Level
) -> Level:
    """Return what is handed down to what an include takes in: its `apply`, not its own keywords."""
    control = keywords.get("loop_control") or {}
    given: Mapping[str, Any] = merged(level.given, keywords.get("vars") or {})
    if "loop" in keywords:
        names = [
            str(control.get("loop_var", "item")),
            "ansible_loop",
            "ansible_loop_var",
            "ansible_index_var",
        ]
        names += [str(control["index_var"])] if "index_var" in control else []
        given = merged(given, dict.fromkeys(names, OF_LOOP))
    inner = replace(level, given=given, imported=())
    apply = arguments.get("apply")
    if apply is None:
        return inner
    if not isinstance(apply, YamlMapping) or not all(isinstance(key, str) for key in apply):
        reader.complain(
            "`apply` is a mapping of keywords", origin_of(arguments, "apply"), "write `apply: {tags: [x]}`"
        )
        return inner
    known = YamlMapping({**apply, "block": []}, origin=apply.origin)
    known.key_origins, known.value_origins = apply.key_origins, apply.value_origins
    for key in ("block", "rescue", "always"):
        if key in apply:
            reader.complain(f"`apply` of `{name}` has no `{key}`", apply.key_origins.get(key))
            return inner
    if not reader.keywords(known, BlockKeywords, "`apply`"):
        return inner
    return hand_down(inner, apply, reader.defaults_of(apply))


def _known_tasks(reader: Reader, include: Include) -> Include:
    name = include.task.arguments.get("file")
    origin = origin_of(include.task.arguments, "file") or include.task.origin
    if not isinstance(name, str) or not name:
        reader.complain("`include_tasks` needs a file", origin, "write `include_tasks: more.yml`")
        return include
    if is_template(name):
        return include
    path = find_tasks_file(reader, name, include.level, origin)
    # what includes itself ends by a condition, which only the run knows
    if path is None or path in include.level.files:
        return include
    return replace(include, body=tasks_inside(reader, include.level, path))


def tasks_inside(reader: Reader, level: Level, path: Any) -> tuple[Entry, ...]:
    """Return the tasks of a file that is included."""
    return read_tasks(reader, path, replace(level, files=(*level.files, path), imported=(path,)))


# -- roles


def _import_role(
    reader: Reader, arguments: Mapping[str, Any], keywords: YamlMapping, level: Level
) -> tuple[Entry, ...]:
    wish = role_wish(reader, "import_role", arguments, keywords)
    if wish is None:
        return ()
    if is_template(wish.name) or any(is_template(one) for one in wish.files.values()):
        reader.complain(
            "`import_role` is read before the run, so neither its name nor its files can be templates",
            wish.origin,
            "write `include_role`",
        )
        return ()
    found = read_role(reader, wish, hand_down(level, keywords, reader.defaults_of(keywords)))
    if found is None:
        return ()
    if wish.public is not False:
        reader.roles.append(found.role)
    reader.handlers += found.handlers
    return found.entries


def _known_role(reader: Reader, include: Include) -> Include:
    wish = role_wish(reader, "include_role", include.task.arguments, include.task)
    if wish is None or is_template(wish.name) or any(is_template(one) for one in wish.files.values()):
        return include
    body = role_inside(reader, include, wish)
    return include if body is None else replace(include, body=body[0], role=body[1], handlers=body[2])


def role_inside(
    reader: Reader, include: Include, wish: RoleWish, *, again: bool = False
) -> tuple[tuple[Entry, ...], Any, tuple[Handler, ...]] | None:
    """Return the tasks, the role and the handlers of a role that is included; None: only the run knows its end."""
    found = read_role(reader, wish, include.level, dynamic=True, again=again)
    if found is None:
        return None
    return found.entries, found.role, found.handlers


def role_wish(reader: Reader, name: str, arguments: Mapping[str, Any], task: Any) -> RoleWish | None:
    """Return which role an import or include asks for; None after a complaint."""
    allowed = ROLE_PARAMETERS if name == "include_role" else tuple(x for x in ROLE_PARAMETERS if x != "apply")
    _only(reader, name, arguments, allowed)
    wanted = arguments.get("name", arguments.get("role"))
    origin = origin_of(arguments, "name") or origin_of(arguments, "role") or task.origin
    if not isinstance(wanted, str) or not wanted:
        reader.complain(f"`{name}` needs the `name` of a role", origin, f"write `{name}: {{name: common}}`")
        return None
    flags = {}
    for key in ("public", "allow_duplicates", "rolespec_validate"):
        value = arguments.get(key)
        if value is not None and not isinstance(value, bool):
            reader.complain(f"`{key}` is true or false, not {value!r}", origin_of(arguments, key))
            return None
        flags[key] = value
    return RoleWish(
        name=wanted,
        origin=origin,
        files={key.removesuffix("_from"): str(arguments[key]) for key in FROM if arguments.get(key)},
        public=flags["public"],
        allow_duplicates=flags["allow_duplicates"] is not False,
        by_task=True,
        checked=flags["rolespec_validate"] is not False,
    )


def _only(reader: Reader, name: str, arguments: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for key in arguments:
        if key not in allowed:
            best = nearest(str(key), allowed)
            hint = f"did you mean `{best}`?" if best else f"there are {', '.join(allowed)}"
            place = arguments.key_origins.get(key) if isinstance(arguments, YamlMapping) else None
            reader.complain(f"`{name}` has no parameter `{key}`", place, hint)
