"""UF2 files that look like MicroPython's, without its code: for boot loaders, which do not run it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RP2040, RP2350 = 0xE48BFF56, 0xE48BFF59
PICO_W = "Raspberry Pi Pico W with RP2040"


def uf2(content: bytes, *, family: int = RP2040, address: int = 0x10000000) -> bytes:
    """Pack content into UF2 blocks, as pico-sdk does."""
    count = -(-len(content) // 256)
    blocks = []
    for number in range(count):
        piece = content[256 * number : 256 * number + 256].ljust(256, b"\0")
        header = struct.pack(
            "<8I", 0x0A324655, 0x9E5D5157, 0x2000, address + 256 * number, 256, number, count, family
        )
        blocks.append(header + piece.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


def firmware(version: str | None, *, machine: str = PICO_W, size: int = 200_000) -> bytes:
    """Return what a MicroPython's flash holds, as far as anybody looks at it; without a version something else."""
    code = bytes(range(256)) * (size // 512)
    greeting = f"MicroPython {version}\0; {machine}\0".encode() if version else b"blinky 1.0\0"
    return code + greeting + code


def micropython(
    path: Path, version: str | None = "v1.99.0 on 2026-02-03", *, family: int = RP2040, machine: str = PICO_W
) -> Path:
    """Write such a UF2 file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(uf2(firmware(version, machine=machine), family=family))
    return path
