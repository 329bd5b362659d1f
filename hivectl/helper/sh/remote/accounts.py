"""`pwd` and `grp` of a node without Python."""

from __future__ import annotations

import grp
import pwd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hivectl.helper.sh.remote.node import Node


def _user(row: list[str]) -> pwd.struct_passwd:
    row = [*row, "", "", "", ""][:7]
    return pwd.struct_passwd((*row[:2], int(row[2]), int(row[3]), *row[4:]))


def _group(row: list[str]) -> grp.struct_group:
    return grp.struct_group((*row[:2], int(row[2]), [name for name in row[3].split(",") if name]))


class Users:
    """The module `pwd`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def getpwnam(self, name: str) -> pwd.struct_passwd:
        """Return a user's entry; raises KeyError."""
        for row in self._node.database("passwd", name):
            if row[0] == name and row[2].isdigit() and row[3].isdigit():
                return _user(row)
        raise KeyError(f"getpwnam(): name not found: {name!r}")

    def getpwuid(self, number: int) -> pwd.struct_passwd:
        """Return a user's entry; raises KeyError."""
        for row in self._node.database("passwd", str(number)):
            if row[2] == str(number) and row[3].isdigit():
                return _user(row)
        raise KeyError(f"getpwuid(): uid not found: {number}")


class Groups:
    """The module `grp`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def getgrnam(self, name: str) -> grp.struct_group:
        """Return a group's entry; raises KeyError."""
        for row in self._node.database("group", name):
            if row[0] == name and row[2].isdigit():
                return _group(row)
        raise KeyError(f"getgrnam(): name not found: {name!r}")

    def getgrgid(self, number: int) -> grp.struct_group:
        """Return a group's entry; raises KeyError."""
        for row in self._node.database("group", str(number)):
            if row[2] == str(number):
                return _group(row)
        raise KeyError(f"getgrgid(): gid not found: {number}")

    def getgrall(self) -> list[grp.struct_group]:
        """Return all entries of the file."""
        return [_group(row) for row in self._node.database("group", "") if row[2].isdigit()]
