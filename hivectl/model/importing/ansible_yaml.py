"""Ansible's YAML inventories: groups with `hosts`, `vars` and `children`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.importing.ansible_groups import ALL, Groups, Value, Vaulted
from hivectl.model.yaml import YamlMapping, load_text

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.model.origin import Origin

# what Ansible's files have besides plain YAML
TAGS = {"!vault": lambda _text: Vaulted(), "!unsafe": lambda text: text}


def read_yaml(path: Path, text: str, groups: Groups) -> None:
    """Add what a YAML file says.

    Raises:
        Complaints: everything that is not understood, with its place.
    """
    document = load_text(text, str(path), tags=TAGS)
    faults: list[HivectlError] = []
    if document is not None and not isinstance(document, YamlMapping):
        raise InputError(f"{path} is no inventory", hint="it begins with `all:`, or another group")
    top = document if isinstance(document, YamlMapping) else YamlMapping()
    for name, values in top.items():
        _group(groups, str(name), values, top.key_origins.get(name), faults)
    if faults:
        raise Complaints(faults)


def located(values: YamlMapping) -> dict[str, Value]:
    """Return variables with their places."""
    return {str(name): Value(value, values.key_origins.get(name)) for name, value in values.items()}


def _group(groups: Groups, name: str, values: Any, origin: Origin | None, faults: list[HivectlError]) -> None:
    group = groups.group(name, origin)
    if values is None:
        return
    if not isinstance(values, YamlMapping):
        faults.append(InputError(f"the group `{name}` is no mapping", origin=origin))
        return
    for key in values:
        if key not in ("hosts", "vars", "children"):
            place = values.key_origins.get(key)
            faults.append(
                InputError(f"a group has no `{key}`", origin=place, hint="there are hosts, vars, children")
            )
    for host, variables in _mapping(values, "hosts", faults).items():
        place = values["hosts"].key_origins.get(host)
        try:
            for one in groups.add(str(host), name, place):
                if isinstance(variables, YamlMapping):
                    one.variables |= located(variables)
        except HivectlError as error:
            faults.append(error)
    group.variables |= located(_mapping(values, "vars", faults))
    for child, inner in _mapping(values, "children", faults).items():
        _group(groups, str(child), inner, values["children"].key_origins.get(child), faults)
        if name != ALL:
            group.children[str(child)] = None


def _mapping(values: YamlMapping, key: str, faults: list[HivectlError]) -> YamlMapping:
    found = values.get(key)
    if isinstance(found, YamlMapping):
        return found
    if isinstance(found, str) and key == "hosts":
        values[key] = YamlMapping({found: None}, key_origins={found: values.key_origins[key]})
        return _mapping(values, key, faults)
    if found is not None:
        faults.append(InputError(f"`{key}` is no mapping", origin=values.key_origins.get(key)))
    return YamlMapping()
