"""What a simulation does in each clock cycle, for whichever engine: expressions in order.

A cycle has two phases. With the clock low, the pin is looked at and flip-flops of the rising edge take their values;
with the clock high, the pin is looked at again and those of the falling edge take theirs. A circuit without the
latter, whose pin does not show the clock itself, needs the first only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.records import record
from hivectl.virtual.fpga.expression import Expression, of_table, select
from hivectl.virtual.fpga.netlist import CLOCK, FIRST, ONE, ZERO
from hivectl.virtual.fpga.tables import simplify

if TYPE_CHECKING:
    from hivectl.virtual.fpga.netlist import FlipFlop, Netlist


@record
class Read:
    """A memory's read.

    Attributes:
        memory: its number in the netlist.
        enable: whether it is read.
        address: expressions, lowest bit first.
        outputs: references that take its bits.
        bits: of the word, for each output.
    """

    memory: int
    enable: Expression
    address: tuple[Expression, ...]
    outputs: tuple[int, ...]
    bits: tuple[int, ...]


@record
class Phase:
    """Half a cycle.

    Attributes:
        steps: references and what they become, in order.
        output: the pin's level.
        updates: flip-flops and what they take, all at once.
        reads: memories that are read, at the same time.
    """

    steps: tuple[tuple[int, Expression], ...]
    output: Expression
    updates: tuple[tuple[int, Expression], ...]
    reads: tuple[Read, ...]


@record
class Program:
    """A whole cycle.

    Attributes:
        states: how many references, from FIRST on, are remembered from cycle to cycle.
        low: what happens until the rising edge.
        high: what happens from there until the falling edge; None: nothing.
    """

    states: int
    low: Phase
    high: Phase | None


def plan(netlist: Netlist) -> Program:
    """Return what a cycle of a circuit does."""
    low = _Half(netlist, falling=False).phase()
    high = None
    shows_clock = netlist.output == CLOCK or CLOCK in _reached(netlist, netlist.output)
    if shows_clock or any(
        [cell.falling for cell in netlist.flipflops] + [memory.falling for memory in netlist.memories]
    ):
        high = _Half(netlist, falling=True).phase()
    return Program(netlist.states, low, high)


def _reached(netlist: Netlist, *references: int) -> set[int]:
    """Return what tables need to work these out."""
    first = FIRST + netlist.states
    found: set[int] = set()
    todo = list(references)
    while todo:
        reference = todo.pop()
        if reference in found:
            continue
        found.add(reference)
        if reference >= first:
            todo += netlist.tables[reference - first].inputs
    return found


class _Half:
    """One phase in the making.

    Args:
        netlist: the circuit.
        falling: the phase before the falling edge, with the clock high.
    """

    def __init__(self, netlist: Netlist, *, falling: bool) -> None:
        self._netlist = netlist
        self._falling = falling
        self._same = {CLOCK: ONE if falling else ZERO}
        self._tables: dict[int, Expression] = {}
        self._inputs: dict[int, tuple[int, ...]] = {}

    def phase(self) -> Phase:
        netlist = self._netlist
        first = FIRST + netlist.states
        for index, table in enumerate(netlist.tables):
            inputs, bits = simplify(tuple(self._is(one) for one in table.inputs), table.bits)
            if not inputs:
                self._same[first + index] = ONE if bits else ZERO
            elif len(inputs) == 1 and bits == 0b10:
                self._same[first + index] = inputs[0]
            else:
                self._tables[first + index] = of_table(inputs, bits)
                self._inputs[first + index] = inputs
        roots = {self._is(netlist.output)}
        updates = []
        for index, cell in enumerate(netlist.flipflops):
            if cell.falling == self._falling:
                roots |= {self._is(one) for one in (cell.data, cell.enable, cell.reset)}
                updates.append((FIRST + index, self._taken(FIRST + index, cell)))
        reads = self._reads(roots)
        return Phase(self._needed(roots), self._is(netlist.output), tuple(updates), reads)

    def _is(self, reference: int) -> int:
        return self._same.get(reference, reference)

    def _taken(self, own: int, cell: FlipFlop) -> Expression:
        data, enable, reset = self._is(cell.data), self._is(cell.enable), self._is(cell.reset)
        value: Expression = data
        if reset == ONE:
            value = cell.value
        elif reset != ZERO:
            value = ("or", data, reset) if cell.value else ("and", data, ("not", reset))
        return select(enable, value, own)

    def _reads(self, roots: set[int]) -> tuple[Read, ...]:
        found = []
        first = FIRST + len(self._netlist.flipflops)
        for number, memory in enumerate(self._netlist.memories):
            outputs = tuple(range(first, first + len(memory.bits)))
            first += len(memory.bits)
            if memory.falling != self._falling:
                continue
            address = tuple(self._is(one) for one in memory.address)
            one, other = (self._is(switch) for switch in memory.enable)
            roots |= {*address, one, other}
            enable: Expression = other if one == ONE else one if other == ONE else ("and", one, other)
            found.append(Read(number, enable, address, outputs, memory.bits))
        return tuple(found)

    def _needed(self, roots: set[int]) -> tuple[tuple[int, Expression], ...]:
        needed: set[int] = set()
        todo = list(roots)
        while todo:
            reference = todo.pop()
            if reference not in needed and reference in self._tables:
                needed.add(reference)
                todo += self._inputs[reference]
        return tuple((reference, self._tables[reference]) for reference in sorted(needed))
