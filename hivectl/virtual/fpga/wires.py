"""Following wires of a configured chip backwards: what drives a segment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hivectl.model.records import record
from hivectl.virtual.fpga.errors import (
    CircuitError,
    ContentionError,
    FloatingError,
    HardBlockError,
    SettingError,
)

if TYPE_CHECKING:
    from hivectl.virtual.fpga.chip import Chip, Segment
    from hivectl.virtual.fpga.image import Tiles

GLOBAL = re.compile(r"glb_netwk_(\d)")
CELL = re.compile(r"lutff_\d/(out|lout|cout)|carry_in_mux|io_\d/D_IN_\d|ram/RDATA_\d+|mult/O_\d+|slf_op_\d")
NEIGHBOUR = re.compile(r"(?:neigh|logic)_op_(...)_(\d)")
STEPS = {"bot": (0, -1), "bnl": (-1, -1), "bnr": (1, -1), "top": (0, 1), "tnl": (-1, 1), "tnr": (1, 1),
         "lft": (-1, 0), "rgt": (1, 0)}  # fmt: skip
# what a wire may be that nothing is switched to: a cell's input, which then is at rest
INPUT = re.compile(
    r"lutff_\d/in_\d|lutff_global/(cen|s_r|clk)|ram/\w+|io_global/\w+|io_\d/(D_OUT_\d|OUT_ENB)|fabout"
)


@record
class Source:
    """What drives a wire.

    Attributes:
        segment: a cell's output; None: nothing is switched to it, so that it is at rest.
        fault: why it cannot be told.
    """

    segment: Segment | None
    fault: CircuitError | None = None


REST = Source(None)


class Wires:
    """The wires of one configured chip.

    Args:
        chip: the kind.
        tiles: its configuration.
    """

    def __init__(self, chip: Chip, tiles: Tiles) -> None:
        self.chip = chip
        self.tiles = tiles
        self._known: dict[Segment, Source] = {}

    def setting(self, x: int, y: int, name: str) -> bool:
        """Return whether a tile's setting is on, e.g. `IoCtrl IE_0`."""
        pattern = self.chip.kind(x, y).settings[name]
        return ((self.tiles.bits(x, y) or 0) & pattern.mask) == pattern.value

    def source(self, segment: Segment) -> Source:
        """Return what drives a segment, through as many wires as it takes."""
        path: list[Segment] = []
        while (found := self._known.get(segment)) is None:
            path.append(segment)
            step = self._step(segment)
            if isinstance(step, Source):
                found = step
                break
            if step in path:
                found = Source(
                    None, FloatingError(f"wires at {place(segment)} are joined in a ring with no driver")
                )
                break
            segment = step
        for passed in path:
            self._known[passed] = found
        return found

    def _step(self, segment: Segment) -> Source | Segment:
        """Return the one that feeds the wire of a segment, or what is known of it."""
        if (number := GLOBAL.fullmatch(segment[2])) is not None:
            return self._global(segment, int(number[1]))
        members = self._joined(segment)
        feeding: set[Segment] = {member for member in members if CELL.fullmatch(member[2])}
        for x, y, name in members:
            bits = self.tiles.bits(x, y)
            # what feeds a carry chain is the business of its cells
            if bits is None or name == "carry_in_mux":
                continue
            for pattern in self.chip.kind(x, y).into.get(name, ()):
                if bits & pattern.mask == pattern.value and self.chip.has((x, y, pattern.name)):
                    feeding.add((x, y, pattern.name))
        if len(feeding) > 1:
            told = ", ".join(sorted(place(one) for one in feeding))
            return Source(None, ContentionError(f"the wire at {place(segment)} is driven by several: {told}"))
        if feeding:
            (one,) = feeding
            return Source(one) if one in members else one
        return self._nothing(segment, members)

    def _joined(self, segment: Segment) -> set[Segment]:
        """Return all segments of a wire and of those that switches join with it."""
        members = set(self.chip.wire(segment))
        todo = list(members)
        while todo:
            x, y, name = todo.pop()
            bits = self.tiles.bits(x, y)
            if bits is None:
                continue
            for pattern in self.chip.kind(x, y).joins.get(name, ()):
                other = (x, y, pattern.name)
                if bits & pattern.mask == pattern.value and other not in members and self.chip.has(other):
                    more = self.chip.wire(other)
                    members |= more
                    todo += more
        return members

    def _nothing(self, segment: Segment, members: set[Segment]) -> Source:
        for x, y, name in sorted(members):
            if (found := NEIGHBOUR.fullmatch(name)) is not None and self.chip.ultra:
                dx, dy = STEPS[found[1]]
                if x + dx in (0, self.chip.config.max_x):
                    return Source((x + dx, y + dy, f"slf_op_{found[2]}"))
        x, y, name = segment
        if INPUT.fullmatch(name):
            bits = self.tiles.bits(x, y)
            if bits is None or not bits & self.chip.kind(x, y).choosing.get(name, 0):
                return REST
            return Source(
                None, SettingError(f"the switch before {place(segment)} has bits set of unknown meaning")
            )
        return Source(None, FloatingError(f"the wire at {place(segment)} is driven by nothing"))

    def _global(self, segment: Segment, number: int) -> Source | Segment:
        """Return what drives a global network, which must reach the segment's tile by its column's buffer."""
        x, y, _ = segment
        buffer_place = self.chip.buffers.get((x, y))
        if buffer_place is not None and self.tiles.bits(*buffer_place) is not None:
            name = f"ColBufCtrl glb_netwk_{number}"
            if name in self.chip.kind(*buffer_place).settings and not self.setting(*buffer_place, name):
                return Source(
                    None,
                    FloatingError(
                        f"global network {number} is switched off in the column of {place(segment)}"
                    ),
                )
        if any(self.tiles.extra(*bit) for bit in self.chip.global_pads.get(number, ())):
            px, py, pz = self.chip.config.padin_pio_db()[number]
            return Source((px, py, f"padin_{pz}"))
        if number in self.chip.global_sources:
            gx, gy = self.chip.global_sources[number]
            return gx, gy, "fabout"
        return Source(None, HardBlockError(f"global network {number} has an unknown driver"))


def place(segment: Segment) -> str:
    """Return a segment for people."""
    return f"({segment[0]} {segment[1]} {segment[2]})"
