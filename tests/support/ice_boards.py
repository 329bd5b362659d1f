"""Virtual pico2-ice boards, and the circuits that they measure."""

from __future__ import annotations

from pathlib import Path

from hivectl.bitstream.reading import Bitstream, read_bitstream
from hivectl.drivers.base import StreamAddress
from hivectl.drivers.terminal import Terminal, open_terminal

CIRCUITS = Path(__file__).parent.parent / "virtual" / "fpga" / "circuits"
FIRMWARE = Path(__file__).parent.parent.parent / "firmware" / "pico2_ice"
SECOND = 48_000_000


def circuit(name: str) -> Bitstream:
    return read_bitstream((CIRCUITS / f"{name}.bin").read_bytes(), f"{name}.bin")


def damaged(name: str) -> Bitstream:
    """Return a bitstream that hosts would refuse to send: its CRC is wrong."""
    whole = circuit(name)
    packed = bytearray(whole.packed)
    packed[5000] ^= 1
    return Bitstream(name=name, form="bin", image=whole.image, packed=bytes(packed), sha256="", warnings=())


def line_to(port: Path | str) -> Terminal:
    return open_terminal(StreamAddress(path=str(port), baud=115200), exclusive=True)
