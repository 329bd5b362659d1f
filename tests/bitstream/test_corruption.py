"""Damaged images are refused or read with a warning; none is taken for a good one, and none crashes the reader."""

import random
from collections.abc import Callable
from typing import TypeVar

import pytest

from hivectl.bitstream.asc import read_asc
from hivectl.bitstream.devices import DEVICES, device_named
from hivectl.bitstream.errors import ImageError
from hivectl.bitstream.esp32 import read_esp32_image
from hivectl.bitstream.ice40 import read_image, write_image
from hivectl.bitstream.reading import NO_COMMENT, read_bitstream
from hivectl.bitstream.uf2 import read_uf2
from tests.support.circuits import random_asc
from tests.support.images import RP2350, damaged, e10_block, esp32_image, uf2_file

Read = TypeVar("Read")


def originals() -> list[bytes]:
    """One packed image of each device, without comment."""
    return [
        write_image(read_asc(random_asc(device, 1).encode(), "made.asc"), header=NO_COMMENT)
        for device in DEVICES
    ]


def read(reader: Callable[[bytes, str], Read], data: bytes) -> Read | None:
    """Return what a reader makes of a damaged file; None: it refuses it, by name."""
    try:
        return reader(data, "damaged")
    except ImageError as refused:
        error = refused
    assert str(error).startswith("damaged:")
    return None


def check_damaged(data: bytes, good: bytes, kind: str) -> bool:
    """Read what was damaged; False: it is as good as it was, and says nothing."""
    bitstream = read(read_bitstream, data)
    if bitstream is None or bitstream.warnings:
        return True
    # what the CRC does not cover: the comment, and how fast a flash would be read
    assert bitstream.image.cram == read_image(good, "good.bin").cram, kind
    assert bitstream.image.bram == read_image(good, "good.bin").bram, kind
    return False


def damage(count: int, seed: int) -> int:
    dice = random.Random(seed)
    goods = originals()
    harmless = 0
    for _ in range(count):
        good = dice.choice(goods)
        kind, data = damaged(good, dice)
        harmless += not check_damaged(data, good, kind)
    return harmless


def test_a_hundred_damaged_images() -> None:
    assert damage(100, 1) <= 10  # those whose damage changed nothing, or the comment


@pytest.mark.soak
def test_two_thousand_damaged_images() -> None:
    assert damage(2000, 2) <= 200


def test_every_bit_behind_the_synchronisation_word_counts() -> None:
    good = originals()[0]
    dice = random.Random(3)
    for _ in range(300):
        # 4 + 4 + 2 bytes: comment, synchronisation word, frequency; the last byte is padding
        at, bit = dice.randrange(10, len(good) - 1), dice.randrange(8)
        data = good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]
        with pytest.raises(ImageError):
            read_bitstream(data, "damaged.bin")


def test_every_cut_is_told() -> None:
    good = originals()[1]
    for length in random.Random(4).sample(range(len(good) - 1), 200):
        with pytest.raises(ImageError):
            read_bitstream(good[:length], "cut.bin")


def test_damaged_text() -> None:
    device = device_named("lp384")
    assert device is not None
    good = random_asc(device, 1).encode()
    whole = read_asc(good, "good.asc")
    dice = random.Random(5)
    same = 0
    for _ in range(100):
        kind, data = damaged(good, dice)
        bitstream = read(read_bitstream, data)
        if bitstream is not None:
            # text has no checksum: a 0 that is a 1 is another circuit, but nothing else gets by
            same += bitstream.image == whole
            assert bitstream.device == device, kind
    assert same < 20


@pytest.mark.parametrize(
    "good", [uf2_file(40), e10_block() + uf2_file(40, family=RP2350)], ids=["rp2040", "rp2350"]
)
def test_damaged_uf2(good: bytes) -> None:
    dice = random.Random(6)
    for _ in range(300):
        _, data = damaged(good, dice)
        uf2 = read(read_uf2, data)
        if uf2 is not None:
            assert sum(part.blocks for part in uf2.parts) in (40, 39), "only what a page holds may differ"


def test_damaged_esp32_images() -> None:
    dice = random.Random(7)
    good = esp32_image([dice.randbytes(1000), dice.randbytes(300)], project="demo", version="1")
    for _ in range(300):
        kind, data = damaged(good, dice)
        image = read(read_esp32_image, data)
        if image is not None:
            assert data.startswith(good) or data == good, kind
            assert image.project == "demo"


def test_chance_crashes_nothing() -> None:
    dice = random.Random(8)
    heads = (
        b"", b"\xff\0\0\xff\x7e\xaa\x99\x7e", b"\x7e\xaa\x99\x7e\x51\0\x01\x05\x92\0\x20",
        b".comment\n.device 1k\n", b".device 5k\n.logic_tile 1 1\n", b"UF2\nWQ]\x9e", b"\xe9\x03",
    )  # fmt: skip  # a table
    for _ in range(400):
        data = dice.choice(heads) + dice.randbytes(dice.randrange(2000))
        for reader in (read_bitstream, read_uf2, read_esp32_image):
            assert read(reader, data) is None
