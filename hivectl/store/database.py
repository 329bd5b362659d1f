"""The lab's SQLite database: opened, migrated, its faults told apart."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
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

    @property
    def identity(self) -> str:
        """Tell this store from others, so that its fencing tokens are not compared with theirs."""
        with self.reading() as connection:
            row = connection.execute("SELECT value FROM about WHERE name = 'identity'").fetchone()
        return str(row[0])

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction that holds the write lock from its start; durable when the block ends."""
        with self._turn, self._faults(), self._turns.turn():
            # a plain BEGIN would fail with "database is locked" when it turns from reading to writing
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                # SQLite has ended some by itself, as when the disk is full
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

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

    def now(self, _statements: object) -> Clock:
        """Return this machine's time, which no change of the wall clock moves: a SQLite file has but one machine."""
        return now()

    def is_admin(self, _statements: object) -> bool:
        """Tell whether we are root, or own the database."""
        return os.geteuid() in (0, self.path.stat().st_uid)

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
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
        failed.pop_all()
    return Database(path, connection, turns)


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
