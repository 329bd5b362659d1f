"""From raw cells to a netlist: constants are folded in, what does not matter is dropped, the rest is put in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.virtual.fpga.errors import (
    CombinationalLoopError,
    DerivedClockError,
    MemoryWriteError,
    MissingClockError,
    SeveralClocksError,
    UnknownInputError,
)
from hivectl.virtual.fpga.netlist import CLOCK, FIRST, ONE, ZERO, FlipFlop, Memory, Netlist, Table
from hivectl.virtual.fpga.raw import Fault, Oscillator, RawFlipFlop, RawMemory, RawTable
from hivectl.virtual.fpga.tables import simplify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hivectl.virtual.fpga.raw import Cell, Cells

    Resolve = Callable[[int], int]

# turns over all cells until nothing folds any more; a chip has far fewer constants behind one another
TURNS = 64


class Folding:
    """What each reference is, after all that is constant is known.

    Args:
        found: from `extract`.
    """

    def __init__(self, found: Cells) -> None:
        self._cells = list(found.cells)
        self._names = found.names
        self._same: dict[int, int] = {}
        self._output = found.output

    def run(self, device: str) -> Netlist:
        """Return the netlist; raises CircuitError for what matters and cannot be simulated."""
        for _ in range(TURNS):
            if not self._turn():
                break
        order = self._ordered()
        clock = self._clock(order)
        return _numbered(device, self._cells, order, self._is(self._output), clock, self._is)

    def _is(self, reference: int) -> int:
        while (other := self._same.get(reference)) is not None:
            reference = other
        return reference

    def _turn(self) -> bool:
        changed = False
        for index, cell in enumerate(self._cells):
            reference = FIRST + index
            if reference in self._same:
                continue
            if isinstance(cell, RawTable):
                inputs, bits = simplify(tuple(self._is(one) for one in cell.inputs), cell.bits)
                self._cells[index] = RawTable(inputs, bits)
                if not inputs:
                    self._same[reference] = ONE if bits else ZERO
                elif len(inputs) == 1 and bits == 0b10 and inputs[0] != reference:
                    self._same[reference] = inputs[0]
                changed = changed or reference in self._same
            elif isinstance(cell, RawFlipFlop):
                data, enable, reset = self._is(cell.data), self._is(cell.enable), self._is(cell.reset)
                # without a clock it would stay too, but that is worth a word
                if enable == ZERO or (data == ZERO and (reset == ZERO or not cell.value)):
                    self._same[reference] = ZERO
                    changed = True
        return changed

    def _needs(self, reference: int) -> tuple[int, ...]:
        """Return what a cell's value hangs on, at once or from the cycle before."""
        cell = self._cells[reference - FIRST]
        if isinstance(cell, RawTable):
            return cell.inputs
        if isinstance(cell, RawFlipFlop):
            return cell.data, cell.enable, cell.reset
        if isinstance(cell, RawMemory):
            return (*cell.address, *cell.enable)
        return ()

    def _ordered(self) -> list[int]:
        """Return the references of the cone's cells, tables after what they need."""
        order: list[int] = []
        done: set[int] = set()
        roots = [self._is(self._output)]
        while roots:
            root = roots.pop()
            if root < FIRST or root in done:
                continue
            path: list[tuple[int, Iterator[int]]] = [(root, iter(self._next(root, roots)))]
            within = {root}
            while path:
                reference, needs = path[-1]
                for need in needs:
                    if need in within:
                        self._loop([step for step, _ in path], need)
                    if need not in done:
                        path.append((need, iter(self._next(need, roots))))
                        within.add(need)
                        break
                else:
                    path.pop()
                    within.discard(reference)
                    done.add(reference)
                    order.append(reference)
        return order

    def _next(self, reference: int, roots: list[int]) -> list[int]:
        """Return what is needed within the same cycle; the rest becomes roots of its own."""
        cell = self._cells[reference - FIRST]
        if isinstance(cell, Fault):
            raise cell.error
        if isinstance(cell, RawMemory) and ZERO not in (self._is(one) for one in cell.writing):
            raise MemoryWriteError(f"the block RAM at {cell.ram} is written to")
        needs = [need for one in self._needs(reference) if (need := self._is(one)) >= FIRST]
        if isinstance(cell, RawTable):
            return needs
        roots += needs
        return []

    def _loop(self, path: list[int], again: int) -> None:
        cells = [self._names[reference - FIRST] for reference in path[path.index(again) :]]
        told = ", ".join(cells[:6]) + (f" and {len(cells) - 6} more" if len(cells) > 6 else "")
        raise CombinationalLoopError(
            f"logic feeds itself without a flip-flop in between: {told}",
            hint="what it does is analogue, and only a real board can tell its count",
        )

    def _clock(self, order: list[int]) -> Oscillator | None:
        """Return the one clock of all cells; None: the board's."""
        clocks: set[Oscillator | None] = set()
        for reference in order:
            cell = self._cells[reference - FIRST]
            if isinstance(cell, (RawFlipFlop, RawMemory)):
                clocks.add(self._source(reference, self._is(cell.clock)))
            elif isinstance(cell, Oscillator):
                clocks.add(self._running(cell))
            if any(self._is(need) == CLOCK for need in self._needs(reference)):
                clocks.add(None)
        if self._is(self._output) == CLOCK:
            clocks.add(None)
        if len(clocks) > 1:
            raise SeveralClocksError("the circuit is clocked by several sources: the board's and its own")
        return clocks.pop() if clocks else None

    def _source(self, reference: int, clock: int) -> Oscillator | None:
        name = self._names[reference - FIRST]
        if clock == CLOCK:
            return None
        if clock in (ZERO, ONE):
            raise MissingClockError(f"the flip-flop or memory {name} has no clock")
        cell = self._cells[clock - FIRST]
        if isinstance(cell, Oscillator):
            return self._running(cell)
        if isinstance(cell, Fault):
            if isinstance(cell.error, UnknownInputError):
                raise MissingClockError(
                    f"the clock of {name} comes from a pin where the board gives none: {cell.error.message}"
                )
            raise cell.error
        raise DerivedClockError(
            f"the flip-flop or memory {name} is clocked by other logic: {self._names[clock - FIRST]}"
        )

    def _running(self, cell: Oscillator) -> Oscillator:
        switches = self._is(cell.power), self._is(cell.enable)
        if switches == (ONE, ONE):
            return Oscillator(cell.hertz, ONE, ONE)
        if ZERO in switches:
            raise MissingClockError("the chip's own oscillator gives the clock, and is switched off")
        raise MissingClockError("the chip's own oscillator is switched on and off by the circuit")


def _numbered(
    device: str, cells: list[Cell], order: list[int], output: int, clock: Oscillator | None, same: Resolve
) -> Netlist:
    """Return the netlist with references as `netlist` numbers them."""
    kinds: dict[type[Cell], list[int]] = {RawFlipFlop: [], RawMemory: [], RawTable: [], Oscillator: []}
    for reference in order:
        kinds[type(cells[reference - FIRST])].append(reference)
    rams: dict[tuple[int, int], list[int]] = {}
    for reference in kinds[RawMemory]:
        cell = cells[reference - FIRST]
        assert isinstance(cell, RawMemory)
        rams.setdefault(cell.ram, []).append(reference)
    flat = [*kinds[RawFlipFlop], *(one for ram in rams.values() for one in ram), *kinds[RawTable]]
    number = {reference: FIRST + index for index, reference in enumerate(flat)}
    number |= {ZERO: ZERO, ONE: ONE, CLOCK: CLOCK} | dict.fromkeys(kinds[Oscillator], CLOCK)

    def new(reference: int) -> int:
        return number[same(reference)]

    flipflops, memories, tables = [], [], []
    for reference in flat:
        cell = cells[reference - FIRST]
        if isinstance(cell, RawFlipFlop):
            flipflops.append(
                FlipFlop(new(cell.data), new(cell.enable), new(cell.reset), cell.value, cell.falling)
            )
        elif isinstance(cell, RawTable):
            tables.append(Table(tuple(new(one) for one in cell.inputs), cell.bits))
    for ram in rams.values():
        outputs = [cell for reference in ram if isinstance(cell := cells[reference - FIRST], RawMemory)]
        first = outputs[0]
        memories.append(
            Memory(
                tuple(new(one) for one in first.address),
                tuple(new(one) for one in first.enable),
                first.falling,
                tuple(cell.bit for cell in outputs),
                first.words,
            )
        )
    hertz = clock.hertz if clock is not None else 0
    return Netlist(device, number[output], hertz, tuple(flipflops), tuple(memories), tuple(tables))
