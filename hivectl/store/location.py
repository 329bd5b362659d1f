"""Where the lab's store is, and the folders beside it."""

from __future__ import annotations

import os
from pathlib import Path

from hivectl.model.paths import user_path

SYSTEM_FOLDER = Path("/var/lib/hivectl")


def user_folder() -> Path:
    """Return the user's state folder (XDG Base Directory Specification: XDG_STATE_HOME)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "hivectl"


def store_location(configured: str | None, beside: Path | None) -> str:
    """Return the lab's store: a path or a URL.

    What the inventory names comes before HIVECTL_STORE: a lab's store is one, and whoever stood aside from it by a
    forgotten variable would be given nodes that others hold.

    Args:
        configured: `store:` of the inventory; a relative path counts from the inventory's folder.
        beside: that folder.
    """
    if configured:
        if "://" in configured:
            return configured
        path = user_path(configured)
        return str(path if path.is_absolute() or beside is None else (beside / path).resolve())
    if environment := os.environ.get("HIVECTL_STORE"):
        return environment
    return str((SYSTEM_FOLDER if _may_write(SYSTEM_FOLDER) else user_folder()) / "lab.db")


def ignored_store(configured: str | None, beside: Path | None) -> str | None:
    """Return a sentence on HIVECTL_STORE where it names another store than the inventory does; else None.

    Args:
        configured: `store:` of the inventory.
        beside: the inventory's folder.
    """
    environment = os.environ.get("HIVECTL_STORE")
    if not environment or not configured:
        return None
    store = store_location(configured, beside)
    if environment == store or (
        "://" not in environment + store and Path(environment).resolve() == Path(store).resolve()
    ):
        return None
    return f"HIVECTL_STORE ({_shown(environment)}) does not count here: the inventory names the lab's store, {_shown(store)}"


def _shown(store: str) -> str:
    """Return a store as people may see it: a URL without its password."""
    if "://" not in store:
        return store
    from hivectl.store.postgres import shown

    return shown(store)


def state_folder(store: str) -> Path:
    """Return the folder for journals, known hosts and virtual devices of the lab with this store."""
    return user_folder() if "://" in store else Path(store).parent


def _may_write(folder: Path) -> bool:
    existing = folder
    while not existing.exists():
        existing = existing.parent
    return os.access(existing, os.W_OK | os.X_OK)
