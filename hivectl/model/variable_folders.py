"""`group_vars/` and `host_vars/` beside an inventory or a playbook, as Ansible reads them.

A hive's file adds to the `vars:` of the hive, `all` to those of every node, a node's to the node's own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.inventory_files import Description, RawNode, overlay
from hivectl.model.inventory_hives import check_conflicts
from hivectl.model.origin import Origin
from hivectl.model.records import record
from hivectl.model.suggestions import did_you_mean
from hivectl.model.yaml import YamlMapping, load_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from hivectl.model.inventory import Inventory

FOLDERS = ("group_vars", "host_vars")
# what a name may end with; the first file that is there is the one that is read (ansible-core, vars plugins)
ENDINGS = ("", ".yml", ".yaml", ".json")
VAULT = "$ANSIBLE_VAULT"


@record(kw_only=True)
class FolderVariables:
    """What the files of one hive or node hold.

    Attributes:
        kind: "group_vars" or "host_vars".
        name: of the hive or node, or "all".
        values: the variables, with their places.
        paths: the files, in the order in which they were read.
    """

    kind: str
    name: str
    values: YamlMapping
    paths: tuple[Path, ...]


def read_folders(
    folder: Path,
    hives: Iterable[str],
    nodes: Iterable[str],
    faults: list[HivectlError],
    *,
    load: Callable[[Path], Any] = load_yaml,
) -> list[FolderVariables]:
    """Return what the folders beside an inventory or playbook say, `all` first.

    Args:
        folder: holds group_vars and host_vars.
        hives: the names of the inventory's.
        nodes: likewise.
        faults: takes what is wrong: files that cannot be read, and those that are for nobody.
        load: reads a file.
    """
    result: list[FolderVariables] = []
    for kind, names in (("group_vars", ["all", *hives]), ("host_vars", list(nodes))):
        place = folder / kind
        try:
            if not place.is_dir():
                continue
            there = {path.name: path for path in sorted(place.iterdir()) if _counts(path)}
        except OSError as error:
            faults.append(InputError(f"cannot read the folder {place}: {error.strerror}"))
            continue
        known = set(names)
        for name in dict.fromkeys(_owner(path, known) for path in there.values()):
            files = [there[name + ending] for ending in ENDINGS if name + ending in there]
            if name not in known:
                what = "hive" if kind == "group_vars" else "node"
                hint = did_you_mean(name, known) or "rename it, or move it away"
                message = f"no {what} is called `{name}`"
                faults.append(InputError(message, origin=Origin(str(files[0]), 1, 1), hint=hint))
                continue
            for other in files[1:]:
                message = f"`{name}` has its variables in {files[0].name} already"
                faults.append(InputError(message, origin=Origin(str(other), 1, 1), hint="keep one of them"))
            try:
                paths = tuple(_files(files[0], set()))
            except OSError as error:
                faults.append(InputError(f"cannot read the folder {error.filename}: {error.strerror}"))
                continue
            result.append(
                FolderVariables(kind=kind, name=name, values=_values(paths, faults, load), paths=paths)
            )
    return sorted(result, key=lambda one: one.name != "all")


def _counts(path: Path) -> bool:
    return not path.name.startswith(".") and not path.name.endswith("~")


def _owner(path: Path, known: set[str]) -> str:
    """Return whom a file is for: its whole name where that is one, else the name without its ending."""
    if path.name in known or path.suffix not in ENDINGS:
        return path.name
    return path.name.removesuffix(path.suffix)


def _files(path: Path, within: set[Path]) -> Iterator[Path]:
    """Yield the files of a name: itself, or those of its folder, sorted, however deep; links into `within` are left."""
    if not path.is_dir():
        yield path
        return
    real = path.resolve()
    if real in within:
        return
    for entry in sorted(path.iterdir()):
        if _counts(entry) and (entry.is_dir() or entry.suffix in ENDINGS):
            yield from _files(entry, within | {real})


def _values(paths: Iterable[Path], faults: list[HivectlError], load: Callable[[Path], Any]) -> YamlMapping:
    result = YamlMapping()
    for path in paths:
        place = Origin(str(path), 1, 1)
        try:
            document = load(path)
        except HivectlError as error:
            faults += error.errors if isinstance(error, Complaints) else [error]
            continue
        if isinstance(document, str) and document.startswith(VAULT):
            hint = "write the secrets as `!command [ansible-vault, view, …]`, `!file` or `!env`"
            faults.append(InputError("this file is encrypted with ansible-vault", origin=place, hint=hint))
        elif document is not None and not isinstance(document, YamlMapping):
            faults.append(
                InputError("this is no mapping of variables", origin=place, hint="write `name: value` lines")
            )
        elif document:
            result = overlay(result, document)
    return result


def add_to_description(description: Description, folder: Path) -> None:
    """Add the variables of the folders beside an inventory to what its files say."""
    for one in read_folders(folder, description.hives, description.nodes, description.faults):
        description.paths += one.paths
        if one.kind == "group_vars":
            description.beside[one.name] = one.values
        if one.name == "all" and one.kind == "group_vars":
            description.variables = overlay(description.variables, one.values)
        elif one.kind == "group_vars":
            values, origin = description.hives[one.name]
            description.hives[one.name] = (_with_vars(values, one.values), origin)
        else:
            raw = description.nodes[one.name]
            values = _with_vars(raw.values, one.values)
            description.nodes[one.name] = RawNode(raw.name, raw.index, values, raw.origin, raw.file)


def _with_vars(values: YamlMapping, more: YamlMapping) -> YamlMapping:
    own = values.get("vars")
    result = YamlMapping(
        values, origin=values.origin, key_origins=values.key_origins, value_origins=values.value_origins
    )
    result["vars"] = overlay(own, more) if isinstance(own, YamlMapping) else more
    return result


def beside_playbook(inventory: Inventory, folder: Path) -> Inventory:
    """Return the inventory with the variables of the folders beside a playbook, which win over the inventory's own.

    Raises:
        Complaints: every fault in them.
    """
    if not any((folder / name).is_dir() for name in FOLDERS):
        return inventory
    read = {path.resolve() for path in inventory.paths}
    faults: list[HivectlError] = []
    found = read_folders(folder, inventory.hives, inventory.nodes, faults)
    if all(path.resolve() in read for one in found for path in one.paths) and not faults:
        return inventory  # the inventory is in the same folder
    variables: Any = inventory.variables
    of_all: Any = inventory.beside
    hives, nodes = dict(inventory.hives), dict(inventory.nodes)
    paths = list(inventory.paths)
    for one in found:
        paths += one.paths
        if one.name == "all" and one.kind == "group_vars":
            variables, of_all = _over(variables, one.values), _over(of_all, one.values)
        elif one.kind == "group_vars":
            hive = hives[one.name]
            hives[one.name] = replace(
                hive,
                variables=_over(hive.variables, one.values),
                beside=_over(hive.beside, one.values),
            )
        else:
            node = nodes[one.name]
            nodes[one.name] = replace(node, variables=_over(node.variables, one.values))
    contradictions = Description()
    check_conflicts(hives, nodes, contradictions)
    faults += contradictions.faults
    if faults:
        raise Complaints(faults)
    return replace(
        inventory, variables=variables, beside=of_all, hives=hives, nodes=nodes, paths=tuple(paths)
    )


def _over(below: Any, above: YamlMapping) -> YamlMapping:
    return overlay(below if isinstance(below, YamlMapping) else YamlMapping(below), above)
