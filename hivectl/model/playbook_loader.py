"""From YAML to playbooks: every complaint at once, each with its place and the nearest right name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.keywords import ELSEWHERE, BlockKeywords, PlayKeywords, TaskKeywords, keyword_schemas
from hivectl.model.origin import Origin
from hivectl.model.playbook import Block, Entry, Play, Playbook, Task, flatten
from hivectl.model.plugins import BrokenPluginError
from hivectl.model.schema import check
from hivectl.model.suggestions import nearest
from hivectl.model.words import pairs
from hivectl.model.yaml import YamlList, YamlMapping, load_yaml, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


class ModuleShape(Protocol):
    """What the loader needs to know of a module."""

    @property
    def name(self) -> str:
        """Short name."""
        ...

    @property
    def free_form(self) -> str | None:
        """The parameter that a plain text fills."""
        ...


@dataclass(frozen=True, slots=True)
class _Inherited:
    """What an outer level hands down."""

    when: tuple[Any, ...] = ()
    variables: tuple[Mapping[str, Any], ...] = ()
    environment: tuple[Any, ...] = ()
    tags: frozenset[str] = frozenset()
    notify: tuple[str, ...] = ()
    keywords: tuple[tuple[str, Any], ...] = ()


# keywords whose values add up from outer to inner, or that name the entry itself
_OWN = frozenset({"name", "when", "vars", "environment", "tags", "notify", "listen", "needs", "uses", "args"})
_HANDED_DOWN = frozenset(
    {
        "become",
        "become_user",
        "become_method",
        "any_errors_fatal",
        "check_mode",
        "diff",
        "ignore_errors",
        "no_log",
        "timeout",
        "run_once",
        "delegate_to",
    }
)
LOOP_CONTROL = ("loop_var", "index_var", "label")
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
_STATIC = {"register": str, "id": str, "run_once": bool, "any_errors_fatal": bool}


def load_playbook(
    path: Path, find_module: Callable[[str], ModuleShape | None], module_names: Callable[[], Iterable[str]]
) -> Playbook:
    """Load a playbook.

    Args:
        path: the YAML file.
        find_module: returns a module by the name in the playbook, or None.
        module_names: all names, for suggestions.

    Raises:
        Complaints: every fault found.
    """
    document = load_yaml(path)
    loader = _Loader(path, find_module, module_names)
    plays = loader.plays(document)
    if loader.errors:
        raise Complaints(loader.errors)
    return Playbook(path=path, plays=plays, files=(path,))


class _Loader:
    def __init__(
        self,
        path: Path,
        find_module: Callable[[str], ModuleShape | None],
        module_names: Callable[[], Iterable[str]],
    ) -> None:
        self.errors: list[HivectlError] = []
        self._start = Origin(str(path), 1, 1)
        self._find_module = find_module
        self._module_names = module_names
        self._number = 0

    def complain(self, message: str, origin: Origin | None, hint: str | None = None) -> None:
        self.errors.append(InputError(message, origin=origin or self._start, hint=hint))

    def plays(self, document: Any) -> tuple[Play, ...]:
        if not isinstance(document, YamlList):
            what = "is empty" if document is None else "is not a list"
            self.complain(
                f"the playbook {what}", self._start, "a playbook is a list of plays: `- hosts: all`"
            )
            return ()
        plays: list[Play] = []
        for index, raw in enumerate(document):
            origin = document.item_origins[index]
            if not isinstance(raw, YamlMapping):
                self.complain("a play is a mapping", origin, "write `- hosts: all` and its `tasks:`")
            elif play := self.play(raw, len(plays) + 1):
                plays.append(play)
        return tuple(plays)

    def play(self, raw: YamlMapping, number: int) -> Play | None:
        if not self._keywords(raw, PlayKeywords, "a play"):
            return None
        hosts = raw.get("hosts")
        if isinstance(hosts, list):
            hosts = ",".join(str(host) for host in hosts)
        if not isinstance(hosts, str) or not hosts.strip():
            self.complain(
                "a play needs `hosts:`, a selector",
                origin_of(raw, "hosts") or raw.origin,
                "for example `hosts: all`",
            )
            return None
        inherited = self._hand_down(replace(_Inherited()), raw, variables=False)
        sections = tuple(
            self.entries(raw, section, inherited) for section in ("pre_tasks", "tasks", "post_tasks")
        )
        handlers = tuple(
            entry
            for entry in self.entries(raw, "handlers", inherited, handlers=True)
            if isinstance(entry, Task)
        )
        return Play(
            number=number,
            name=str(raw.get("name") or hosts),
            hosts=hosts,
            origin=raw.origin,
            variables=raw.get("vars") or {},
            vars_files=_texts(raw.get("vars_files")),
            sections=sections,
            handlers=handlers,
            serial=self._serial(raw),
            linear=raw.get("strategy") == "linear" or _falls_together(raw, sections),
            gather_facts=raw.get("gather_facts"),
            any_errors_fatal=bool(raw.get("any_errors_fatal")),
            max_fail_percentage=raw.get("max_fail_percentage"),
            reserve=raw.get("reserve") or {},
        )

    def _serial(self, raw: YamlMapping) -> tuple[int | str, ...]:
        value = raw.get("serial")
        if value is None:
            return ()
        sizes = tuple(value) if isinstance(value, list) else (value,)
        for size in sizes:
            percentage = (
                isinstance(size, str)
                and size.endswith("%")
                and size[:-1].strip().isdigit()
                and int(size[:-1]) > 0
            )
            digits = isinstance(size, str) and size.isdigit()
            if not (
                percentage or digits or (isinstance(size, int) and not isinstance(size, bool) and size > 0)
            ):
                self.complain(
                    f"serial: {size!r} is no number of nodes",
                    origin_of(raw, "serial"),
                    "write 2, 30% or [1, 5, 100%]",
                )
                return ()
        return tuple(int(size) if isinstance(size, str) and size.isdigit() else size for size in sizes)

    def entries(
        self, raw: YamlMapping, key: str, inherited: _Inherited, *, handlers: bool = False
    ) -> tuple[Entry, ...]:
        value = raw.get(key)
        if value is not None and not isinstance(value, YamlList):
            self.complain(
                f"`{key}` must be a list of tasks",
                origin_of(raw, key),
                "write `- name: …` and a module below it",
            )
        if not isinstance(value, YamlList):
            return ()
        result: list[Entry] = []
        for index, item in enumerate(value):
            if not isinstance(item, YamlMapping):
                self.complain(
                    "a task is a mapping",
                    value.item_origins[index],
                    "write `- name: …` and a module below it",
                )
            elif "block" in item:
                if handlers:
                    self.complain(
                        "a handler cannot be a block",
                        item.origin,
                        "give each of its tasks the same `listen:`",
                    )
                else:
                    result += self.block(item, inherited)
            elif task := self.task(item, inherited, handler=handlers):
                result.append(task)
        return tuple(result)

    def block(self, raw: YamlMapping, inherited: _Inherited) -> list[Entry]:
        if not self._keywords(raw, BlockKeywords, "a block"):
            return []
        inner = self._hand_down(inherited, raw)
        body = self.entries(raw, "block", inner)
        rescue = self.entries(raw, "rescue", inner)
        always = self.entries(raw, "always", inner)
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

    def task(self, raw: YamlMapping, inherited: _Inherited, *, handler: bool) -> Task | None:
        self._number += 1
        found = self._module_of(raw)
        if found is None:
            return None
        key, module = found
        keywords = YamlMapping((name, value) for name, value in raw.items() if name != key)
        keywords.origin, keywords.key_origins, keywords.value_origins = (
            raw.origin,
            raw.key_origins,
            raw.value_origins,
        )
        if not self._keywords(keywords, TaskKeywords, "a task"):
            return None
        for name, kind in _STATIC.items():
            if isinstance(value := raw.get(name), str) and "{{" in value and kind in (str, bool):
                self.complain(f"`{name}` shapes the plan, so it cannot be a template", origin_of(raw, name))
        self._variable_name(raw, "register")
        control = raw.get("loop_control") or YamlMapping()
        for name in ("loop_var", "index_var"):
            self._variable_name(control, name)
        for name in control:
            if name not in LOOP_CONTROL:
                self.complain(
                    f"`loop_control` has no `{name}`",
                    control.key_origins.get(name),
                    f"there are {', '.join(LOOP_CONTROL)}",
                )
        if raw.get("listen") and not handler:
            self.complain("only handlers listen", raw.key_origins.get("listen"))
        arguments = self._arguments(raw, key, module)
        inner = self._hand_down(inherited, keywords)
        own = {
            name: value for name, value in keywords.items() if name not in _OWN and name not in _HANDED_DOWN
        }
        return Task(
            number=self._number,
            name=str(raw.get("name") or _default_name(module.name, arguments, module.free_form)),
            module=module.name,
            arguments=arguments,
            origin=raw.origin,
            when=inner.when,
            variables=inner.variables,
            environment=inner.environment,
            tags=inner.tags,
            notify=inner.notify,
            listen=_texts(raw.get("listen")),
            needs=_texts(raw.get("needs")),
            uses=raw.get("uses") or {},
            keywords=dict(inner.keywords) | own,
        )

    def _variable_name(self, raw: YamlMapping, key: str) -> None:
        value = raw.get(key)
        if value is None:
            return
        if not isinstance(value, str) or not value.isidentifier() or value in RESERVED_NAMES:
            hint = "letters, digits and underscores, none of the names that are always there"
            self.complain(f"`{key}`: {value!r} cannot be the name of a variable", origin_of(raw, key), hint)

    def _module_of(self, raw: YamlMapping) -> tuple[str, ModuleShape] | None:
        known = keyword_schemas(TaskKeywords)
        found: list[tuple[str, ModuleShape]] = []
        for key in raw:
            if key in known:
                continue
            try:
                module = self._find_module(key) if isinstance(key, str) and key not in ELSEWHERE else None
            except BrokenPluginError as error:
                self.complain(error.message, raw.key_origins.get(key), error.hint)
                continue
            if module:
                found.append((key, module))
            else:
                self._unknown(raw, key, [*known, *self._module_names()], "a task")
        if len(found) > 1:
            first, second = found[0][0], found[1][0]
            self.complain(
                f"a task has one module, this one has `{first}` and `{second}`",
                raw.key_origins.get(second),
                "make two tasks",
            )
            return None
        if not found and not any(key not in known for key in raw):
            self.complain(
                "this task has no module",
                raw.origin,
                "for example `command: uptime`; `hivectl modules` lists them all",
            )
        return found[0] if found else None

    def _arguments(self, raw: YamlMapping, key: str, module: ModuleShape) -> Mapping[str, Any]:
        value = raw[key]
        more = raw.get("args") or {}
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
                self.complain(
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

    def _keywords(self, raw: YamlMapping, cls: type[Any], what: str) -> bool:
        """Complain of unknown keywords and wrong types; return whether the rest can be read."""
        known = keyword_schemas(cls)
        unknown = [key for key in raw if key not in known] if cls is not TaskKeywords else []
        for key in unknown:
            self._unknown(raw, key, known, what)
        plain = YamlMapping((key, value) for key, value in raw.items() if key in known)
        plain.origin, plain.key_origins, plain.value_origins = raw.origin, raw.key_origins, raw.value_origins
        required = ["hosts"] if cls is PlayKeywords else []
        faults = check({"type": "object", "properties": known, "required": required}, plain)
        self.errors += faults
        return not faults

    def _unknown(self, raw: YamlMapping, key: object, known: Iterable[str], what: str) -> None:
        origin = raw.key_origins.get(key) or raw.origin
        if isinstance(key, str) and key in ELSEWHERE:
            self.complain(f"`{key}` is not supported", origin, ELSEWHERE[key])
            return
        best = nearest(str(key), known)
        if isinstance(key, str) and "." in key:
            self.complain(
                f"there is no module `{key}`",
                origin,
                f"did you mean `{best}`?" if best else "`hivectl modules` lists what there is",
            )
            return
        kind = "keyword or module" if what == "a task" else "keyword"
        self.complain(f"{what} has no {kind} `{key}`", origin, f"did you mean `{best}`?" if best else None)

    @staticmethod
    def _hand_down(outer: _Inherited, raw: YamlMapping, *, variables: bool = True) -> _Inherited:
        """Return what the level of `raw` hands down: conditions and the like add up, other keywords replace."""
        when = raw.get("when")
        environment = raw.get("environment")
        own = {name: raw[name] for name in _HANDED_DOWN if raw.get(name) is not None}
        return _Inherited(
            when=outer.when + (() if when is None else tuple(_with_origins(raw, "when"))),
            variables=outer.variables + ((raw["vars"],) if variables and raw.get("vars") else ()),
            environment=outer.environment + ((environment,) if environment else ()),
            tags=outer.tags | frozenset(_texts(raw.get("tags"))),
            notify=outer.notify + _texts(raw.get("notify")),
            keywords=tuple((dict(outer.keywords) | own).items()),
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of `when` and the like, with its place."""

    text: Any
    origin: Origin | None


def _with_origins(raw: YamlMapping, key: str) -> list[Condition]:
    return conditions(raw[key], origin_of(raw, key))


def conditions(value: Any, origin: Origin | None) -> list[Condition]:
    """Return the conditions of a `when`, `until`, `changed_when` or `failed_when`, each with its place."""
    if isinstance(value, YamlList):
        return [Condition(item, value.item_origins[index]) for index, item in enumerate(value)]
    return [Condition(value, origin)]


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(str(part) for part in value) if isinstance(value, list) else (str(value),)


def _kind(value: Any) -> str:
    return {str: "a text", list: "a list", int: "a number", float: "a number", bool: "a yes or no"}.get(
        type(value), "a value"
    )


def _default_name(module: str, arguments: Mapping[str, Any], free_form: str | None) -> str:
    text = arguments.get(free_form) if free_form else None
    if isinstance(text, str) and text.strip():
        first = text.strip().splitlines()[0]
        return f"{module}: {first if len(first) <= 60 else first[:57] + '...'}"
    return module


def _falls_together(raw: YamlMapping, sections: tuple[tuple[Entry, ...], ...]) -> bool:
    """Tell whether one node's failure may stop the others: then no node may run ahead of a task that fails elsewhere."""
    if raw.get("any_errors_fatal") or raw.get("max_fail_percentage") is not None:
        return True
    return any(task.keywords.get("any_errors_fatal") for section in sections for task in flatten(section))
