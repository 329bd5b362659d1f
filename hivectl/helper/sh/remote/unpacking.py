"""What of `unpack` is done otherwise on a node without Python: new members go there as a plain tar."""

from __future__ import annotations

import hashlib
import io
import posixpath
import shutil
import tarfile
import tempfile
import time
from typing import TYPE_CHECKING, Any, Self

from hivectl.helper.sh.remote.files import Copied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hivectl.helper.sh.remote.node import Node
    from hivectl.helper.sh.remote.world import World

# bytes of members that go together; larger files go by themselves
TOGETHER = 4 << 20
KEPT = 8 << 20


class Archive:
    """An archive that lies here while it is read, whatever it was sent from."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._file = tempfile.SpooledTemporaryFile(max_size=KEPT)  # noqa: SIM115 - closed by who reads it

    # gzip asks a file how it was opened
    mode = "rb"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        """Add bytes, or those of a file of the node."""
        return self._file.write(self._node.read(data.path) if isinstance(data, Copied) else data)


class Tree:
    """In place of `archive_tree.Tree`: what is made below a directory, by tar(1) there; the rules are the same."""

    _node: Node
    _failure: Callable[..., Exception]

    def __init__(self, top: str) -> None:
        self.top = top
        self._real = self._node.ask("r_real", top).fields["path"]
        self._entered: set[str] = set()
        self._data = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._data, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 - see _send
        self._later: list[tuple[str, int, int, int, int]] = []

    def close(self) -> None:
        """Let go of what was not sent."""
        self._tar.close()

    def _enter(self, parts: list[str]) -> None:
        """Refuse a way that leads out of the directory; make what is missing."""
        for end in range(1, len(parts) + 1):
            name = "/".join(parts[:end])
            if name in self._entered:
                continue
            path = posixpath.join(self.top, name)
            look = self._node.looks.at(path)
            if look.own is not None and look.own.st_mode >> 12 == 10:
                real = self._node.ask("r_real", path).fields["path"]
                if not (real + "/").startswith(self._real.rstrip("/") + "/"):
                    raise self._failure(f"{name} is a link that leads out of {self.top}", dest=self.top)
            elif look.own is None:
                self._make(name, 0o777 & ~self._node.current_umask())
            self._entered.add(name)

    def _make(self, name: str, mode: int) -> None:
        made = self._info(name, tarfile.DIRTYPE, mode, -1, -1)
        self._tar.addfile(made)

    def _info(self, name: str, kind: bytes, mode: int, uid: int, gid: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo("./" + name)
        info.type, info.mode = kind, mode
        info.uid = self._node.number("uid") if uid < 0 else uid
        info.gid = self._node.number("gid") if gid < 0 else gid
        info.mtime = int(self._node.clock.ahead + time.time())
        return info

    def _clear(self, parts: list[str], *, folder: bool) -> None:
        """Take away what is in the way and of another kind; raises OSError for a directory with something in it."""
        path = posixpath.join(self.top, *parts)
        own = self._node.looks.at(path).own
        if own is None:
            return
        is_folder = own.st_mode >> 12 == 4
        if folder != is_folder or not folder:
            words = ("rmdir", "--", path) if is_folder else ("rm", "-f", "--", path)
            self._send()
            self._node.do(path, "r_try", *words)

    def directory(self, parts: list[str], mode: int, when: int, uid: int, gid: int) -> None:
        """Make a directory, in place of a file or link."""
        self._enter(parts[:-1])
        self._clear(parts, folder=True)
        name = "/".join(parts)
        self._tar.addfile(self._info(name, tarfile.DIRTYPE, 0o700, uid, gid))
        self._entered.add(name)
        self._later.append((name, mode, when, uid, gid))

    def file(
        self, parts: list[str], pieces: Iterable[bytes], mode: int, when: int, uid: int, gid: int
    ) -> None:
        """Write a file."""
        self._enter(parts[:-1])
        data = b"".join(pieces)
        self._clear(parts, folder=False)
        info = self._info("/".join(parts), tarfile.REGTYPE, mode, uid, gid)
        info.size, info.mtime = len(data), when
        self._tar.addfile(info, io.BytesIO(data))
        self._send_if_many()

    def link(self, parts: list[str], target: str, uid: int, gid: int) -> None:
        """Make a symbolic link as it is."""
        self._enter(parts[:-1])
        self._clear(parts, folder=False)
        info = self._info("/".join(parts), tarfile.SYMTYPE, 0o777, uid, gid)
        info.linkname = target
        self._tar.addfile(info)

    def hard(self, parts: list[str], target: list[str]) -> None:
        """Make a second name of a file of ours."""
        self._enter(parts[:-1])
        self._enter(target[:-1])
        self._clear(parts, folder=False)
        info = self._info("/".join(parts), tarfile.LNKTYPE, 0o644, -1, -1)
        info.linkname = "./" + "/".join(target)
        self._tar.addfile(info)

    def finish(self) -> None:
        """Set what directories shall be in the end."""
        self._send()
        for name, mode, when, uid, gid in reversed(self._later):
            info = self._info(name, tarfile.DIRTYPE, mode, uid, gid)
            info.mtime = when
            self._tar.addfile(info)
        self._send()

    def _send_if_many(self) -> None:
        if self._data.tell() >= TOGETHER:
            self._send()

    def _send(self) -> None:
        if not self._data.tell():
            return
        self._tar.close()
        data = self._data.getvalue()
        if len(data) <= 2 * TOGETHER:
            said = self._node.ask("r_untar", self.top, data=data)
        else:
            path = self._node.ask("r_body").fields["path"]
            self._node.append(path, data)
            said = self._node.ask("r_untar", self.top, path)
        self._data = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._data, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 - see _send
        if "why" in said.fields:
            raise self._failure(f"tar could not unpack to {self.top}: {said.fields['why']}", dest=self.top)


def replaced_for(node: Node) -> dict[str, dict[str, Callable[[World], Any]]]:
    """Return what is replaced in the modules of `unpack`."""

    def tree(world: World) -> Any:
        return type("Tree", (Tree,), {"_node": node, "_failure": world.module("paths").Failure})

    def zstd(world: World) -> Any:
        original: Any = world.module("archive_members")._Zstd  # noqa: SLF001 - what is replaced

        def here(file: Any) -> Any:
            if shutil.which("zstd") is None:
                raise world.module("paths").Failure(
                    "the archive is packed by zstd, and this machine, which reads it for nodes without Python, "
                    "has no program `zstd`"
                )
            return original(file)

        return here

    def job(world: World) -> Any:
        original: Any = world.module("archives")._Job  # noqa: SLF001 - what is replaced

        def same_content(self: Any, member: Any, path: str) -> bool:
            content = member.open()
            data = b"".join(iter(lambda: content.read(1 << 20), b""))
            if hashlib.sha256(data).hexdigest() == node.hashed(path, "sha256"):
                return True
            # it can be read only once
            self.begun = (content, path, 0, data)
            return False

        return type("_Job", (original,), {"_same_content": same_content})

    return {
        "archives": {"_nameless": lambda _world: lambda _dest: Archive(node), "_Job": job},
        "archive_members": {"_Zstd": zstd},
        "archive_tree": {"Tree": tree},
    }
