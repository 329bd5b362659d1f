"""Bitstreams of random bits, for every device; IceStorm's own tools as the judge."""

import random
import subprocess
from pathlib import Path

from hivectl.bitstream.devices import LOGIC_WIDTH, TILE_WIDTHS, Device


def random_asc(device: Device, seed: int, *, comment: str = "made of chance", warmboot: bool = True) -> str:
    """Return an .asc file in which every bit of every tile and block RAM is by chance."""
    dice = random.Random(f"{device.name} {seed}")

    def bits(width: int) -> str:
        return f"{dice.getrandbits(width):0{width}b}"

    lines = [".comment", *comment.splitlines(), f".device {device.short}"]
    lines += [] if warmboot else [".warmboot disabled"]
    for kind, x, y in device.tiles():
        lines += [f".{kind}_tile {x} {y}", *(bits(TILE_WIDTHS.get(kind, LOGIC_WIDTH)) for _ in range(16))]
        if kind == "ramb":
            lines += [f".ram_data {x} {y}", *(f"{dice.getrandbits(256):064x}" for _ in range(16))]
    lines += [".extra_bit 0 1 1", ".extra_bit 3 5 3", ".sym 3 clk$2"]
    return "\n".join(lines) + "\n"


def icepack(asc: str, folder: Path, *options: str) -> bytes:
    """Return what IceStorm makes of an .asc file."""
    source, made = folder / "source.asc", folder / "made.bin"
    source.write_text(asc, encoding="utf-8")
    subprocess.run(["icepack", *options, source, made], check=True, timeout=60)
    return made.read_bytes()


def iceunpack(data: bytes, folder: Path) -> str:
    """Return what IceStorm says a stream holds."""
    source, made = folder / "source.bin", folder / "made.asc"
    source.write_bytes(data)
    subprocess.run(["iceunpack", source, made], check=True, timeout=60)
    return made.read_text(encoding="utf-8")
