"""Netlists that were worked out before, by the SHA-256 of the bitstream: shipped with hivectl, or in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.virtual.board.package import cache_folder
from hivectl.virtual.fpga.netlist import VERSION, Netlist

if TYPE_CHECKING:
    from hivectl.virtual.fpga.target import Target

SHIPPED = Path(__file__).parent / "shipped"


def key_of(sha256: str, target: Target) -> str:
    """Return the name under which a bitstream's netlist is kept.

    Args:
        sha256: of the packed bitstream, in hexadecimal.
        target: whose pins it is looked at.
    """
    text = f"{VERSION} {sha256} {target.device} {target.package} {target.clock_pin} {target.output_pin}"
    return hashlib.sha256(text.encode()).hexdigest()


class NetlistCache:
    """Files of netlists.

    Args:
        folder: the user's; None: `fpga` in the user's cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where new ones are kept."""
        return self._folder if self._folder is not None else cache_folder() / "fpga"

    def find(self, key: str) -> Netlist | None:
        """Return a netlist, or None; a damaged file is as good as none."""
        for folder in (SHIPPED, self.folder):
            with contextlib.suppress(OSError, LookupError, TypeError, ValueError):
                return Netlist.from_json(json.loads((folder / f"{key}.json").read_bytes()))
        return None

    def keep(self, key: str, netlist: Netlist) -> None:
        """Keep a netlist, whole or not at all; a cache that cannot be written costs time and nothing else."""
        with contextlib.suppress(OSError):
            write_netlist(self.folder / f"{key}.json", netlist)


def write_netlist(path: Path, netlist: Netlist) -> None:
    """Write a netlist, so that readers see all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".netlist-")
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(netlist.to_json(), file, separators=(",", ":"))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
