"""Paths at the other end of an SFTP session: what they are, and how they are changed."""

from __future__ import annotations

import hashlib
import posixpath
import secrets
import stat
import time
from typing import TYPE_CHECKING, Any, cast

import asyncssh

from hivectl.helper.node.paths import Failure, parse_mode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hivectl.helper.node.paths import Pretence
    from hivectl.helper.operations import Attributes, Stat, Touch

ABSENT = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory)
PIECE = 1 << 18


class Paths:
    """The file tree of a node.

    Args:
        client: the SFTP session.
        home: where relative paths begin.
    """

    def __init__(self, client: asyncssh.SFTPClient, home: str) -> None:
        self.client = client
        self.home = home

    def expand_home(self, path: str) -> str:
        """Put the login's home for `~`."""
        return self.home + path[1:] if path == "~" or path.startswith("~/") else path

    def full(self, path: str) -> str:
        """Return a path as an absolute one."""
        return posixpath.normpath(posixpath.join(self.home, self.expand_home(path)))

    def beside(self, path: str, source: str) -> str:
        """Return what a link at `path` to `source` leads to."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(path), source))

    async def status(self, path: str, *, follow: bool = False) -> asyncssh.SFTPAttrs | None:
        """Return what is at a path, None when there is nothing."""
        try:
            return await (self.client.stat(path) if follow else self.client.lstat(path))
        except ABSENT:
            return None

    async def kind(self, path: str) -> str:
        """Return Ansible's word for what a path is."""
        return kind_of(await self.status(path))

    async def target(self, path: str) -> str:
        """Return where a path leads if it is a link that leads somewhere, else itself."""
        if await self.kind(path) != "link" or await self.status(path, follow=True) is None:
            return path
        return await self.client.realpath(path)

    async def read_link(self, path: str) -> str:
        """Return what a link says."""
        return await self.client.readlink(path)

    async def entries(self, path: str) -> list[str]:
        """Return the names in a folder."""
        return [name for name in await self.client.listdir(path) if name not in {".", ".."}]

    async def walk(self, path: str) -> AsyncIterator[str]:
        """Give everything inside a folder, not through links."""
        for name in await self.entries(path):
            inside = posixpath.join(path, name)
            yield inside
            if await self.kind(inside) == "directory":
                async for deeper in self.walk(inside):
                    yield deeper

    async def describe(self, path: str) -> dict[str, Any]:
        """Return what Ansible's file modules add to their results."""
        status = await self.status(path)
        if status is None:
            return {"state": "absent"}
        found = {"mode": f"{mode_of(status):04o}", "uid": status.uid, "gid": status.gid, "size": status.size}
        return {"state": kind_of(status), **found, "owner": name_of(status.uid), "group": name_of(status.gid)}

    async def look(self, operation: Stat) -> dict[str, Any]:
        """Carry out a `stat`: Ansible's keys, as far as SFTP tells."""
        path = self.full(operation.path)
        status = await self.status(path, follow=operation.follow)
        if status is None:
            return {"changed": False, "stat": {"exists": False}}
        mode = status.permissions or 0
        found: dict[str, Any] = {
            "exists": True,
            "path": path,
            "mode": f"{mode_of(status):04o}",
            "isdir": stat.S_ISDIR(mode),
            "isreg": stat.S_ISREG(mode),
            "islnk": stat.S_ISLNK(mode),
            "isfifo": stat.S_ISFIFO(mode),
            "issock": stat.S_ISSOCK(mode),
            "isblk": stat.S_ISBLK(mode),
            "ischr": stat.S_ISCHR(mode),
            "isuid": bool(mode & stat.S_ISUID),
            "isgid": bool(mode & stat.S_ISGID),
            "uid": status.uid,
            "gid": status.gid,
            "pw_name": name_of(status.uid),
            "gr_name": name_of(status.gid),
            "size": status.size,
            "atime": float(status.atime or 0),
            "mtime": float(status.mtime or 0),
        }
        for shift, who in ((6, "usr"), (3, "grp"), (0, "oth")):
            for bit, letter in ((4, "r"), (2, "w"), (1, "x")):
                found[letter + who] = bool(mode >> shift & bit)
        if found["islnk"]:
            found["lnk_target"] = await self.read_link(path)
            found["lnk_source"] = await self.client.realpath(path)
        if operation.checksum and found["isreg"]:
            found["checksum"] = await self.digest(path, operation.checksum)
        return {"changed": False, "stat": found}

    async def pieces(self, path: str) -> AsyncIterator[bytes]:
        """Give a file's bytes."""
        async with self.client.open(path, "rb") as file:
            # asyncssh's stub says text for any mode
            while data := cast("bytes", await file.read(PIECE)):
                yield data

    async def digest(self, path: str, algorithm: str) -> str:
        """Return a file's digest; SFTP has none of its own, so the bytes come here."""
        [found] = await self.digests(path, algorithm)
        return found

    async def digests(self, path: str, *algorithms: str) -> list[str]:
        """Return several digests of a file, which comes here once."""
        made = [hashlib.new(name, usedforsecurity=False) for name in algorithms]
        async for data in self.pieces(path):
            for one in made:
                one.update(data)
        return [one.hexdigest() for one in made]

    async def write(self, path: str, data: bytes) -> None:
        """Write a file where it stands."""
        async with self.client.open(path, "wb") as file:
            await file.write(data)

    async def make_folders(self, path: str, pretence: Pretence, *, check: bool) -> list[str]:
        """Make a folder and its missing parents; return those that were missing, the highest first."""
        missing: list[str] = []
        folder = path
        while (pretence.kind(folder) if check else None) not in {"directory", "link"}:
            status = await self.status(folder, follow=True)
            if status is not None:
                if not stat.S_ISDIR(status.permissions or 0):
                    raise Failure(f"{path} cannot be made: {folder} is no directory", path=path)
                break
            missing.insert(0, folder)
            folder = posixpath.dirname(folder)
        for one in missing:
            if check:
                pretence.would(one, "directory")
            else:
                await self.client.mkdir(one)
        return missing

    async def put_link(self, path: str, source: str, kind: str, *, hard: bool) -> None:
        """Put a link in place of what is there."""
        make = self.client.link if hard else self.client.symlink
        if kind == "absent":
            await make(source, path)
            return
        if kind == "directory":
            await self.client.rmdir(path)
        temporary = beside_name(path)
        await make(source, temporary)
        await self.rename(temporary, path)

    async def rename(self, temporary: str, path: str) -> None:
        """Put a temporary file in its place; it is removed if that fails."""
        try:
            await self.client.posix_rename(temporary, path)
        except BaseException:
            await self.client.remove(temporary)
            raise

    async def remove(self, path: str, kind: str) -> None:
        """Remove a path with all inside it."""
        if kind != "directory":
            await self.client.remove(path)
            return
        for name in await self.entries(path):
            inside = posixpath.join(path, name)
            await self.remove(inside, await self.kind(inside))
        await self.client.rmdir(path)

    async def set_attributes(
        self, path: str, wanted: Attributes, *, check: bool
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give a path its owner, group and mode; return (before, after) of what was not as wanted."""
        status = await self.status(path)
        if status is None:
            return {}, {}
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for key, text, now in (("owner", wanted.owner, status.uid), ("group", wanted.group, status.gid)):
            if text is not None and number_of(text, path) != now:
                before[key], after[key] = now, number_of(text, path)
        mode = status.permissions or 0
        if wanted.mode is not None and not stat.S_ISLNK(mode):
            becomes = parse_mode(wanted.mode, mode, directory=stat.S_ISDIR(mode))
            if becomes != stat.S_IMODE(mode):
                before["mode"], after["mode"] = f"{stat.S_IMODE(mode):04o}", f"{becomes:04o}"
        if after and not check:
            changes: dict[str, Any] = {}
            if "owner" in after or "group" in after:
                changes |= {"uid": after.get("owner", status.uid), "gid": after.get("group", status.gid)}
            if "mode" in after:
                changes["permissions"] = int(after["mode"], 8)
            await self.client.setstat(path, asyncssh.SFTPAttrs(**changes))
        return before, after

    async def set_times(
        self, path: str, operation: Touch, *, check: bool
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Set times in whole seconds, as SFTP version 3 has them; return (before, after)."""
        status = await self.status(path)
        if status is None:
            return {}, {}
        default = "now" if operation.make else "preserve"
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for key, text, now in (
            ("atime", operation.access_time, status.atime),
            ("mtime", operation.modification_time, status.mtime),
        ):
            moment = _moment(text or default, path)
            if moment is not None and moment != now:
                before[key], after[key] = now, moment
        if after and not check:
            times = {"atime": status.atime, "mtime": status.mtime, **after}
            await self.client.setstat(path, asyncssh.SFTPAttrs(**times))
        return before, after


def kind_of(status: asyncssh.SFTPAttrs | None) -> str:
    """Return Ansible's word for what was found."""
    if status is None:
        return "absent"
    mode = status.permissions or 0
    return "link" if stat.S_ISLNK(mode) else "directory" if stat.S_ISDIR(mode) else "file"


def mode_of(status: asyncssh.SFTPAttrs) -> int:
    """Return the permission bits."""
    return stat.S_IMODE(status.permissions or 0)


def name_of(number: int | None) -> str:
    """Return a user's or group's name: SFTP version 3 tells numbers only, of which one means the same everywhere."""
    return "root" if number == 0 else str(number)


def number_of(text: str, path: str) -> int:
    """Return the number of a user or group."""
    if text == "root":
        return 0
    if text.isdigit():
        return int(text)
    raise Failure(f"chown failed: SFTP knows no names, and {text} is no number", path=path)


def beside_name(path: str) -> str:
    """Return a name beside a path that nobody uses."""
    return posixpath.join(posixpath.dirname(path), f".{secrets.token_hex(8)}.hivectl")


def _moment(text: str, path: str) -> int | None:
    if text == "preserve":
        return None
    if text == "now":
        return int(time.time())
    try:
        return int(time.mktime(time.strptime(text, "%Y%m%d%H%M.%S")))
    except ValueError as error:
        raise Failure(f"{text} is no time of the form %Y%m%d%H%M.%S", path=path) from error
