"""One kind of chip: which wires are one, and which bits join them; by icestorm's icebox.

A wire has a name in each tile that it passes: `(x, y, name)` is a segment. A *buffer* carries a level one way, from
one wire into another; a *switch* (icebox calls it routing) joins two, so that they are one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from hivectl.model.records import record
from hivectl.virtual.fpga.errors import WrongDeviceError
from hivectl.virtual.fpga.icebox import load_icebox

Segment = tuple[int, int, str]
BIT = re.compile(r"(!?)B(\d+)\[(\d+)\]")
DEVICES = ("1k", "5k")


@record
class Pattern:
    """Bits of a tile that mean something together: they do where `bits & mask == value`."""

    mask: int
    value: int
    name: str


class TileKind:
    """What the bits of one kind of tile mean.

    Args:
        database: icebox's, a list of [bits, kind, names...].
        width: bits in a row.
    """

    def __init__(self, database: list[list[Any]], width: int) -> None:
        self.into: dict[str, list[Pattern]] = {}
        self.joins: dict[str, list[Pattern]] = {}
        self.settings: dict[str, Pattern] = {}
        # all bits that choose what goes into a wire
        self.choosing: dict[str, int] = {}
        for bits, kind, *names in database:
            mask, value = _mask(bits, width)
            if kind == "buffer":
                source, sink = names
                self.into.setdefault(sink, []).append(Pattern(mask, value, source))
                self.choosing[sink] = self.choosing.get(sink, 0) | mask
            elif kind == "routing":
                one, other = names
                self.joins.setdefault(one, []).append(Pattern(mask, value, other))
                self.joins.setdefault(other, []).append(Pattern(mask, value, one))
            else:
                name = " ".join([kind, *names])
                self.settings[name] = Pattern(mask, value, name)


def _mask(bits: list[str], width: int) -> tuple[int, int]:
    mask = value = 0
    for bit in bits:
        found = BIT.fullmatch(bit)
        assert found is not None
        one = 1 << (int(found[2]) * width + int(found[3]))
        mask |= one
        if not found[1]:
            value |= one
    return mask, value


class Chip:
    """A device's wires; `chip_of` keeps one of each.

    Args:
        device: as icestorm calls it: 5k, 1k.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.icebox = load_icebox()
        self.config = self.icebox.iceconfig()
        getattr(self.config, f"setup_empty_{device}")()
        self._kinds: dict[int, TileKind] = {}
        self._wires: dict[Segment, frozenset[Segment]] = {}
        self.memories = frozenset(self.config.ramb_tiles)
        self.buffers = {(x, y): (x, source) for x, source, _, y in self.config.colbuf_db()}
        # where fabric feeds a global network
        self.global_sources = {number: (x, y) for x, y, number in self.config.gbufin_db()}
        # bits that let a pin's cell feed one instead
        self.global_pads: dict[int, list[tuple[int, int, int]]] = {}
        for bit, (what, number) in self.icebox.extra_bits_db[device].items():
            if what == "padin_glb_netwk":
                self.global_pads.setdefault(int(number), []).append(bit)
        self.cells: dict[str, dict[str, Any]] = {
            kind: wires for (kind, _), wires in self.icebox.extra_cells_db.get(device, {}).items()
        }

    @property
    def ultra(self) -> bool:
        """Whether hard blocks lie at its left and right."""
        return bool(self.config.is_ultra())

    def kind(self, x: int, y: int) -> TileKind:
        """Return what the bits of the tile at a place mean."""
        database = self.config.tile_db(x, y)
        known = self._kinds.get(id(database))
        if known is None:
            known = self._kinds[id(database)] = TileKind(database, len(self.config.tile(x, y)[0]))
        return known

    def wire(self, segment: Segment) -> frozenset[Segment]:
        """Return all names of the wire that has this one."""
        known = self._wires.get(segment)
        if known is None:
            known = frozenset(self.config.expand_net(segment))
            for name in known:
                self._wires[name] = known
        return known

    def has(self, segment: Segment) -> bool:
        """Return whether there is such a wire in that tile: at the chip's edges some are missing."""
        return bool(self.config.tile_has_net(*segment))

    def pins(self, package: str) -> dict[str, tuple[int, int, int]]:
        """Return the place (x, y, number) of each pin's cell."""
        try:
            pins = self.icebox.pinloc_db[f"{self.device}-{package}"]
        except KeyError:
            raise WrongDeviceError(f"there is no iCE40 {self.device} in a package {package}") from None
        return {str(name): (x, y, z) for name, x, y, z in pins}


@cache
def chip_of(device: str) -> Chip:
    """Return a chip.

    Raises:
        WrongDeviceError: the twin does not know it.
        IceboxMissingError: icebox is not installed.
    """
    if device not in DEVICES:
        raise WrongDeviceError(f"the twin knows iCE40 {' and '.join(DEVICES)}, not {device}")
    return Chip(device)
