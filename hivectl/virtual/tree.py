"""A file tree that no path leads out of: not by `..`, not by links, not by links that change under us.

Every component is opened from the folder before it with O_NOFOLLOW, and a link is followed by reading it and
walking on from there, with `/` meaning the tree's root; so there is no moment between check and use.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# as Linux (path_resolution(7))
MOST_LINKS = 40
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@record
class Place:
    """Where a path leads: an open folder, and a name in it that is no link when links were followed.

    Attributes:
        folder: descriptor, open as long as the place is held.
        name: b"." for the tree's root or a path that ends in `..`.
        path: the same from the tree's root, without links.
    """

    folder: int
    name: bytes
    path: bytes


class Tree:
    """A tree on this machine.

    Args:
        root: the folder that is `/` inside.
        home: where relative paths begin, as seen inside.
    """

    def __init__(self, root: Path, home: str = "/") -> None:
        self._root = root
        self._home = home.encode()

    @contextmanager
    def place(self, path: bytes, *, follow: bool = True) -> Iterator[Place]:
        """Find where a path leads.

        Args:
            path: as the client sent it; relative to the home, may hold anything.
            follow: also if the last component is a link; a link to nothing leads to where it points.

        Raises:
            OSError: a folder on the way is missing or none, or there are too many links.
        """
        walk = _Walk(os.open(self._root, FOLDER))
        try:
            start = b"" if path.startswith(b"/") else self._home + b"/"
            walk.go(start + path, follow=follow)
            yield Place(walk.folders[-1], walk.last, b"/" + b"/".join((*walk.names, walk.last)).rstrip(b"."))
        finally:
            walk.close()


class _Walk:
    """A path from the root: open folders on the way, and the last component, which is not opened."""

    def __init__(self, root: int) -> None:
        self.folders = [root]
        self.names: list[bytes] = []
        self.last = b"."
        self._links = 0

    def go(self, path: bytes, *, follow: bool) -> None:
        left = _components(path)
        while left:
            name = left.pop()
            if name == b"..":
                self._up()
                continue
            target = self._link(name) if left or follow else None
            if target is not None:
                if target.startswith(b"/"):
                    self._to_root()
                left.extend(_components(target))
            elif left:
                self._into(name)
            else:
                self.last = name

    def close(self) -> None:
        for descriptor in self.folders:
            os.close(descriptor)
        self.folders.clear()

    def _into(self, name: bytes) -> None:
        # a link put there since we looked fails with ELOOP or ENOTDIR, it is not followed
        self.folders.append(os.open(name, FOLDER, dir_fd=self.folders[-1]))
        self.names.append(name)

    def _up(self) -> None:
        if self.names:
            os.close(self.folders.pop())
            self.names.pop()

    def _to_root(self) -> None:
        while self.names:
            self._up()

    def _link(self, name: bytes) -> bytes | None:
        try:
            target = os.readlink(name, dir_fd=self.folders[-1])
        except OSError as error:
            # EINVAL: it is no link; ENOENT: it is not there, which the caller finds out for itself
            if error.errno in {errno.EINVAL, errno.ENOENT}:
                return None
            raise
        self._links += 1
        if self._links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return target


def _components(path: bytes) -> list[bytes]:
    """Return a path's components, last one first."""
    return [name for name in reversed(path.split(b"/")) if name not in {b"", b"."}]
