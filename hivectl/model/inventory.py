"""The lab as its inventory files describe it: nodes, hives, limits, standing reservations."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeVar

from hivectl.model.parameters import convert
from hivectl.model.records import record
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from hivectl.model.cleanup import CleanUp
    from hivectl.model.errors import HivectlError
    from hivectl.model.origin import Origin
    from hivectl.model.ranges import Index

T = TypeVar("T")


@record(kw_only=True)
class ConnectionEntry:
    """One way to a node, as written.

    Attributes:
        name: the key under `connections:`; the driver's name where there is only one way.
        driver: the driver's name.
        virtual: the kind of virtual device that is started for it.
        on: the node or worker that it is plugged into; None: this machine.
        attributes: the driver's, raw (maybe templates), the defaults of the inventory merged in.
        origin: where it is written.
    """

    name: str
    driver: str
    virtual: str | None = None
    on: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin | None = None


@record(kw_only=True)
class PowerEntry:
    """How a node's power is switched, as written.

    Attributes:
        backend: the kind of switch.
        attributes: the backend's, raw (maybe templates).
        origin: where it is written.
    """

    backend: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin | None = None


@record(kw_only=True)
class Node:
    """One device that can be addressed.

    Attributes:
        name: in the inventory.
        index: the value of the range in its name, a tuple where there are several, else None.
        driver: of its first connection.
        board: the profile's name.
        labels: key -> value, without driver, board and hive, which are labels by themselves.
        connections: the best first.
        shell: what the default shell runs; None: the login shell.
        power: how its power is switched; None: not by us.
        on_release: what is done when it is given back; None: what its hives say.
        variables: its own, raw; those of hives and inventory are in these.
        hives: the names of all hives that it is in, in the inventory's order.
        origin: where it is written.
    """

    name: str
    index: Index = None
    driver: str = ""
    board: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    connections: tuple[ConnectionEntry, ...] = ()
    shell: str | None = None
    power: PowerEntry | None = None
    on_release: CleanUp | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    hives: tuple[str, ...] = ()
    origin: Origin | None = None


@record(kw_only=True)
class Hive:
    """A named set of nodes; `nodes:` in its own order, then what `select:` adds in the inventory's.

    Attributes:
        variables: all of them.
        beside: those of its group_vars alone.
    """

    name: str
    nodes: tuple[str, ...]
    variables: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    on_release: CleanUp | None = None
    origin: Origin | None = None


@record(kw_only=True)
class StandingReservation:
    """A wish that is written down: `hivectl reserve NAME`.

    Attributes:
        select: the selector.
        count: how many of the nodes; None: all.
        duration: seconds.
        at: cron fields; None: only when asked for by name.
        timezone: of `at`.
        priority: 1 to 10, 10 first.
    """

    name: str
    select: str
    count: int | None
    duration: float
    at: str | None
    timezone: str
    reason: str
    priority: int
    origin: Origin | None = None


@record(kw_only=True)
class Inventory:
    """Everything that the inventory files say, in their order, later ones having won.

    Attributes:
        variables: of every node, raw.
        beside: those of group_vars/all alone.
        limits: name -> how many may use it at once.
        longest: for how many seconds anybody may reserve at once; None: the default.
        store: a path or URL; a path counts from the folder of the file that names it.
        paths: the files that were read.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    hives: Mapping[str, Hive] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    reservations: Mapping[str, StandingReservation] = field(default_factory=dict)
    longest: float | None = None
    store: str | None = None
    paths: tuple[Path, ...] = ()


def clean_up_for(inventory: Inventory, name: str) -> CleanUp | None:
    """Return what is done when a node is given back: the node's own, else that of the first of its hives with one."""
    node = inventory.nodes[name]
    if node.on_release is not None:
        return node.on_release
    return next(
        (found for hive in node.hives if (found := inventory.hives[hive].on_release) is not None), None
    )


def load_inventory(
    paths: Sequence[Path],
    attributes_of: Callable[[str], type | None],
    driver_names: Callable[[], Iterable[str]],
    backend_of: Callable[[str], type | None] | None = None,
    backend_names: Callable[[], Iterable[str]] = tuple,
    board_meant: Callable[[str], str | None] | None = None,
    virtual_fault: Callable[[str, str], HivectlError | None] | None = None,
) -> Inventory:
    """Load inventory files and folders (their *.yml and *.yaml, sorted, hidden ones left out); later wins.

    Args:
        paths: files and folders.
        attributes_of: returns a driver's attribute class, None for an unknown driver; asked once for each driver.
        driver_names: every driver, for suggestions.
        backend_of: as `attributes_of`, for power backends; None: these are not looked at.
        backend_names: every power backend, for suggestions.
        board_meant: returns the board that was meant by a name that is none but looks like one, None for every other
            name; None: boards are not looked at.
        virtual_fault: returns what is wrong with a kind of virtual device behind a driver, None where it fits; None:
            these are not looked at.

    Raises:
        Complaints: every fault found.
    """
    from hivectl.model.inventory_loader import load

    return load(paths, (attributes_of, driver_names), (backend_of, backend_names), board_meant, virtual_fault)


def node_layers(inventory: Inventory, node: Node) -> list[tuple[str, Mapping[str, Any]]]:
    """Return where a node's inventory variables come from, weakest first: (what people read, raw values).

    Whatever is in group_vars, for `all` too, wins over what inventory files say of hives, as Ansible has it.
    """
    hives = [inventory.hives[name] for name in node.hives]
    beside = [("group_vars/all", inventory.beside)] if inventory.beside and hives else []
    beside += [(f"group_vars/{hive.name}", hive.beside) for hive in hives if hive.beside]
    return [
        ("inventory", inventory.variables),
        *((f"hive {hive.name}", hive.variables) for hive in hives),
        *beside,
        (f"node {node.name}", node.variables),
        ("node", identity(node)),
    ]


def identity(node: Node) -> dict[str, Any]:
    """Return the variables that are a node's by being itself: name, inventory_hostname, index."""
    known: dict[str, Any] = {"name": node.name, "inventory_hostname": node.name}
    return known if node.index is None else known | {"index": node.index}


def group_names(node: Node) -> list[str]:
    """Return what `group_names` is: the node's hives, sorted, `ungrouped` where it is in none."""
    return sorted(node.hives) or ["ungrouped"]


def connection_variables(node: Node) -> dict[str, Any]:
    """Return what Ansible's playbooks ask of a node's connection, the first one where there are several; raw."""
    entry = next(iter(node.connections), None)
    if entry is None:
        return {}
    found = {"ansible_connection": entry.driver, "ansible_host": entry.attributes.get("host", node.name)}
    for name in ("port", "user"):
        if name in entry.attributes:
            found[f"ansible_{name}"] = entry.attributes[name]
    return found


def connection_attributes(
    inventory: Inventory,
    node: Node,
    entry: ConnectionEntry,
    cls: type[T],
    *,
    overrides: Mapping[str, Any] | None = None,
) -> T:
    """Return the attributes of a connection, rendered with the node's variables and converted.

    Args:
        inventory: of the node.
        node: whose connection it is.
        entry: the connection.
        cls: the driver's attribute class.
        overrides: final values, such as those of a virtual device that was started.

    Raises:
        Complaints: values that do not fit.
        InputError: a template that cannot be rendered.
    """
    own = {key: value for key, value in entry.attributes.items() if not overrides or key not in overrides}
    values = render(own, entry.attributes, node_layers(inventory, node), entry.origin)
    values.update(overrides or {})
    return convert(cls, values, origin=entry.origin, what=f"{node.name}: {entry.driver}")


def power_attributes(inventory: Inventory, node: Node, entry: PowerEntry, cls: type[T]) -> T:
    """Return the attributes of a node's power, rendered with the node's variables and converted.

    Raises:
        Complaints: values that do not fit.
        InputError: a template that cannot be rendered.
    """
    values = render(entry.attributes, entry.attributes, node_layers(inventory, node), entry.origin)
    return convert(cls, values, origin=entry.origin, what=f"{node.name}: power")


def render(
    values: Mapping[str, Any],
    places: Mapping[str, Any],
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    origin: Origin | None,
) -> YamlMapping:
    """Return `values` with their templates rendered, each with its place in `places`; raises InputError."""
    result = YamlMapping(values)
    if isinstance(places, YamlMapping):
        result.origin, result.key_origins, result.value_origins = (
            places.origin,
            places.key_origins,
            places.value_origins,
        )
    written = [key for key, value in values.items() if may_be_template(value)]
    if written:
        from hivectl.model.templates import Templates
        from hivectl.model.variables import Layer, Scope

        templates = Templates()
        scope = Scope(templates, [Layer(name, variables) for name, variables in layers])
        for key in written:
            place = origin_of(places, key) or origin
            result[key] = templates.render(values[key], scope, origin=place)
    return result


def may_be_template(value: Any) -> bool:
    """Whether there may be a template in a value, at any depth: cheap, without the template engine."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value or "{#" in value
    if isinstance(value, dict):
        return any(may_be_template(item) for item in value.values())
    return isinstance(value, list | tuple) and any(may_be_template(item) for item in value)
