"""A bitstream's bits by tile, taken from its banks as they are asked for: the cone of one pin needs a few tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.bitstream.asc import IO_COLUMNS, IO_ROWS, place_of, ram_place
from hivectl.bitstream.devices import TILE_HEIGHT

if TYPE_CHECKING:
    from hivectl.bitstream.ice40 import Bank, Image

Place = tuple[int, int]
# words of one block RAM in a row of icestorm's text form
WORDS = 256
BITS = 16


class Tiles:
    """The tiles of an image.

    Args:
        image: from `hivectl.bitstream`.
    """

    def __init__(self, image: Image) -> None:
        self._device = image.device
        self._banks = [_rows(bank) for bank in image.cram]
        self._bram = image.bram
        self._known: dict[Place, int | None] = {}

    @property
    def device(self) -> str:
        """The chip, as icestorm calls it."""
        return self._device.short

    def bits(self, x: int, y: int) -> int | None:
        """Return a tile's bits, bit `row * width + column`; None: there is no tile."""
        if (x, y) not in self._known:
            kind = self._device.tile_kind(x, y)
            self._known[x, y] = None if kind is None else self._taken(kind, x, y)
        return self._known[x, y]

    def _taken(self, kind: str, x: int, y: int) -> int:
        place = place_of(self._device, kind, x, y)
        bank, end = self._banks[place.bank], place.column + place.width
        rows = []
        for number in range(TILE_HEIGHT):
            if place.horizontal_io:
                cells = bank[place.row + 15 - IO_ROWS[number]][place.column : end]
                if place.right:
                    cells = cells[::-1]
                rows.append("".join(cells[column] for column in IO_COLUMNS))
            else:
                cells = bank[place.row + (15 - number if place.top else number)][place.column : end]
                # tiles of I/O at the left are mirrored too
                rows.append(cells[::-1] if place.right or kind == "io" else cells)
        return int("".join(rows)[::-1], 2)

    def extra(self, bank: int, column: int, row: int) -> bool:
        """Return a bit that belongs to no tile."""
        return self._banks[bank][row][column] == "1"

    def memory(self, x: int, y: int) -> tuple[int, ...] | None:
        """Return the words of the block RAM whose lower tile is at a place; None: the image sets none."""
        if not self._bram:
            return None
        number, column = ram_place(self._device, x, y)
        rows = _rows(self._bram[number])
        return tuple(int(rows[word][column : column + BITS], 2) for word in range(WORDS))


def _rows(bank: Bank) -> list[str]:
    bits = f"{int.from_bytes(bank.data):0{bank.width * bank.height}b}"
    return [bits[at : at + bank.width] for at in range(0, len(bits), bank.width)]
