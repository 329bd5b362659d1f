"""Cells as they are found on the chip: some of their inputs are constant, some do not matter, some cannot be told."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from hivectl.model.records import record
from hivectl.virtual.fpga.netlist import ZERO

if TYPE_CHECKING:
    from hivectl.virtual.fpga.errors import CircuitError


@record
class RawTable:
    """A look-up table; `netlist.Table`."""

    inputs: tuple[int, ...]
    bits: int


@record
class RawFlipFlop:
    """A flip-flop; `netlist.FlipFlop`. `clock` is a reference too."""

    data: int
    enable: int
    reset: int
    value: int
    falling: bool
    clock: int


@record
class RawMemory:
    """One output of a block RAM; those of one `ram` are read together.

    It is written to unless one of `writing` is 0: enable, clock's enable, clock.
    """

    ram: tuple[int, int]
    bit: int
    address: tuple[int, ...]
    enable: tuple[int, ...]
    falling: bool
    clock: int
    writing: tuple[int, int, int]
    words: tuple[int, ...]


@record
class Fault:
    """A value that cannot be told."""

    error: CircuitError


@record
class Oscillator:
    """The chip's own oscillator, running where `power` and `enable` are 1."""

    hertz: int
    power: int
    enable: int


Cell = RawTable | RawFlipFlop | RawMemory | Fault | Oscillator


@record(frozen=False)
class Cells:
    """Cells by reference, and the pin's.

    Attributes:
        cells: reference `FIRST + index`.
        output: reference.
        names: what a cell is called, for messages.
    """

    cells: list[Cell] = field(default_factory=list)
    output: int = ZERO
    names: list[str] = field(default_factory=list)
