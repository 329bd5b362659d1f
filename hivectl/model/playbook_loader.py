"""From YAML to playbooks: every complaint at once, each with its place and the nearest right name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import Complaints
from hivectl.model.keywords import PlayKeywords
from hivectl.model.permissions import EVERYTHING, Permission
from hivectl.model.playbook import Entry, Handler, Include, Play, Playbook, Task, flatten
from hivectl.model.playbook_imports import IMPORTS, Around, imported
from hivectl.model.playbook_levels import Level, hand_down, texts
from hivectl.model.playbook_reader import ModuleShape, Reader
from hivectl.model.playbook_tasks import entries
from hivectl.model.prompts import read_prompts
from hivectl.model.role_files import merged
from hivectl.model.roles import read_role_item
from hivectl.model.templates import is_template
from hivectl.model.yaml import YamlList, YamlMapping, load_yaml, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


SERIAL_IS = "write 2, 30% or [1, 5, 100%]"


def load_playbook(
    path: Path,
    find_module: Callable[[str], ModuleShape | None],
    module_names: Callable[[], Iterable[str]],
    *,
    allowed: Permission = EVERYTHING,
) -> Playbook:
    """Load a playbook.

    Args:
        path: the YAML file.
        find_module: returns a module by the name in the playbook, or None.
        module_names: all names, for suggestions.
        allowed: what its tags and templates may do on the controller; NOTHING for one that came over the network.

    Raises:
        Complaints: every fault found.
    """
    document = load_yaml(path, allowed=allowed)
    reader = Reader(path, find_module, module_names, allowed)
    plays = _plays(reader, document)
    if reader.errors:
        raise Complaints(reader.errors)
    return Playbook(
        path=path,
        plays=plays,
        files=tuple(reader.files),
        module_defaults=tuple(reader.defaults),
        allowed=allowed,
    )


def _plays(reader: Reader, document: Any) -> tuple[Play, ...]:
    if not isinstance(document, YamlList):
        what = "is empty" if document is None else "is not a list"
        reader.complain(f"the playbook {what}", reader.start, "a playbook is a list of plays: `- hosts: all`")
        return ()
    plays: list[Play] = []
    _add_plays(reader, document, Around(folder=reader.root, files=(reader.path,)), plays)
    return tuple(plays)


def _add_plays(reader: Reader, document: YamlList, around: Around, plays: list[Play]) -> None:
    for index, raw in enumerate(document):
        origin = document.item_origins[index]
        if not isinstance(raw, YamlMapping):
            reader.complain("a play is a mapping", origin, "write `- hosts: all` and its `tasks:`")
        elif (key := next((one for one in IMPORTS if one in raw), None)) is not None:
            found = imported(reader, raw, key, around)
            if found is not None:
                _add_plays(reader, *found, plays)
        elif play := _play(reader, raw, len(plays) + 1, around):
            plays.append(play)


def _play(reader: Reader, raw: YamlMapping, number: int, around: Around) -> Play | None:
    if not reader.keywords(raw, PlayKeywords, "a play"):
        return None
    hosts = hosts_of(raw.get("hosts"))
    if hosts is None:
        reader.complain(
            "a play needs `hosts:`, a selector",
            origin_of(raw, "hosts") or raw.origin,
            "for example `hosts: all`",
        )
        return None
    above = Level(
        when=around.when,
        tags=around.tags,
        files=(around.files[-1],),
        base=around.folder,
        folders=tuple(dict.fromkeys((around.folder, reader.root))),
    )
    level = hand_down(above, raw, reader.defaults_of(raw), variables=False)
    reader.roles, reader.handlers, reader.uses = [], [], {}
    before = entries(reader, raw, "pre_tasks", level)
    of_roles, their_handlers = _roles(reader, raw, level)
    sections = (
        before,
        (*of_roles, *entries(reader, raw, "tasks", level)),
        entries(reader, raw, "post_tasks", level),
    )
    own_handlers = [
        entry
        for entry in entries(reader, raw, "handlers", level, handlers=True)
        if isinstance(entry, Task | Include)
    ]
    handlers = (*their_handlers, *own_handlers, *reader.handlers)
    return Play(
        number=number,
        name=str(raw.get("name") or hosts),
        hosts=hosts,
        listed=tuple(map(str, raw["hosts"])) if isinstance(raw["hosts"], list) else (),
        origin=raw.origin,
        variables=merged(raw.get("vars") or {}, *around.variables),
        vars_files=_files(raw.get("vars_files"), around.folder if around.folder != reader.root else None),
        sections=sections,
        handlers=handlers,
        roles=tuple(reader.roles),
        serial=_serial(reader, raw),
        places={key: place for key in ("hosts", "serial") if (place := origin_of(raw, key)) is not None},
        linear=raw.get("strategy") == "linear" or _falls_together(raw, sections),
        gather_facts=raw.get("gather_facts"),
        gather_subset=texts(raw.get("gather_subset")),
        fact_path=raw.get("fact_path"),
        order=raw.get("order") or "inventory",
        force_handlers=bool(raw.get("force_handlers")),
        ignore_unreachable=raw.get("ignore_unreachable") is True,
        prompts=read_prompts(raw, reader.complain),
        any_errors_fatal=bool(raw.get("any_errors_fatal")),
        max_fail_percentage=raw.get("max_fail_percentage"),
        reserve=raw.get("reserve") or {},
    )


def _roles(reader: Reader, raw: YamlMapping, level: Level) -> tuple[list[Entry], list[Handler]]:
    """Return the tasks and handlers of a play's `roles:`."""
    listed = raw.get("roles")
    tasks: list[Entry] = []
    handlers: list[Handler] = []
    if not isinstance(listed, YamlList):
        return tasks, handlers
    for item, origin in zip(listed, listed.item_origins, strict=True):
        if (found := read_role_item(reader, item, origin, replace(level, certain=True))) is not None:
            reader.roles.append(found.role)
            tasks += found.entries
            handlers += found.handlers
    return tasks, handlers


def hosts_of(value: Any) -> str | None:
    """Return the selector that `hosts` means, None where it is none; lists in lists are what templates made."""
    if isinstance(value, list):
        value = ",".join(hosts_of(host) or "" if isinstance(host, list) else str(host) for host in value)
    return value if isinstance(value, str) and value.strip() else None


def _serial(reader: Reader, raw: YamlMapping) -> tuple[int | str, ...]:
    value = raw.get("serial")
    sizes = serial_of(value)
    if sizes is None:
        reader.complain(f"serial: {value!r} is no number of nodes", origin_of(raw, "serial"), SERIAL_IS)
    return sizes or ()


def serial_of(value: Any) -> tuple[int | str, ...] | None:
    """Return the sizes that `serial` means, those that are templates as they are; None where one is no size."""
    sizes = () if value is None else tuple(value) if isinstance(value, list) else (value,)
    if not all(_is_size(size) or (isinstance(size, str) and is_template(size)) for size in sizes):
        return None
    return tuple(int(size) if isinstance(size, str) and size.isdigit() else size for size in sizes)


def _is_size(size: Any) -> bool:
    if isinstance(size, str):
        number = size.removesuffix("%").strip()
        return number.isdigit() and (int(number) > 0 or not size.endswith("%"))
    return isinstance(size, int) and not isinstance(size, bool) and size > 0


def _falls_together(raw: YamlMapping, sections: tuple[tuple[Entry, ...], ...]) -> bool:
    """Tell whether one node's failure may stop the others: then no node may run ahead of a task that fails elsewhere."""
    if raw.get("any_errors_fatal") or raw.get("max_fail_percentage") is not None:
        return True
    # nor may a node use facts that another one's task is still to give it
    return any(
        task.keywords.get("any_errors_fatal") or task.keywords.get("delegate_facts")
        for section in sections
        for task in flatten(section)
    )


def _files(value: Any, folder: Path | None) -> tuple[str | tuple[str, ...], ...]:
    """Return `vars_files`: files, and lists of which the first file that is there is meant.

    Args:
        value: as written.
        folder: of the playbook, where it is an imported one.
    """

    def beside(name: str) -> str:
        return name if folder is None or name.startswith(("/", "~", "{{")) else str(folder / name)

    if not isinstance(value, list):
        return tuple(map(beside, texts(value)))
    return tuple(
        tuple(beside(str(name)) for name in part) if isinstance(part, list) else beside(str(part))
        for part in value
    )
