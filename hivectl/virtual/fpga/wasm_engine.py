"""A circuit as WebAssembly, run by wasmtime where that is installed: 20 to 150 million cycles a second."""

from __future__ import annotations

import importlib.util
import struct
import weakref
from typing import TYPE_CHECKING, Any

from hivectl.virtual.fpga.netlist import FIRST, ONE, ZERO
from hivectl.virtual.fpga.program import plan
from hivectl.virtual.fpga.wasm import (
    BLOCK,
    END,
    I32,
    I32_ADD,
    I32_AND,
    I32_OR,
    I32_SHL,
    I32_SHR,
    I32_XOR,
    I64,
    I64_ADD,
    I64_EQ,
    I64_EXTEND,
    I64_GE,
    IF,
    LOOP,
    SELECT,
    const32,
    const64,
    get,
    leave,
    leave_if,
    load,
    load16,
    module,
    put,
    store,
)

if TYPE_CHECKING:
    from hivectl.virtual.fpga.expression import Expression
    from hivectl.virtual.fpga.machine import Machine, State
    from hivectl.virtual.fpga.netlist import Netlist
    from hivectl.virtual.fpga.program import Phase, Program, Read

OPERATIONS = {"and": I32_AND, "or": I32_OR, "xor": I32_XOR}
# numbers of 64 bits that are kept between two calls
NUMBERS = ("edges", "kept_edges", "power", "since")
# bits that are compared before the first look whether a state can be the kept one at all
COMPARED = 12


def wasm_machine(netlist: Netlist) -> Machine | None:
    """Return the circuit compiled; None: wasmtime is not installed."""
    if importlib.util.find_spec("wasmtime") is None:
        return None
    return WasmMachine(netlist)


class WasmMachine:
    """A circuit that is run by wasmtime; `machine.Machine`.

    Args:
        netlist: the circuit.
    """

    def __init__(self, netlist: Netlist) -> None:
        import wasmtime

        writer = _Writer(netlist)
        self._layout = struct.Struct(f"<{len(NUMBERS)}q{2 * (netlist.states + 1) + 1}i")
        self._states = netlist.states
        self._at = writer.at
        self._store = wasmtime.Store()
        # at Python's end too: whoever keeps circuits till then outlives what wasmtime frees its memory by
        weakref.finalize(self, _close, self._store)
        compiled = wasmtime.Module(self._store.engine, writer.module())
        exports = wasmtime.Instance(self._store, compiled, []).exports(self._store)
        self._memory: Any = exports["memory"]
        self._function: Any = exports["run"]

    def run(self, state: State, cycles: int) -> None:
        """Go on for some cycles, or until a state comes again."""
        state.keep()
        numbers = (state.edges, state.kept_edges, state.power, state.since)
        packed = self._layout.pack(*numbers, *state.bits, state.level, *state.kept, 0)
        self._memory.write(self._store, packed, self._at)
        state.cycles += self._function(self._store, cycles)
        data = self._memory.read(self._store, self._at, self._at + self._layout.size)
        state.edges, state.kept_edges, state.power, state.since, *bits, found = self._layout.unpack(
            bytes(data)
        )
        state.bits, state.level, state.kept = (
            bits[: self._states],
            bits[self._states],
            bits[self._states + 1 :],
        )
        if found:
            state.period, state.period_edges = state.since, state.edges - state.kept_edges


def _close(store: Any) -> None:
    engine = store.engine
    store.close()
    engine.close()


class _Writer:
    """Writes the module of one circuit.

    Locals: the cycles to do, the 64-bit numbers and the cycles done, then those of 32 bits: states, the pin's level,
    the kept ones of these, and one for each table and each read memory.

    Args:
        netlist: the circuit.
    """

    def __init__(self, netlist: Netlist) -> None:
        self._program: Program = plan(netlist)
        self._words: list[int] = []
        self._data: list[tuple[int, bytes]] = []
        end = 0
        for memory in netlist.memories:
            self._words.append(end)
            content = struct.pack(f"<{len(memory.words)}H", *memory.words)
            self._data.append((end, content))
            end += len(content)
        # where what is kept between two calls lies in memory
        self.at = end + -end % 8
        self._first = 1 + len(NUMBERS) + 1
        self._done = self._first - 1
        self._level = self._first + netlist.states
        self._kept = self._level + 1
        self._table = self._kept + netlist.states + 1
        self._word = self._table + len(netlist.tables)
        self._count = self._word + len(netlist.memories) - self._first
        self._tables_from = FIRST + netlist.states

    def module(self) -> bytes:
        """Return the module."""
        states = self._program.states + 1
        locals_ = ((len(NUMBERS) + 1, I64), (self._count, I32))
        size = self.at + 8 * len(NUMBERS) + 4 * (2 * states + 1)
        return module(locals_, self._loaded() + self._loop() + self._stored(), size, self._data)

    def _places(self) -> list[tuple[int, int, int]]:
        """Return kind, local, and place in memory of what is kept between two calls."""
        numbers = [(I64, 1 + index, self.at + 8 * index) for index in range(len(NUMBERS))]
        start = self.at + 8 * len(NUMBERS)
        return numbers + [
            (I32, self._first + index, start + 4 * index) for index in range(2 * (self._program.states + 1))
        ]

    def _loaded(self) -> bytes:
        return b"".join(load(kind, place) + put(local) for kind, local, place in self._places())

    def _stored(self) -> bytes:
        return b"".join(store(kind, place, get(local)) for kind, local, place in self._places()) + get(
            self._done
        )

    def _loop(self) -> bytes:
        edges, kept_edges, power, since = range(1, 1 + len(NUMBERS))
        states = range(self._program.states + 1)
        found = self.at + 8 * len(NUMBERS) + 4 * 2 * len(states)
        one_more = b"".join(get(local) + const64(1) + I64_ADD + put(local) for local in (self._done, since))
        keep = b"".join(get(self._first + index) + put(self._kept + index) for index in states)
        parts = [
            BLOCK + LOOP,
            get(self._done) + get(0) + I64_GE + leave_if(1),
            self._phase(self._program.low),
            self._phase(self._program.high) if self._program.high is not None else b"",
            one_more,
            BLOCK + self._compared() + store(I32, found, const32(1)) + leave(2) + END,
            get(since) + get(power) + I64_EQ + IF,
            keep + get(edges) + put(kept_edges) + get(power) + get(power) + I64_ADD + put(power),
            const64(0) + put(since) + END,
            leave(0) + END + END,
        ]
        return b"".join(parts)

    def _compared(self) -> bytes:
        """Return code that leaves its block where the state is another one than the kept."""
        parts = []
        for start in range(0, self._program.states + 1, COMPARED):
            for index in range(start, min(start + COMPARED, self._program.states + 1)):
                parts.append(get(self._first + index) + get(self._kept + index) + I32_XOR)
                if index > start:
                    parts.append(I32_OR)
            parts.append(leave_if(0))
        return b"".join(parts)

    def _phase(self, phase: Phase) -> bytes:
        parts = [
            self._code(expression) + put(self._local(reference)) for reference, expression in phase.steps
        ]
        # one edge more where the pin is high and was low
        parts.append(
            self._code(phase.output) + get(self._level) + const32(1) + I32_XOR + I32_AND + I64_EXTEND
        )
        parts.append(get(1) + I64_ADD + put(1) + self._code(phase.output) + put(self._level))
        sinks: list[int] = []
        # all new values are on the stack before the first is taken from there
        for read in phase.reads:
            parts.append(self._read(read))
            for output, bit in zip(read.outputs, read.bits, strict=True):
                parts.append(get(self._word + read.memory) + const32(bit) + I32_SHR + const32(1) + I32_AND)
                parts.append(get(self._local(output)) + self._code(read.enable) + SELECT)
                sinks.append(self._local(output))
        for reference, expression in phase.updates:
            parts.append(self._code(expression))
            sinks.append(self._local(reference))
        parts += [put(sink) for sink in reversed(sinks)]
        return b"".join(parts)

    def _read(self, read: Read) -> bytes:
        """Return code that puts the word that a memory's address names into its local."""
        parts = [const32(0)]
        parts += [
            self._code(bit) + const32(index + 1) + I32_SHL + I32_ADD for index, bit in enumerate(read.address)
        ]
        return b"".join(parts) + load16(self._words[read.memory]) + put(self._word + read.memory)

    def _local(self, reference: int) -> int:
        if reference >= self._tables_from:
            return self._table + reference - self._tables_from
        return self._first + reference - FIRST

    def _code(self, expression: Expression) -> bytes:
        if isinstance(expression, int):
            return const32(expression) if expression in (ZERO, ONE) else get(self._local(expression))
        if len(expression) == 2:
            return self._code(expression[1]) + const32(1) + I32_XOR
        return self._code(expression[1]) + self._code(expression[2]) + OPERATIONS[expression[0]]
