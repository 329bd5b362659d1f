"""Images for Espressif's chips: the header, segments and checksums that can be checked without a chip.

The format is Espressif's ("Firmware Image Format" in esptool's documentation), and that of the partition table
("Partition Tables" in the ESP-IDF guide). What only the chip knows is esptool's to check.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from hivectl.bitstream.errors import (
    ChecksumError,
    CommandError,
    EmptyImageError,
    NotAnImageError,
    TooLargeError,
    TruncatedError,
    UnknownDeviceError,
    WrongDeviceError,
)
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = 0xE9
HEAD = struct.Struct("<4BI")
EXTENDED = struct.Struct("<4BHB2H4xB")
SEGMENT = struct.Struct("<2I")
MOST_SEGMENTS = 16
CHECKSUM_SEED = 0xEF
LARGEST = 32 * 2**20  # bytes: the largest flash that boards have
APP_DESCRIPTION = 0xABCD5432  # begins the first segment of applications of ESP-IDF
PARTITION_TABLE = 0x8000  # in flash
PARTITION = struct.Struct("<2sBB2I16s4x")
CHIPS: Mapping[int, str] = {
    0: "ESP32",
    2: "ESP32-S2",
    5: "ESP32-C3",
    9: "ESP32-S3",
    12: "ESP32-C2",
    13: "ESP32-C6",
    16: "ESP32-H2",
    18: "ESP32-P4",
    20: "ESP32-C61",
    23: "ESP32-C5",
}
# where in flash the boot loader stands, and a whole image with it begins
BOOT_OFFSETS: Mapping[str, int] = {
    "ESP32": 0x1000,
    "ESP32-S2": 0x1000,
    "ESP32-P4": 0x2000,
    "ESP32-C5": 0x2000,
}


@record(kw_only=True)
class Esp32Image:
    """An image, or a whole flash that begins with the boot loader's.

    Attributes:
        name: of the file, as it was named.
        chip: that it is for.
        segments: of the first image.
        hashed: a SHA-256 closes the first image, and is right.
        whole: it is a whole flash: boot loader, partition table, application.
        offset: where in flash it belongs; None where that is the user's to say.
        project, version: what the application says of itself; empty when it says nothing.
        sha256: of the file, in hexadecimal.
    """

    name: str
    chip: str
    segments: int
    hashed: bool
    whole: bool
    offset: int | None
    project: str
    version: str
    sha256: str


@record(kw_only=True)
class One:
    """One image within a file."""

    chip: str
    segments: int
    hashed: bool
    end: int
    first: bytes


def read_esp32_image(data: bytes, name: str) -> Esp32Image:
    """Check an image; raises ImageError, a leaf for each cause, with the byte at which it was found.

    Args:
        data: the whole file.
        name: of the file, for complaints.
    """
    if not data:
        raise EmptyImageError("the file is empty", name=name)
    if len(data) > LARGEST:
        raise TooLargeError(f"{len(data):,} bytes are too many for an image (up to {LARGEST:,})", name=name)
    if data[0] != MAGIC:
        raise NotAnImageError(
            f"not an image for an ESP32: it begins with {data[0]:02X}, not E9", name=name, offset=0
        )
    first = _one(data, 0, name)
    boot = BOOT_OFFSETS.get(first.chip, 0)
    table = PARTITION_TABLE - boot
    app = _application(data, table, boot, name) if data[table : table + 2] == b"\xaa\x50" else None
    if app is not None and app.chip != first.chip:
        raise WrongDeviceError(
            f"the boot loader is for {first.chip}, the application for {app.chip}", name=name
        )
    project, version = _described(app or first)
    return Esp32Image(
        name=name,
        chip=first.chip,
        segments=first.segments,
        hashed=first.hashed,
        whole=app is not None,
        offset=boot if app is not None else None,
        project=project,
        version=version,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _one(data: bytes, start: int, name: str) -> One:
    """Check the image that begins at a byte of the file."""
    at = start + HEAD.size + EXTENDED.size
    if len(data) < at:
        raise TruncatedError("the file ends within the header", name=name, offset=len(data))
    magic, segments, _, _, _ = HEAD.unpack_from(data, start)
    if magic != MAGIC:
        raise NotAnImageError(f"an image must begin with E9, not {magic:02X}", name=name, offset=start)
    if not 1 <= segments <= MOST_SEGMENTS:
        raise CommandError(
            f"{segments} segments: an image has 1 to {MOST_SEGMENTS}", name=name, offset=start + 1
        )
    number, hashed = EXTENDED.unpack_from(data, start + HEAD.size)[4], data[start + 23]
    if number not in CHIPS:
        raise UnknownDeviceError(f"chip number {number} is not known", name=name, offset=start + 12)
    if hashed > 1:
        raise CommandError(
            f"byte 23 of the header says {hashed} where 0 or 1 belongs", name=name, offset=start + 23
        )
    checksum = CHECKSUM_SEED
    first = b""
    for segment in range(segments):
        if len(data) < at + SEGMENT.size:
            raise TruncatedError(
                f"the file ends before segment {segment} of {segments}", name=name, offset=len(data)
            )
        _, size = SEGMENT.unpack_from(data, at)
        content = data[at + SEGMENT.size : at + SEGMENT.size + size]
        if len(content) < size:
            raise TruncatedError(
                f"the file ends within segment {segment}: {size - len(content):,} bytes are missing",
                name=name,
                offset=len(data),
                hint="copy it again",
            )
        first = first or content
        checksum ^= _folded(content)
        at += SEGMENT.size + size
    at = _checksum(data, start, at, checksum, name)
    if hashed:
        at = _digest(data, start, at, name)
    return One(chip=CHIPS[number], segments=segments, hashed=bool(hashed), end=at, first=first)


def _folded(content: bytes) -> int:
    """Return all bytes, each XORed with the next: as one number, halved until a byte is left."""
    width = 1 << max(len(content) - 1, 0).bit_length()
    value = int.from_bytes(content.ljust(width, b"\0"))
    while width > 1:
        width //= 2
        value = (value >> 8 * width) ^ (value & ((1 << 8 * width) - 1))
    return value


def _checksum(data: bytes, start: int, at: int, wanted: int, name: str) -> int:
    """Check the checksum, which is the last byte of a line of 16, and return where it ends."""
    end = at + 16 - (at - start) % 16
    if len(data) < end:
        raise TruncatedError(
            "the file ends before the checksum", name=name, offset=len(data), hint="copy it again"
        )
    if data[end - 1] != wanted:
        raise ChecksumError(
            f"checksum mismatch: the file says {data[end - 1]:02X}, its segments make {wanted:02X}",
            name=name,
            offset=end - 1,
            hint="the file is damaged: copy it again",
        )
    return end


def _digest(data: bytes, start: int, at: int, name: str) -> int:
    """Check the SHA-256 that closes an image, and return where it ends."""
    written = data[at : at + 32]
    if len(written) < 32:
        raise TruncatedError(
            "the file ends within its SHA-256", name=name, offset=len(data), hint="copy it again"
        )
    if hashlib.sha256(data[start:at]).digest() != written:
        raise ChecksumError(
            "SHA-256 mismatch", name=name, offset=at, hint="the file is damaged: copy it again"
        )
    return at + 32


def _application(data: bytes, table: int, boot: int, name: str) -> One | None:
    """Check the partition table of a whole flash and the first application; None: there is no application in it."""
    at = table
    while at + PARTITION.size <= len(data):
        magic, kind, _, offset, _, _ = PARTITION.unpack_from(data, at)
        if magic == b"\xeb\xeb":
            written = data[at + 16 : at + 32]
            if hashlib.md5(data[table:at], usedforsecurity=False).digest() != written:
                raise ChecksumError("the MD5 of the partition table is wrong", name=name, offset=at + 16)
            return None
        if magic != b"\xaa\x50":
            return None
        if kind == 0 and boot <= offset < boot + len(data):
            return _one(data, offset - boot, name)
        at += PARTITION.size
    return None


def _described(one: One) -> tuple[str, str]:
    """Return what an application says of itself."""
    if len(one.first) < 80 or int.from_bytes(one.first[:4], "little") != APP_DESCRIPTION:
        return "", ""
    version, project = one.first[16:48], one.first[48:80]
    return (_text(project), _text(version))


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "replace")


def check_esp32_chip(image: Esp32Image, chip: str, *, node: str | None = None) -> None:
    """Refuse an image for another chip; raises WrongDeviceError.

    Args:
        image: that shall be put on the board.
        chip: that the board has: "ESP32-S3".
        node: that the board is, for the complaint.
    """
    if image.chip != chip:
        board = f"{node} is" if node else "the board is"
        raise WrongDeviceError(
            f"made for {image.chip}, but {board} {chip}", name=image.name, hint=f"take the file for {chip}"
        )
