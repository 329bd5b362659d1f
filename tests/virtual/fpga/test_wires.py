"""Faults of the wiring that no tool makes: two drivers on a wire, columns without their clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hivectl.bitstream.ice40 import read_image
from hivectl.virtual.fpga.chip import Chip, chip_of
from hivectl.virtual.fpga.errors import CircuitError, ContentionError, FloatingError
from hivectl.virtual.fpga.extract import Extraction
from hivectl.virtual.fpga.fold import Folding
from hivectl.virtual.fpga.image import Tiles
from hivectl.virtual.fpga.target import PICO2_ICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hivectl.virtual.fpga.netlist import Netlist

CIRCUITS = Path(__file__).parent / "circuits"


class Changed(Tiles):
    """Tiles with bits set or cleared.

    Args:
        name: of the circuit.
        changes: bits that are turned over, by tile.
    """

    def __init__(self, name: str, changes: dict[tuple[int, int], int]) -> None:
        super().__init__(read_image((CIRCUITS / f"{name}.bin").read_bytes(), name))
        self._changes = changes

    def bits(self, x: int, y: int) -> int | None:
        bits = super().bits(x, y)
        return None if bits is None else bits ^ self._changes.get((x, y), 0)


def netlist(tiles: Tiles) -> Netlist:
    return Folding(Extraction(chip_of("5k"), tiles, PICO2_ICE).run()).run("5k")


def second_drivers(chip: Chip, tiles: Tiles) -> Iterator[tuple[tuple[int, int], int]]:
    """Find bits that let another logic cell drive a wire which leads a level from tile to tile."""
    for x, y in sorted(chip.config.logic_tiles):
        bits = tiles.bits(x, y)
        if not bits:
            continue
        for name, patterns in sorted(chip.kind(x, y).into.items()):
            if not name.startswith("sp"):
                continue
            driven = [
                one for one in patterns if one.name.startswith("lutff_") and bits & one.mask == one.value
            ]
            if not driven:
                continue
            for place in sorted(chip.wire((x, y, name))):
                if place[:2] not in chip.config.logic_tiles:
                    continue
                there = tiles.bits(*place[:2])
                assert there is not None
                for other in chip.kind(*place[:2]).into.get(place[2], ()):
                    if other.name.startswith("lutff_") and not there & other.mask and place[:2] != (x, y):
                        yield place[:2], other.value


def test_two_drivers_on_one_wire() -> None:
    whole = Tiles(read_image((CIRCUITS / "subtract.bin").read_bytes(), "subtract"))
    found: list[CircuitError | None] = []
    for tile, bit in second_drivers(chip_of("5k"), whole):
        try:
            netlist(Changed("subtract", {tile: bit}))
        except CircuitError as error:
            found.append(error)
        else:
            found.append(None)
        if len(found) == 12:
            break
    # wires that lead to nothing that matters may have as many drivers as they like
    contentions = [error for error in found if isinstance(error, ContentionError)]
    assert contentions, found
    assert "is driven by several: (" in contentions[0].message


def test_a_column_without_its_clock() -> None:
    chip = chip_of("5k")
    whole = Tiles(read_image((CIRCUITS / "div1024.bin").read_bytes(), "div1024"))
    extraction = Extraction(chip, whole, PICO2_ICE)
    extraction.run()
    clocked = next(
        (x, y) for x, y in sorted(chip.config.logic_tiles) if (whole.bits(x, y) or 0) >> 36 & 0x3FF
    )
    x, y = chip.buffers[clocked]
    switched = [
        pattern.mask
        for name, pattern in chip.kind(x, y).settings.items()
        if name.startswith("ColBufCtrl") and (whole.bits(x, y) or 0) & pattern.mask
    ]
    assert switched
    with pytest.raises(FloatingError, match="switched off in the column"):
        netlist(Changed("div1024", {(x, y): sum(switched)}))
