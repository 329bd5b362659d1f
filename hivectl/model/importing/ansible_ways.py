"""From Ansible's connection variables to a node's driver and attributes."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hivectl.model.importing.ansible_groups import Value
    from hivectl.model.importing.base import Reference

DRIVERS = {"ssh": "ssh", "smart": "ssh", "paramiko": "ssh", "paramiko_ssh": "ssh", "local": "local"}
# Ansible's variable -> our attribute; of several that mean the same the last one wins
PLAIN = {
    "ansible_ssh_host": "host",
    "ansible_host": "host",
    "ansible_ssh_port": "port",
    "ansible_port": "port",
    "ansible_ssh_user": "user",
    "ansible_user": "user",
    "ansible_private_key_file": "identity_file",
    "ansible_ssh_private_key_file": "identity_file",
    "ansible_ssh_timeout": "connect_timeout",
    "ansible_timeout": "connect_timeout",
}
PASSWORDS = ("ansible_ssh_password", "ansible_ssh_pass", "ansible_password")
BECOME_PASSWORDS = (
    "ansible_sudo_pass",
    "ansible_become_pass",
    "ansible_become_password",
)
ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args")
CHECKING = ("ansible_host_key_checking", "ansible_ssh_host_key_checking")
PYTHON = "ansible_python_interpreter"
IN_THE_PLAYBOOK = {
    "ansible_become": "write `become: true` in the playbook",
    "ansible_become_user": "write `become_user:` in the playbook",
    "ansible_become_method": "sudo is what there is",
}
# options of ssh that are attributes by the same meaning
OPTIONS = {
    "proxyjump": "proxy_jump",
    "proxycommand": "proxy_command",
    "stricthostkeychecking": "strict_host_key_checking",
    "userknownhostsfile": "known_hosts",
    "connecttimeout": "connect_timeout",
    "identityfile": "identity_file",
    "identitiesonly": "identities_only",
    "forwardagent": "forward_agent",
    "port": "port",
    "user": "user",
    "serveraliveinterval": "server_alive_interval",
    "serveralivecountmax": "server_alive_count_max",
    "compression": "compression",
}
LETTERS = {"J": "proxyjump", "i": "identityfile", "p": "port", "l": "user"}
# what our connections do by themselves
SPARE = frozenset({"controlmaster", "controlpersist", "controlpath"})
_JUMP = re.compile(r"ssh\s+(?:-q\s+)?-W\s+%h:%p\s+(?:-q\s+)?(?P<host>[^\s-]\S*)\s*$")


def way_of(
    name: str,
    variables: Mapping[str, Value],
    note: Callable[[str, Value], None],
    secret: Callable[[str, Value], Reference],
) -> dict[str, Any]:
    """Return `driver` and attributes of a host, the variables of its connection being used up.

    Args:
        name: of the host.
        variables: those that hold for it.
        note: takes what cannot be taken over.
        secret: returns what is written in place of a password.
    """
    connection = variables.get("ansible_connection")
    plain = str(connection.value).removeprefix("ansible.builtin.") if connection else "ssh"
    driver = DRIVERS.get(plain)
    if driver is None:
        assert connection is not None
        note(
            f"no driver is like the connection `{plain}`; `driver: ssh` stands in its place",
            connection,
        )
        driver = "ssh"
    way: dict[str, Any] = {"driver": driver}
    if python := variables.get(PYTHON):
        if str(python.value).startswith("auto"):
            note(f"{PYTHON}={python.value}: `python3` is looked for", python)
        else:
            way["python"] = python.value
    return way if driver == "local" else way | _attributes(name, variables, note, secret)


def _attributes(
    name: str,
    variables: Mapping[str, Value],
    note: Callable[[str, Value], None],
    secret: Callable[[str, Value], Reference],
) -> dict[str, Any]:
    """Return the attributes of a host that ssh reaches."""
    attributes: dict[str, Any] = {"host": name}
    for one, attribute in PLAIN.items():
        if one in variables and variables[one].value not in (None, ""):
            attributes[attribute] = variables[one].value
    for one in ARGUMENTS:
        if one in variables:
            attributes |= _arguments(one, variables[one], note)
    for one in CHECKING:
        if one in variables and str(variables[one].value).lower() in ("false", "no", "0"):
            attributes["strict_host_key_checking"] = "no"
    for one in PASSWORDS:
        if one in variables:
            attributes["password"] = secret("PASSWORD", variables[one])
    return attributes


def _arguments(variable: str, value: Value, note: Callable[[str, Value], None]) -> dict[str, Any]:
    try:
        words = shlex.split(str(value.value))
    except ValueError:
        words = [str(value.value)]
    found: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        letter = word[1:2] if word.startswith("-") else ""
        argument = word[2:] or next(rest, "") if letter in (*LETTERS, "o") and letter else ""
        option, _, text = (
            argument.partition("=") if letter == "o" else (LETTERS.get(letter, ""), "", argument)
        )
        if letter == "o" and not text:
            option, _, text = argument.partition(" ")
        key = option.strip().lower()
        text = text.strip().strip('"')
        if key in SPARE:
            continue
        if key == "proxycommand" and (jump := _JUMP.match(text)):
            key, text = "proxyjump", jump["host"]
        if key not in OPTIONS or not text or "{{" in word:
            note(f"{variable}: `{' '.join(filter(None, (word, argument)))}` is not taken over", value)
            continue
        found[OPTIONS[key]] = _converted(OPTIONS[key], text)
    return found


def _converted(attribute: str, text: str) -> Any:
    if attribute in ("port", "connect_timeout", "server_alive_interval", "server_alive_count_max"):
        return int(text) if text.isdigit() else text
    if attribute in ("identities_only", "forward_agent", "compression"):
        return text.lower() == "yes"
    if attribute == "strict_host_key_checking":
        return {"off": "no", "on": "yes", "ask": "yes"}.get(text.lower(), text.lower())
    return text
