"""`os.path` of a node without Python."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from hivectl.helper.sh.remote.node import Node

VARIABLE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})", re.ASCII)


class Paths:
    """What reckons is posixpath's; what looks asks the node."""

    sep = "/"
    join = staticmethod(posixpath.join)
    split = staticmethod(posixpath.split)
    splitext = staticmethod(posixpath.splitext)
    dirname = staticmethod(posixpath.dirname)
    basename = staticmethod(posixpath.basename)
    normpath = staticmethod(posixpath.normpath)
    isabs = staticmethod(posixpath.isabs)
    relpath = staticmethod(posixpath.relpath)
    samestat = staticmethod(posixpath.samestat)

    def __init__(self, node: Node) -> None:
        self._node = node

    def _status(self, path: str) -> os.stat_result | None:
        return self._node.looks.at(path).status

    def exists(self, path: str) -> bool:
        """Whether a path leads to something."""
        return self._status(path) is not None

    def lexists(self, path: str) -> bool:
        """Whether there is something, a link that leads nowhere too."""
        return self._node.looks.at(path).own is not None

    def isdir(self, path: str) -> bool:
        """Whether it is, or leads to, a directory."""
        status = self._status(path)
        return status is not None and status.st_mode >> 12 == 4

    def isfile(self, path: str) -> bool:
        """Whether it is, or leads to, a regular file."""
        status = self._status(path)
        return status is not None and status.st_mode >> 12 == 8

    def islink(self, path: str) -> bool:
        """Whether it is a symbolic link."""
        own = self._node.looks.at(path).own
        return own is not None and own.st_mode >> 12 == 10

    def getsize(self, path: str) -> int:
        """Return a file's size; raises OSError."""
        return self._node.looks.status(path).st_size

    def samefile(self, path: str, other: str) -> bool:
        """Whether two paths lead to one file; raises OSError."""
        return posixpath.samestat(self._node.looks.status(path), self._node.looks.status(other))

    def realpath(self, path: str) -> str:
        """Return where links lead to."""
        return self._node.ask("r_real", self._node.change_folder(path)).fields["path"]

    def abspath(self, path: str) -> str:
        """Return an absolute path without dots."""
        return posixpath.normpath(path if path.startswith("/") else self._node.change_folder(path))

    def expanduser(self, path: str) -> str:
        """Replace ~ and ~name."""
        if not path.startswith("~"):
            return path
        name, slash, rest = path[1:].partition("/")
        home = None
        if not name:
            home = self._node.environment.get("HOME")
        key = name or str(self._node.number("uid"))
        if home is None:
            rows = self._node.database("passwd", key)
            home = next((row[5] for row in rows if key in (row[0], row[2]) and len(row) > 5), None)
        if home is None:
            return path
        return (home.rstrip("/") + slash + rest) or "/"

    def expandvars(self, path: str) -> str:
        """Replace $NAME and ${NAME}; unknown names stay."""
        if "$" not in path:
            return path

        def value(found: re.Match[str]) -> str:
            name: Any = found.group(1) or found.group(2)
            return self._node.environment.get(name, found.group(0))

        return VARIABLE.sub(value, path)
