"""Files of a node without Python: `open`, and what tempfile, shutil, glob and socket have."""

from __future__ import annotations

import errno
import glob
import io
import os
import posixpath
import secrets
from typing import TYPE_CHECKING, Any, Self

from hivectl.helper.sh.remote.looks import error_of

if TYPE_CHECKING:
    from hivectl.helper.sh.remote.node import Node
    from hivectl.helper.sh.remote.system import System

TRIES = 100


class Writing:
    """A file that is written, from its making on; nobody but this user can read it before it has its mode."""

    def __init__(self, node: Node, path: str, mode: int = 0o666, *, new: bool = True) -> None:
        self.name = path
        self._node = node
        node.do(path, "r_create", path, f"{mode & ~node.current_umask():o}", "1" if new else "0")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: bytes | str) -> int:
        """Add to it; raises OSError."""
        self._node.append(self.name, data.encode() if isinstance(data, str) else data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: it is there already."""

    def close(self) -> None:
        """Do nothing: nothing is held."""


class Copied(bytes):
    """Stands for the bytes of a file of the node that go into another there, without coming here."""

    path: str
    size: int

    @classmethod
    def of(cls, path: str, size: int = 0) -> Copied:
        """Return what stands for a file of so many bytes."""
        made = cls()
        made.path, made.size = path, size
        return made

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return self.size


def opener(node: Node) -> Any:
    """Return `open` for files of a node: to be read."""

    def opened(
        path: str,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> Any:
        del buffering
        if mode not in {"r", "rb"}:
            raise OSError(errno.ENOSYS, f"files are not opened by {mode!r} on a node without Python", path)
        status = node.looks.status(path)
        if status.st_mode >> 12 == 4:
            raise error_of(os.strerror(errno.EISDIR), path)
        data = io.BytesIO(node.read(path))
        if mode == "rb":
            return data
        return io.TextIOWrapper(data, encoding=encoding or "utf-8", errors=errors, newline=newline)

    return opened


class Temporaries:
    """The module `tempfile`."""

    def __init__(self, node: Node, system: System) -> None:
        self._node = node
        self._system = system

    def gettempdir(self) -> str:
        """Return the first folder for temporary files that can be used."""
        given = [self._node.environment.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
        for folder in [*given, "/tmp", "/var/tmp", "/usr/tmp"]:  # noqa: S108 - where tempfile itself looks
            if folder and self._system.path.isdir(folder) and self._system.access(folder, 3):
                return folder
        return self._node.hello().fields["cwd"]

    def mkstemp(self, suffix: str = "", prefix: str = "tmp", dir: str | None = None) -> tuple[int, str]:  # noqa: A002 - as tempfile
        """Make a file; return its handle and path."""

        def make(path: str) -> int:
            return self._system.register(Writing(self._node, path, 0o600))

        return self._made(make, suffix, prefix, dir)

    def mkdtemp(self, suffix: str = "", prefix: str = "tmp", dir: str | None = None) -> str:  # noqa: A002 - as tempfile
        """Make a directory; return its path."""

        def make(path: str) -> int:
            self._system.mkdir(path, 0o700)
            return 0

        return self._made(make, suffix, prefix, dir)[1]

    def _made(self, make: Any, suffix: str, prefix: str, folder: str | None) -> tuple[int, str]:
        inside = self.gettempdir() if folder is None else folder
        for _ in range(TRIES):
            name = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789_") for _ in range(8))
            path = posixpath.join(inside, prefix + name + suffix)
            try:
                return make(path), path
            except FileExistsError:
                continue
        raise FileExistsError(errno.EEXIST, "No usable temporary file name found")


class Shutil:
    """The module `shutil`."""

    class Error(OSError):
        """As shutil has it."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def rmtree(self, path: str, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002 - as shutil
        """Remove a directory with all in it."""
        try:
            self._node.do(path, "r_try", "rm", "-rf", "--", path)
        except OSError:
            if not ignore_errors:
                raise

    def copytree(self, source: str, target: str, symlinks: bool = False) -> None:  # noqa: FBT001, FBT002 - as shutil
        """Copy a directory with all in it; links stay links."""
        assert symlinks
        self._node.do(target, "r_copy_tree", source, target)


class Glob:
    """The module `glob`."""

    escape = staticmethod(glob.escape)

    def __init__(self, node: Node) -> None:
        self._node = node

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that match."""
        data = self._node.ask("r_glob", pattern).data
        return [path.decode("utf-8", "surrogateescape") for path in data.split(b"\0") if path]


class Socket:
    """The module `socket`."""

    timeout = TimeoutError

    def __init__(self, node: Node) -> None:
        self._node = node

    def gethostname(self) -> str:
        """Return the node's name, as it is now."""
        return self._node.ask("r_nodename").fields["name"]
