"""SFTP of a virtual node, confined to its tree."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import asyncssh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hivectl.virtual.tree import Place, Tree

# SFTP version 3's open flags (draft-ietf-secsh-filexfer-02, 6.3) and what they mean here
ACCESS = {
    asyncssh.FXF_READ: os.O_RDONLY,
    asyncssh.FXF_WRITE: os.O_WRONLY,
    asyncssh.FXF_READ | asyncssh.FXF_WRITE: os.O_RDWR,
}
CREATION = {
    asyncssh.FXF_APPEND: os.O_APPEND,
    asyncssh.FXF_CREAT: os.O_CREAT,
    asyncssh.FXF_TRUNC: os.O_TRUNC,
    asyncssh.FXF_EXCL: os.O_EXCL,
}


class ConfinedFiles(asyncssh.SFTPServer):
    """File operations of which none leaves the tree; asyncssh turns an OSError into SFTP's answer."""

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], tree: Tree) -> None:
        super().__init__(chan)
        self._tree = tree

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open a file."""
        flags = ACCESS.get(pflags & (asyncssh.FXF_READ | asyncssh.FXF_WRITE), os.O_RDONLY)
        for flag, meaning in CREATION.items():
            if pflags & flag:
                flags |= meaning
        mode = 0o666 if attrs.permissions is None else stat.S_IMODE(attrs.permissions)
        with self._tree.place(path, follow=not pflags & asyncssh.FXF_EXCL) as place:
            # NONBLOCK: a pipe without a partner must not stop the whole server
            descriptor = os.open(
                place.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, mode, dir_fd=place.folder
            )
        kind = {os.O_RDONLY: "rb", os.O_WRONLY: "wb"}.get(flags & os.O_ACCMODE, "r+b")
        return os.fdopen(descriptor, kind, buffering=0)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write all of `data`."""
        file: BinaryIO = file_obj  # type: ignore[assignment]  # what `open` returned
        return os.pwrite(file.fileno(), data, offset)

    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Look at a path, not through a link."""
        return asyncssh.SFTPAttrs.from_local(self._status(path, follow=False))

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Look at what a path leads to."""
        return asyncssh.SFTPAttrs.from_local(self._status(path, follow=True))

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Set attributes of what a path leads to."""
        with self._tree.place(path) as place:
            self._set(place, attrs)

    def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Set attributes of a path itself."""
        with self._tree.place(path, follow=False) as place:
            self._set(place, attrs)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """Give a folder's entries."""
        with self._tree.place(path) as place:
            folder = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place.folder)
        try:
            names = [b".", b"..", *(os.fsencode(name) for name in os.listdir(folder))]  # noqa: PTH208  pathlib lists no descriptors
            for name in names:
                # `..` of the root is the root: its attributes are no secret of the tree, those above it are
                shown = b"." if name == b".." else name
                status = os.stat(shown, dir_fd=folder, follow_symlinks=False)
                yield asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs.from_local(status))
        finally:
            os.close(folder)

    def remove(self, path: bytes) -> None:
        """Remove a file or link."""
        with self._tree.place(path, follow=False) as place:
            os.unlink(place.name, dir_fd=place.folder)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Make a folder."""
        mode = 0o777 if attrs.permissions is None else stat.S_IMODE(attrs.permissions)
        with self._tree.place(path, follow=False) as place:
            os.mkdir(place.name, mode, dir_fd=place.folder)

    def rmdir(self, path: bytes) -> None:
        """Remove an empty folder."""
        with self._tree.place(path, follow=False) as place:
            os.rmdir(place.name, dir_fd=place.folder)

    def realpath(self, path: bytes) -> bytes:
        """Return a path as the tree has it, links followed."""
        with self._tree.place(path) as place:
            return place.path

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename, not over something (SFTP version 3)."""
        with self._tree.place(oldpath, follow=False) as old, self._tree.place(newpath, follow=False) as new:
            if _exists(new):
                raise asyncssh.SFTPFailure(f"{newpath.decode(errors='replace')} exists")
            os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename over what is there."""
        with self._tree.place(oldpath, follow=False) as old, self._tree.place(newpath, follow=False) as new:
            os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)

    def readlink(self, path: bytes) -> bytes:
        """Return what a link says."""
        with self._tree.place(path, follow=False) as place:
            return os.readlink(place.name, dir_fd=place.folder)

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Make a link, to anywhere: whoever follows it stays in the tree."""
        with self._tree.place(newpath, follow=False) as place:
            os.symlink(oldpath, place.name, dir_fd=place.folder)

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        """Make a hard link."""
        with self._tree.place(oldpath, follow=False) as old, self._tree.place(newpath, follow=False) as new:
            os.link(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder, follow_symlinks=False)

    def statvfs(self, path: bytes) -> os.statvfs_result:
        """Tell the file system's size."""
        with self._tree.place(path) as place:
            return os.fstatvfs(place.folder)

    def _status(self, path: bytes, *, follow: bool) -> os.stat_result:
        with self._tree.place(path, follow=follow) as place:
            return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)

    def _set(self, place: Place, attrs: asyncssh.SFTPAttrs) -> None:
        status = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            _set_times(place, attrs, status)
            return
        # by descriptor: the name may have become a link since
        descriptor = os.open(place.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.folder)
        try:
            magic = f"/proc/self/fd/{descriptor}"
            if attrs.size is not None:
                os.truncate(magic, attrs.size)
            if (
                attrs.uid is not None
                and attrs.gid is not None
                and (attrs.uid, attrs.gid)
                != (
                    status.st_uid,
                    status.st_gid,
                )
            ):
                os.chown(magic, attrs.uid, attrs.gid)
            if attrs.permissions is not None:
                Path(magic).chmod(stat.S_IMODE(attrs.permissions))
        finally:
            os.close(descriptor)
        _set_times(place, attrs, status)


def _set_times(place: Place, attrs: asyncssh.SFTPAttrs, status: os.stat_result) -> None:
    if attrs.atime is None and attrs.mtime is None:
        return
    access = status.st_atime if attrs.atime is None else attrs.atime
    modification = status.st_mtime if attrs.mtime is None else attrs.mtime
    os.utime(place.name, (access, modification), dir_fd=place.folder, follow_symlinks=False)


def _exists(place: Place) -> bool:
    try:
        os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
