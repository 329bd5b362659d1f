"""Processes that want to write take turns in the order in which they came, before they ask SQLite for its lock.

SQLite itself has no queue: whoever waits asks again and again, which costs CPU, and the unlucky one waits for long. The
kernel keeps a queue for flock(2), and ends the turn of a process that is killed. It is politeness and no more: SQLite's
own lock is what keeps transactions apart, so whoever gets no turn in time goes on without one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# seconds to wait for a turn; only a process that was stopped amid its own keeps others for so long
PATIENCE = 1.0


class Turns:
    """The queue of those who want to write to one file.

    Args:
        path: of the file that is locked, made where it is missing; it stays empty.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._path, self._flags = path, flags
        self._file: int | None = os.open(path, flags, 0o600)
        self._waiter: _Waiter | None = None

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, but no longer than PATIENCE; it ends with the block."""
        file = self._take()
        try:
            yield
        finally:
            if file is not None:
                fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave the queue."""
        if self._waiter is not None:
            self._waiter.end()
            self._waiter = None
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self) -> int | None:
        """Return the descriptor that has the lock; None: it was not to be had."""
        if self._file is None:
            return None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        except OSError:
            # a file system without locks
            return None
        else:
            return self._file
        if self._waiter is None:
            # a description of its own: two locks of one would be the same lock
            self._waiter = _Waiter(os.open(self._path, self._flags, 0o600))
        return self._waiter.file if self._waiter.wait(PATIENCE) else None


class _Waiter:
    """A thread that waits for the lock: flock(2) knows no time limit, and only who stands in it is queued."""

    def __init__(self, file: int) -> None:
        self.file = file
        # plain locks that one releases and the other takes: a Semaphore is Python code amid others' turns
        self._wanted = threading.Lock()
        self._had = threading.Lock()
        self._wanted.acquire()
        self._had.acquire()
        self._state = threading.Lock()
        self._waiting = self._abandoned = self._ended = False
        threading.Thread(target=self._serve, name="hivectl store", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Tell whether the lock was had in time; when not, it is given back as soon as it comes."""
        with self._state:
            if self._waiting:
                # since the last time
                return False
            self._waiting = True
        self._wanted.release()
        try:
            had = self._had.acquire(timeout=seconds)
        except BaseException:
            self._give_up()
            raise
        return had or not self._give_up()

    def end(self) -> None:
        """End the thread, as soon as the lock comes if it waits for it."""
        self._ended = True
        with contextlib.suppress(RuntimeError):
            # told already, and about to look
            self._wanted.release()

    def _give_up(self) -> bool:
        """Wait no longer; False: the lock has just come."""
        with self._state:
            if self._had.acquire(blocking=False):
                return False
            self._abandoned = True
            return True

    def _serve(self) -> None:
        while True:
            self._wanted.acquire()
            if self._ended:
                break
            with contextlib.suppress(OSError):
                fcntl.flock(self.file, fcntl.LOCK_EX)
            with self._state:
                self._waiting = False
                if self._abandoned:
                    self._abandoned = False
                    fcntl.flock(self.file, fcntl.LOCK_UN)
                else:
                    self._had.release()
        os.close(self.file)
