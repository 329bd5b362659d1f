"""A circuit as cells and the numbers that join them; the cone of one pin, and nothing else.

A reference is an index into one row of values: 0 and 1 are these constants, 2 is the level of the clock, then come the
flip-flops, then the outputs of block RAMs, then the look-up tables in an order in which each needs only those before.
"""

from __future__ import annotations

from typing import Any

from hivectl.model.records import record

ZERO, ONE, CLOCK = 0, 1, 2
FIRST = 3
# cached netlists of another one are made anew
VERSION = 1


@record
class FlipFlop:
    """One flip-flop, 0 at the start: at its edge, where `enable` is 1, it takes `value` where `reset`, else `data`.

    Attributes:
        data: reference.
        enable: reference.
        reset: reference.
        value: 0 or 1.
        falling: whether it takes at the falling edge.
    """

    data: int
    enable: int
    reset: int
    value: int
    falling: bool


@record
class Memory:
    """One block RAM that is only read; its outputs are 0 at the start.

    Attributes:
        address: references, lowest bit first.
        enable: references that must all be 1 at the edge.
        falling: whether it is read at the falling edge.
        bits: which bits of a word are used, in the order of its outputs.
        words: the content.
    """

    address: tuple[int, ...]
    enable: tuple[int, ...]
    falling: bool
    bits: tuple[int, ...]
    words: tuple[int, ...]


@record
class Table:
    """One look-up table: its value for inputs i is bit number sum(i[n] << n) of `bits`."""

    inputs: tuple[int, ...]
    bits: int


@record
class Netlist:
    """What makes the level of one pin.

    Attributes:
        device: as icestorm calls the chip.
        output: reference; the pin's level.
        oscillator: hertz of the chip's own oscillator if that is the clock, nominally; 0: the board's clock.
        flipflops: cells.
        memories: cells.
        tables: cells, in order.
    """

    device: str
    output: int
    oscillator: int
    flipflops: tuple[FlipFlop, ...]
    memories: tuple[Memory, ...]
    tables: tuple[Table, ...]

    @property
    def states(self) -> int:
        """How many bits it remembers."""
        return len(self.flipflops) + sum(len(memory.bits) for memory in self.memories)

    def to_json(self) -> dict[str, Any]:
        """Return it as values for JSON; `from_json` takes them."""
        return {
            "version": VERSION,
            "device": self.device,
            "output": self.output,
            "oscillator": self.oscillator,
            "flipflops": [
                [cell.data, cell.enable, cell.reset, cell.value, int(cell.falling)] for cell in self.flipflops
            ],
            "memories": [
                [
                    list(cell.address),
                    list(cell.enable),
                    int(cell.falling),
                    list(cell.bits),
                    "".join(f"{word:04x}" for word in cell.words),
                ]
                for cell in self.memories
            ],
            "tables": [[list(cell.inputs), cell.bits] for cell in self.tables],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Netlist:
        """Return the netlist that `to_json` wrote; raises LookupError, TypeError or ValueError for anything else."""
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']}")
        return cls(
            data["device"],
            data["output"],
            data["oscillator"],
            tuple(FlipFlop(a, b, c, d, bool(e)) for a, b, c, d, e in data["flipflops"]),
            tuple(
                Memory(
                    tuple(address),
                    tuple(enable),
                    bool(falling),
                    tuple(bits),
                    tuple(int(words[start : start + 4], 16) for start in range(0, len(words), 4)),
                )
                for address, enable, falling, bits, words in data["memories"]
            ),
            tuple(Table(tuple(inputs), bits) for inputs, bits in data["tables"]),
        )
