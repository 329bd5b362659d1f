"""`os` of a node without Python: what its modules use of it, and nothing else."""

from __future__ import annotations

import errno
import os
from itertools import count
from typing import TYPE_CHECKING, Any

from hivectl.helper.sh.remote.files import Writing
from hivectl.helper.sh.remote.looks import error_of
from hivectl.helper.sh.remote.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.helper.sh.remote.node import Node

# handles that no program of ours has
FIRST = 1 << 20


class System:
    """The module `os`; a name that it lacks is a fault of ours, and fails its item."""

    R_OK, W_OK, X_OK, F_OK = os.R_OK, os.W_OK, os.X_OK, os.F_OK
    O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_TRUNC = os.O_RDONLY, os.O_WRONLY, os.O_CREAT, os.O_EXCL, os.O_TRUNC
    O_CLOEXEC, O_NOFOLLOW, O_DIRECTORY = os.O_CLOEXEC, os.O_NOFOLLOW, os.O_DIRECTORY
    ST_NOEXEC = os.ST_NOEXEC
    pathsep, sep, defpath, devnull = os.pathsep, os.sep, os.defpath, os.devnull
    stat_result = os.stat_result
    fsencode, fsdecode, strerror = (
        staticmethod(os.fsencode),
        staticmethod(os.fsdecode),
        staticmethod(os.strerror),
    )

    # of files that lie here while they are read
    SEEK_SET, lseek = os.SEEK_SET, staticmethod(os.lseek)

    def __init__(self, node: Node) -> None:
        self._node = node
        self.path = Paths(node)
        self._numbers = count(FIRST)
        self._open: dict[int, Writing] = {}

    @property
    def environ(self) -> Mapping[str, str]:
        """The login's environment."""
        return self._node.environment

    def getuid(self) -> int:
        """Return this user's number."""
        return self._node.number("uid")

    geteuid = getuid

    def getgid(self) -> int:
        """Return this user's group's number."""
        return self._node.number("gid")

    getegid = getgid

    def getpid(self) -> int:
        """Return the number of the process there."""
        return self._node.number("pid")

    def uname(self) -> Any:
        """Return the kernel's names, as far as anybody asks."""
        return os.uname_result(("Linux", self._node.ask("r_nodename").fields["name"], "", "", ""))

    def umask(self, mask: int) -> int:
        """Set what is taken from new files' modes until the operation ends."""
        old = self._node.current_umask()
        self._node.umask = mask
        return old

    def stat(self, path: str, *, follow_symlinks: bool = True) -> os.stat_result:
        """Look at a path."""
        return self._node.looks.status(path) if follow_symlinks else self._node.looks.own(path)

    def lstat(self, path: str) -> os.stat_result:
        """Look at a path itself."""
        return self._node.looks.own(path)

    def access(self, path: str, mode: int) -> bool:
        """Whether this user may read (4), write (2), execute (1) it."""
        look = self._node.looks.at(path)
        if look.status is not None and not look.can:
            self._node.looks.forget()  # known from a listing only
            look = self._node.looks.at(path)
        letters = {self.R_OK: "r", self.W_OK: "w", self.X_OK: "x"}
        return look.status is not None and all(
            letter in look.can for bit, letter in letters.items() if mode & bit
        )

    def readlink(self, path: str) -> str:
        """Return what a link points at."""
        look = self._node.looks.at(path)
        if look.own is not None and look.own.st_mode >> 12 != 10:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        self._node.looks.own(path)
        return look.target

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory."""
        return self._node.looks.names(path)

    def walk(self, top: str, onerror: Any = None, followlinks: bool = False) -> Any:  # noqa: FBT001, FBT002 - as os.walk
        """Go through a directory from the top down."""
        return self._node.looks.walk(top, onerror, followlinks)

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        """Make a directory."""
        self._node.do(path, "r_mkdir", path, f"{mode & ~self._node.current_umask():o}")

    def makedirs(self, path: str, mode: int = 0o777, exist_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - as os.makedirs
        """Make a directory with its parents."""
        del mode  # the default of all who call it
        if not exist_ok and self.path.lexists(path):
            raise error_of(os.strerror(errno.EEXIST), path)
        self._node.do(path, "r_try", "mkdir", "-p", "--", path)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        self._node.do(path, "r_try", "rmdir", "--", path)

    def unlink(self, path: str) -> None:
        """Remove a file or link."""
        self._node.do(path, "r_unlink", path)

    def rename(self, source: str, target: str) -> None:
        """Put a file in place of another."""
        self._node.do(target, "r_rename", source, target)

    def symlink(self, target: str, path: str) -> None:
        """Make a symbolic link."""
        self._node.do(path, "r_try", "ln", "-s", "--", target, path)

    def chmod(self, path: str, mode: int) -> None:
        """Set permissions."""
        self._node.do(path, "r_try", "chmod", f"{mode:04o}", path)

    def chown(self, path: str, uid: int, gid: int, *, follow_symlinks: bool = True) -> None:
        """Set owner and group; -1 leaves them."""
        who = ("" if uid < 0 else str(uid)) + ("" if gid < 0 else f":{gid}")
        if who:
            self._node.do(path, "r_try", "chown", *([] if follow_symlinks else ["-h"]), who, path)

    def statvfs(self, path: str) -> Any:
        """Return what is known of a file system: its room and whether it runs programs."""
        return self._node.room(path)

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        """Make a file to be written; return a handle."""
        if not flags & self.O_CREAT:
            raise OSError(errno.ENOSYS, "only new files are opened this way on a node without Python", path)
        number = next(self._numbers)
        self._open[number] = Writing(self._node, path, mode, new=bool(flags & self.O_EXCL))
        return number

    def fdopen(self, number: int, mode: str = "r") -> Writing:
        """Return a file of a handle."""
        del mode  # writing knows texts and bytes
        return self._open.pop(number)

    def write(self, number: int, data: bytes) -> int:
        """Add bytes."""
        self._open[number].write(bytes(data))
        return len(data)

    def close(self, number: int) -> None:
        """Let a handle go."""
        self._open.pop(number).close()

    def register(self, writing: Writing) -> int:
        """Return a handle of a file that is open already."""
        number = next(self._numbers)
        self._open[number] = writing
        return number
