"""UF2 files: every block checked, and for which chip they are.

The format is Microsoft's ("UF2 Specification"); families and memories are of the RP2040 and RP2350 datasheets and of
Espressif's UF2 family identifiers.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from typing import TYPE_CHECKING

from hivectl.bitstream.errors import (
    AddressError,
    BlockError,
    EmptyImageError,
    NotAnImageError,
    TooLargeError,
    TruncatedError,
    WrongDeviceError,
)
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BLOCK = 512
HEAD = struct.Struct("<8I")
MAGIC = (0x0A324655, 0x9E5D5157)
MAGIC_END = 0x0AB16F30
LARGEST_PAYLOAD = 476
PAGE = 256  # bytes: what RP2 chips take in one block, at multiples of it
LARGEST = 128 * 2**20  # bytes; 32 MB of flash, the most that an RP2350 has, make 64 MB of UF2

NOT_MAIN_FLASH, FILE_CONTAINER, FAMILY_PRESENT = 0x1, 0x1000, 0x2000
KNOWN_FLAGS = NOT_MAIN_FLASH | FILE_CONTAINER | FAMILY_PRESENT | 0x4000 | 0x8000  # MD5, extension tags

FLASH = 0x10000000
RAM = 0x20000000
ABSOLUTE = 0xE48BFF57
DATA = 0xE48BFF58
# erratum RP2350-E10: files begin with one more block, in another family, at the end of flash's window
E10_ADDRESS = 0x10FFFF00


@record(kw_only=True)
class Family:
    """What the family number of a block stands for.

    Attributes:
        number: in the block.
        name: for people.
        chips: that take it.
        memories: from and up to where it may write, in bytes; empty: not known.
        paged: blocks are whole pages of 256 bytes.
    """

    number: int
    name: str
    chips: tuple[str, ...]
    memories: tuple[tuple[int, int], ...] = ()
    paged: bool = False


def _rp2(number: int, name: str, chips: tuple[str, ...], flash: int, ram: int) -> Family:
    memories = ((FLASH, FLASH + flash), (RAM, RAM + ram))
    return Family(number=number, name=name, chips=chips, memories=memories, paged=True)


def _espressif(number: int, chip: str) -> Family:
    # addresses are offsets in flash, 32 MB at most
    return Family(number=number, name=chip, chips=(chip,), memories=((0, 32 * 2**20),))


RP2 = ("RP2040", "RP2350")
FAMILIES: Mapping[int, Family] = {
    family.number: family
    for family in (
        _rp2(0xE48BFF56, "RP2040", ("RP2040",), 16 * 2**20, 264 * 1024),
        _rp2(ABSOLUTE, "RP2 absolute", ("RP2350",), 32 * 2**20, 520 * 1024),
        _rp2(DATA, "RP2 data", ("RP2350",), 32 * 2**20, 520 * 1024),
        _rp2(0xE48BFF59, "RP2350 Arm secure", ("RP2350",), 32 * 2**20, 520 * 1024),
        _rp2(0xE48BFF5A, "RP2350 RISC-V", ("RP2350",), 32 * 2**20, 520 * 1024),
        _rp2(0xE48BFF5B, "RP2350 Arm non-secure", ("RP2350",), 32 * 2**20, 520 * 1024),
        _espressif(0x1C5F21B0, "ESP32"),
        _espressif(0xBFDD4EEE, "ESP32-S2"),
        _espressif(0xC47E5767, "ESP32-S3"),
        _espressif(0xD42BA06C, "ESP32-C3"),
        _espressif(0x2B88D29C, "ESP32-C2"),
        _espressif(0x540DDF62, "ESP32-C6"),
        _espressif(0xF71C0343, "ESP32-C5"),
        _espressif(0x332726F6, "ESP32-H2"),
        _espressif(0x3D308E94, "ESP32-P4"),
        _espressif(0x7EAB61ED, "ESP8266"),
        Family(
            number=0x792E7263,
            name="pico-ice gateware",
            chips=("pico-ice",),
            memories=((FLASH, FLASH + 4 * 2**20),),
        ),
    )
}


@record(kw_only=True)
class Part:
    """The blocks of one family.

    Attributes:
        family: that its blocks name.
        blocks: how many.
        start, end: the lowest address, and the one after the highest.
        in_ram: it is run from RAM, and leaves flash as it is.
    """

    family: Family
    blocks: int
    start: int
    end: int
    in_ram: bool


@record(kw_only=True)
class Uf2:
    """A whole file.

    Attributes:
        name: as it was named.
        parts: by family, in the order of the file.
        erratum: it begins with the additional block that erratum RP2350-E10 asks for.
        size: bytes that it writes.
        sha256: of the file, in hexadecimal.
        warnings: what is odd, but does not make it useless.
    """

    name: str
    parts: tuple[Part, ...]
    erratum: bool
    size: int
    sha256: str
    warnings: tuple[str, ...]

    @property
    def chips(self) -> tuple[str, ...]:
        """The chips that it has something for."""
        return tuple(dict.fromkeys(chip for part in self.parts for chip in part.family.chips))


@record(kw_only=True)
class Block:
    """One block, as it is in the file."""

    index: int
    flags: int
    address: int
    payload: int
    number: int
    count: int
    family: int

    @property
    def at(self) -> int:
        """Where it begins in the file."""
        return self.index * BLOCK


def read_uf2(data: bytes, name: str) -> Uf2:
    """Check a UF2 file: every block, and that they fit together.

    Args:
        data: the whole file.
        name: of the file, for complaints.

    Raises:
        ImageError: a leaf for each cause, with the byte at which it was found.
    """
    if not data:
        raise EmptyImageError("the file is empty", name=name)
    if len(data) > LARGEST:
        raise TooLargeError(f"{len(data):,} bytes are too many for a UF2 file (up to {LARGEST:,})", name=name)
    if len(data) < 8 or struct.unpack_from("<2I", data) != MAGIC:
        raise NotAnImageError("not a UF2 file: it does not begin with 'UF2\\n'", name=name)
    if len(data) % BLOCK:
        raise TruncatedError(
            f"{len(data)} bytes are no whole number of blocks of 512",
            name=name,
            offset=len(data),
            hint="copy it again",
        )
    blocks = [_block(data, index, name) for index in range(len(data) // BLOCK)]
    erratum = len(blocks) > 1 and blocks[0].family == ABSOLUTE and blocks[0].address == E10_ADDRESS
    counted = [block for block in blocks[erratum:] if not block.flags & NOT_MAIN_FLASH]
    warnings = []
    if len(counted) < len(blocks) - erratum:
        warnings.append(f"{len(blocks) - erratum - len(counted)} blocks are not for flash: boards skip them")
    if not counted:
        raise BlockError("there is no block that a board would write", name=name)
    families = dict.fromkeys(block.family for block in counted)
    parts = tuple(_part([one for one in counted if one.family == number], name) for number in families)
    for part in parts:
        rp2 = any(chip in RP2 for chip in part.family.chips) and part.family.number not in (ABSOLUTE, DATA)
        if rp2 and not part.in_ram and part.start != FLASH:
            warnings.append(
                f"it holds no first page of flash for {part.family.name}: no program starts from it"
            )
    return Uf2(
        name=name,
        parts=parts,
        erratum=erratum,
        size=sum(block.payload for block in counted),
        sha256=hashlib.sha256(data).hexdigest(),
        warnings=tuple(warnings),
    )


def _block(data: bytes, index: int, name: str) -> Block:
    at = index * BLOCK
    first, second, flags, address, payload, number, count, family = HEAD.unpack_from(data, at)
    (end,) = struct.unpack_from("<I", data, at + BLOCK - 4)

    def fail(message: str, offset: int) -> BlockError:
        return BlockError(f"block {index}: {message}", name=name, offset=at + offset)

    for offset, found, wanted in ((0, first, MAGIC[0]), (4, second, MAGIC[1]), (BLOCK - 4, end, MAGIC_END)):
        if found != wanted:
            raise fail(f"the magic number is {found:08X}, not {wanted:08X}", offset)
    if flags & ~KNOWN_FLAGS:
        raise fail(f"unknown flags {flags & ~KNOWN_FLAGS:X}", 8)
    if flags & FILE_CONTAINER:
        raise fail("it is a part of a file, not of an image for flash", 8)
    if not flags & FAMILY_PRESENT:
        raise fail("it names no family, so no board can tell whether it is meant", 8)
    if family not in FAMILIES:
        raise fail(f"family {family:08X} is not known", 28)
    if not 0 < payload <= LARGEST_PAYLOAD:
        raise fail(f"a payload of {payload} bytes: 1 to {LARGEST_PAYLOAD} fit", 16)
    return Block(
        index=index, flags=flags, address=address, payload=payload, number=number, count=count, family=family
    )


def _part(blocks: Sequence[Block], name: str) -> Part:
    family = FAMILIES[blocks[0].family]
    _check_numbers(blocks, family, name)
    for block in blocks:
        if family.paged and (block.payload != PAGE or block.address % PAGE):
            raise BlockError(
                f"block {block.index}: {block.payload} bytes to 0x{block.address:08X}: "
                f"{family.name} takes whole pages of 256",
                name=name,
                offset=block.at + 12,
            )
        if family.memories and _memory_of(block, family) is None:
            raise AddressError(
                f"block {block.index} goes to 0x{block.address:08X}, where {family.name} has neither flash nor RAM",
                name=name,
                offset=block.at + 12,
            )
    ordered = sorted(blocks, key=lambda block: block.address)
    for before, after in itertools.pairwise(ordered):
        if before.address + before.payload > after.address:
            raise AddressError(
                f"blocks {before.index} and {after.index} both write 0x{after.address:08X}",
                name=name,
                offset=after.at + 12,
            )
    used = {_memory_of(block, family) for block in blocks}
    if len(used) > 1:
        raise AddressError(f"a part of {family.name} goes to flash, and a part to RAM", name=name)
    return Part(
        family=family,
        blocks=len(blocks),
        start=ordered[0].address,
        end=ordered[-1].address + ordered[-1].payload,
        in_ram=family.paged and ordered[0].address >= RAM,
    )


def _check_numbers(blocks: Sequence[Block], family: Family, name: str) -> None:
    """Check that blocks 0 to n-1 of a family are there, each once."""
    seen: dict[int, Block] = {}
    for block in blocks:
        if block.count != blocks[0].count:
            raise BlockError(
                f"block {block.index} says that there are {block.count} blocks of {family.name}, "
                f"block {blocks[0].index} says {blocks[0].count}",
                name=name,
                offset=block.at + 24,
            )
        if block.number >= block.count:
            raise BlockError(
                f"block {block.index} is number {block.number} of {block.count}",
                name=name,
                offset=block.at + 20,
            )
        if before := seen.get(block.number):
            raise BlockError(
                f"block {block.index} has the number {block.number} of block {before.index} too",
                name=name,
                offset=block.at + 20,
            )
        seen[block.number] = block
    missing = blocks[0].count - len(blocks)
    if missing:
        first = next(number for number in range(blocks[0].count) if number not in seen)
        raise TruncatedError(
            f"{missing} of the {blocks[0].count} blocks of {family.name} are missing, number {first} first",
            name=name,
            hint="copy it again",
        )


def _memory_of(block: Block, family: Family) -> int | None:
    for number, (start, end) in enumerate(family.memories):
        if start <= block.address and block.address + block.payload <= end:
            return number
    return None


def check_chip(uf2: Uf2, chip: str, *, node: str | None = None, flash: int | None = None) -> None:
    """Refuse a file that a board's chip would not take.

    Args:
        uf2: that shall be put on the board.
        chip: as families name it: "RP2040", "RP2350", "ESP32-S3".
        node: that the board is, for the complaint.
        flash: bytes of flash that the board has; None: not known.

    Raises:
        WrongDeviceError: no part is for this chip; the boot ROM would ignore it without a word.
        AddressError: it does not fit into the board's flash.
    """
    own = [part for part in uf2.parts if chip in part.family.chips]
    board = f"{node} is" if node else "the board is"
    if not own:
        meant = " and ".join(part.family.name for part in uf2.parts)
        raise WrongDeviceError(
            f"made for {meant}, but {board} {chip}", name=uf2.name, hint=f"take the file for {chip}"
        )
    for part in own:
        base = FLASH if part.family.paged else 0
        if flash is not None and not part.in_ram and part.end - base > flash:
            raise AddressError(
                f"it writes up to byte {part.end - base:,} of flash, but {board} one with {flash:,}",
                name=uf2.name,
            )
