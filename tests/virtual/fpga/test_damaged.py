"""Bitstreams with bits that nobody meant, but a right CRC: refused by name, or counted; never a crash."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hivectl.bitstream.errors import ImageError
from hivectl.bitstream.ice40 import Bank, read_image, write_image
from hivectl.virtual.fpga.errors import CircuitError
from hivectl.virtual.fpga.target import ICESTICK, PICO2_ICE
from hivectl.virtual.fpga.twin import Twin
from tests.virtual.fpga.nothing_kept import NOTHING_KEPT

CIRCUITS = Path(__file__).parent / "circuits"
SOURCES = ("div1500", "rom512", "registered", "oscillator", "negative", "subtract", "hx1k/rom", "hx1k/carry")


def flipped(data: bytes, count: int, chance: random.Random) -> bytes:
    """Flip some configuration bits, most of them beside bits that are set, and put the CRC right."""
    image = read_image(data, "whole")
    banks = list(image.cram)
    for _ in range(count):
        number = chance.randrange(4)
        bits = bytearray(banks[number].data)
        used = [index for index, byte in enumerate(bits) if byte]
        index = chance.choice(used) if used and chance.random() < 0.9 else chance.randrange(len(bits))
        bits[index] ^= 1 << chance.randrange(8)
        bank = banks[number]
        banks[number] = Bank(number=bank.number, width=bank.width, height=bank.height, data=bytes(bits))
    return write_image(replace(image, cram=tuple(banks)))


def outcomes(rounds: int, seed: int) -> Counter[str]:
    """Return what became of damaged circuits, by name."""
    chance = random.Random(seed)
    twins = {"": Twin(PICO2_ICE, cache=NOTHING_KEPT), "hx1k": Twin(ICESTICK, cache=NOTHING_KEPT)}
    found: Counter[str] = Counter()
    for turn in range(rounds):
        source = SOURCES[turn % len(SOURCES)]
        whole = (CIRCUITS / f"{source}.bin").read_bytes()
        device = source.rpartition("/")[0]
        try:
            twins[device].load(flipped(whole, 1 + turn % 12, chance)).count(1000)
        except CircuitError as error:
            found[type(error).__name__] += 1
        else:
            found["counted"] += 1
    return found


def test_no_damage_makes_it_crash() -> None:
    found = outcomes(100, 1)
    assert sum(found.values()) == 100
    # both happen
    assert 0 < found["counted"] < 100


@pytest.mark.soak
def test_no_damage_makes_it_crash_however_long() -> None:
    found = outcomes(2000, 2)
    assert sum(found.values()) == 2000
    assert len(found) > 4


def test_damage_that_the_crc_tells_never_gets_to_the_twin() -> None:
    chance = random.Random(3)
    twin = Twin(PICO2_ICE, cache=NOTHING_KEPT)
    whole = (CIRCUITS / "div1500.bin").read_bytes()
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[chance.randrange(8, len(whole) - 1)] ^= 1 << chance.randrange(8)
        with pytest.raises(ImageError):
            twin.load(bytes(damaged))
