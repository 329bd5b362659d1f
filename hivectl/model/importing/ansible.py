"""Ansible's inventories: INI or YAML, with `group_vars` and `host_vars` beside them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hivectl.model.editor_schemas import NAME, VARIABLE
from hivectl.model.errors import HivectlError, InputError
from hivectl.model.importing.ansible_groups import ALL, UNGROUPED, Groups, Value, Vaulted
from hivectl.model.importing.ansible_ini import read_ini
from hivectl.model.importing.ansible_ways import (
    ARGUMENTS,
    BECOME_PASSWORDS,
    CHECKING,
    IN_THE_PLAYBOOK,
    PASSWORDS,
    PLAIN,
    PYTHON,
    way_of,
)
from hivectl.model.importing.ansible_yaml import TAGS, located, read_yaml
from hivectl.model.importing.base import Draft, DraftHive, DraftNode, Reference
from hivectl.model.inventory_files import RESERVED
from hivectl.model.variable_folders import VAULT, read_folders
from hivectl.model.yaml import load_text

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.model.origin import Origin

WAYS = frozenset(
    {*PLAIN, *PASSWORDS, *ARGUMENTS, *CHECKING, PYTHON, "ansible_connection", "ansible_group_priority"}
)
SECRETS = re.compile(
    r"(?:^|_)(?:pass|passwd|password|passphrase|secret|token|api_key|private_key)$", re.IGNORECASE
)


def read_ansible(path: Path) -> Draft:
    """Return the draft of an Ansible inventory.

    Args:
        path: an INI or YAML file, or a folder of them.

    Raises:
        InputError, Complaints: what is no inventory of Ansible's, with every place.
    """
    groups = Groups()
    draft = Draft()
    for file in _files(path):
        text = _text(file)
        if text.startswith("#!"):
            raise InputError(
                f"{file} is a program", hint="write its output to a file: `ansible-inventory --list --yaml`"
            )
        if _is_yaml(file, text):
            read_yaml(file, text, groups)
        else:
            read_ini(file, text, groups)
    _folders(path if path.is_dir() else path.parent, groups, draft)
    for name in groups.groups:
        groups.members(name)  # groups that hold each other are complained of here
    return _Mapper(groups, draft).draft()


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    endings = (".yml", ".yaml", ".ini", ".json", "")
    return [
        file
        for file in sorted(path.iterdir())
        if file.is_file() and file.suffix in endings and not file.name.startswith((".", "ansible.cfg"))
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no UTF-8 text") from None


def _is_yaml(path: Path, text: str) -> bool:
    if path.suffix in (".yml", ".yaml", ".json"):
        return True
    first = next((line for line in text.splitlines() if line.strip() and line.strip()[0] not in "#;"), "")
    return first.strip() in ("---", "{") or re.match(r"[\w.-]+:\s*$", first) is not None


def _folders(folder: Path, groups: Groups, draft: Draft) -> None:
    """Add group_vars and host_vars; what is for nobody, or encrypted as a whole, is noted."""
    faults: list[HivectlError] = []

    def load(file: Path) -> Any:
        text = _text(file)
        return text if text.startswith(VAULT) else load_text(text, str(file), tags=TAGS)

    for one in read_folders(folder, groups.groups, groups.hosts, faults, load=load):
        owner = groups.groups[one.name] if one.kind == "group_vars" else groups.hosts[one.name]
        if owner is groups.groups[ALL]:
            # group_vars/all wins over what inventory files say of any group
            for group in groups.groups.values():
                for name in one.values:
                    group.variables.pop(name, None)
        owner.variables |= located(one.values)
    for fault in faults:
        draft.note(f"left out: {fault.message}" + (f" ({fault.hint})" if fault.hint else ""), fault.origin)


class _Mapper:
    """Makes a draft of what Ansible's files say."""

    def __init__(self, groups: Groups, draft: Draft) -> None:
        self._groups = groups
        self._draft = draft
        self._hives = self._names_of_hives()
        self._hosts = self._names_of_hosts()

    def draft(self) -> Draft:
        """Return it."""
        groups, draft = self._groups, self._draft
        draft.variables = self._variables(ALL, groups.groups[ALL].variables)
        if left := groups.groups[UNGROUPED].variables:
            draft.note(
                "variables of `ungrouped` are those of each of its hosts", next(iter(left.values())).origin
            )
        for name, hive in self._hives.items():
            group = groups.groups[name]
            members = [
                *(self._hosts[host] for host in group.hosts),
                *(self._hives[one] for one in group.children),
            ]
            draft.hives[hive] = DraftHive(members, self._variables(hive, group.variables))
        for name in groups.hosts:
            self._node(name)
        self._common()
        return draft

    def _node(self, name: str) -> None:
        host, effective = self._groups.hosts[name], self._groups.effective(name)
        node = self._hosts[name]

        def note(message: str, value: Value) -> None:
            self._draft.note(f"{self._owner(name, value)}: {message}", value.origin)

        def secret(what: str, value: Value) -> Reference:
            return self._secret(self._owner(name, value), what, value.origin)

        attributes = way_of(name, effective, note, secret)
        own = dict(host.variables)
        for variable, value in self._contradicted(name).items():
            own.setdefault(variable, value)
        if not self._groups.order(name)[1:] or self._groups.order(name)[1].name == UNGROUPED:
            own = self._groups.groups[UNGROUPED].variables | own
        variables = self._variables(node, own)
        pattern = host.pattern if node == name else node
        self._draft.nodes[node] = DraftNode(node, pattern, attributes, {}, variables)

    def _owner(self, host: str, value: Value) -> str:
        """Return who gives a host a value: a group, or the host itself."""
        groups = reversed(self._groups.order(host))
        givers = (one.name for one in groups if any(value is known for known in one.variables.values()))
        return next(givers, self._hosts[host])

    def _secret(self, owner: str, name: str, origin: Origin | None) -> Reference:
        """Return what is written in place of a secret, and say what must be exported."""
        reference = Reference("!env", _shouted(owner, name))
        words = name.lower().replace("_", " ") if name.isupper() else name
        self._draft.note(f"{owner}: {words} is a secret and left out: export {reference.name}", origin)
        return reference

    def _contradicted(self, name: str) -> dict[str, Value]:
        """Return what several groups say differently: hives may not, so the node says it, as Ansible decides."""
        said: dict[str, list[Any]] = {}
        for group in self._groups.order(name):
            if group.name not in (ALL, UNGROUPED):
                for variable, value in group.variables.items():
                    said.setdefault(variable, []).append(value.value)
        effective = self._groups.effective(name)
        return {
            variable: effective[variable]
            for variable, values in said.items()
            if any(type(value) is not type(values[0]) or value != values[0] for value in values)
        }

    def _variables(self, owner: str, values: dict[str, Value]) -> dict[str, Any]:
        """Return the variables that are no connection's, secrets replaced; notes what is left out."""
        found = {}
        for name, one in values.items():
            if name in WAYS:
                continue
            if name in BECOME_PASSWORDS:
                found["ansible_become_password"] = self._secret(owner, "BECOME_PASSWORD", one.origin)
                continue
            if name in IN_THE_PLAYBOOK:
                self._draft.note(
                    f"{owner}: {name}={one.value!r} is left out: {IN_THE_PLAYBOOK[name]}", one.origin
                )
            elif name.startswith("ansible_"):
                self._draft.note(f"{owner}: {name} is left out: hivectl has nothing like it", one.origin)
            elif not re.match(VARIABLE, name):
                self._draft.note(f"{owner}: `{name}` is left out: no template can use that name", one.origin)
            else:
                found[name] = self._clean(owner, name, one.value, one.origin)
        return found

    def _clean(self, owner: str, name: str, value: Any, origin: Origin | None) -> Any:
        """Return a value without secrets in it, at any depth."""
        if isinstance(value, Vaulted):
            place = f"secrets/{_shouted(owner, name).lower()}"
            self._draft.note(
                f"{owner}: {name} is encrypted: put it into {place} (mode 0600), or write "
                "`!command [ansible-vault, …]` in its place",
                origin,
            )
            return Reference("!file", place)
        if isinstance(value, dict):
            return {key: self._clean(owner, str(key), item, origin) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(owner, name, item, origin) for item in value]
        if isinstance(value, str) and value and "{{" not in value and SECRETS.search(name):
            return self._secret(owner, name, origin)
        return value

    def _common(self) -> None:
        """Move what all nodes of a driver share to the inventory's defaults."""
        by_driver: dict[str, list[DraftNode]] = {}
        for node in self._draft.nodes.values():
            by_driver.setdefault(node.attributes["driver"], []).append(node)
        for driver, nodes in by_driver.items():
            if len(nodes) < 2:
                continue
            named = [node for node in nodes if node.attributes.get("host") == node.name]
            if len(named) > 1:
                self._draft.defaults[driver] = {"host": "{{ name }}"}
                for node in named:
                    del node.attributes["host"]
            for attribute, value in list(nodes[0].attributes.items()):
                if attribute in ("driver", "host"):
                    continue
                if all(node.attributes.get(attribute) == value for node in nodes):
                    self._draft.defaults.setdefault(driver, {})[attribute] = value
                    for node in nodes:
                        del node.attributes[attribute]

    def _names_of_hives(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, group in self._groups.groups.items():
            if name in (ALL, UNGROUPED):
                continue
            plain = name if re.match(NAME, name) else re.sub(r"[^A-Za-z0-9_.-]", "_", name)
            if plain in self._groups.hosts or plain in RESERVED or plain in found.values():
                plain = f"{plain}_hive"
            if plain != name:
                self._draft.note(
                    f"the group `{name}` becomes the hive `{plain}`: change selectors", group.origin
                )
            found[name] = plain
        return found

    def _names_of_hosts(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, host in self._groups.hosts.items():
            plain = name if re.match(NAME, name) else "node_" + re.sub(r"[^A-Za-z0-9_.-]", "_", name)
            if plain in RESERVED:
                plain = f"{plain}_node"
            if plain != name:
                self._draft.note(
                    f"the host `{name}` becomes the node `{plain}`: change selectors", host.origin
                )
            found[name] = plain
        return found


def _shouted(owner: str, name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", f"{owner}_{name}".upper()).strip("_")
