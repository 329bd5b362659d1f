"""What a node without Python does by itself, so that bytes do not travel here and back."""

from __future__ import annotations

import hashlib
import os
import posixpath
from typing import TYPE_CHECKING, Any, Self

from hivectl.helper.sh.remote import unpacking
from hivectl.helper.sh.remote.files import Copied, Writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hivectl.helper.sh.remote.node import Node
    from hivectl.helper.sh.remote.world import World


class Temporary:
    """In place of `contents.Temporary`: a file beside its target that only this user can read until it is finished."""

    _node: Node

    def __init__(self, target: str) -> None:
        folder, name = posixpath.split(target)
        stem = os.fsdecode(os.fsencode(name)[:200])
        self._number = Temporary._count = Temporary._count + 1
        pid = self._node.number("pid")
        self.path = posixpath.join(folder, f".{stem}.hivectl-{pid}-{self._number:x}{os.urandom(4).hex()}")
        self._file = Writing(self._node, self.path, 0o600)

    _count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.path:
            self._node.ask("r_try", "rm", "-f", "--", self.path)

    def write(self, data: bytes) -> None:
        """Add bytes; raises OSError."""
        if isinstance(data, Copied):
            self._node.do(self.path, "r_append_file", data.path, self.path)
        else:
            self._node.append(self.path, data)

    def settle(self, mode: int, owner: os.stat_result | None) -> None:
        """Give the file its mode, and the owner of the file that it replaces where that is allowed."""
        if owner is not None and (owner.st_uid, owner.st_gid) != (
            self._node.number("uid"),
            self._node.number("gid"),
        ):
            # a user replaces another's file: it becomes his own, as with every editor
            self._node.ask("r_try", "chown", f"{owner.st_uid}:{owner.st_gid}", self.path)
        self._node.do(self.path, "r_try", "chmod", f"{mode:04o}", self.path)

    def rename(self, target: str) -> None:
        """Put it in its place; raises OSError."""
        self._node.do(target, "r_rename", self.path, target)
        self.path = ""


def _temporary(node: Node) -> Any:
    return lambda _world: type("Temporary", (Temporary,), {"_node": node})


def _back_up(node: Node) -> Any:
    def make(world: World) -> Any:
        def back_up(path: str) -> str:
            said = node.ask("r_back_up", path)
            if "why" in said.fields:
                from hivectl.helper.sh.remote.looks import error_of

                name = said.fields["path"]
                raise world.module("contents").failure_of(name, error_of(said.fields["why"], name))
            return said.fields["path"]

        return back_up

    return make


class _Digest:
    """A hash object that knows what stands for a file of the node."""

    def __init__(self, node: Node, name: str) -> None:
        self._node, self._name = node, name
        self._made = hashlib.new(name)
        self._copied: Copied | None = None

    def update(self, data: bytes) -> None:
        """Add bytes, or a whole file alone."""
        if isinstance(data, Copied):
            self._copied = data
        else:
            self._made.update(data)

    def hexdigest(self) -> str:
        """Return the digest; raises OSError."""
        if self._copied is None:
            return self._made.hexdigest()
        return self._node.hashed(self._copied.path, self._name)


def _digest(node: Node) -> Any:
    def digest(name: str, size: int = 0) -> _Digest:
        del size  # any will do here
        return _Digest(node, name)

    return lambda _world: digest


def _of_file(node: Node) -> Any:
    return lambda _world: lambda path, *names: [node.hashed(path, name) for name in names]


def _pieces(_world: World) -> Any:
    def pieces(source: str, wire: Any) -> Iterator[bytes]:
        wire.tick()
        yield Copied.of(source)

    return pieces


def _own(node: Node) -> Any:
    def make(world: World) -> Any:
        def own(path: str, uid: int, gid: int) -> None:
            try:
                node.do(path, "r_try", "find", path, "-exec", "chown", "-h", f"{uid}:{gid}", "{}", "+")
            except OSError as error:
                failure: Exception = world.module("paths").Failure(
                    f"{path} cannot be given to its user: {error.strerror}"
                )
                raise failure from error

        return own

    return make


def _in_processes(node: Node) -> Any:
    def make(_world: World) -> Any:
        def in_processes(pattern: str) -> bool:
            data = node.ask("r_processes").data.replace(b"\0", b" ")
            return pattern in data.decode("utf-8", "surrogateescape")

        return in_processes

    return make


def replaced_for(node: Node) -> Mapping[str, Mapping[str, Callable[[World], Any]]]:
    """Return module -> name -> what makes its replacement."""
    return {
        **unpacking.replaced_for(node),
        "contents": {"Temporary": _temporary(node), "back_up": _back_up(node)},
        "crontabs": {"Temporary": _temporary(node)},
        "digests": {"digest": _digest(node), "of_file": _of_file(node)},
        "duplicates": {"_pieces": _pieces},
        "paths": {"current_umask": lambda _world: node.current_umask},
        "sysv": {"_in_processes": _in_processes(node)},
        "users": {"_own": _own(node)},
    }
