"""From the merged description to an inventory: attributes, labels, hives and names, every fault at once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from hivectl.model.cleanup import clean_up_of
from hivectl.model.editor_schemas import NAME, NAME_WORDS, NODE_NAME
from hivectl.model.errors import Complaints, HivectlError
from hivectl.model.inventory import (
    ConnectionEntry,
    Inventory,
    Node,
    PowerEntry,
    identity,
    may_be_template,
    render,
)
from hivectl.model.inventory_files import (
    CONNECTION_KEYS,
    EMPTY,
    NODE_KEYS,
    RESERVED,
    Description,
    RawNode,
    overlay,
    read,
)
from hivectl.model.inventory_hives import hives_of, reservations_of
from hivectl.model.parameters import Parameter, parameters_of, schema_of
from hivectl.model.plugins import BrokenPluginError
from hivectl.model.schema import Validator
from hivectl.model.suggestions import did_you_mean, listed
from hivectl.model.variable_folders import add_to_description
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from hivectl.model.origin import Origin

_NAME = re.compile(NAME)


# what returns the attribute class of a name, and what lists the names
Kinds: TypeAlias = "tuple[Callable[[str], type | None] | None, Callable[[], Iterable[str]]]"


def load(
    paths: Sequence[Path],
    drivers_known: Kinds,
    backends_known: Kinds,
    board_meant: Callable[[str], str | None] | None,
    virtual_fault: Callable[[str, str], HivectlError | None] | None,
) -> Inventory:
    """See `hivectl.model.inventory.load_inventory`."""
    description = read(paths)
    for folder in dict.fromkeys(path if path.is_dir() else path.parent for path in paths):
        add_to_description(description, folder)
    drivers = _Drivers("driver", drivers_known, description)
    for driver, values in description.defaults.items():
        if drivers.find(driver, values.origin) is not None:
            drivers.check(driver, values, f"defaults.{driver}")
    _check_names(description)
    nodes = _nodes(description, drivers, _Drivers("power backend", backends_known, description))
    _check_ways(nodes, description)
    if board_meant is not None:
        _check_boards(nodes, description, board_meant)
    if virtual_fault is not None:
        _check_virtual(nodes, description, virtual_fault)
    hives = hives_of(description, nodes)
    membership: dict[str, list[str]] = {}
    for hive in hives.values():
        for name in hive.nodes:
            membership.setdefault(name, []).append(hive.name)
    for name, names in membership.items():
        nodes[name] = replace(nodes[name], hives=tuple(names))
    reservations = reservations_of(description, nodes, hives)
    if description.faults:
        raise Complaints(_ordered(description))
    return Inventory(
        nodes=nodes,
        hives=hives,
        variables=description.variables,
        beside=description.beside.get("all", {}),
        limits=description.limits,
        reservations=reservations,
        longest=description.longest,
        store=description.store,
        paths=tuple(description.paths),
    )


def _ordered(description: Description) -> list[HivectlError]:
    """Return the faults in the order of the files, each once."""
    files = {str(path): place for place, path in enumerate(description.paths)}
    distinct = {str(fault): fault for fault in description.faults}

    def key(fault: HivectlError) -> tuple[int, int, int]:
        origin = fault.origin
        return (files.get(origin.path, -1), origin.line, origin.column) if origin else (-1, 0, 0)

    return sorted(distinct.values(), key=key)


def _check_names(description: Description) -> None:
    """Nodes, hives and reservations share one namespace."""
    seen: dict[str, tuple[str, Origin]] = {}
    sections: dict[str, Mapping[str, Origin]] = {
        "node": {name: raw.origin for name, raw in description.nodes.items()},
        "hive": {name: origin for name, (_, origin) in description.hives.items()},
        "reservation": {name: origin for name, (_, origin) in description.reservations.items()},
    }
    for kind, names in sections.items():
        for name, origin in names.items():
            if name in RESERVED:
                description.complain(f'a {kind} cannot be named "{name}": it {RESERVED[name]}', origin)
            elif kind == "node" and not _NAME.match(name) and re.match(NODE_NAME, name):
                # what is worse the schema has complained of
                description.complain(f'"{name}" is not the name of a node: expected {NAME_WORDS}', origin)
            elif name in seen:
                other, place = seen[name]
                message = f'the {kind} "{name}" has the name of the {other} at {place}'
                description.complain(message, origin, "nodes, hives and reservations share one namespace")
            seen.setdefault(name, (kind, origin))


class _Drivers:
    """What drivers, or power backends, take, asked for once each."""

    def __init__(self, kind: str, known: Kinds, description: Description) -> None:
        self._kind = kind
        self._attributes_of, self._names = known
        self._description = description
        self._known: dict[str, tuple[Validator, tuple[Parameter, ...]] | None] = {}
        self._one_of: dict[str, tuple[str, ...]] = {}
        self._broken: dict[str, BrokenPluginError] = {}

    @property
    def looked_at(self) -> bool:
        """Whether anybody knows them here."""
        return self._attributes_of is not None

    def find(self, name: str, origin: Origin | None) -> tuple[Validator, tuple[Parameter, ...]] | None:
        """Return the checker of a driver's attributes and the required ones; None, and a complaint, for no driver."""
        if name not in self._known:
            assert self._attributes_of is not None
            try:
                cls = self._attributes_of(name)
            except BrokenPluginError as error:
                self._broken[name] = error
                cls = None
            if cls is None:
                self._known[name] = None
            else:
                required = tuple(one for one in parameters_of(cls) if one.required)
                self._known[name] = (Validator(schema_of(cls, required=False)), required)
                self._one_of[name] = getattr(cls, "ONE_OF", ())
        found = self._known[name]
        if name in self._broken:
            self._description.complain(self._broken[name].message, origin, self._broken[name].hint)
        elif found is None:
            names = sorted(self._names())
            hint = did_you_mean(name, names) or f"there are {listed(names)}"
            self._description.complain(f'there is no {self._kind} "{name}"', origin, hint)
        return found

    def check(
        self, driver: str, values: YamlMapping, what: str, beside: frozenset[str] = frozenset()
    ) -> None:
        """Complain of attributes that the driver does not take; one of the keys `beside` may have been meant."""
        found = self._known[driver]
        if found is None:
            return
        faults = found[0].check(values, what=what, origin=values.origin)
        meant = {values.key_origins.get(key): did_you_mean(key, beside) for key in values} if faults else {}
        for fault in faults:
            if not (fault.hint or "").startswith("did you mean"):
                fault.hint = meant.get(fault.origin) or fault.hint
        self._description.faults += faults

    def missing(self, driver: str, values: Mapping[str, Any]) -> list[str]:
        """Return the required attributes that are not there."""
        found = self._known[driver]
        required = found[1] if found else ()
        return [one.name for one in required if not any(name in values for name in (one.name, *one.aliases))]

    def lacking(self, driver: str, values: Mapping[str, Any]) -> str:
        """Return what is to be given besides, in words; "" where nothing is missing."""
        parts = [f'"{name}"' for name in self.missing(driver, values)]
        either = self._one_of.get(driver, ())
        if either and not any(values.get(name) not in (None, "") for name in either):
            *some, last = (f'"{name}"' for name in either)
            parts.append(f"one of {', '.join(some)} and {last}")
        return " and ".join(parts)


def _nodes(description: Description, drivers: _Drivers, backends: _Drivers) -> dict[str, Node]:
    """Return the nodes without their hives; those that one range made share what they can."""
    made: dict[int, tuple[ConnectionEntry, ...]] = {}
    powers: dict[int, PowerEntry | None] = {}
    result: dict[str, Node] = {}
    for name, raw in description.nodes.items():
        connections = made.get(id(raw.values))
        if connections is None:
            connections = made[id(raw.values)] = tuple(_connections(raw, description, drivers))
            powers[id(raw.values)] = _power(raw, description, backends)
        values = raw.values
        variables = values.get("vars")
        labels = values.get("labels")
        board, shell = values.get("board"), values.get("shell")
        node = Node(
            name=name,
            index=raw.index,
            driver=connections[0].driver if connections else "",
            board=board if isinstance(board, str) else None,
            labels=_texts(labels) if isinstance(labels, YamlMapping) else EMPTY,
            connections=connections,
            shell=shell if isinstance(shell, str) else None,
            power=powers[id(values)],
            on_release=clean_up_of(values, description.complain),
            variables=variables if isinstance(variables, YamlMapping) else EMPTY,
            origin=raw.origin,
        )
        result[name] = _rendered(node, raw, description)
    return result


def _texts(labels: YamlMapping) -> dict[str, str]:
    """Return labels as texts; YAML's booleans are true and false."""
    return {
        str(key): str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in labels.items()
    }


def _connections(raw: RawNode, description: Description, drivers: _Drivers) -> Iterable[ConnectionEntry]:
    """Return the ways to a node, the node's own keys being the only one where it has no `connections:`."""
    values = raw.values
    several = values.get("connections")
    if several is None:
        if "driver" not in values:
            hint = "write `driver: ssh`, or `connections:` for several ways to it"
            description.complain(f'the node "{raw.name}" has no driver', raw.origin, hint)
            return
        yield from _connection(raw.name, values, None, NODE_KEYS, description, drivers)
        return
    for key in values:
        if key == "connections" or (key in NODE_KEYS and key not in {"driver", *CONNECTION_KEYS}):
            continue
        message = f'nodes.{raw.name}: "{key}" cannot stand beside `connections:`'
        description.complain(
            message, values.key_origins.get(key), "write it inside the connection that it belongs to"
        )
    if isinstance(several, YamlMapping):
        for name, entry in several.items():
            if isinstance(entry, YamlMapping):
                what = f"{raw.name}.connections.{name}"
                if "driver" not in entry:
                    description.complain(f'nodes.{what}: "driver" is missing', entry.origin)
                    continue
                yield from _connection(what, entry, str(name), CONNECTION_KEYS, description, drivers)
    if not several:
        description.complain(f'the node "{raw.name}" has no connection', raw.origin, "give it at least one")


def _connection(
    what: str,
    values: YamlMapping,
    name: str | None,
    keys: frozenset[str],
    description: Description,
    drivers: _Drivers,
) -> Iterable[ConnectionEntry]:
    driver = values["driver"]
    if not isinstance(driver, str) or drivers.find(driver, origin_of(values, "driver")) is None:
        return
    own = overlay(YamlMapping(origin=values.origin), values, only=[key for key in values if key not in keys])
    if own:
        drivers.check(driver, own, f"nodes.{what}", keys)
    defaults = description.defaults.get(driver, EMPTY)
    attributes = YamlMapping(overlay(defaults, own) if own else defaults, origin=values.origin)
    attributes.key_origins = {**defaults.key_origins, **own.key_origins}
    attributes.value_origins = {**defaults.value_origins, **own.value_origins}
    virtual, on = values.get("virtual"), values.get("on")
    if virtual is None and (lacking := drivers.lacking(driver, attributes)):
        description.complain(f"nodes.{what}: the driver {driver} needs {lacking}", values.origin)
    yield ConnectionEntry(
        name=name or driver,
        driver=driver,
        virtual=virtual if isinstance(virtual, str) else None,
        on=on if isinstance(on, str) else None,
        attributes=attributes,
        origin=values.origin,
    )


def _power(raw: RawNode, description: Description, backends: _Drivers) -> PowerEntry | None:
    """Return how a node's power is switched."""
    values = raw.values.get("power")
    if not isinstance(values, YamlMapping) or not isinstance(values.get("backend"), str):
        return None  # what is wrong with it the schema has said
    backend = values["backend"]
    attributes = overlay(
        YamlMapping(origin=values.origin), values, only=[key for key in values if key != "backend"]
    )
    if backends.looked_at:
        if backends.find(backend, origin_of(values, "backend")) is None:
            return None
        backends.check(backend, attributes, f"nodes.{raw.name}.power")
        if lacking := backends.lacking(backend, attributes):
            message = f"nodes.{raw.name}.power: the power backend {backend} needs {lacking}"
            description.complain(message, values.origin)
    return PowerEntry(backend=backend, attributes=attributes, origin=values.origin)


def _rendered(node: Node, raw: RawNode, description: Description) -> Node:
    """Return the node with the templates in what is not an attribute of a driver rendered.

    Hives are not known yet, so these may use name, index, the inventory's and the node's variables.
    """
    texts: dict[str, Any] = {
        "board": node.board,
        "shell": node.shell,
        **{f"label {key}": value for key, value in node.labels.items()},
    }
    for entry in node.connections:
        texts |= {f"{entry.name} on": entry.on, f"{entry.name} virtual": entry.virtual}
    written = {key: text for key, text in texts.items() if may_be_template(text)}
    if not written:
        return node
    layers = [
        ("inventory", description.variables),
        (f"node {node.name}", node.variables),
        ("node", identity(node)),
    ]
    try:
        made = {key: str(value) for key, value in render(written, raw.values, layers, raw.origin).items()}
    except HivectlError as error:
        description.faults.append(error)
        return node
    texts |= made
    connections = tuple(
        replace(entry, on=texts[f"{entry.name} on"], virtual=texts[f"{entry.name} virtual"])
        for entry in node.connections
    )
    labels = {key: texts[f"label {key}"] for key in node.labels}
    return replace(node, board=texts["board"], shell=texts["shell"], labels=labels, connections=connections)


def _check_boards(
    nodes: Mapping[str, Node], description: Description, board_meant: Callable[[str], str | None]
) -> None:
    """Complain of misspelt boards; a board that nobody knows is a label like others, until somebody flashes it."""
    meant = {name: board_meant(name) for name in {node.board for node in nodes.values()} if name}
    for node in nodes.values():
        if node.board and (best := meant[node.board]):
            origin = origin_of(description.nodes[node.name].values, "board")
            description.complain(f'there is no board "{node.board}"', origin, f'did you mean "{best}"?')


def _check_virtual(
    nodes: Mapping[str, Node],
    description: Description,
    virtual_fault: Callable[[str, str], HivectlError | None],
) -> None:
    """Complain of virtual devices that there are not, or that are not reached like this."""
    for node in nodes.values():
        entries = [entry for entry in node.connections if entry.virtual]
        for entry in entries:
            assert entry.virtual is not None
            values = description.nodes[node.name].values
            several = values.get("connections")
            written = several.get(entry.name, values) if isinstance(several, YamlMapping) else values
            origin = origin_of(written, "virtual")
            if (fault := virtual_fault(entry.virtual, entry.driver)) is not None:
                description.complain(fault.message, origin, fault.hint)
            elif entry.virtual != entries[0].virtual:
                message = (
                    f'"{node.name}" is one device: it cannot be a virtual `{entries[0].virtual}`, and a '
                )
                description.complain(f"{message}`{entry.virtual}`", origin)
            if entry.on is not None:
                message = f'a virtual device is plugged into nothing: "on" has no meaning at {node.name}'
                description.complain(message, origin_of(written, "on"), "leave `on` out, or `virtual`")


def _check_ways(nodes: Mapping[str, Node], description: Description) -> None:
    """Complain of nodes that can only be reached through each other; a name that is no node may be a worker's."""
    plugged = {name for name, node in nodes.items() if any(entry.on for entry in node.connections)}
    if not plugged:
        return
    reached = nodes.keys() - plugged
    while found := {
        name
        for name in plugged - reached
        if any(entry.on not in plugged or entry.on in reached for entry in nodes[name].connections)
    }:
        reached |= found
    for name in sorted(plugged - reached):
        for entry in nodes[name].connections:
            description.complain(
                f'"{name}" is plugged into "{entry.on}", which can only be reached through it', entry.origin
            )
