"""A node without Python, as the operations that run here for it see it."""

from __future__ import annotations

import os
import posixpath
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hivectl.helper.sh.remote.looks import Looks, error_of

if TYPE_CHECKING:
    from datetime import tzinfo
    from time import struct_time

    from hivectl.helper.sh.remote.line import Line
    from hivectl.helper.sh.results import Clock
    from hivectl.helper.sh.wire import Said

# bytes that go in one piece
PIECE = 4 << 20
# calls that change nothing: what is known stays true
LOOKING = frozenset(
    (
        *("r_look", "r_list", "r_hello", "r_read", "r_hash", "r_which", "r_real", "r_glob", "r_entry"),
        *("r_room", "r_nodename", "r_pretended"),
    )
)


class Node:
    """What is asked, and what is remembered of it for one operation."""

    def __init__(self, clock: Clock) -> None:
        self.line: Line | None = None
        self.looks = Looks(self)
        self.clock = clock
        self.programs: dict[tuple[str, str], str | None] = {}
        self.databases: dict[str, str] = {}
        self.umask: int | None = None
        self._hello: Said | None = None
        self._environment: dict[str, str] = {}

    def begin(self, line: Line) -> None:
        """Serve another operation."""
        self.line = line
        self.umask = None
        self.forget()

    def forget(self) -> None:
        """Believe nothing any more: something there may have changed."""
        self.looks.forget()
        self.programs.clear()
        self.databases.clear()

    def ask(self, *words: str, before: str = "", data: bytes = b"") -> Said:
        """Call a function of node/remote.sh; what may change something makes all that is known doubtful."""
        assert self.line is not None
        if words[0] not in LOOKING:
            self.forget()
        if self.umask is not None:
            before = f"umask {self.umask:03o};{before}"
        return self.line.ask(*words, before=before, data=data)

    def do(self, path: str, *words: str) -> None:
        """Call a function that changes a path; raises OSError."""
        said = self.ask(*words)
        if "why" in said.fields:
            raise error_of(said.fields["why"], path)

    def hello(self) -> Said:
        """Return what stays as it is: who asks there, and in which folder."""
        if self._hello is None:
            self._hello = self.ask("r_hello")
            entries = self._hello.data.decode("utf-8", "surrogateescape").split("\0")
            pairs = (entry.partition("=") for entry in entries if "=" in entry)
            self._environment = {name: value for name, _, value in pairs}
        return self._hello

    @property
    def environment(self) -> dict[str, str]:
        """The login's environment there."""
        self.hello()
        return self._environment

    def number(self, name: str) -> int:
        """Return one of the numbers that stay as they are: uid, gid, pid."""
        return int(self.hello().fields[name])

    def current_umask(self) -> int:
        """Return what is taken from new files' modes."""
        return int(self.hello().fields["umask"], 8) if self.umask is None else self.umask

    def read(self, path: str, limit: int | None = None) -> bytes:
        """Return a file's bytes, no more than `limit`; raises OSError."""
        pieces: list[bytes] = []
        left = limit
        while left is None or left > 0:
            size = PIECE if left is None else min(PIECE, left)
            said = self.ask("r_read", path, str(len(pieces)), str(size))
            if "why" in said.fields:
                raise error_of(said.fields["why"], path)
            pieces.append(said.data)
            if len(said.data) < PIECE:
                break
            left = None if left is None else left - len(said.data)
        return b"".join(pieces)

    def append(self, path: str, data: bytes) -> None:
        """Add bytes to a file; raises OSError."""
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            said = self.ask("r_append", path, data=piece)
            if "why" in said.fields:
                raise error_of(said.fields["why"], path)

    def hashed(self, path: str, algorithm: str) -> str:
        """Return a file's digest, made there where that can be; raises OSError."""
        said = self.ask("r_hash", algorithm, path)
        if "digest" in said.fields:
            return said.fields["digest"]
        import hashlib

        made = hashlib.new(algorithm)
        made.update(self.read(path))
        return made.hexdigest()

    def database(self, name: str, key: str) -> list[list[str]]:
        """Return the lines of passwd(5) or group(5); where a key is not in the file, what getent(1) knows of it."""
        if name not in self.databases:
            self.databases[name] = self.ask("r_entry", name).data.decode("utf-8", "surrogateescape")
        rows = [line.split(":") for line in self.databases[name].splitlines() if line.count(":") >= 3]
        if key and not any(key in (row[0], row[2]) for row in rows) and self.hello().fields["getent"] == "1":
            more = self.ask("r_entry", name, key).data.decode("utf-8", "surrogateescape")
            rows += [line.split(":") for line in more.splitlines() if line.count(":") >= 3]
        return rows

    def which(self, name: str, folders: str) -> str | None:
        """Return the path of a program in some folders, joined by colons."""
        place = (name, folders)
        if place not in self.programs:
            self.programs[place] = self.ask("r_which", name, folders).fields.get("path")
        return self.programs[place]

    def room(self, path: str) -> Room:
        """Return what is known of the file system that a path is on."""
        return Room(self, path)

    def change_folder(self, path: str) -> str:
        """Return the absolute form of a path."""
        return posixpath.join(self.hello().fields["cwd"], path)


class Room:
    """What os.statvfs says, as far as anybody asks."""

    f_frsize = 1024

    def __init__(self, node: Node, path: str) -> None:
        said = node.ask("r_room", path)
        lines = said.data.decode("utf-8", "surrogateescape").splitlines()
        words = lines[1].split() if len(lines) > 1 and lines[1].count("%") else []
        numbered = len(words) > 3 and words[3].isdigit()
        self.f_bavail = int(words[3]) if numbered else 0
        place = words[5] if len(words) > 5 else ""
        rows = [line.split() for line in lines if line.count(" ") >= 5]
        options = [row[3].split(",") for row in rows if row[1] == place]
        self.f_flag = os.ST_NOEXEC if options and "noexec" in options[-1] else 0


class Times:
    """The module `time` with the node's clock."""

    monotonic = staticmethod(time.monotonic)
    gmtime = staticmethod(time.gmtime)
    strptime = staticmethod(time.strptime)

    def __init__(self, node: Node) -> None:
        self._node = node

    def localtime(self, moment: float | None = None) -> struct_time:
        """Return a moment in the node's time zone, with the offset that it has now."""
        zone: tzinfo = self._node.clock.zone
        offset = zone.utcoffset(None) or timedelta()
        return time.gmtime((self.time() if moment is None else moment) + offset.total_seconds())

    def time(self) -> float:
        """Return the node's seconds since the epoch."""
        return time.time() + self._node.clock.ahead

    def time_ns(self) -> int:
        """Return the node's nanoseconds since the epoch."""
        return int(self.time() * 10**9)

    def mktime(self, parts: Any) -> float:
        """Return the moment of a local time."""
        import calendar

        offset = self._node.clock.zone.utcoffset(None) or timedelta()
        return calendar.timegm((*tuple(parts)[:6], 0, 0, 0)) - offset.total_seconds()

    def strftime(self, layout: str, parts: Any = None) -> str:
        """Return a time as text."""
        return time.strftime(layout, self.localtime() if parts is None else parts)


def exports(node: Node, environment: dict[str, str]) -> dict[str, str]:
    """Return what of an environment is not the login's own."""
    own = node.environment
    return {name: value for name, value in environment.items() if own.get(name) != value}
