"""The configuration stream of iCE40 devices (`.bin`): read command by command with its CRC, and written.

The stream is described by project IceStorm ("iCE40 Bitstream File Format"), loading it by Lattice's FPGA-TN-02001.
One command is a byte `operation << 4 | n` and n bytes of payload, big endian.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from hivectl.bitstream.devices import BRAM_BLOCK, BRAM_ROWS, DEVICES, Device, device_of_banks
from hivectl.bitstream.errors import (
    BankError,
    ChecksumError,
    CommandError,
    NotAnImageError,
    TruncatedError,
    UnknownDeviceError,
)
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

SYNC = bytes.fromhex("7EAA997E")
FREQUENCIES = ("low", "medium", "high")
BANKS = 4
NOSLEEP = 0x01
WARMBOOT = 0x20
WAKE_UP = bytes.fromhex("0106")
BLANK = bytes.fromhex("FFFFFFFF")  # what an erased flash holds; icepack looks for no image behind it

# operations
ACTION, BANK, CRC, BOOT_ADDRESS, FREQUENCY, WIDTH, HEIGHT, OFFSET, FLAGS = (0, 1, 2, 4, 5, 6, 7, 8, 9)
# payloads of ACTION
CRAM_DATA, BRAM_DATA, CRC_RESET, WAKE, REBOOT = (1, 3, 5, 6, 8)


@record(kw_only=True)
class Bank:
    """One bank of configuration or block RAM.

    Attributes:
        number: 0 lower left, 1 upper left, 2 lower right, 3 upper right.
        width: bits in a row.
        height: rows.
        data: the rows one after another, the first bit highest.
    """

    number: int
    width: int
    height: int
    data: bytes


@record(kw_only=True)
class Image:
    """A whole configuration of a device.

    Attributes:
        device: that it is for.
        header: what stands before the synchronisation word, as it is there.
        frequency: "low", "medium" or "high": how fast the device reads its flash.
        warmboot: whether the design may load another image from flash.
        nosleep: whether the flash stays awake after loading.
        cram: four banks of configuration.
        bram: four banks of block RAM; empty when the image does not initialise it.
        warnings: what is odd, but does not make it useless.
    """

    device: Device
    header: bytes
    frequency: str
    warmboot: bool
    nosleep: bool
    cram: tuple[Bank, ...]
    bram: tuple[Bank, ...]
    warnings: tuple[str, ...] = ()

    @property
    def comment(self) -> str:
        """What the maker wrote into the head, line by line."""
        text = self.header.strip(b"\xff").strip(b"\0")
        return "\n".join(part.decode("utf-8", "replace") for part in text.split(b"\0"))


@record(kw_only=True)
class Block:
    """Data of one command, and where they belong."""

    bank: int
    width: int
    height: int
    offset: int
    data: bytes
    at: int


class Walker:
    """Reads one stream; each complaint names the byte at which the command begins."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.at = 0
        self.values = {BANK: 0, WIDTH: 0, HEIGHT: 0, OFFSET: 0}
        self.frequency = "low"
        self.flags = 0
        self.crc_from: int | None = None
        self.checked = False
        self.cram: list[Block] = []
        self.bram: list[Block] = []
        self.warnings: list[str] = []

    def take(self, count: int, what: str) -> bytes:
        """Return the next bytes; raises TruncatedError."""
        taken = self.data[self.at : self.at + count]
        if len(taken) < count:
            raise TruncatedError(
                f"the file ends within {what}: {count - len(taken)} bytes are missing",
                name=self.name,
                offset=len(self.data),
                hint="copy it again",
            )
        self.at += count
        return taken

    def walk(self) -> None:
        """Read every command up to the wake-up."""
        awake = False
        while not awake:
            began = self.at
            if began >= len(self.data):
                raise TruncatedError(
                    "the file ends before the wake-up command",
                    name=self.name,
                    offset=began,
                    hint="copy it again",
                )
            operation, count = divmod(self.take(1, "a command")[0], 16)
            value = int.from_bytes(self.take(count, f"the command 0x{operation:X}{count:X}"))
            awake = self.step(operation, count, value, began)
        tail = len(self.data) - self.at
        if not self.checked:
            raise ChecksumError(
                "there is no CRC check before the wake-up: nothing says that the image is whole",
                name=self.name,
                offset=self.at - len(WAKE_UP),
            )
        if tail > 1:
            self.warnings.append(f"{tail} bytes after the wake-up command are not covered by the CRC")

    def step(self, operation: int, count: int, value: int, began: int) -> bool:
        """Carry out one command; True: it was the wake-up."""
        if count == 0 or count > 4:
            raise self.unknown(operation, count, value, began)
        if operation == ACTION:
            return self.act(value, began, count)
        if operation in self.values:
            self.values[operation] = value + 1 if operation == WIDTH else value
            if operation == BANK and value >= BANKS:
                raise BankError(f"there is no bank {value}: banks are 0 to 3", name=self.name, offset=began)
        elif operation == CRC:
            self.check_crc(count, began)
        elif operation == FREQUENCY and value < len(FREQUENCIES):
            self.frequency = FREQUENCIES[value]
        elif operation == FLAGS and not value & ~(NOSLEEP | WARMBOOT):
            self.flags = value
        elif operation == BOOT_ADDRESS:
            raise self.multiboot(began)
        else:
            raise self.unknown(operation, count, value, began)
        return False

    def act(self, value: int, began: int, count: int) -> bool:
        """Carry out what a payload of operation 0 asks for."""
        if value in (CRAM_DATA, BRAM_DATA):
            self.take_block(self.cram if value == CRAM_DATA else self.bram, began)
        elif value == CRC_RESET:
            self.crc_from = self.at
            self.checked = False
        elif value == REBOOT:
            raise self.multiboot(began)
        elif value != WAKE:
            raise self.unknown(ACTION, count, value, began)
        return value == WAKE

    def take_block(self, into: list[Block], began: int) -> None:
        """Read the data of one bank, and the two zeros after them."""
        width, height = self.values[WIDTH], self.values[HEIGHT]
        size, rest = divmod(width * height, 8)
        if not size or rest:
            raise BankError(
                f"data for a bank of {width} x {height} bits, which is no whole number of bytes",
                name=self.name,
                offset=began,
            )
        kind = "configuration" if into is self.cram else "block RAM"
        data = self.take(size, f"the data of {kind} bank {self.values[BANK]}")
        end = self.take(2, f"{kind} bank {self.values[BANK]}")
        if end != b"\0\0":
            raise CommandError(
                f"0000 must close the data of a bank, not {end.hex()}", name=self.name, offset=self.at - 2
            )
        into.append(
            Block(
                bank=self.values[BANK],
                width=width,
                height=height,
                offset=self.values[OFFSET],
                data=data,
                at=began,
            )
        )

    def check_crc(self, count: int, began: int) -> None:
        """Compare the checksum with the data since the last reset."""
        if self.crc_from is None or count != 2:
            raise ChecksumError("a CRC check without a CRC reset before it", name=self.name, offset=began)
        # CRC-16 CCITT over everything, the two bytes of the CRC too, leaves nothing
        if binascii.crc_hqx(self.data[self.crc_from : self.at], 0xFFFF) != 0:
            written = int.from_bytes(self.data[began + 1 : self.at])
            found = binascii.crc_hqx(self.data[self.crc_from : began + 1], 0xFFFF)
            raise ChecksumError(
                f"CRC mismatch: the file says {written:04X}, its data make {found:04X}",
                name=self.name,
                offset=began,
                hint="the file is damaged: make it again, or copy it again",
            )
        self.checked = True

    def unknown(self, operation: int, count: int, value: int, began: int) -> CommandError:
        """Return the complaint about a command that no iCE40 knows."""
        shown = f"{operation << 4 | count:02X}" + (f" {value:0{2 * count}X}" if count else "")
        return CommandError(f"unknown command {shown}", name=self.name, offset=began)

    def multiboot(self, began: int) -> CommandError:
        """Return the complaint about a header that points to images elsewhere in a flash."""
        return CommandError(
            "a multiboot header for SPI flash, not an image",
            name=self.name,
            offset=began,
            hint="give the single image that icepack wrote, not what icemulti made of it",
        )


def read_image(data: bytes, name: str) -> Image:
    """Read a configuration stream and check all of it.

    Args:
        data: the whole file.
        name: of the file, for complaints.

    Raises:
        ImageError: a leaf for each cause, with the byte at which it was found.
    """
    sync = data.find(SYNC)
    blank = data.find(BLANK, 0, max(sync, 0))
    if sync < 0 or blank >= 0:
        raise NotAnImageError(
            "not an iCE40 bitstream: the synchronisation word 7E AA 99 7E is not there",
            name=name,
            offset=blank if blank >= 0 else None,
        )
    walker = Walker(data, name)
    walker.at = sync + len(SYNC)
    walker.walk()
    device = _device(walker)
    cram = _assemble(walker.cram, (device.cram_width,) * BANKS, device.cram_heights, name, "configuration")
    bram = _bram(walker, device)
    return Image(
        device=device,
        header=data[:sync],
        frequency=walker.frequency,
        warmboot=bool(walker.flags & WARMBOOT),
        nosleep=bool(walker.flags & NOSLEEP),
        cram=cram,
        bram=bram,
        warnings=tuple(walker.warnings),
    )


def _device(walker: Walker) -> Device:
    if not walker.cram:
        raise BankError("there is no configuration data", name=walker.name)
    width = max(block.width for block in walker.cram)
    height = max(block.offset + block.height for block in walker.cram)
    if device := device_of_banks(width, height):
        return device
    known = ", ".join(f"{one.name} {one.cram_width} x {one.cram_heights[0]}" for one in DEVICES)
    raise UnknownDeviceError(
        f"banks of {width} x {height} bits belong to no device that is known (known: {known})",
        name=walker.name,
        offset=walker.cram[0].at,
    )


def _bram(walker: Walker, device: Device) -> tuple[Bank, ...]:
    if not walker.bram:
        return ()
    if not device.bram_widths:
        raise BankError(
            f"data for block RAM, which {device.name} has not", name=walker.name, offset=walker.bram[0].at
        )
    rows = sum(block.height for block in walker.bram)
    if rows < BANKS * BRAM_ROWS:
        walker.warnings.append("only a part of the block RAM is initialised: the rest is taken as zero")
    return _assemble(
        walker.bram, device.bram_widths, (BRAM_ROWS,) * BANKS, walker.name, "block RAM", partial=True
    )


def _assemble(
    blocks: Sequence[Block],
    widths: Sequence[int],
    heights: Sequence[int],
    name: str,
    kind: str,
    *,
    partial: bool = False,
) -> tuple[Bank, ...]:
    """Put the blocks of each bank together; raises BankError where one is missing or there twice."""
    banks = []
    for number, (width, height) in enumerate(zip(widths, heights, strict=True)):
        own = sorted((block for block in blocks if block.bank == number), key=lambda block: block.offset)
        bits = 0
        reached = 0
        for block in own:
            _check_block(block, width, height, reached, name, kind)
            if block.offset > reached and not partial:
                break
            bits |= int.from_bytes(block.data) << width * (height - block.offset - block.height)
            reached = block.offset + block.height
        if reached < height and not partial:
            raise BankError(f"{kind} bank {number} has {reached} of its {height} rows", name=name)
        banks.append(Bank(number=number, width=width, height=height, data=bits.to_bytes(width * height // 8)))
    return tuple(banks)


def _check_block(block: Block, width: int, height: int, reached: int, name: str, kind: str) -> None:
    if block.width != width:
        wrong = f"is {block.width} bits wide, not {width}"
    elif block.offset + block.height > height:
        wrong = f"has rows up to {block.offset + block.height}, but there are {height}"
    elif block.offset < reached:
        wrong = "is written twice"
    else:
        return
    raise BankError(f"{kind} bank {block.bank} {wrong}", name=name, offset=block.at)


def write_image(image: Image, *, header: bytes | None = None, bram: bool = True) -> bytes:
    """Return the stream of an image, byte by byte as `icepack` writes it.

    Args:
        image: with all its banks; block RAM that it does not initialise is written as zero.
        header: what to put before the synchronisation word instead of the image's own.
        bram: False leaves block RAM out, as `icepack -n` does.
    """
    device = image.device
    own_sizes = len(set(device.cram_heights)) > 1  # the up5k's banks differ: sizes are said before each
    out = bytearray(_command(WIDTH, 2, device.cram_width - 1))
    if not own_sizes:
        out += _command(HEIGHT, 2, device.cram_heights[0])
    out += _command(OFFSET, 2, 0)
    for bank in image.cram:
        if own_sizes:
            out += _command(HEIGHT, 2, bank.height)
        out += _command(BANK, 1, bank.number) + _command(ACTION, 1, CRAM_DATA) + bank.data + b"\0\0"
    if device.bram_widths:
        out += _bram_commands(image, own_sizes=own_sizes, data=bram)
    flags = (WARMBOOT if image.warmboot else 0) | (NOSLEEP if image.nosleep else 0)
    covered = _command(FLAGS, 2, flags) + bytes(out) + bytes([CRC << 4 | 2])
    return b"".join(
        (
            image.header if header is None else header,
            SYNC,
            _command(FREQUENCY, 1, FREQUENCIES.index(image.frequency)),
            _command(ACTION, 1, CRC_RESET),
            covered,
            binascii.crc_hqx(covered, 0xFFFF).to_bytes(2),
            WAKE_UP,
            b"\0",
        )
    )


def _bram_commands(image: Image, *, own_sizes: bool, data: bool) -> bytes:
    widths = image.device.bram_widths
    out = bytearray() if own_sizes else bytearray(_command(WIDTH, 2, widths[0] - 1))
    out += _command(HEIGHT, 2, BRAM_BLOCK)
    for number, width in enumerate(widths):
        out += _command(BANK, 1, number)
        size = width * BRAM_BLOCK // 8
        for offset in range(0, BRAM_ROWS, BRAM_BLOCK):
            out += _command(OFFSET, 2, offset)
            if own_sizes:
                out += _command(WIDTH, 2, width - 1)
            if data:
                at = offset // BRAM_BLOCK * size
                rows = image.bram[number].data[at : at + size] if image.bram else bytes(size)
                out += _command(ACTION, 1, BRAM_DATA) + rows + b"\0\0"
    return bytes(out)


def _command(operation: int, count: int, value: int) -> bytes:
    return bytes([operation << 4 | count]) + value.to_bytes(count)
