"""The lab's store in PostgreSQL: for labs whose controllers are several machines."""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hivectl.model.errors import InputError
from hivectl.reservations.rules import Clock
from hivectl.store.errors import (
    StoreError,
    StoreLockedError,
    StoreUnreachableError,
    StoreUnwritableError,
    StoreVersionError,
)
from hivectl.store.migrations import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import psycopg

    from hivectl.store.base import Cursor, Statements

BUSY_SECONDS = 15.0
# after so many seconds the server ends a transaction whose client says no more, so that others get their turn
STUCK_SECONDS = 10.0
CONNECT_SECONDS = 10
# of pg_advisory_xact_lock: one transaction at a time, as in SQLite; row locks in any order deadlock
LOCK = 0x68697665
TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "BLOB": "BYTEA"}


class _Statements:
    """Takes statements with ? for each value."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Carry out one statement."""
        return self._connection.execute(_marked(sql), tuple(parameters))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Carry out one statement for each row of values."""
        cursor = self._connection.cursor()
        cursor.executemany(_marked(sql), [tuple(row) for row in parameters])
        return cursor


@cache
def _marked(sql: str) -> Any:
    return sql.replace("?", "%s").encode()


class PostgresStore:
    """Implements `hivectl.store.base.Store`: one connection, for any threads: they take turns."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._shown = shown(url)
        self._turn = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        with self._told_apart():
            self._connection = self._open()
            try:
                _migrate(self._connection, self._shown)
            except BaseException:
                self._connection.close()
                raise

    @property
    def identity(self) -> str:
        """Tell this store from others."""
        with self.reading() as statements:
            row = statements.execute("SELECT value FROM about WHERE name = 'identity'").fetchone()
        return str(row[0])

    @contextlib.contextmanager
    def writing(self) -> Iterator[Statements]:
        """Give a transaction that nobody else's overlaps; durable when the block ends."""
        with self._turn, self._told_apart():
            connection = self._opened()
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                yield _Statements(connection)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Statements]:
        """Give the connection for queries."""
        with self._turn, self._told_apart():
            yield _Statements(self._opened())

    def now(self, statements: Statements) -> Clock:
        """Return the server's time."""
        row = statements.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        return Clock(boot="postgresql", seconds=row[0], wall=row[0])

    def is_admin(self, statements: Statements) -> bool:
        """Tell whether we are of the role that owns the tables."""
        row = statements.execute(
            "SELECT bool_or(pg_has_role(current_user, tableowner, 'MEMBER')) FROM pg_tables"
            " WHERE tablename = 'reservation' AND schemaname = current_schema()"
        ).fetchone()
        return bool(row[0])

    def close(self) -> None:
        """Close the connection."""
        with self._turn:
            if self._connection is not None:
                self._connection.close()

    def _opened(self) -> psycopg.Connection[Any]:
        """Return the connection; one that was lost, as when the server begins anew, is opened again."""
        if self._connection is None or self._connection.closed:
            self._connection = self._open()
        return self._connection

    def _open(self) -> psycopg.Connection[Any]:
        try:
            import psycopg
        except ImportError:
            raise StoreError(
                "a store in PostgreSQL needs the package psycopg", hint="pip install 'hivectl[postgresql]'"
            ) from None
        connection = psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="hivectl",
            # a client that vanished must not keep the lock for two hours
            keepalives_idle=20,
            options=f"-c lock_timeout={BUSY_SECONDS * 1000:.0f}"
            f" -c idle_in_transaction_session_timeout={STUCK_SECONDS * 1000:.0f}",
        )
        connection.execute("SET synchronous_commit = on")
        return connection

    @contextlib.contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            import psycopg
        except ImportError:
            yield  # which says so itself
            return
        try:
            yield
        except psycopg.errors.LockNotAvailable as error:
            raise StoreLockedError(
                f"another process has kept the lab's store {self._shown} locked for {BUSY_SECONDS:.0f} s",
                hint="try again, or find it in pg_stat_activity",
            ) from error
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
            raise StoreUnwritableError(
                f"cannot write the lab's store {self._shown}: {error.diag.message_primary}",
                hint="grant the login all rights on its schema",
            ) from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            # the text of libpq names host and cause; the password is never in it
            raise StoreUnreachableError(
                f"the lab's store {self._shown} cannot be reached: {str(error).strip().splitlines()[0]}",
                hint="is the server running, and `store:` or HIVECTL_STORE right?",
            ) from error
        except psycopg.Error as error:
            if isinstance(error, psycopg.IntegrityError):
                raise
            raise StoreError(f"the lab's store {self._shown} refuses: {str(error).strip()}") from error


def shown(url: str) -> str:
    """Return a store's URL as people may see it: without its password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or "the local socket"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise InputError("the store's URL cannot be read", hint="postgresql://user@host/database") from None
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _migrate(connection: psycopg.Connection[Any], name: str) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute("CREATE TABLE IF NOT EXISTS migration (version BIGINT PRIMARY KEY)")
        row = connection.execute("SELECT max(version) FROM migration").fetchone()
        version = int(row[0] or 0) if row else 0
        if version > len(MIGRATIONS):
            raise StoreVersionError(
                f"the lab's store {name} is of a newer hivectl (version {version}, this one knows {len(MIGRATIONS)})",
                hint="update hivectl",
            )
        for number in range(version, len(MIGRATIONS)):
            connection.execute(_translated(MIGRATIONS[number]))
            connection.execute("INSERT INTO migration VALUES (%s)", (number + 1,))
        connection.execute(
            "INSERT INTO about VALUES ('identity', %s) ON CONFLICT (name) DO NOTHING", (secrets.token_hex(8),)
        )


def _translated(sql: str) -> bytes:
    """Return statements of SQLite's for PostgreSQL: names of types, and no STRICT, which it always is."""
    text = re.sub(r"\b(INTEGER|REAL|BLOB)\b", lambda found: TYPES[found[1]], sql)
    return re.sub(r"\)\s*STRICT\b", ")", text).encode()
