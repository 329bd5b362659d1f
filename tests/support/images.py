"""UF2 files and ESP32 images, built block by block; and ways to damage any file."""

import hashlib
import random
import struct
from collections.abc import Sequence

RP2040, ABSOLUTE, RP2350 = 0xE48BFF56, 0xE48BFF57, 0xE48BFF59
FLASH = 0x10000000


def uf2_block(
    address: int,
    number: int,
    count: int,
    *,
    family: int = RP2040,
    flags: int = 0x2000,
    payload: int = 256,
    fill: int = 0,
) -> bytes:
    """Return one block."""
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, address, payload, number, count, family)
    return head + bytes([fill]) * 476 + struct.pack("<I", 0x0AB16F30)


def uf2_file(count: int, *, family: int = RP2040, address: int = FLASH) -> bytes:
    """Return a file of so many pages."""
    return b"".join(
        uf2_block(address + 256 * number, number, count, family=family, fill=number % 256)
        for number in range(count)
    )


def e10_block() -> bytes:
    """Return the block that files for the RP2350 begin with, because of its erratum E10."""
    return uf2_block(0x10FFFF00, 0, 2, family=ABSOLUTE, fill=0xEF)


def esp32_image(
    segments: Sequence[bytes], *, chip: int = 9, hashed: bool = True, project: str = "", version: str = ""
) -> bytes:
    """Return an image; with a project its first segment describes the application."""
    if project:
        described = struct.pack("<4I", 0xABCD5432, 0, 0, 0)
        described += version.encode().ljust(32, b"\0") + project.encode().ljust(32, b"\0")
        segments = [described.ljust(256, b"\0"), *segments]
    out = struct.pack("<4BI", 0xE9, len(segments), 2, 0x20, 0x40080000)
    out += struct.pack("<4BHB2H4xB", 0xEE, 0, 0, 0, chip, 0, 0, 99, int(hashed))
    checksum = 0xEF
    for number, segment in enumerate(segments):
        out += struct.pack("<2I", 0x3F400020 + 0x10000 * number, len(segment)) + segment
        for byte in segment:
            checksum ^= byte
    out += bytes(15 - len(out) % 16) + bytes([checksum])
    return out + hashlib.sha256(out).digest() if hashed else out


def esp32_flash(boot: bytes, app: bytes, *, boot_offset: int) -> bytes:
    """Return a whole flash: boot loader, partition table, application at 0x10000."""
    entry = struct.pack("<2sBB2I16s4x", b"\xaa\x50", 0, 0, 0x10000, 0x1F0000, b"factory")
    table = entry + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entry).digest()
    out = boot.ljust(0x8000 - boot_offset, b"\xff") + table
    return out.ljust(0x10000 - boot_offset, b"\xff") + app


def damaged(data: bytes, dice: random.Random) -> tuple[str, bytes]:
    """Return the file with one thing wrong, and what that is."""
    kind = dice.choice(("bit", "byte", "cut", "gap", "insert", "zeros", "swap", "tail", "twice"))
    at = dice.randrange(len(data))
    length = dice.randint(1, min(64, len(data)))
    if kind == "bit":
        out = data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
    elif kind == "byte":
        out = data[:at] + bytes([(data[at] + dice.randint(1, 255)) % 256]) + data[at + 1 :]
    elif kind == "cut":
        out = data[:at]
    elif kind == "gap":
        out = data[:at] + data[at + length :]
    elif kind == "insert":
        out = data[:at] + dice.randbytes(length) + data[at:]
    elif kind == "zeros":
        out = data[:at] + bytes(length) + data[at + length :]
    elif kind == "swap":
        other = dice.randrange(len(data))
        one, two = sorted((at, other))
        out = data[:one] + data[two : two + 1] + data[one + 1 : two] + data[one : one + 1] + data[two + 1 :]
    elif kind == "tail":
        out = data + dice.randbytes(length)
    else:
        out = data + data
    return f"{kind} at {at}, {length}", out
