"""Hives and standing reservations of an inventory: who is in them, and what contradicts what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.cleanup import clean_up_of
from hivectl.model.cron import cron_fault
from hivectl.model.errors import HivectlError
from hivectl.model.inventory import Hive, Node, StandingReservation
from hivectl.model.inventory_files import EMPTY, Description
from hivectl.model.scalars import UnfitError, to_duration
from hivectl.model.secret import Secret
from hivectl.model.selectors import Selection, split
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.model.origin import Origin


def hives_of(description: Description, nodes: Mapping[str, Node]) -> dict[str, Hive]:
    """Return the hives, those that others name looked up first; faults go to the description."""
    resolver = _Resolver(description, nodes)
    result = {}
    for name, (values, origin) in description.hives.items():
        variables = values.get("vars")
        result[name] = Hive(
            name=name,
            nodes=tuple(resolver.members(name)),
            variables=variables if isinstance(variables, YamlMapping) else EMPTY,
            beside=description.beside.get(name, EMPTY),
            on_release=clean_up_of(values, description.complain),
            origin=origin,
        )
    check_conflicts(result, nodes, description)
    return result


class _Resolver:
    """Finds the nodes of hives that may name each other."""

    def __init__(self, description: Description, nodes: Mapping[str, Node]) -> None:
        self._description = description
        self._selection = Selection(
            nodes, self.members, description.hives, reservations=description.reservations
        )
        self._found: dict[str, Sequence[str]] = {}
        self._open: list[str] = []

    def members(self, name: str) -> Sequence[str]:
        """Return the nodes of a hive, complaining once of what cannot be found."""
        if name in self._found:
            return self._found[name]
        values, origin = self._description.hives[name]
        if name in self._open:
            way = " -> ".join([*self._open[self._open.index(name) :], name])
            self._description.complain(f"hives name each other in a circle: {way}", origin)
            return ()
        self._open.append(name)
        found: dict[str, None] = {}
        for text, place in self._texts(values):
            try:
                found.update(dict.fromkeys(self._one(text, place)))
            except HivectlError as error:
                self._description.faults.append(error)
        self._open.pop()
        self._found[name] = tuple(found)
        return self._found[name]

    def _one(self, text: str, origin: Origin | None) -> Sequence[str]:
        """Return the nodes of one entry; a single name or range keeps its own order."""
        terms = split(text, origin=origin)
        if len(terms) == 1 and terms[0][0] not in "&!":
            return self._selection.term(terms[0], origin)
        return self._selection.select(text, origin=origin)

    @staticmethod
    def _texts(values: YamlMapping) -> list[tuple[str, Origin | None]]:
        nodes = values.get("nodes")
        result: list[tuple[str, Origin | None]] = []
        if isinstance(nodes, list):
            result += [
                (text, origin_of(nodes, place))
                for place, text in enumerate(nodes)
                if isinstance(text, str) and text
            ]
        elif isinstance(nodes, str) and nodes:
            result.append((nodes, origin_of(values, "nodes")))
        select = values.get("select")
        if isinstance(select, str) and select:
            result.append((select, origin_of(values, "select")))
        return result


def check_conflicts(hives: Mapping[str, Hive], nodes: Mapping[str, Node], description: Description) -> None:
    """Complain of two hives that give a node different values of a variable which it does not set itself."""
    membership: dict[str, list[str]] = {}
    for hive in hives.values():
        if hive.variables:
            for name in hive.nodes:
                membership.setdefault(name, []).append(hive.name)
    conflicts: dict[tuple[str, ...], list[tuple[Any, str, str]]] = {}
    affected: dict[tuple[Any, str, str], list[str]] = {}
    for name, names in membership.items():
        if len(names) < 2:
            continue
        key = tuple(names)
        if key not in conflicts:
            conflicts[key] = _conflicts([hives[one] for one in names])
        for conflict in conflicts[key]:
            if conflict[0] not in nodes[name].variables:
                affected.setdefault(conflict, []).append(name)
    for (variable, first, second), names in affected.items():
        more = f" and {len(names) - 1} more nodes" if len(names) > 1 else ""
        place = origin_of(hives[first].variables, variable)
        message = f'the hives "{first}" (at {place}) and "{second}" give {names[0]}{more} different values of "{variable}"'
        description.complain(
            message, origin_of(hives[second].variables, variable), "set it on the node, or in one hive only"
        )


def _conflicts(hives: Sequence[Hive]) -> list[tuple[Any, str, str]]:
    found = []
    first: dict[Any, Hive] = {}
    for hive in hives:
        for variable, value in hive.variables.items():
            other = first.setdefault(variable, hive)
            if other is not hive and not same(other.variables[variable], value):
                found.append((variable, other.name, hive.name))
    return found


def same(left: Any, right: Any) -> bool:
    """Whether two values are one, without looking into secrets: two of them are never known to be the same."""
    if isinstance(left, Secret) or isinstance(right, Secret):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            same(one, other) for one, other in zip(left, right, strict=True)
        )
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def reservations_of(
    description: Description, nodes: Mapping[str, Node], hives: Mapping[str, Hive]
) -> dict[str, StandingReservation]:
    """Return the standing reservations that can be read; faults go to the description."""
    members = {name: hive.nodes for name, hive in hives.items()}
    selection = Selection(
        nodes, members.__getitem__, hives, free=lambda: tuple(nodes), reservations=description.reservations
    )
    result = {}
    for name, (values, origin) in description.reservations.items():
        select, duration = values.get("select"), values.get("for")
        if not isinstance(select, str) or not isinstance(duration, str | int | float):
            continue  # the schema has complained of it
        count = values.get("count")
        at, timezone = values.get("at"), values.get("timezone") or "UTC"
        try:
            chosen = selection.select(select, origin=origin_of(values, "select"))
        except HivectlError as error:
            description.faults.append(error)
            continue
        try:
            seconds = to_duration(duration)
        except UnfitError:
            continue  # the schema has complained of it
        if isinstance(count, int) and count > len(chosen):
            message = (
                f'the reservation "{name}" asks for {count} nodes of "{select}", which means {len(chosen)}'
            )
            description.complain(message, origin_of(values, "count"))
        fault = cron_fault(at) if isinstance(at, str) else None
        if fault:
            description.complain(f"reservations.{name}.at: {fault}", origin_of(values, "at"))
        if timezone != "UTC" and not _is_timezone(timezone):
            message = f'there is no time zone "{timezone}"'
            description.complain(message, origin_of(values, "timezone"), "such as Europe/Zurich")
        priority = values.get("priority")
        result[name] = StandingReservation(
            name=name,
            select=select,
            count=count if isinstance(count, int) else None,
            duration=seconds,
            at=at if isinstance(at, str) else None,
            timezone=str(timezone),
            reason=str(values.get("reason") or name),
            priority=priority if isinstance(priority, int) else 5,
            origin=origin,
        )
    return result


def _is_timezone(name: Any) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
