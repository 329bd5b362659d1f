"""The iCE40 devices: how large their banks are, and which tiles they have where.

The sizes and the places of the columns are those of project IceStorm's documentation and of `icepack`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGIC_WIDTH = 54
RAM_WIDTH = 42
IO_WIDTH = 18
TILE_WIDTHS = {"io": IO_WIDTH, "ramb": RAM_WIDTH, "ramt": RAM_WIDTH}
TILE_HEIGHT = 16
BRAM_ROWS = 256  # of each bank
BRAM_BLOCK = 128  # rows that are sent in one go


@record(kw_only=True)
class Device:
    """One kind of die.

    Attributes:
        name: as people say it: "up5k".
        short: as `.asc` files say it: "5k".
        columns, rows: of tiles inside the ring of I/O.
        top: the first row of tiles that the upper banks hold.
        cram_width: bits in a row of a configuration bank.
        cram_heights: rows of the banks 0 to 3: lower left, upper left, lower right, upper right.
        bram_widths: bits in a row of the block RAM banks 0 to 3; empty: it has none.
        first_column: bits that the outermost column is wide.
        ram_column: the column of block RAM in each half, counted from the outside; 0: none.
        dsp_rows: the rows at which a DSP block begins, in the outermost columns.
    """

    name: str
    short: str
    columns: int
    rows: int
    top: int
    cram_width: int
    cram_heights: tuple[int, int, int, int]
    bram_widths: tuple[int, ...]
    first_column: int
    ram_column: int
    dsp_rows: tuple[int, ...] = ()

    @property
    def has_side_io(self) -> bool:
        """Whether the left and right columns are I/O; the UltraPlus has hard blocks there."""
        return self.first_column == IO_WIDTH

    def tile_kind(self, x: int, y: int) -> str | None:
        """Return what the tile at a place is, as `.asc` files say it; None at the corners and outside."""
        right, upper = self.columns + 1, self.rows + 1
        if not (0 <= x <= right and 0 <= y <= upper) or (x in (0, right) and y in (0, upper)):
            return None
        if x in (0, right) and not self.has_side_io:
            part = next((y - row for row in self.dsp_rows if 0 <= y - row < 4), None)
            return "ipcon" if part is None else f"dsp{part}"
        if x in (0, right) or y in (0, upper):
            return "io"
        if self.ram_column and x in (self.ram_column, right - self.ram_column):
            return "ramb" if y % 2 else "ramt"
        return "logic"

    def column_offset(self, from_outside: int) -> int:
        """Return where in a bank's row a column begins, counted from the outside, in bits."""
        ram = LOGIC_WIDTH - RAM_WIDTH if 0 < self.ram_column < from_outside else 0
        return self.first_column + LOGIC_WIDTH * (from_outside - 1) - ram if from_outside else 0

    def column_width(self, from_outside: int) -> int:
        """Return how wide a column is, counted from the outside, in bits."""
        return self.column_offset(from_outside + 1) - self.column_offset(from_outside)

    def tiles(self) -> Iterator[tuple[str, int, int]]:
        """Return kind, x and y of each tile, row by row from below."""
        for y in range(self.rows + 2):
            for x in range(self.columns + 2):
                if (kind := self.tile_kind(x, y)) is not None:
                    yield kind, x, y


def _even(height: int) -> tuple[int, int, int, int]:
    return (height, height, height, height)


DEVICES = (
    Device(
        name="lp384", short="384", columns=6, rows=8, top=5, first_column=IO_WIDTH, ram_column=0,
        cram_width=182, cram_heights=_even(80), bram_widths=(),
    ),
    Device(
        name="hx1k", short="1k", columns=12, rows=16, top=9, first_column=IO_WIDTH, ram_column=3,
        cram_width=332, cram_heights=_even(144), bram_widths=_even(64),
    ),
    Device(
        name="lm4k", short="lm4k", columns=24, rows=20, top=11, first_column=IO_WIDTH, ram_column=6,
        cram_width=656, cram_heights=_even(176), bram_widths=_even(80),
    ),
    Device(
        name="u4k", short="u4k", columns=24, rows=20, top=11, first_column=LOGIC_WIDTH, ram_column=6,
        cram_width=692, cram_heights=_even(176), bram_widths=_even(80), dsp_rows=(5, 13),
    ),
    Device(
        name="up5k", short="5k", columns=24, rows=30, top=21, first_column=LOGIC_WIDTH, ram_column=6,
        cram_width=692, cram_heights=(336, 176, 336, 176), bram_widths=(160, 80, 160, 80),
        dsp_rows=(5, 10, 15, 23),
    ),
    Device(
        name="hx8k", short="8k", columns=32, rows=32, top=17, first_column=IO_WIDTH, ram_column=8,
        cram_width=872, cram_heights=_even(272), bram_widths=_even(128),
    ),
)  # fmt: skip  # a table


@cache
def device_of_banks(width: int, height: int) -> Device | None:
    """Return the device whose largest configuration bank has this size in bits; None: there is none."""
    return next((one for one in DEVICES if (one.cram_width, one.cram_heights[0]) == (width, height)), None)


@cache
def device_named(name: str) -> Device | None:
    """Return a device by its name or by what `.asc` files call it; None: there is none."""
    same = {"lp1k": "hx1k", "lp8k": "hx8k", "lp4k": "hx8k", "hx4k": "hx8k", "4k": "lm4k"}
    sought = same.get(name, name)
    return next((one for one in DEVICES if sought in (one.name, one.short)), None)


@cache
def tile_count(device: Device) -> int:
    """Return how many tiles a device has."""
    return sum(1 for _ in device.tiles())
