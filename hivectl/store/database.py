"""The lab's SQLite database: opened, migrated, its faults told apart."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from hivectl.store.errors import (
    StoreCorruptedError,
    StoreError,
    StoreLockedError,
    StoreUnwritableError,
    StoreVersionError,
)
from hivectl.store.migrations import MIGRATIONS
from hivectl.store.process import now
from hivectl.store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hivectl.reservations.rules import Clock

BUSY_SECONDS = 15.0
# free on the disk: with less than this SQLite may fail to make its files beside the database
NEEDED_BYTES = 1 << 17


class Database:
    """One connection to the lab's database, for any threads: they take turns."""

    def __init__(self, path: Path, connection: sqlite3.Connection, turns: Turns) -> None:
        self.path = path
        self.connection = connection
        # a second thread's BEGIN would meet the first one's transaction: they share the connection
        self._turn = threading.Lock()
        self._turns = turns
        # of the write-ahead log, from the first change on
        self._log: int | None = None

    @property
    def identity(self) -> str:
        """Tell this store from others, so that its fencing tokens are not compared with theirs."""
        with self.reading() as connection:
            row = connection.execute("SELECT value FROM about WHERE name = 'identity'").fetchone()
        return str(row[0])

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction that holds the write lock from its start; durable when the block ends.

        SQLite itself (synchronous = NORMAL) does not wait for the disk at COMMIT, we do, behind our turn: others write
        meanwhile, and one wait of the disk serves all who have written. Whoever saw a change of ours that is not yet on
        the disk and builds upon it has it written with their own: the log is kept in one order (sqlite.org/wal.html).
        """
        with self._turn, self._faults():
            with self._turns.turn():
                # a plain BEGIN would fail with "database is locked" when it turns from reading to writing
                self.connection.execute("BEGIN IMMEDIATE")
                before = self.connection.total_changes
                try:
                    yield self.connection
                    changed = self.connection.total_changes != before
                    self.connection.execute("COMMIT")
                except BaseException:
                    # SQLite has ended some by itself, as when the disk is full
                    if self.connection.in_transaction:
                        self.connection.execute("ROLLBACK")
                    raise
            if changed:
                self._make_durable()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for queries."""
        with self._turn, self._faults():
            yield self.connection

    def close(self) -> None:
        """Close the connection."""
        with self._turn:
            self.connection.close()
            self._turns.close()
            if self._log is not None:
                os.close(self._log)
                self._log = None

    def now(self, _statements: object) -> Clock:
        """Return this machine's time, which no change of the wall clock moves: a SQLite file has but one machine."""
        return now()

    def is_admin(self, _statements: object) -> bool:
        """Tell whether we are root, or own the database."""
        return os.geteuid() in (0, self.path.stat().st_uid)

    def _make_durable(self) -> None:
        try:
            if self._log is None:
                # SQLite's locks are on the database and its -shm, so this one may be opened and closed at will
                self._log = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                _write_down(self.path.parent)
            os.fdatasync(self._log)
        except OSError as error:
            raise StoreUnwritableError(
                f"the lab's store {self.path} cannot be written: {error.strerror}",
                hint="look at the disk; what was just asked for may stand or not: see `hivectl status`",
            ) from error

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        with _told_apart(self.path):
            yield


def open_database(path: Path) -> Database:
    """Open the database, make it where it is missing, and bring its tables up to date.

    Raises:
        StoreError: one leaf for each cause.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made with its final mode, before SQLite would make it by umask. One that is there is never opened here: to
        # close it would drop the locks of this process's other connections (sqlite.org/howtocorrupt.html, 2.2).
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        turns = Turns(path.with_name(f"{path.name}-turn"))
    except OSError as error:
        raise StoreUnwritableError(
            f"cannot write the lab's store {path}: {error.strerror}",
            hint="name another with `store:` in the inventory or HIVECTL_STORE",
        ) from error
    with _told_apart(path), contextlib.ExitStack() as failed:
        failed.callback(turns.close)
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            _log_ahead(connection, turns)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
        failed.pop_all()
    return Database(path, connection, turns)


def _log_ahead(connection: sqlite3.Connection, turns: Turns) -> None:
    """Turn on the write-ahead log; of several who open a new store at once, SQLite refuses all but one, and at once."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                with turns.turn():
                    connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.001)
        else:
            return


def _write_down(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection, path)
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # another process may have migrated while this one waited for the lock
        for number in range(_version(connection, path), len(MIGRATIONS)):
            for statement in MIGRATIONS[number].split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
        connection.execute(
            "INSERT OR IGNORE INTO about VALUES ('identity', ?)",
            (secrets.token_hex(8),),
        )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise StoreVersionError(
            f"the lab's store {path} is of a newer hivectl (version {version}, this one knows {len(MIGRATIONS)})",
            hint="update hivectl",
        )
    return version


@contextlib.contextmanager
def _told_apart(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _operational(path, error) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError):
            raise
        raise _corrupted(path, error) from error


def _operational(path: Path, error: sqlite3.OperationalError) -> StoreError:
    code = _code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreLockedError(
            f"another process has kept the lab's store {path} locked for {BUSY_SECONDS:.0f} s",
            hint="try again, or find it with `fuser`",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_FULL):
        return StoreUnwritableError(
            f"cannot write the lab's store {path}: {error}",
            hint="name another with `store:` in the inventory or HIVECTL_STORE",
        )
    if code == sqlite3.SQLITE_IOERR:
        # a full disk ends in this too, where the file of locks cannot grow: nothing is damaged by that
        return StoreUnwritableError(
            f"the lab's store {path} cannot be read or written: {error}{_room(path)}",
            hint="look at the disk, or name another store with `store:` in the inventory or HIVECTL_STORE",
        )
    return _corrupted(path, error)


def _room(path: Path) -> str:
    try:
        free = os.statvfs(path.parent)
    except OSError:
        return ""
    return "; its disk is full" if free.f_bavail * free.f_frsize < NEEDED_BYTES else ""


def _code(error: sqlite3.OperationalError) -> int:
    """Return the primary result code (sqlite.org/rescode.html)."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _corrupted(path: Path, error: sqlite3.Error) -> StoreCorruptedError:
    return StoreCorruptedError(
        f"the lab's store {path} is damaged: {error}",
        hint="put it back from a backup, or move it away: a new one is made, and reservations in it are lost",
    )
