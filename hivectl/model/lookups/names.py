"""The names of our lookups; apart, so that whoever needs no more than these imports no template engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# file of this folder -> its lookups, so that only what is used is imported
FILES: Mapping[str, tuple[str, ...]] = {
    "lists": (
        *("items", "list", "flattened", "indexed_items", "random_choice", "dict", "nested", "cartesian"),
        *("together", "subelements"),
    ),
    "sequence": ("sequence",),
    "variables": ("vars", "varnames", "env"),
    "files": ("file", "fileglob", "first_found", "template"),
    "tables": ("ini", "csvfile"),
    "commands": ("pipe", "lines"),
    "nodes": ("inventory_hostnames",),
    "password": ("password",),
}
OURS: Mapping[str, str] = {name: file for file, names in FILES.items() for name in names}
# Ansible's, with what to write instead
REFUSED = {
    "url": "make a task of `get_url` or `command: curl …`, and register its result",
    "config": "hivectl has no such settings; see `hivectl apply --help`",
    "unvault": "write `lookup('file', '…') | unvault(password)`",
}
