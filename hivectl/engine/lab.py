"""A lab as a command meets it: its inventory, its store, its plugins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hivectl.model.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Lab:
    """What every command stands on.

    Attributes:
        inventory: the nodes, hives and limits.
        state: a folder of ours (mode 0700) for journals, known hosts and virtual devices.
    """

    inventory: Inventory
    state: Path


def open_lab(inventories: Sequence[Path] = ()) -> Lab:
    """Load the inventory (default: HIVECTL_INVENTORY, else ./inventory) and find the lab's store and state."""
    raise NotImplementedError
