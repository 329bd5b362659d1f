"""What is known of the node's paths: asked for once, until something there may have changed."""

from __future__ import annotations

import errno
import os
import posixpath
import re
import secrets
from typing import TYPE_CHECKING, Any

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hivectl.helper.sh.remote.node import Node
    from hivectl.helper.sh.wire import Said

NUMBERS = (
    *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY),
    *(errno.ENOSPC, errno.EROFS, errno.EBUSY, errno.ELOOP, errno.EXDEV, errno.EDQUOT, errno.EFBIG),
    *(errno.EINVAL, errno.ENAMETOOLONG, errno.ENOEXEC, errno.ETXTBSY, errno.EIO),
)
WORDS = {os.strerror(number): number for number in NUMBERS}
# levels of directories that a walk asks for at a time: first only what is surely wanted
DEPTHS = (1, 3)


def error_of(why: str, path: str) -> OSError:
    """Return the error that Python would have raised on the node, by what its tools said."""
    return OSError(WORDS.get(why, 0), why, path)


@record
class Look:
    """A path as it was found.

    Attributes:
        own: of the path itself; None: there is nothing.
        status: of what it leads to; None: nothing, or nothing that can be looked at.
        target: of a symbolic link.
        can: letters of what this user may do, "rwx".
        why: there is nothing.
    """

    own: os.stat_result | None
    status: os.stat_result | None
    target: str = ""
    can: str = ""
    why: str = ""


class Looks:
    """Asks the node about paths."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._known: dict[str, Look] = {}

    def forget(self) -> None:
        """Believe nothing any more."""
        self._known.clear()

    def at(self, path: str) -> Look:
        """Look at a path."""
        if path not in self._known:
            if "\0" in path:
                raise ValueError("embedded null byte")
            said = self._node.ask("r_look", path) if path and not self._below_nothing(path) else None
            self._known[path] = _look(said) if said is not None else Look(None, None, why=os.strerror(2))
        return self._known[path]

    def _below_nothing(self, path: str) -> bool:
        """Whether a folder above is known to be missing."""
        above = posixpath.dirname(path)
        known = self._known.get(above)
        return known is not None and known.own is None and known.why == os.strerror(errno.ENOENT)

    def own(self, path: str) -> os.stat_result:
        """Return the status of a path itself; raises OSError."""
        look = self.at(path)
        if look.own is None:
            raise error_of(look.why, path)
        return look.own

    def status(self, path: str) -> os.stat_result:
        """Return the status of what a path leads to; raises OSError."""
        look = self.at(path)
        if look.status is None:
            raise error_of(look.why or os.strerror(errno.ENOENT), path)
        return look.status

    def names(self, folder: str) -> list[str]:
        """Return what is in a folder; raises OSError."""
        place = _plain(folder)
        found, unreadable = self._below([place], 1)
        if place not in found:
            raise error_of(unreadable.get(place, os.strerror(errno.ENOENT)), folder)
        return sorted(found[place])

    def walk(self, top: str, onerror: Any = None, followlinks: bool = False) -> Iterator[Any]:  # noqa: FBT001, FBT002 - as os.walk
        """Yield what os.walk yields from the top down, by few questions."""
        depths = iter(DEPTHS)
        inside: dict[str, dict[str, str]] = {}
        unreadable: dict[str, str] = {}
        left = [top]
        while left:
            folder = left.pop()
            place = _plain(folder)
            if place not in inside and place not in unreadable:
                found, bad = self._below([place, *map(_plain, left)], next(depths, 0))
                inside |= found
                unreadable |= bad
            if place not in inside:
                if onerror is not None:
                    onerror(error_of(unreadable.get(place, os.strerror(errno.ENOENT)), folder))
                continue
            entries = inside[place]
            folders = [name for name, kind in entries.items() if kind in {"directory", "link"}]
            yield folder, folders, [name for name in entries if entries[name] == "file"]
            below = [name for name in folders if followlinks or entries.get(name) != "link"]
            left += [posixpath.join(folder, name) for name in reversed(below)]

    def _below(self, folders: list[str], depth: int) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
        """Return folder -> name -> directory, link (to a directory) or file; and folder -> why it cannot be read.

        Args:
            folders: where to look.
            depth: levels; 0: all.
        """
        nonce = secrets.token_hex(8)
        said = self._node.ask("r_list", nonce, str(depth), *folders)
        if "why" in said.fields:
            raise error_of(said.fields["why"], folders[0])
        lines = re.split(
            rf"(?:^|\n){nonce} ", said.data.decode("utf-8", "surrogateescape").removesuffix("\n")
        )
        inside: dict[str, dict[str, str]] = {}
        unreadable: dict[str, str] = {}
        own: dict[str, os.stat_result] = {}
        followed: dict[str, os.stat_result] = {}
        for line in lines[1:]:
            kind, _, rest = line.partition(" ")
            if kind == "u":
                why, _, path = rest.partition("|")
                unreadable[_plain(path)] = why
            elif kind == "d":
                inside.setdefault(_plain(rest), {})
            else:
                *words, path = rest.split(" ", 10)
                (own if kind == "o" else followed)[_plain(path)] = _status(words)
        for path, status in own.items():
            folder, name = posixpath.split(path)
            link = status.st_mode >> 12 == 10
            target = followed.get(path) if link else status
            if not link:
                self._known.setdefault(path, Look(status, status))
            if folder in inside and name:
                is_folder = target is not None and target.st_mode >> 12 == 4
                inside[folder][name] = ("link" if link else "directory") if is_folder else "file"
        return inside, unreadable


def _plain(path: str) -> str:
    return re.sub("/+", "/", path).rstrip("/") or "/"


def _look(said: Said) -> Look:
    fields = said.fields
    if "why" in fields:
        return Look(None, None, why=fields["why"])
    own = _status(fields["own"].split())
    if "target" not in fields:
        return Look(own, own, can=fields["can"])
    status = _status(fields["status"].split()) if "status" in fields else None
    return Look(own, status, fields["target"], fields["can"])


def _status(words: list[str]) -> os.stat_result:
    """Return a status of words as h_line_of writes them."""
    mode, links, uid, gid, size, inode, device, *times = words
    moments = [float(one) for one in times]
    plain = (int(mode, 16), int(inode), int(device), int(links), int(uid), int(gid), int(size))
    names = ("atime", "mtime", "ctime")
    more = {f"st_{name}": moment for name, moment in zip(names, moments, strict=True)}
    exact = {f"st_{name}_ns": _nanoseconds(text) for name, text in zip(names, times, strict=True)}
    return os.stat_result((*plain, *(int(moment) for moment in moments)), {**more, **exact})


def _nanoseconds(text: str) -> int:
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)
