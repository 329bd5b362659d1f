"""What happens to files and terminal devices, told by the kernel (inotify(7)), to those who stand for hardware."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODIFIED, WRITTEN, CLOSED, MOVED_HERE = 0x2, 0x8, 0x10, 0x80
EVENT = struct.Struct("iIII")


class Watch:
    """Calls somebody whenever something happens to a path, until it is closed; needs a running loop.

    Args:
        path: a file, a device or a folder.
        mask: which events (inotify(7)): MODIFIED, WRITTEN (closed after writing), CLOSED, MOVED_HERE.
        act: gets the name in the folder, "" for the path itself.

    Raises:
        OSError: it cannot be watched.
    """

    def __init__(self, path: Path | str, mask: int, act: Callable[[str], None]) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._act = act
        self._descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0 or library.inotify_add_watch(self._descriptor, os.fsencode(path), mask) < 0:
            number = ctypes.get_errno()
            if self._descriptor >= 0:
                os.close(self._descriptor)
            raise OSError(number, os.strerror(number), str(path))
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def close(self) -> None:
        """Hear no more; calling it again does nothing."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 65536)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EBADF):
                return
            raise
        names = []
        at = 0
        while at < len(data):
            _, _, _, size = EVENT.unpack_from(data, at)
            at += EVENT.size
            names.append(os.fsdecode(data[at : at + size].rstrip(b"\0")))
            at += size
        for name in dict.fromkeys(names):
            if self._descriptor < 0:
                return
            self._act(name)
