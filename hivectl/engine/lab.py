"""A lab as a command meets it: its inventory, its store, its state folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.model.errors import InputError
from hivectl.model.records import record
from hivectl.store.location import ignored_store, state_folder, store_location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.model.inventory import Inventory
    from hivectl.store.base import Store


@record
class Lab:
    """What every command stands on.

    Attributes:
        inventory: the nodes, hives and limits.
        store: path or URL of the lab's database, not yet opened.
        state: a folder of ours (mode 0700) for journals, known hosts and virtual devices.
        ignored: a sentence on HIVECTL_STORE, where it names another store than the inventory.
    """

    inventory: Inventory
    store: str
    state: Path
    ignored: str | None = None

    @property
    def longest(self) -> float:
        """For how many seconds anybody may reserve at once."""
        from hivectl.reservations.base import LONGEST

        return self.inventory.longest or LONGEST

    def open_store(self) -> Store:
        """Open the lab's database; raises StoreError."""
        from hivectl.store.opening import open_store

        return open_store(self.store)

    def run_folder(self) -> Path:
        """Return the folder of the journals, made where it is missing; raises JournalError."""
        folder = self.state / "runs"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            from hivectl.engine.journal import JournalError

            raise JournalError(
                f"cannot keep journals in {folder}: {error.strerror}",
                hint="they are beside the lab's store: name another with `store:` or HIVECTL_STORE",
            ) from error
        return folder


def open_lab(inventories: Sequence[Path] = ()) -> Lab:
    """Load the inventory and find the lab's store and state.

    Args:
        inventories: files and folders, later wins; none: HIVECTL_INVENTORY (separated by colons), else ./inventory.

    Raises:
        Complaints: every fault in the inventory.
        InputError: no inventory is there.
    """
    from hivectl.drivers.registry import driver_names
    from hivectl.model.inventory import load_inventory
    from hivectl.power.registry import backend_names

    paths = tuple(inventories) or _default_inventories()
    inventory = load_inventory(
        paths, attributes_of, driver_names, backend_attributes_of, backend_names, board_meant, virtual_fault
    )
    try:
        folder = _folder_of(paths[-1])
    except FileNotFoundError as error:
        raise InputError("the folder that you are in is gone", hint="cd to another one") from error
    store = store_location(inventory.store, folder)
    return Lab(inventory, store, state_folder(store), ignored=ignored_store(inventory.store, folder))


def open_past(inventories: Sequence[Path] = ()) -> Lab:
    """Find the lab's store and journals: by its inventory, or by HIVECTL_STORE alone where there is no inventory.

    Args:
        inventories: as `open_lab` takes them.

    Raises:
        Complaints: every fault in the inventory.
        InputError: nothing says where the store is.
    """
    if inventories or not os.environ.get("HIVECTL_STORE") or _has_inventory():
        return open_lab(inventories)
    from hivectl.model.inventory import Inventory

    store = store_location(None, None)
    return Lab(Inventory(), store, state_folder(store))


def inventories_of(run: str) -> tuple[Path, ...]:
    """Return the inventories to resume a run with where none is named and none is here: those that it had.

    Raises:
        InputError: there is no such run, or nothing says where the lab's store is.
    """
    if _has_inventory():
        return ()
    from hivectl.engine.journal import read_journal

    lab = open_past()
    return tuple(Path(path) for path in read_journal(lab.run_folder(), run).header.inventories)


def attributes_of(driver: str) -> type | None:
    """Return the class of a driver's attributes; None when there is no such driver.

    Raises:
        BrokenPluginError: another package's driver cannot be loaded.
    """
    from hivectl.drivers.registry import UnknownDriverError, find_driver

    try:
        return find_driver(driver).attributes
    except UnknownDriverError:
        return None


def backend_attributes_of(name: str) -> type | None:
    """Return the class of a power backend's attributes; None when there is no such backend.

    Raises:
        BrokenPluginError: another package's backend cannot be loaded.
    """
    from hivectl.power.registry import UnknownBackendError, find_backend

    try:
        return find_backend(name).attributes
    except UnknownBackendError:
        return None


def board_meant(name: str) -> str | None:
    """Return the board that was meant by a name that is none but looks like one."""
    from hivectl.boards.registry import meant

    return meant(name)


def virtual_fault(kind: str, driver: str) -> InputError | None:
    """Return what is wrong with a kind of virtual device behind a driver; None: it fits."""
    from hivectl.virtual.registry import need_kind

    try:
        need_kind(kind, driver)
    except InputError as error:
        return error
    return None


def beside(lab: Lab, playbook: Path) -> Lab:
    """Return the lab as a playbook sees it: with the `group_vars` and `host_vars` folders beside the playbook.

    Raises:
        Complaints: every fault in these.
    """
    from hivectl.model.variable_folders import beside_playbook

    return replace(lab, inventory=beside_playbook(lab.inventory, playbook.absolute().parent))


def _has_inventory() -> bool:
    return bool(os.environ.get("HIVECTL_INVENTORY")) or Path("inventory").exists()


def _default_inventories() -> tuple[Path, ...]:
    if named := os.environ.get("HIVECTL_INVENTORY"):
        paths = tuple(Path(part) for part in named.split(":") if part)
        if not paths:
            raise InputError(
                "HIVECTL_INVENTORY names no file", hint="write FILE, or several with colons between"
            )
        return paths
    if Path("inventory").exists():
        return (Path("inventory"),)
    raise InputError(
        "there is no inventory here",
        hint="name one with -i FILE, set HIVECTL_INVENTORY, or make ./inventory/lab.yml",
    )


def _folder_of(path: Path) -> Path:
    return path.resolve() if path.is_dir() else path.resolve().parent
