"""From inventory files to one description: read, checked one by one, merged."""

from __future__ import annotations

import contextlib
from dataclasses import field
from typing import TYPE_CHECKING, Any

from hivectl.model.editor_schemas import NODE, TEXT, WAY, file_schema, named
from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.origin import Origin
from hivectl.model.paths import user_path
from hivectl.model.ranges import Index, RangeError, expand
from hivectl.model.records import record
from hivectl.model.scalars import UnfitError, to_duration
from hivectl.model.schema import check
from hivectl.model.secret import Secret
from hivectl.model.yaml import YamlMapping, load_yaml, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

RESERVED = {"all": "means every node", "free": "means every node that nobody holds"}
NODE_KEYS = frozenset({*NODE, *WAY, "driver", "connections"})
CONNECTION_KEYS = frozenset({*WAY, "driver"})
EMPTY = YamlMapping()


class InventoryError(InputError):
    """The inventory contradicts itself, or lacks something."""


@record(frozen=False)
class RawNode:
    """A node before its attributes are looked at."""

    name: str
    index: Index
    values: YamlMapping
    origin: Origin
    file: int  # which file, counted from 1


@record(frozen=False)
class Description:
    """What all files say together.

    Attributes:
        beside: what group_vars say: of every node under "all", of hives under their names.
    """

    variables: YamlMapping = field(default_factory=YamlMapping)
    beside: dict[str, YamlMapping] = field(default_factory=dict)
    defaults: dict[str, YamlMapping] = field(default_factory=dict)
    nodes: dict[str, RawNode] = field(default_factory=dict)
    hives: dict[str, tuple[YamlMapping, Origin]] = field(default_factory=dict)
    reservations: dict[str, tuple[YamlMapping, Origin]] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    longest: float | None = None
    store: str | None = None
    paths: list[Path] = field(default_factory=list)
    faults: list[HivectlError] = field(default_factory=list)

    def complain(self, message: str, origin: Origin | None, hint: str | None = None) -> None:
        """Note a fault."""
        self.faults.append(InventoryError(message, origin=origin, hint=hint))


def read(paths: Sequence[Path]) -> Description:
    """Read and merge every file; faults are in the description."""
    result = Description()
    schema = _schema()
    for path in paths:
        for file in _files(path, result):
            try:
                document = load_yaml(file)
            except Complaints as complaints:
                result.faults += complaints.errors
                continue
            except HivectlError as error:
                result.faults.append(error)
                continue
            result.paths.append(file)
            if _is_ansible(document):
                place = Origin(str(file), 1, 1)
                result.complain(
                    "this is an Ansible inventory",
                    place,
                    "hivectl's has `nodes:` and `hives:` at the top; README.md shows one",
                )
                continue
            faults = check(schema, document, origin=Origin(str(file), 1, 1))
            result.faults += faults
            if isinstance(document, YamlMapping):
                _merge(result, document, file)
    return result


def _schema() -> dict[str, Any]:
    """Return the schema of a file in which drivers' attributes are not looked at yet."""
    way = {**WAY, "driver": TEXT | {"x-expected": "the name of a driver"}}
    connection = {
        "type": "object",
        "properties": way,
        "x-expected": "a connection: driver, and the driver's attributes",
    }
    node = {
        "type": ["object", "null"],
        "properties": {**NODE, **way, "connections": named(connection)},
        "x-expected": "a node: driver (or connections), and the driver's attributes",
    }
    defaults = {
        "type": ["object", "null"],
        "additionalProperties": {
            "type": ["object", "null"],
            "x-expected": "a mapping: the driver's attributes",
        },
        "x-expected": "a mapping: driver to attributes",
    }
    schema = file_schema(node, defaults)
    del schema["$schema"]
    return schema


def _files(path: Path, result: Description) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        result.faults.append(InputError(f"cannot read the folder {path}: {error.strerror}"))
        return []
    files = [
        entry
        for entry in entries
        if entry.suffix in {".yml", ".yaml"}
        and not entry.name.startswith(".")
        # a link that leads nowhere is complained of: nodes would be missing without a word
        and (entry.is_file() or (entry.is_symlink() and not entry.exists()))
    ]
    if not files:
        result.faults.append(
            InputError(f"there is no inventory in {path}", hint="it takes *.yml and *.yaml files")
        )
    return files


def _is_ansible(document: Any) -> bool:
    return isinstance(document, dict) and any(
        isinstance(value, dict)
        and key not in {"nodes", "hives", "vars", "defaults"}
        and ("hosts" in value or "children" in value)
        for key, value in document.items()
    )


def _merge(result: Description, document: YamlMapping, file: Path) -> None:
    """Add a file; whatever has a wrong type has been complained of and is passed over."""
    result.variables = overlay(result.variables, _mapping(document, "vars"))
    for driver, values in _mapping(document, "defaults").items():
        if isinstance(values, YamlMapping):
            result.defaults[driver] = overlay(result.defaults.get(driver, EMPTY), values)
    nodes = _mapping(document, "nodes")
    for key, values in nodes.items():
        if values is None or isinstance(values, YamlMapping):
            origin = nodes.key_origins[key]
            _add_node(result, str(key), YamlMapping(origin=origin) if values is None else values, origin)
    for section, target in (("hives", result.hives), ("reservations", result.reservations)):
        entries = _mapping(document, section)
        for key, values in entries.items():
            if values is None or isinstance(values, YamlMapping):
                origin = entries.key_origins[key]
                known = target.get(str(key), (EMPTY, None))[0]
                target[str(key)] = (_hive(known, values or YamlMapping(origin=origin)), origin)
    limits = _mapping(document, "limits")
    result.limits.update({str(key): value for key, value in limits.items() if isinstance(value, int)})
    if isinstance(longest := document.get("longest"), str | int | float):
        with contextlib.suppress(UnfitError):  # the schema has complained of it
            result.longest = to_duration(longest)
    store = document.get("store")
    if isinstance(store, Secret):
        result.complain(
            "store: it cannot be a secret", origin_of(document, "store"), "set HIVECTL_STORE instead"
        )
    elif isinstance(store, str) and store:
        result.store = store if "://" in store else str(file.absolute().parent / user_path(store))


def _add_node(result: Description, key: str, values: YamlMapping, origin: Origin) -> None:
    try:
        names = expand(key, origin=origin)
    except RangeError as error:
        result.faults.append(error)
        return
    for name, index in names:
        known = result.nodes.get(name)
        if known is None:
            result.nodes[name] = RawNode(name, index, values, origin, len(result.paths))
        elif known.file == len(result.paths):
            result.complain(
                f'the node "{name}" is written twice; the first one is at {known.origin}',
                origin,
                "keep one of them",
            )
            return
        else:
            merged = _node(known.values, values)
            result.nodes[name] = RawNode(
                name, known.index if index is None else index, merged, origin, len(result.paths)
            )


def _node(earlier: YamlMapping, later: YamlMapping) -> YamlMapping:
    """Return a node of two files: vars, labels and connections are merged by name, all else is replaced."""
    if later.get("driver") not in {None, earlier.get("driver")} or "connections" in later:
        kept = {key for key in earlier if key in NODE or (key == "connections" and "driver" not in later)}
        earlier = overlay(EMPTY, earlier, only=kept)
    return _nested(earlier, later, ("vars", "labels", "connections"))


def _hive(earlier: YamlMapping, later: YamlMapping) -> YamlMapping:
    return _nested(earlier, later, ("vars",))


def _nested(earlier: YamlMapping, later: YamlMapping, keys: Iterable[str]) -> YamlMapping:
    if not earlier:
        return later
    result = overlay(earlier, later)
    for key in keys:
        if isinstance(earlier.get(key), YamlMapping) and isinstance(later.get(key), YamlMapping):
            result[key] = overlay(earlier[key], later[key])
    return result


def overlay(below: YamlMapping, above: YamlMapping, *, only: Iterable[str] | None = None) -> YamlMapping:
    """Return the keys of both, those of `above` winning, with their places; `only` keeps some of `above`."""
    if not below and only is None:
        return above
    if not above:
        return below
    keys = above.keys() if only is None else only
    return YamlMapping(
        {**below, **{key: above[key] for key in keys}},
        origin=above.origin,
        key_origins={
            **below.key_origins,
            **{key: above.key_origins[key] for key in keys if key in above.key_origins},
        },
        value_origins={
            **below.value_origins,
            **{key: above.value_origins[key] for key in keys if key in above.value_origins},
        },
    )


def _mapping(document: YamlMapping, key: str) -> YamlMapping:
    value = document.get(key)
    return value if isinstance(value, YamlMapping) else EMPTY
