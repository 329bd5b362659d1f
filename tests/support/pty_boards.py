"""Boards with the measuring firmware on pseudo-terminals: the firmware's own code on this machine's Python."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import tty
from typing import TYPE_CHECKING

from tests.support.icelab import _service, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class PtyBoard:
    """One board, until it is unplugged."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._master, slave = os.openpty()
        tty.setraw(slave)
        # kept open: without it the line would end whenever the host closes it
        self._slave = slave
        link.symlink_to(os.ttyname(slave))
        self._ours, theirs = socket.socketpair()
        self._wake, self._woken = os.pipe()
        self._threads = [
            threading.Thread(target=serve, args=[theirs], daemon=True),
            threading.Thread(target=self._carry, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _carry(self) -> None:
        """Carry bytes between the terminal and the firmware."""
        ours = self._ours.fileno()
        while True:
            ready, _, _ = select.select([self._master, ours, self._wake], [], [])
            if self._wake in ready:
                return
            try:
                if self._master in ready:
                    self._ours.sendall(os.read(self._master, 65536))
                if ours in ready:
                    data = self._ours.recv(4096)
                    if not data:
                        return
                    os.write(self._master, data)
            except OSError:
                return

    def unplug(self) -> None:
        """Take it off the port."""
        if not self.link.is_symlink():
            return
        self.link.unlink()
        os.write(self._woken, b"x")
        self._threads[1].join(30)
        self._ours.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(30)
        self._ours.close()
        for descriptor in (self._master, self._slave, self._wake, self._woken):
            os.close(descriptor)


@contextlib.contextmanager
def pty_boards(folder: Path, count: int) -> Iterator[list[PtyBoard]]:
    """Plug boards in; their ports are `tty1`, `tty2` and so on in a folder."""
    _service()  # its import is not for several threads at once
    boards = [PtyBoard(folder / f"tty{number}") for number in range(1, count + 1)]
    try:
        yield boards
    finally:
        for board in boards:
            board.unplug()
