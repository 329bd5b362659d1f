"""Hosts, groups and their variables as Ansible's inventories have them, and which value holds for a host."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import InputError
from hivectl.model.ranges import expand
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hivectl.model.origin import Origin

ALL, UNGROUPED = "all", "ungrouped"
_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:]*(?:\[[^\]]*\][^:]*)*):(?P<port>[0-9]+)$")


@record
class Vaulted:
    """A value that is encrypted with ansible-vault."""


@record
class Value:
    """A variable's value and where it is written."""

    value: Any
    origin: Origin | None


@record(frozen=False)
class Group:
    """One group.

    Attributes:
        hosts: those that are directly in it.
        children: groups that are in it.
    """

    name: str
    origin: Origin | None = None
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    variables: dict[str, Value] = field(default_factory=dict)


@record(frozen=False)
class Host:
    """One host; `pattern`: the range that it was first written in."""

    name: str
    pattern: str
    origin: Origin | None = None
    variables: dict[str, Value] = field(default_factory=dict)


@record(frozen=False)
class Groups:
    """A whole inventory."""

    hosts: dict[str, Host] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=lambda: {ALL: Group(ALL), UNGROUPED: Group(UNGROUPED)})

    def group(self, name: str, origin: Origin | None) -> Group:
        """Return a group, made where it is new."""
        return self.groups.setdefault(name, Group(name, origin))

    def add(self, pattern: str, group: str, origin: Origin | None) -> list[Host]:
        """Add the hosts of a name, a range, or either with a port; raises InputError."""
        pattern, port = _without_port(pattern)
        found = []
        for name in _names(pattern, origin):
            host = self.hosts.setdefault(name, Host(name, pattern, origin))
            if port is not None:
                host.variables["ansible_port"] = Value(port, origin)
            if group not in (ALL, UNGROUPED):
                self.groups[group].hosts[name] = None
            found.append(host)
        return found

    def members(self, name: str) -> dict[str, None]:
        """Return the hosts of a group, those of its children included."""
        if name == ALL:
            return dict.fromkeys(self.hosts)
        found: dict[str, None] = {}
        for one in self._below(name, ()):
            found.update(self.groups[one].hosts)
        return found

    def _below(self, name: str, above: tuple[str, ...]) -> Iterator[str]:
        if name in above:
            group = self.groups[name]
            raise InputError(f"the groups {' -> '.join((*above, name))} hold each other", origin=group.origin)
        yield name
        for child in self.groups[name].children:
            yield from self._below(child, (*above, name))

    def depth(self, name: str) -> int:
        """Return how many groups are above one: what is deeper wins."""
        above = [one.name for one in self.groups.values() if name in one.children and one.name != ALL]
        return 1 + max(map(self.depth, above), default=0)

    def order(self, host: str) -> list[Group]:
        """Return a host's groups, the weakest first: `all`, then by depth, `ansible_group_priority` and name."""

        def key(group: Group) -> tuple[int, int, str]:
            priority = group.variables.get("ansible_group_priority")
            number = int(priority.value) if priority and str(priority.value).isdigit() else 1
            return (self.depth(group.name), number, group.name)

        own = [
            one
            for one in self.groups.values()
            if one.name not in (ALL, UNGROUPED) and host in self.members(one.name)
        ]
        return [self.groups[ALL], *([] if own else [self.groups[UNGROUPED]]), *sorted(own, key=key)]

    def effective(self, host: str) -> dict[str, Value]:
        """Return the values that hold for a host, as Ansible decides."""
        found: dict[str, Value] = {}
        for group in self.order(host):
            found.update(group.variables)
        return found | self.hosts[host].variables


def _without_port(pattern: str) -> tuple[str, int | None]:
    match = _PORT.fullmatch(pattern)
    if match is None:
        return pattern.removeprefix("[").removesuffix("]") if _is_address(pattern) else pattern, None
    host = match["host"]
    return (host[1:-1] if _is_address(host) else host), int(match["port"])


def _is_address(text: str) -> bool:
    """Tell an IPv6 address in brackets from a range: it has more than two colons."""
    return text.startswith("[") and text.endswith("]") and text.count(":") > 2


def _names(pattern: str, origin: Origin | None) -> list[str]:
    # Ansible's may begin with nothing, which is 0
    return [name for name, _ in expand(pattern.replace("[:", "[0:"), origin=origin)]
