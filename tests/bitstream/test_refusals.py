"""What is no bitstream is refused with what is wrong and where."""

import binascii
import re
from collections.abc import Callable

import pytest

from hivectl.bitstream.asc import read_asc
from hivectl.bitstream.devices import Device, device_named
from hivectl.bitstream.errors import (
    BankError,
    ChecksumError,
    CommandError,
    EmptyImageError,
    ImageError,
    NotAnImageError,
    RowError,
    TooLargeError,
    TruncatedError,
    UnknownDeviceError,
    WrongDeviceError,
)
from hivectl.bitstream.ice40 import read_image, write_image
from hivectl.bitstream.reading import NO_COMMENT, check_device, read_bitstream
from tests.support.circuits import random_asc


def device(name: str) -> Device:
    found = device_named(name)
    assert found is not None
    return found


ASC = random_asc(device("lp384"), 1, comment="")
LINES = ASC.splitlines()
BIN = write_image(read_asc(ASC.encode(), "good.asc"), header=NO_COMMENT)
UP5K = write_image(read_asc(random_asc(device("up5k"), 1).encode(), "good.asc"), header=NO_COMMENT)


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", EmptyImageError, "the file is empty"),
        (bytes(16_000_001), TooLargeError, "16,000,001 bytes are too many"),
        (b"\x7fELF" + bytes(100), NotAnImageError, r"a program \(ELF\), not a bitstream"),
        (b"UF2\n" + bytes(508), NotAnImageError, "a UF2 file, not a bitstream .*flash"),
        (b"\x1f\x8b" + bytes(9), NotAnImageError, "gzip.*unpack it first"),
        (b"module top(input clk);\n", NotAnImageError, "text, not a bitstream.*yosys"),
        (bytes(104090), NotAnImageError, "7E AA 99 7E is not there"),
        (b"\xff" * 4 + BIN, NotAnImageError, r"not there at byte 0 \(0x0\)"),
        (BIN[:4000], TruncatedError, "ends within the data of configuration bank 2.*at byte 4000"),
        (BIN[:-3], TruncatedError, "ends before the wake-up"),
        (BIN[:100] + b"\x55" + BIN[101:], ChecksumError, f"CRC mismatch: the file says .* at byte {len(BIN) - 6} "),
        (BIN[:8] + b"\xb1\x00" + BIN[8:], CommandError, r"unknown command B1 00 at byte 8 \(0x8\)"),
        (BIN[:8] + b"\x01\x08" + BIN[8:], CommandError, "multiboot header"),
        (BIN[:8] + b"\x44\0\0\0\0" + BIN[8:], CommandError, "multiboot header"),
        (BIN[:8] + b"\x11\x04" + BIN[8:], BankError, "there is no bank 4"),
        (BIN[:10] + b"\x01\x06", ChecksumError, "no CRC check before the wake-up"),
        (BIN[:8] + b"\x22\0\0" + BIN[8:], ChecksumError, "without a CRC reset"),
    ],
)  # fmt: skip  # a table
def test_no_bitstream(data: bytes, error: type[ImageError], says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        read_bitstream(data, "circuits/x.bin")
    assert str(raised.value).startswith("circuits/x.bin: ")


def with_crc(change: Callable[[bytes], bytes]) -> bytes:
    """Return the image with a change behind the CRC reset, and a CRC that is right again."""
    covered = change(BIN[12:-5])
    crc = binascii.crc_hqx(covered, 0xFFFF)
    return BIN[:12] + covered + crc.to_bytes(2) + BIN[-3:]


def test_a_checksum_alone_makes_no_image() -> None:
    assert read_image(with_crc(lambda covered: covered), "same").cram == read_image(BIN, "good").cram
    narrow = with_crc(lambda covered: covered.replace(bytes.fromhex("6200B5"), bytes.fromhex("6200AD"), 1))
    with pytest.raises(ImageError):
        read_image(narrow, "x.bin")
    twice = with_crc(lambda covered: covered.replace(bytes.fromhex("1101"), bytes.fromhex("1100"), 1))
    with pytest.raises(BankError, match="configuration bank 0 is written twice"):
        read_image(twice, "x.bin")
    flags = with_crc(lambda covered: covered.replace(bytes.fromhex("920020"), bytes.fromhex("920040"), 1))
    with pytest.raises(CommandError, match="unknown command 92 0040"):
        read_image(flags, "x.bin")
    height = with_crc(lambda covered: covered.replace(bytes.fromhex("720050"), bytes.fromhex("720048"), 1))
    with pytest.raises(ImageError):
        read_image(height, "x.bin")


def test_bytes_after_the_end_are_told() -> None:
    warned = read_bitstream(BIN + b"more", "x.bin")
    assert warned.warnings == ("5 bytes after the wake-up command are not covered by the CRC",)
    assert warned.sha256 == read_bitstream(BIN, "x.bin").sha256


def replaced(line: int, text: str) -> str:
    return "\n".join([*LINES[: line - 1], text, *LINES[line:]]) + "\n"


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (replaced(5, LINES[4][:5] + "2" + LINES[4][6:]), RowError, r"x\.asc:5:6: '2' in a row of 0 and 1 of \.io_tile 1 0"),
        (replaced(5, LINES[4][:-1]), RowError, r"x\.asc:5:18: row 2 of \.io_tile 1 0 has 17 characters, not 18"),
        (replaced(5, LINES[4] + "0"), RowError, r"x\.asc:5:19: row 2 .* has 19 characters"),
        (replaced(5, ".io_tile 2 0"), RowError, r"x\.asc:5:1: \.io_tile 1 0 has 1 of 16 rows before \.io_tile"),
        (replaced(3, ".io_tile 0 0"), RowError, r"x\.asc:3:10: lp384 has no tile 0 0"),
        (replaced(3, ".logic_tile 1 0"), RowError, r"x\.asc:3:1: tile 1 0 of lp384 is \.io_tile"),
        (replaced(3, ".io_tile 1"), RowError, r"x\.asc:3:10: \.io_tile needs 2 numbers"),
        (replaced(20, ".io_tile 1 0"), RowError, r"x\.asc:20:1: tile 1 0 is there twice: first in line 3"),
        (replaced(3, ".shape 1 0"), RowError, r"x\.asc:3:1: unknown statement '\.shape'"),
        (replaced(2, ".device 9k"), UnknownDeviceError, r"x\.asc:2:9: unknown device '9k' \(known: 384, 1k"),
        (replaced(2, ""), RowError, r"x\.asc:3:1: \.io_tile before \.device"),
        ("\n".join(LINES[:10]), TruncatedError, r"x\.asc:10:1: the file ends in row 8 of 16 of \.io_tile 1 0"),
        ("\n".join(LINES[:19]) + "\n", TruncatedError, "lp384 has 76 tiles, 1 of them are in the file"),
        (ASC + ".device 384\n", RowError, "a second .device statement"),
        (ASC + ".warmboot perhaps\n", RowError, ".warmboot is enabled or disabled"),
        (ASC + ".extra_bit 0 182 0\n", RowError, "lp384 has no bit 0 182 0"),
        (ASC + ".ram_data 1 1\n", RowError, "lp384 has no block RAM at 1 1"),
        (ASC + "0101\n", RowError, "a line that belongs to nothing: '0101'"),
        (".comment\nnothing else\n", TruncatedError, "no .device statement"),
    ],
)  # fmt: skip  # a table
def test_no_asc(text: str, error: type[ImageError], says: str) -> None:
    with pytest.raises(error, match=says):
        read_bitstream(text.encode(), "x.asc")


def test_windows_line_ends() -> None:
    there = read_asc(ASC.replace("\n", "\r\n").encode(), "x.asc")
    assert there.cram == read_asc(ASC.encode(), "x.asc").cram


def test_another_device() -> None:
    bitstream = read_bitstream(BIN, "x.bin")
    check_device(bitstream, "lp384")
    check_device(bitstream, "384")
    says = re.escape("x.bin: made for lp384, but ice1 has up5k (build it with nextpnr-ice40 --up5k)")
    with pytest.raises(WrongDeviceError, match=says):
        check_device(bitstream, "up5k", node="ice1")
    check_device(read_bitstream(UP5K, "y.bin"), "up5k")
    assert device_named("lp1k") == device_named("1k") == device_named("hx1k")
