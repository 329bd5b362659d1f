"""The lab that a command works in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hivectl.engine import lab as labs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def open_lab(inventories: Sequence[Path]) -> labs.Lab:
    """Load the inventory, and say what of the surroundings does not count.

    Raises:
        Complaints: every fault in the inventory.
        InputError: no inventory is there.
    """
    return _told(labs.open_lab(inventories))


def open_past(inventories: Sequence[Path]) -> labs.Lab:
    """Find the lab's store and journals, and say what of the surroundings does not count.

    Raises:
        Complaints: every fault in the inventory.
        InputError: nothing says where the store is.
    """
    return _told(labs.open_past(inventories))


def _told(lab: labs.Lab) -> labs.Lab:
    if lab.ignored is not None:
        print(f"warning: {lab.ignored}", file=sys.stderr)
    return lab
