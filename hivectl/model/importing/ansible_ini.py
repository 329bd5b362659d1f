"""Ansible's INI inventories (ansible-core documentation, "Building your inventory")."""

from __future__ import annotations

import ast
import re
import shlex
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.importing.ansible_groups import ALL, UNGROUPED, Groups, Value
from hivectl.model.origin import Origin

if TYPE_CHECKING:
    from pathlib import Path

_SECTION = re.compile(r"\[(?P<name>[^:\]\s]+)(?::(?P<kind>\w+))?\]\s*(?:[#;].*)?$")


def read_ini(path: Path, text: str, groups: Groups) -> None:
    """Add what an INI file says.

    Raises:
        Complaints: every line that is not understood, with its place.
    """
    faults: list[HivectlError] = []
    group, kind = UNGROUPED, "hosts"
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        origin = Origin(str(path), number, len(raw) - len(raw.lstrip()) + 1)
        section = _SECTION.match(line)
        if section:
            group, kind = section["name"], section["kind"] or "hosts"
            if kind not in ("hosts", "vars", "children"):
                faults.append(
                    InputError(f"a section is no `:{kind}`", origin=origin, hint="vars or children")
                )
                kind = "hosts"
            groups.group(group, origin)
            continue
        try:
            _line(groups, group, kind, line, origin)
        except HivectlError as error:
            faults.append(error)
    if faults:
        raise Complaints(faults)


def _line(groups: Groups, group: str, kind: str, line: str, origin: Origin) -> None:
    if kind == "vars":
        name, equals, value = line.partition("=")
        if not equals:
            raise InputError(f"{line[:60]!r} is no variable", origin=origin, hint="name=value")
        groups.groups[group].variables[name.strip()] = Value(literal(value.strip()), origin)
        return
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise InputError(f"{line[:60]!r} cannot be read: {error}", origin=origin) from None
    if kind == "children":
        groups.group(words[0], origin)
        if group != ALL:
            groups.groups[group].children[words[0]] = None
        return
    variables = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            hint = "after the host's name there are name=value words"
            raise InputError(f"{word[:60]!r} is no variable", origin=origin, hint=hint)
        variables[name] = Value(literal(value), origin)
    for host in groups.add(words[0], group, origin):
        host.variables |= variables


def literal(text: str) -> Any:
    """Return a value as Ansible reads it: a Python literal where it is one, else the text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
