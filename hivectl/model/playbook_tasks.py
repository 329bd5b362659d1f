"""Tasks and blocks of a playbook, from YAML to frozen data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hivectl.model.action_forms import written_out
from hivectl.model.keywords import ELSEWHERE, BlockKeywords, TaskKeywords, keyword_schemas
from hivectl.model.loop_forms import plain_loop
from hivectl.model.module_defaults import with_defaults
from hivectl.model.playbook import Block, Entry, Task
from hivectl.model.playbook_levels import HANDED_DOWN, OWN, Level, hand_down, texts
from hivectl.model.plugins import BrokenPluginError
from hivectl.model.words import pairs
from hivectl.model.yaml import YamlList, YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.model.playbook_reader import ModuleShape, Reader

# variables that are always there
RESERVED_NAMES = frozenset(
    {
        *(
            "inventory_hostname",
            "hostvars",
            "groups",
            "group_names",
            "omit",
            "vars",
            "play_hosts",
            "environment",
        ),
        *("true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else"),
    }
)
# what stands for tasks that are written elsewhere
INCLUDES = frozenset({"import_tasks", "include_tasks", "import_role", "include_role"})
_STATIC = {"register": str, "id": str, "run_once": bool, "any_errors_fatal": bool, "delegate_facts": bool}


def entries(
    reader: Reader, raw: YamlMapping, key: str, inherited: Level, *, handlers: bool = False
) -> tuple[Entry, ...]:
    """Return the tasks and blocks of a section."""
    value = raw.get(key)
    if value is not None and not isinstance(value, YamlList):
        reader.complain(
            f"`{key}` must be a list of tasks",
            origin_of(raw, key),
            "write `- name: …` and a module below it",
        )
    if not isinstance(value, YamlList):
        return ()
    return entries_of(reader, value, replace(inherited, handler=True) if handlers else inherited)


def entries_of(reader: Reader, value: YamlList, level: Level) -> tuple[Entry, ...]:
    """Return the tasks and blocks of a list."""
    result: list[Entry] = []
    for index, item in enumerate(value):
        if not isinstance(item, YamlMapping):
            reader.complain(
                "a task is a mapping",
                value.item_origins[index],
                "write `- name: …` and a module below it",
            )
        elif "block" in item:
            if level.handler:
                reader.complain(
                    "a handler cannot be a block",
                    item.origin,
                    "give each of its tasks the same `listen:`",
                )
            else:
                result += _block(reader, item, level)
        else:
            result += _task(reader, item, level)
    return tuple(result)


def _block(reader: Reader, raw: YamlMapping, inherited: Level) -> list[Entry]:
    if not reader.keywords(raw, BlockKeywords, "a block"):
        return []
    inner = hand_down(inherited, raw, reader.defaults_of(raw))
    body = entries(reader, raw, "block", inner)
    rescue = entries(reader, raw, "rescue", inner)
    always = entries(reader, raw, "always", inner)
    if not rescue and not always:
        return list(body)
    return [
        Block(
            name=str(raw.get("name") or "block"),
            origin=raw.origin,
            body=body,
            rescue=rescue,
            always=always,
        )
    ]


def _task(reader: Reader, raw: YamlMapping, level: Level) -> tuple[Entry, ...]:
    number = reader.number()
    plain = written_out(raw, reader.complain)
    if plain is None:
        return ()
    raw, looking = plain_loop(plain, reader.complain)
    found = _module_of(reader, raw)
    if found is None:
        return ()
    key, module = found
    keywords = YamlMapping((name, value) for name, value in raw.items() if name != key)
    keywords.origin, keywords.key_origins, keywords.value_origins = (
        raw.origin,
        raw.key_origins,
        raw.value_origins,
    )
    if not reader.keywords(keywords, TaskKeywords, "a task"):
        return ()
    for name, kind in _STATIC.items():
        if isinstance(value := raw.get(name), str) and "{{" in value and kind in (str, bool):
            reader.complain(f"`{name}` shapes the plan, so it cannot be a template", origin_of(raw, name))
    _variable_name(reader, raw, "register")
    control = raw.get("loop_control") or YamlMapping()
    for name in ("loop_var", "index_var"):
        _variable_name(reader, control, name)
    if raw.get("listen") and not level.handler:
        reader.complain("only handlers listen", raw.key_origins.get("listen"))
    arguments = _arguments(reader, raw, key, module)
    if module.name in INCLUDES:
        # they read tasks themselves
        from hivectl.model.playbook_includes import read_include

        return read_include(reader, module, arguments, keywords, level, number, looking)
    return (make_task(reader, module, arguments, keywords, level, number, looking),)


def make_task(
    reader: Reader,
    module: ModuleShape,
    arguments: Mapping[str, Any],
    keywords: YamlMapping,
    level: Level,
    number: int,
    looking: Mapping[str, Any] | None = None,
) -> Task:
    """Return the task of a module, its arguments and its keywords."""
    inner = hand_down(level, keywords, reader.defaults_of(keywords))
    if inner.defaults:
        arguments = with_defaults(arguments, inner.defaults, module.name, module.parameters)
    own = {name: value for name, value in keywords.items() if name not in OWN and name not in HANDED_DOWN}
    return Task(
        number=number,
        order=(number,),
        name=str(keywords.get("name") or _default_name(module.name, arguments, module.free_form)),
        named=bool(keywords.get("name")),
        module=module.name,
        arguments=arguments,
        origin=keywords.origin,
        when=inner.when,
        variables=inner.variables,
        environment=inner.environment,
        tags=inner.tags,
        notify=inner.notify,
        listen=texts(keywords.get("listen")),
        needs=texts(keywords.get("needs")),
        uses=keywords.get("uses") or {},
        keywords=dict(inner.keywords) | own | dict(looking or {}),
        handler=level.handler,
        role=level.role,
        folders=level.folders,
        given=level.given,
    )


def _variable_name(reader: Reader, raw: YamlMapping, key: str) -> None:
    value = raw.get(key)
    if value is None:
        return
    if not isinstance(value, str) or not value.isidentifier() or value in RESERVED_NAMES:
        hint = "letters, digits and underscores, none of the names that are always there"
        reader.complain(f"`{key}`: {value!r} cannot be the name of a variable", origin_of(raw, key), hint)


def _module_of(reader: Reader, raw: YamlMapping) -> tuple[str, ModuleShape] | None:
    known = keyword_schemas(TaskKeywords)
    found: list[tuple[str, ModuleShape]] = []
    for key in raw:
        if key in known:
            continue
        try:
            module = reader.find_module(key) if isinstance(key, str) and key not in ELSEWHERE else None
        except BrokenPluginError as error:
            reader.complain(error.message, raw.key_origins.get(key), error.hint)
            continue
        if module:
            found.append((key, module))
        else:
            reader.unknown(raw, key, [*known, *reader.module_names()], "a task")
    if len(found) > 1:
        first, second = found[0][0], found[1][0]
        reader.complain(
            f"a task has one module, this one has `{first}` and `{second}`",
            raw.key_origins.get(second),
            "make two tasks",
        )
        return None
    if not found and not any(key not in known for key in raw):
        reader.complain(
            "this task has no module",
            raw.origin,
            "for example `command: uptime`; `hivectl modules` lists them all",
        )
    return found[0] if found else None


def _arguments(reader: Reader, raw: YamlMapping, key: str, module: ModuleShape) -> Mapping[str, Any]:
    value = raw[key]
    more = raw.get("args") or {}
    if isinstance(more, str):
        reader.complain(
            "`args` is a mapping of parameters here, not a template",
            origin_of(raw, "args"),
            'write each parameter with a template of its own: `src: "{{ given.src }}"`',
        )
    if value is None:
        value = YamlMapping()
        value.origin = raw.key_origins.get(key) or raw.origin
    elif not isinstance(value, YamlMapping):
        text, origin = value, origin_of(raw, key)
        value = YamlMapping()
        value.origin = origin or raw.origin
        named = pairs(text) if isinstance(text, str) and module.free_form is None else None
        for name, part in (named or {}).items():
            value[name] = part
            if origin is not None:
                value.key_origins[name] = value.value_origins[name] = origin
        if named is None and module.free_form is None:
            reader.complain(
                f"`{key}` takes parameters by name, not {_kind(text)}",
                origin,
                f"see `hivectl modules {module.name}`",
            )
            return value
        if module.free_form is not None:
            value[module.free_form] = text
            if origin is not None:
                value.key_origins[module.free_form] = value.value_origins[module.free_form] = origin
    if isinstance(more, YamlMapping) and more:
        merged = YamlMapping({**more, **value})
        merged.origin = value.origin
        merged.key_origins = {**more.key_origins, **value.key_origins}
        merged.value_origins = {**more.value_origins, **value.value_origins}
        return merged
    return value


def _kind(value: Any) -> str:
    return {str: "a text", list: "a list", int: "a number", float: "a number", bool: "a yes or no"}.get(
        type(value), "a value"
    )


def _default_name(module: str, arguments: Mapping[str, Any], free_form: str | None) -> str:
    if module == "include_role":
        return f"{module} : {arguments.get('name', arguments.get('role'))}"
    text = arguments.get(free_form) if free_form else None
    if isinstance(text, str) and text.strip():
        first = text.strip().splitlines()[0]
        return f"{module}: {first if len(first) <= 60 else first[:57] + '...'}"
    return module
