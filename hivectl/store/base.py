"""A database as the store's tables need it: SQLite or PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from hivectl.reservations.rules import Clock


class Cursor(Protocol):
    """What a statement came to."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """Return the first row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Statements(Protocol):
    """Takes statements in the SQL that both databases know, with ? for each value."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Carry out one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Carry out one statement for each row of values."""
        ...


class Store(Protocol):
    """The lab's database."""

    @property
    def identity(self) -> str:
        """Tell this store from others, so that its fencing tokens are not compared with theirs."""
        ...

    def writing(self) -> AbstractContextManager[Statements]:
        """Give a transaction that nobody else's overlaps; durable when the block ends."""
        ...

    def reading(self) -> AbstractContextManager[Statements]:
        """Give the connection for queries."""
        ...

    def now(self, statements: Statements) -> Clock:
        """Return the database's time."""
        ...

    def is_admin(self, statements: Statements) -> bool:
        """Tell whether we may end what is others'."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
