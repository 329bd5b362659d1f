"""What the node's own `*.fact` files say, as `ansible_local`: JSON, INI, or a program that prints either."""

import os

from hivectl.helper.node.paths import expand, reason
from hivectl.helper.node.wire import Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.machine import Machine
    from hivectl.helper.node.wire import Wire

# where Ansible's users have them
FOLDER = "/etc/ansible/facts.d"


def local(folder: "str | None", wire: "Wire", machine: "Machine") -> "tuple[dict[str, Any], list[str]]":
    """Return the facts by the names of their files, and what is wrong with files: that is their fact then, too."""
    found: "dict[str, Any]" = {}
    warnings = []
    for path, text, failure in machine.own_facts(folder or FOLDER, wire):
        value, wrong = (failure, failure) if failure else parsed(path, text)
        if wrong:
            warnings.append(wrong)
        found[os.path.basename(path).replace(".fact", "")] = wrong or value
    return found, warnings


def own_facts(folder: str, wire: "Wire") -> "list[tuple[str, str, str]]":
    """Return each file's path, what it says, and what is wrong with it; raises Stopped."""
    folder = expand(folder)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = []
    for name in sorted(names):
        if name.endswith(".fact") and not name.startswith("."):
            path = os.path.join(folder, name)
            found.append((path, *_said(path, wire)))
    return found


def _said(path: str, wire: "Wire") -> "tuple[str, str]":
    from hivectl.helper.node.programs import execute

    try:
        executable = os.stat(path).st_mode & 0o100
    except OSError as error:
        return "", f"{path}: {reason(error)}"
    if not executable:
        try:
            with open(path, "rb") as file:
                return file.read().decode("utf-8", "surrogateescape"), ""
        except OSError:
            return "", ""  # as in Ansible, what nobody may read says nothing
    try:
        ended = execute([path], wire)
    except OSError as error:
        return "", f"cannot start {path}: {reason(error)}"
    if ended.stopped:
        raise Stopped
    text = ended.stdout.decode("utf-8", "surrogateescape")
    return text, failed(path, ended.rc, ended.stderr.decode("utf-8", "replace"))


def failed(path: str, rc: int, error: str) -> str:
    """Return what is wrong with a program of that exit code, "" if nothing is."""
    return f"{path} ended with exit code {rc}: {error.strip()}" if rc else ""


def parsed(path: str, text: str) -> "tuple[Any, str]":
    """Return a file's facts, and what is wrong with its text."""
    import configparser
    import json

    try:
        text.encode()
    except UnicodeError:
        return None, f"{path} gives what is no UTF-8"
    try:
        return json.loads(text), ""
    except ValueError:
        pass
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
        return {name: dict(parser.items(name)) for name in parser.sections()}, ""
    except configparser.Error as error:
        return None, f"{path} is neither JSON nor INI: {str(error).splitlines()[0]}"
