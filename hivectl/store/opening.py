"""Opening the lab's store, wherever it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from hivectl.store.base import Store


def open_store(location: str) -> Store:
    """Open the lab's database, made and migrated where need be.

    Args:
        location: a path, or a postgresql:// URL.

    Raises:
        StoreError: one leaf for each cause.
        InputError: a URL of something else.
    """
    scheme, separator, _ = location.partition("://")
    if not separator:
        from hivectl.store.database import open_database

        return open_database(Path(location))
    if scheme not in ("postgresql", "postgres"):
        raise InputError(
            f"a store is a file or a postgresql:// URL, not {scheme}://",
            hint="write postgresql://user@host/database",
        )
    from hivectl.store.postgres import PostgresStore

    return PostgresStore(location)
