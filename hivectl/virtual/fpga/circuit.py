"""A circuit that counts: the least work that gives the exact number of pulses."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from hivectl.model.records import record
from hivectl.virtual.fpga.errors import WindowError
from hivectl.virtual.fpga.machine import State
from hivectl.virtual.fpga.python_engine import PythonMachine
from hivectl.virtual.fpga.wasm_engine import wasm_machine

if TYPE_CHECKING:
    from hivectl.virtual.fpga.machine import Machine
    from hivectl.virtual.fpga.netlist import Netlist
    from hivectl.virtual.fpga.target import Target

# cycles times cells that Python does in some 3 ms, which a WebAssembly module costs to compile, and in 15 ms, for as
# long as wasmtime, which costs some 40, is not imported
PYTHON_SHARE, PYTHON_ALONE = 40_000, 200_000
# cycles times cells in one go: some 0.3 s, after which somebody who has lost interest is heeded
WASM_PIECE, PYTHON_PIECE = 1_000_000_000, 5_000_000
REMEMBERED = 64


@record
class Count:
    """What was counted.

    Attributes:
        pulses: rising edges on the pin.
        cycles: of the board's clock, the window.
        nominal: the chip's own oscillator gives the clock, which on a real board is off by up to 10 %.
        period: cycles of its clock after which the circuit does the same again; 0: not known.
    """

    pulses: int
    cycles: int
    nominal: bool
    period: int


class StoppedError(Exception):
    """Somebody has lost interest in a count."""


class Stop(Protocol):
    """Says whether somebody has lost interest; a threading.Event is one."""

    def is_set(self) -> bool:
        """Return whether nobody wants to know any more."""
        ...


class Circuit:
    """One circuit; threads may count at the same time.

    Args:
        netlist: its cells.
        target: the board.
        wasm: whether WebAssembly may be used.
    """

    def __init__(self, netlist: Netlist, target: Target, *, wasm: bool = True) -> None:
        self.netlist = netlist
        self._target = target
        self._size = len(netlist.tables) + netlist.states + 4
        self._lock = threading.Lock()
        self._wasm = wasm
        self._fast: Machine | None = None
        self._in_python = 0
        self._start = State([0] * netlist.states)
        self._furthest = self._start
        self._counted: dict[int, int] = {0: 0}

    def count(self, cycles: int, *, after: int = 0, stop: Stop | None = None) -> Count:
        """Count rising edges.

        Args:
            cycles: of the board's clock.
            after: cycles of the board's clock between the circuit's start and the window's.
            stop: set by whoever no longer wants to know.

        Raises:
            WindowError: it is no positive number of cycles.
            StoppedError: `stop` was set.
        """
        # a float would be counted with until the end, and a bool is no length
        if type(cycles) is not int or cycles <= 0:
            raise WindowError(f"a window is a positive number of clock cycles, not {cycles!r}")
        if type(after) is not int or after < 0:
            raise WindowError(f"a window begins a whole number of cycles after the start, not {after!r}")
        with self._lock:
            before = self._edges(self._own(after), stop)
            edges = self._edges(self._own(after + cycles), stop)
        return Count(edges - before, cycles, self.netlist.oscillator > 0, self._furthest.period)

    def remembers(self, cycles: int, *, after: int = 0) -> bool:
        """Return whether a window was counted before, so that counting it takes no time."""
        own = self._own(after), self._own(after + cycles)
        return all(one in self._counted for one in own)

    def levels(self, moments: list[int], stop: Stop | None = None) -> list[int]:
        """Return the pin's level after so many cycles of the board's clock each, in order.

        Args:
            moments: growing.
            stop: set by whoever no longer wants to know.

        Raises:
            StoppedError: `stop` was set.
        """
        found, period = [], 0
        with self._lock:
            state = replace(self._start)
            for moment in moments:
                own = self._own(moment)
                if not period:
                    state = self._run(state, own, stop)
                    period = state.period
                if period:
                    state.forget()
                    state = self._run(state, state.cycles + (own - state.cycles) % period, stop)
                    # what it looks like then is what it looks like now
                    state.cycles = own
                found.append(self._slow.level(state))
        return found

    def _own(self, cycles: int) -> int:
        """Return how many cycles of its own clock a circuit does in those of the board's."""
        if not self.netlist.oscillator:
            return cycles
        return cycles * self.netlist.oscillator // self._target.clock_hertz

    def _edges(self, cycles: int, stop: Stop | None) -> int:
        known = self._counted.get(cycles)
        if known is None:
            known = self._worked_out(cycles, stop)
            if len(self._counted) >= REMEMBERED:
                self._counted = {0: 0}
            self._counted[cycles] = known
        return known

    def _worked_out(self, cycles: int, stop: Stop | None) -> int:
        state = self._furthest if cycles >= self._furthest.cycles else self._start
        if not state.period:
            state = self._run(replace(state), cycles, stop)
            if state.cycles > self._furthest.cycles or state.period:
                self._furthest = replace(state)
        edges = 0
        if state.period:
            whole, rest = divmod(cycles - state.cycles, state.period)
            edges = whole * state.period_edges
            # less than a period: the same state does not come again
            state = replace(state)
            state.forget()
            state = self._run(state, state.cycles + rest, stop)
        # the pin may have risen at the end of the last cycle, which the state does not count yet
        return edges + state.edges + (self._slow.level(state) > state.level)

    def _run(self, state: State, cycles: int, stop: Stop | None) -> State:
        """Go on until some cycle, or until the period is known."""
        while state.cycles < cycles and not state.period:
            if stop is not None and stop.is_set():
                raise StoppedError
            wanted = cycles - state.cycles
            most = PYTHON_SHARE if "wasmtime" in sys.modules else PYTHON_ALONE
            share = most // self._size - self._in_python
            if share <= 0 and self._wasm and self._fast is None:
                self._fast = wasm_machine(self.netlist)
                self._wasm = self._fast is not None
            if self._fast is not None:
                self._fast.run(state, min(wanted, WASM_PIECE // self._size + 1))
                continue
            piece = share if share > 0 else PYTHON_PIECE // self._size + 1
            before = state.cycles
            self._slow.run(state, min(wanted, piece))
            self._in_python += state.cycles - before
        return state

    @cached_property
    def _slow(self) -> PythonMachine:
        return PythonMachine(self.netlist)
