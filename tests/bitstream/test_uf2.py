"""UF2 files: what they hold, for whom, and what is wrong with them."""

import pytest

from hivectl.bitstream.errors import (
    AddressError,
    BlockError,
    EmptyImageError,
    ImageError,
    NotAnImageError,
    TruncatedError,
    WrongDeviceError,
)
from hivectl.bitstream.uf2 import check_chip, read_uf2
from tests.support.images import FLASH, RP2040, RP2350, e10_block, uf2_block, uf2_file

GOOD = uf2_file(8)


def test_a_file_for_the_rp2040() -> None:
    uf2 = read_uf2(GOOD, "pico.uf2")
    (part,) = uf2.parts
    assert (part.family.name, part.blocks, part.start, part.end) == ("RP2040", 8, FLASH, FLASH + 2048)
    assert (uf2.size, uf2.chips, uf2.warnings, uf2.erratum) == (2048, ("RP2040",), (), False)
    check_chip(uf2, "RP2040", flash=2 * 2**20)
    says = r"pico.uf2: made for RP2040, but ice1 is RP2350 \(take the file for RP2350\)"
    with pytest.raises(WrongDeviceError, match=says):
        check_chip(uf2, "RP2350", node="ice1")
    with pytest.raises(
        AddressError, match=r"writes up to byte 2,048 of flash, but the board is one with 1,024"
    ):
        check_chip(uf2, "RP2040", flash=1024)


def test_the_block_that_erratum_e10_asks_for() -> None:
    uf2 = read_uf2(e10_block() + uf2_file(8, family=RP2350), "pico2.uf2")
    assert uf2.erratum
    assert [part.family.number for part in uf2.parts] == [RP2350]
    check_chip(uf2, "RP2350")
    with pytest.raises(ImageError):  # it is for the front alone
        read_uf2(uf2_file(8, family=RP2350) + e10_block(), "pico2.uf2")


def test_files_for_two_chips() -> None:
    uf2 = read_uf2(GOOD + uf2_file(4, family=RP2350), "both.uf2")
    assert uf2.chips == ("RP2040", "RP2350")
    check_chip(uf2, "RP2040")
    check_chip(uf2, "RP2350")


def test_a_program_for_ram() -> None:
    uf2 = read_uf2(uf2_file(4, address=0x20000000), "ram.uf2")
    assert uf2.parts[0].in_ram
    check_chip(uf2, "RP2040", flash=256)


def test_what_is_odd() -> None:
    assert "no first page of flash" in read_uf2(uf2_file(4, address=FLASH + 4096), "x.uf2").warnings[0]
    skipped = read_uf2(GOOD + uf2_block(FLASH + 4096, 0, 1, flags=0x2001), "x.uf2")
    assert skipped.warnings == ("1 blocks are not for flash: boards skip them",)
    assert skipped.size == 2048


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", EmptyImageError, "the file is empty"),
        (b"\x7fELF" * 128, NotAnImageError, "does not begin with"),
        (GOOD[:-1], TruncatedError, "4095 bytes are no whole number of blocks"),
        (GOOD[:-512], TruncatedError, "1 of the 8 blocks of RP2040 are missing, number 7 first"),
        (GOOD + GOOD[-512:], BlockError, r"block 8 has the number 7 of block 7 too at byte 4116"),
        (GOOD[:512] + bytes(512) + GOOD[1024:], BlockError, r"block 1: the magic number is 00000000.* at byte 512"),
        (GOOD[:1020] + bytes(4) + GOOD[1024:], BlockError, "block 1: the magic number is 00000000, not 0AB16F30 at byte 1020"),
        (GOOD + uf2_block(FLASH + 2048, 8, 9), BlockError, "says that there are 9 blocks"),
        (uf2_block(FLASH, 1, 1), BlockError, "block 0 is number 1 of 1"),
        (uf2_block(FLASH, 0, 1, flags=0), BlockError, "names no family"),
        (uf2_block(FLASH, 0, 1, flags=0x3000), BlockError, "a part of a file"),
        (uf2_block(FLASH, 0, 1, flags=0x2002), BlockError, "unknown flags 2"),
        (uf2_block(FLASH, 0, 1, family=1), BlockError, "family 00000001 is not known at byte 28"),
        (uf2_block(FLASH, 0, 1, payload=477), BlockError, "a payload of 477 bytes"),
        (uf2_block(FLASH, 0, 1, payload=128), BlockError, "takes whole pages of 256"),
        (uf2_block(FLASH + 1, 0, 1), BlockError, "takes whole pages of 256"),
        (uf2_block(0x30000000, 0, 1), AddressError, "goes to 0x30000000, where RP2040 has neither flash nor RAM"),
        (uf2_block(FLASH, 0, 2) + uf2_block(FLASH, 1, 2), AddressError, "blocks 0 and 1 both write 0x10000000"),
        (uf2_block(FLASH, 0, 2) + uf2_block(0x20000000, 1, 2), AddressError, "a part to RAM"),
        (uf2_block(FLASH, 0, 1, flags=0x2001), BlockError, "no block that a board would write"),
    ],
)  # fmt: skip  # a table
def test_refusals(data: bytes, error: type[ImageError], says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        read_uf2(data, "firmware.uf2")
    assert str(raised.value).startswith("firmware.uf2: ")


def test_family_numbers_are_of_their_chips() -> None:
    for number, chip in ((RP2040, "RP2040"), (RP2350, "RP2350"), (0xE48BFF5A, "RP2350")):
        assert chip in read_uf2(uf2_file(2, family=number), "x.uf2").chips
    assert read_uf2(uf2_file(2, family=0xC47E5767, address=0), "x.uf2").chips == ("ESP32-S3",)
