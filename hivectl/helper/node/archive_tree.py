"""Writing below one directory, by descriptors, so that no link ever leads out of it."""

import errno
import os
import time
from _stat import S_ISDIR

from hivectl.helper.node.paths import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def ids_of(user: str, uid: int, group: str, gid: int) -> "tuple[int, int]":
    """Return the node's ids of an owner: by name, and by number where it has no such name."""
    import grp
    import pwd

    try:
        uid = pwd.getpwnam(user).pw_uid if user else uid
    except KeyError:
        pass
    try:
        gid = grp.getgrnam(group).gr_gid if group else gid
    except KeyError:
        pass
    return uid, gid


class Tree:
    """A directory, and what is made in it; times and permissions of directories are set by `finish`."""

    def __init__(self, top: str) -> None:
        self.top = top
        self._descriptor = os.open(top, FOLDER)
        self._real = os.path.realpath(top)
        self._later: "list[tuple[list[str], int, int]]" = []
        self._count = 0

    def close(self) -> None:
        """Let the directory go."""
        os.close(self._descriptor)

    def _enter(self, parts: "list[str]", *, make: bool = True) -> int:
        """Return a descriptor of a directory below ours, made where it is missing; raises Failure, OSError."""
        here = os.dup(self._descriptor)
        for place, part in enumerate(parts):
            try:
                inner = self._step(here, part, parts[: place + 1], make=make)
            finally:
                os.close(here)
            here = inner
        return here

    def _step(self, here: int, part: str, path: "list[str]", *, make: bool) -> int:
        try:
            return os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=here)
        except FileNotFoundError:
            if not make:
                raise
            os.mkdir(part, dir_fd=here)
            return os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=here)
        except OSError as error:
            if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
                raise
        # somebody made a link here before: it may be followed within our directory
        inner = os.open(part, FOLDER, dir_fd=here)
        real = os.readlink("/proc/self/fd/%d" % inner)
        if (real + "/").startswith(self._real.rstrip("/") + "/"):
            return inner
        os.close(inner)
        raise Failure("{} is a link that leads out of {}".format("/".join(path), self.top), dest=self.top)

    def _temporary(self) -> str:
        self._count += 1
        return ".hivectl-%d-%x-%x" % (os.getpid(), time.time_ns(), self._count)

    def directory(self, parts: "list[str]", mode: int, when: int, uid: int, gid: int) -> None:
        """Make a directory, in place of a file or link."""
        above = self._enter(parts[:-1])
        try:
            try:
                there = os.lstat(parts[-1], dir_fd=above)
            except FileNotFoundError:
                there = None
            if there is not None and not S_ISDIR(there.st_mode):
                os.unlink(parts[-1], dir_fd=above)
                there = None
            if there is None:
                os.mkdir(parts[-1], 0o700, dir_fd=above)
            if uid >= 0 or gid >= 0:
                os.chown(parts[-1], uid, gid, dir_fd=above, follow_symlinks=False)
        finally:
            os.close(above)
        self._later.append((parts, mode, when))

    def finish(self) -> None:
        """Set what directories shall be in the end: until now they had to be written into."""
        for parts, mode, when in reversed(self._later):
            here = self._enter(parts, make=False)
            try:
                os.fchmod(here, mode)
                os.utime(here, (when, when))
            finally:
                os.close(here)

    def file(
        self, parts: "list[str]", pieces: "Iterable[bytes]", mode: int, when: int, uid: int, gid: int
    ) -> None:
        """Write a file beside its place, and rename it over what is there."""
        above = self._enter(parts[:-1])
        name = self._temporary()
        try:
            descriptor = os.open(
                name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=above
            )
            try:
                for piece in pieces:
                    left = memoryview(piece)
                    while left:
                        left = left[os.write(descriptor, left) :]
                if uid >= 0 or gid >= 0:
                    os.fchown(descriptor, uid, gid)
                os.fchmod(descriptor, mode)
                os.utime(descriptor, (when, when))
            finally:
                os.close(descriptor)
            self._rename(name, parts, above)
            name = ""
        finally:
            self._discard(name, above)

    def link(self, parts: "list[str]", target: str, uid: int, gid: int) -> None:
        """Make a symbolic link as it is."""
        above = self._enter(parts[:-1])
        name = self._temporary()
        try:
            os.symlink(target, name, dir_fd=above)
            if uid >= 0 or gid >= 0:
                os.chown(name, uid, gid, dir_fd=above, follow_symlinks=False)
            self._rename(name, parts, above)
            name = ""
        finally:
            self._discard(name, above)

    def hard(self, parts: "list[str]", target: "list[str]") -> None:
        """Make a second name of a file of ours."""
        above, there = self._enter(parts[:-1]), self._enter(target[:-1], make=False)
        name = self._temporary()
        try:
            os.link(target[-1], name, src_dir_fd=there, dst_dir_fd=above, follow_symlinks=False)
            self._rename(name, parts, above)
            # renaming one name of a file over another does nothing
            name = name if self._is_there(name, above) else ""
        finally:
            os.close(there)
            self._discard(name, above)

    def _is_there(self, name: str, above: int) -> bool:
        return name in os.listdir(above)

    def _rename(self, name: str, parts: "list[str]", above: int) -> None:
        try:
            os.rename(name, parts[-1], src_dir_fd=above, dst_dir_fd=above)
        except IsADirectoryError:
            # an empty directory gives way, as it does for tar
            os.rmdir(parts[-1], dir_fd=above)
            os.rename(name, parts[-1], src_dir_fd=above, dst_dir_fd=above)

    def _discard(self, name: str, above: int) -> None:
        if name:
            try:
                os.unlink(name, dir_fd=above)
            except FileNotFoundError:
                pass
        os.close(above)
