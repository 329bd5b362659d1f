"""IceStorm's text form (`.asc`): checked row by row, packed as `icepack` does, and written as `iceunpack` does.

The format is described by project IceStorm ("Project IceStorm, ASCII files"); the places of the bits in the banks
were compared with `icepack` bit by bit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hivectl.bitstream.devices import (
    BRAM_ROWS,
    DEVICES,
    LOGIC_WIDTH,
    TILE_HEIGHT,
    TILE_WIDTHS,
    Device,
    device_named,
    tile_count,
)
from hivectl.bitstream.errors import RowError, TruncatedError, UnknownDeviceError
from hivectl.bitstream.ice40 import BANKS, Bank, Image
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable

# where the bits of a tile in the upper and lower rows of I/O lie within a column: they are not in order there
IO_COLUMNS = (23, 25, 26, 27, 16, 17, 18, 19, 20, 14, 32, 33, 34, 35, 36, 37, 4, 5)
IO_ROWS = (0, 1, 3, 2, 4, 5, 7, 6, 8, 9, 11, 10, 12, 13, 15, 14)
RAM_HEX = 64  # hexadecimal digits in a row of `.ram_data`
WORD = 16
BITS = re.compile(r"[01]*")
HEX = re.compile(r"[0-9a-fA-F]*")


@record(kw_only=True)
class Place:
    """Where a tile's bits lie.

    Attributes:
        bank: number of the configuration bank.
        column: the first bit of the tile's column in a row.
        row: the first row.
        width: of the column, in bits.
        right, top: whether it is mirrored.
        horizontal_io: whether it is in the upper or lower row of I/O.
    """

    bank: int
    column: int
    row: int
    width: int
    right: bool
    top: bool
    horizontal_io: bool


def place_of(device: Device, kind: str, x: int, y: int) -> Place:
    """Return where a tile's bits lie in the banks."""
    right, top = x > device.columns // 2, y >= device.top
    from_outside = device.columns + 1 - x if right else x
    return Place(
        bank=2 * right + top,
        column=device.column_offset(from_outside),
        row=TILE_HEIGHT * (device.rows + 1 - y if top else y),
        width=device.column_width(from_outside),
        right=right,
        top=top,
        horizontal_io=kind == "io" and x not in (0, device.columns + 1),
    )


def ram_place(device: Device, x: int, y: int) -> tuple[int, int]:
    """Return bank and first column of the block RAM whose lower tile is at a place."""
    right, top = x > device.columns // 2, y >= device.top
    return 2 * right + top, WORD * ((y - device.top if top else y - 1) // 2)


class Canvas:
    """The banks of a device as text of 0 and 1, which Python turns into bytes in one go."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.cram = [
            [bytearray(b"0" * device.cram_width) for _ in range(height)] for height in device.cram_heights
        ]
        self.bram = [[bytearray(b"0" * width) for _ in range(BRAM_ROWS)] for width in device.bram_widths]

    def put_tile(self, kind: str, x: int, y: int, rows: list[str]) -> None:
        """Set the bits of a tile."""
        place = place_of(self.device, kind, x, y)
        bank = self.cram[place.bank]
        if place.horizontal_io:
            for number, row in enumerate(rows):
                cells = bytearray(b"0" * place.width)
                for column, bit in zip(IO_COLUMNS, row.encode(), strict=True):
                    cells[column] = bit
                if place.right:
                    cells.reverse()
                # the whole column is the tile's own: no other has bits there
                bank[place.row + 15 - IO_ROWS[number]][place.column : place.column + place.width] = cells
            return
        # tiles of I/O at the left are mirrored too
        mirrored = place.right or kind == "io"
        for number, row in enumerate(rows):
            cells = bytearray(row.encode())
            if mirrored:
                cells.reverse()
            at = place.row + (15 - number if place.top else number)
            bank[at][place.column : place.column + place.width] = cells

    def put_ram(self, x: int, y: int, rows: list[str]) -> None:
        """Set the content of a block RAM: 16 rows of 16 words, the first word at the right."""
        bank, column = ram_place(self.device, x, y)
        for number, row in enumerate(rows):
            bits = f"{int(row, 16):0{4 * RAM_HEX}b}".encode()
            for word in range(WORD):
                at = (WORD - 1 - word) * WORD
                self.bram[bank][WORD * number + word][column : column + WORD] = bits[at : at + WORD]

    def banks(self, rows: list[list[bytearray]]) -> tuple[Bank, ...]:
        """Return finished banks."""
        return tuple(
            Bank(
                number=number,
                width=len(bank[0]),
                height=len(bank),
                data=int(b"".join(bank), 2).to_bytes(len(bank) * len(bank[0]) // 8),
            )
            for number, bank in enumerate(rows)
        )


class Reader:
    """Reads one `.asc` file."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.lines = text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.at = 0  # of the line that is read next, from 0
        self.header = b""
        self.warmboot = True
        self.canvas: Canvas | None = None
        self.seen: dict[tuple[str, int, int], int] = {}
        self.extra: list[tuple[int, int, int]] = []
        self.statements: dict[str, Callable[[list[str]], None]] = {
            ".comment": self.comment,
            ".device": self.device,
            ".warmboot": self.set_warmboot,
            ".ram_data": self.ram_data,
            ".extra_bit": self.extra_bit,
            ".sym": lambda words: None,  # noqa: ARG005  # names of nets say nothing about bits
        }

    def fail(self, message: str, *, column: int = 1, hint: str | None = None) -> RowError:
        """Return the complaint about the line that was read last."""
        return RowError(message, name=self.name, line=self.at, column=column, hint=hint)

    def read(self) -> Image:
        """Read everything."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            words = line.split()
            if not words:
                continue
            if words[0] in self.statements:
                self.statements[words[0]](words)
            elif words[0].startswith(".") and words[0].endswith("_tile"):
                self.tile(words)
            elif words[0].startswith("."):
                raise self.fail(f"unknown statement {words[0][:40]!r}")
            else:
                raise self.fail(f"a line that belongs to nothing: {line[:40]!r}")
        return self.finish()

    def finish(self) -> Image:
        """Check that nothing is missing."""
        if self.canvas is None:
            raise TruncatedError(
                "there is no .device statement: not an .asc file, or cut off", name=self.name
            )
        device = self.canvas.device
        found = sum(1 for kind, _, _ in self.seen if kind != "ram_data")
        if found < tile_count(device):
            raise TruncatedError(
                f"{device.name} has {tile_count(device)} tiles, {found} of them are in the file",
                name=f"{self.name}:{len(self.lines)}:1",
                hint="the file is cut off: make it again, or copy it again",
            )
        for bank, row, column in self.extra:
            self.canvas.cram[bank][row][column] = ord("1")
        return Image(
            device=device,
            header=self.header,
            frequency="low",
            warmboot=self.warmboot,
            nosleep=False,
            cram=self.canvas.banks(self.canvas.cram),
            bram=self.canvas.banks(self.canvas.bram),
        )

    def comment(self, _: list[str]) -> None:
        """Take the lines up to the next statement, byte by byte."""
        began = self.at
        while self.at < len(self.lines) and not self.lines[self.at].startswith("."):
            self.at += 1
        lines = self.lines[began : self.at]
        text = b"".join(line.encode("utf-8", "surrogateescape") + b"\0" for line in lines)
        self.header = b"\xff\0" + text + b"\0\xff"

    def device(self, words: list[str]) -> None:
        """Take the device."""
        if self.canvas is not None:
            raise self.fail("a second .device statement")
        name = words[1] if len(words) > 1 else ""
        device = device_named(name)
        if device is None or device.short != name:
            known = ", ".join(one.short for one in DEVICES)
            raise UnknownDeviceError(
                f"unknown device {name!r}", name=f"{self.name}:{self.at}:9", hint=f"known: {known}"
            )
        self.canvas = Canvas(device)

    def set_warmboot(self, words: list[str]) -> None:
        """Take whether the design may load another image."""
        if words[1:] not in (["enabled"], ["disabled"]):
            raise self.fail(".warmboot is enabled or disabled", column=11)
        self.warmboot = words[1] == "enabled"

    def tile(self, words: list[str]) -> None:
        """Take the rows of a tile."""
        canvas, (x, y) = self.started(words), self.numbers(words, 2)
        kind = words[0][1 : -len("_tile")]
        real = canvas.device.tile_kind(x, y)
        if real is None:
            raise self.fail(f"{canvas.device.name} has no tile {x} {y}", column=len(words[0]) + 2)
        if kind != real:
            raise self.fail(f"tile {x} {y} of {canvas.device.name} is .{real}_tile, not {words[0]}")
        self.once(kind, x, y)
        rows = self.rows(words, TILE_WIDTHS.get(kind, LOGIC_WIDTH), BITS, "0 and 1")
        canvas.put_tile(kind, x, y, rows)

    def ram_data(self, words: list[str]) -> None:
        """Take the content of a block RAM."""
        canvas, (x, y) = self.started(words), self.numbers(words, 2)
        if canvas.device.tile_kind(x, y) != "ramb":
            raise self.fail(f"{canvas.device.name} has no block RAM at {x} {y}", column=11)
        self.once("ram_data", x, y)
        canvas.put_ram(x, y, self.rows(words, RAM_HEX, HEX, "hexadecimal digits"))

    def extra_bit(self, words: list[str]) -> None:
        """Take a bit that belongs to no tile."""
        canvas, (bank, x, y) = self.started(words), self.numbers(words, 3)
        if bank >= BANKS or x >= canvas.device.cram_width or y >= canvas.device.cram_heights[bank]:
            raise self.fail(f"{canvas.device.name} has no bit {bank} {x} {y}", column=12)
        self.extra.append((bank, y, x))  # set last: tiles are written over what is there

    def started(self, words: list[str]) -> Canvas:
        """Return where the bits go; raises RowError before `.device`."""
        if self.canvas is None:
            raise self.fail(f"{words[0]} before .device")
        return self.canvas

    def numbers(self, words: list[str], count: int) -> list[int]:
        """Return the numbers of a statement."""
        given = words[1:]
        if len(given) != count or not all(
            word.isascii() and word.isdigit() and len(word) < 6 for word in given
        ):
            raise self.fail(f"{words[0]} needs {count} numbers", column=len(words[0]) + 2)
        return [int(word) for word in given]

    def once(self, kind: str, x: int, y: int) -> None:
        """Note a tile; raises RowError when it was there before."""
        before = self.seen.setdefault((kind, x, y), self.at)
        if before != self.at:
            raise self.fail(f"tile {x} {y} is there twice: first in line {before}")

    def rows(self, words: list[str], width: int, alphabet: re.Pattern[str], what: str) -> list[str]:
        """Return the 16 rows below a statement, each checked."""
        statement = " ".join(words)
        rows = []
        for number in range(TILE_HEIGHT):
            if self.at >= len(self.lines):
                raise TruncatedError(
                    f"the file ends in row {number + 1} of 16 of {statement}",
                    name=f"{self.name}:{len(self.lines)}:1",
                    hint="copy it again",
                )
            row = self.lines[self.at].rstrip("\r")
            self.at += 1
            if row.startswith("."):
                raise self.fail(f"{statement} has {number} of 16 rows before {row.split()[0]}")
            right = alphabet.match(row)
            good = right.end() if right else 0
            if good < len(row) and good < width:
                raise self.fail(f"{row[good]!r} in a row of {what} of {statement}", column=good + 1)
            if len(row) != width:
                raise self.fail(
                    f"row {number + 1} of {statement} has {len(row)} characters, not {width}",
                    column=min(len(row), width) + 1,
                )
            rows.append(row)
        return rows


def read_asc(data: bytes, name: str) -> Image:
    """Read an `.asc` file and check all of it.

    Args:
        data: the whole file.
        name: of the file, for complaints.

    Raises:
        ImageError: a leaf for each cause, with line and column.
    """
    return Reader(data.decode("utf-8", "surrogateescape"), name).read()


def write_asc(image: Image) -> str:
    """Return an image as text, as `iceunpack` writes it."""
    device = image.device
    out = [".comment", *(image.comment.split("\n") if image.comment else []), f".device {device.short}"]
    if not image.warmboot:
        out.append(".warmboot disabled")
    cram = [_rows(bank) for bank in image.cram]
    bram = [_rows(bank) for bank in image.bram]
    left = [[bytearray(row.encode()) for row in bank] for bank in cram]
    for kind, x, y in device.tiles():
        out.append(f".{kind}_tile {x} {y}")
        out += _tile_rows(cram, left, place_of(device, kind, x, y), kind)
        if kind == "ramb" and bram:
            out.append(f".ram_data {x} {y}")
            out += _ram_rows(bram, *ram_place(device, x, y))
    for number, bank in enumerate(left):
        extra = [
            (column, row) for row, cells in enumerate(bank) for column, cell in enumerate(cells) if cell == 49
        ]
        out += [f".extra_bit {number} {column} {row}" for column, row in sorted(extra)]
    return "\n".join(out) + "\n"


def _rows(bank: Bank) -> list[str]:
    bits = f"{int.from_bytes(bank.data):0{bank.width * bank.height}b}"
    return [bits[at : at + bank.width] for at in range(0, len(bits), bank.width)]


def _tile_rows(cram: list[list[str]], left: list[list[bytearray]], place: Place, kind: str) -> list[str]:
    """Return the rows of a tile, and clear them in `left`."""
    bank, end = cram[place.bank], place.column + place.width
    out = []
    for number in range(TILE_HEIGHT):
        if place.horizontal_io:
            at = place.row + 15 - IO_ROWS[number]
            cells = bank[at][place.column : end]
            out.append("".join((cells[::-1] if place.right else cells)[column] for column in IO_COLUMNS))
            for column in IO_COLUMNS:
                left[place.bank][at][end - 1 - column if place.right else place.column + column] = 48
            continue
        at = place.row + (15 - number if place.top else number)
        cells = bank[at][place.column : end]
        out.append(cells[::-1] if place.right or kind == "io" else cells)
        left[place.bank][at][place.column : end] = b"0" * place.width
    return out


def _ram_rows(bram: list[list[str]], bank: int, column: int) -> list[str]:
    rows = []
    for number in range(TILE_HEIGHT):
        words = [bram[bank][WORD * number + word][column : column + WORD] for word in reversed(range(WORD))]
        rows.append(f"{int(''.join(words), 2):0{RAM_HEX}x}")
    return rows
