"""A cache of netlists that keeps nothing: everything is worked out anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hivectl.virtual.fpga.cache import NetlistCache

if TYPE_CHECKING:
    from hivectl.virtual.fpga.netlist import Netlist


class NoCache(NetlistCache):
    """Keeps nothing."""

    nothing: ClassVar[dict[str, Netlist]] = {}

    def find(self, key: str) -> Netlist | None:
        """Find nothing."""
        return self.nothing.get(key)

    def keep(self, key: str, netlist: Netlist) -> None:
        """Keep nothing."""


NOTHING_KEPT = NoCache()
