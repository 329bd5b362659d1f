"""Both engines against a simulator that is as plain as can be, on circuits that nobody thought of."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.virtual.fpga.circuit import Circuit, StoppedError
from hivectl.virtual.fpga.machine import State
from hivectl.virtual.fpga.netlist import CLOCK, FIRST, FlipFlop, Memory, Netlist, Table
from hivectl.virtual.fpga.python_engine import PythonMachine
from hivectl.virtual.fpga.target import PICO2_ICE
from hivectl.virtual.fpga.twin import Twin
from hivectl.virtual.fpga.wasm_engine import wasm_machine
from tests.virtual.fpga.nothing_kept import NOTHING_KEPT

if TYPE_CHECKING:
    from hivectl.virtual.fpga.machine import Machine


class Plain:
    """Works out every cell in every half cycle.

    Args:
        netlist: the circuit.
    """

    def __init__(self, netlist: Netlist) -> None:
        self.netlist = netlist
        self.flipflops = [0] * len(netlist.flipflops)
        self.outputs = [[0] * len(memory.bits) for memory in netlist.memories]

    def values(self, clock: int) -> list[int]:
        values = [0, 1, clock, *self.flipflops, *(bit for outputs in self.outputs for bit in outputs)]
        for table in self.netlist.tables:
            index = sum(values[one] << position for position, one in enumerate(table.inputs))
            values.append(table.bits >> index & 1)
        return values

    def edge(self, *, falling: bool) -> None:
        values = self.values(int(falling))
        new = list(self.flipflops)
        for index, cell in enumerate(self.netlist.flipflops):
            if cell.falling == falling and values[cell.enable]:
                new[index] = cell.value if values[cell.reset] else values[cell.data]
        for index, memory in enumerate(self.netlist.memories):
            if memory.falling == falling and all(values[one] for one in memory.enable):
                word = memory.words[sum(values[one] << bit for bit, one in enumerate(memory.address))]
                self.outputs[index] = [word >> bit & 1 for bit in memory.bits]
        self.flipflops = new

    def pulses(self, cycles: int) -> list[int]:
        """Return the rising edges until the end of each cycle."""
        level = self.values(0)[self.netlist.output]
        edges, found = 0, [0]
        for _ in range(cycles):
            for falling in (False, True):
                self.edge(falling=falling)
                now = self.values(int(not falling))[self.netlist.output]
                edges += now > level
                level = now
            found.append(edges)
        return found


@st.composite
def netlists(draw: st.DrawFn) -> Netlist:
    flipflops = draw(st.integers(1, 7))
    memory = draw(st.booleans())
    bits = tuple(draw(st.lists(st.integers(0, 15), min_size=1, max_size=3, unique=True))) if memory else ()
    tables = draw(st.integers(0, 9))
    states = FIRST + flipflops + len(bits)

    def any_of(last: int) -> st.SearchStrategy[int]:
        return st.integers(0, last - 1)

    cells = tuple(
        FlipFlop(
            draw(any_of(states + tables)),
            draw(st.one_of(st.just(1), any_of(states + tables))),
            draw(st.one_of(st.just(0), any_of(states + tables))),
            draw(st.integers(0, 1)),
            draw(st.booleans()),
        )
        for _ in range(flipflops)
    )
    memories: tuple[Memory, ...] = ()
    if memory:
        words = draw(st.lists(st.integers(0, 0xFFFF), min_size=256, max_size=256))
        address = tuple(draw(any_of(states + tables)) for _ in range(8))
        enable = (1, draw(st.one_of(st.just(1), any_of(states + tables))))
        memories = (Memory(address, enable, draw(st.booleans()), bits, tuple(words)),)
    made = []
    for index in range(tables):
        inputs = tuple(draw(st.lists(any_of(states + index), min_size=1, max_size=4)))
        made.append(Table(inputs, draw(st.integers(0, (1 << (1 << len(inputs))) - 1))))
    return Netlist("5k", draw(any_of(states + tables)), 0, cells, memories, tuple(made))


def machines(netlist: Netlist) -> list[Machine]:
    compiled = wasm_machine(netlist)
    assert compiled is not None
    return [PythonMachine(netlist), compiled]


@settings(max_examples=60, deadline=None)
@given(netlists(), st.lists(st.integers(1, 200), min_size=1, max_size=4))
def test_engines_agree_with_the_plain_one_piece_by_piece(netlist: Netlist, pieces: list[int]) -> None:
    expected = Plain(netlist).pulses(sum(pieces))
    level = PythonMachine(netlist).level
    for machine in machines(netlist):
        state = State([0] * netlist.states)
        for piece in pieces:
            machine.run(state, piece)
            assert state.edges + (level(state) > state.level) == expected[state.cycles]
            if state.period:
                # the first state that comes again ends the work
                again = state.cycles - state.period
                known = expected[again:]
                assert all(
                    known[index + state.period] - known[index] == state.period_edges
                    for index in range(1, len(known) - state.period)
                )
                state.forget()


@settings(max_examples=60, deadline=None)
@given(netlists(), st.integers(1, 400), st.integers(0, 300))
def test_circuits_count_what_the_plain_one_counts(netlist: Netlist, cycles: int, after: int) -> None:
    expected = Plain(netlist).pulses(after + cycles)
    circuit = Circuit(netlist, PICO2_ICE, wasm=False)
    counted = circuit.count(cycles, after=after)
    assert counted.pulses == expected[after + cycles] - expected[after]
    # far away, by its period, and back again
    assert circuit.count(10**9).cycles == 10**9
    assert circuit.count(cycles).pulses == expected[cycles]


def test_without_wasmtime_python_counts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hivectl.virtual.fpga.circuit.wasm_machine", lambda _: None)
    data = (Path(__file__).parent / "circuits" / "carry.bin").read_bytes()
    circuit = Twin(PICO2_ICE, cache=NOTHING_KEPT).load(data)
    assert circuit.count(100_000).pulses == (123457 * 100_000 + 2**19) >> 20


def test_somebody_who_loses_interest_is_heeded() -> None:
    data = (Path(__file__).parent / "circuits" / "blink.bin").read_bytes()
    circuit = Twin(PICO2_ICE, cache=NOTHING_KEPT).load(data)
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        circuit.count(10**12, stop=stop)


def test_the_clock_itself() -> None:
    circuit = Circuit(Netlist("5k", CLOCK, 0, (), (), ()), PICO2_ICE)
    assert circuit.count(48_000_000).pulses == 48_000_000
    assert circuit.levels([0, 1, 10**12]) == [0, 0, 0]


def test_a_netlist_survives_its_file() -> None:
    netlist = Netlist(
        "1k",
        9,
        12_000_000,
        (FlipFlop(3, 1, 0, 1, falling=True),),
        (Memory((1,) * 8, (1, 1), falling=False, bits=(0, 15), words=tuple(range(256))),),
        (Table((3, 4), 0b0110),),
    )
    assert Netlist.from_json(netlist.to_json()) == netlist
    with pytest.raises(ValueError, match="version 0"):
        Netlist.from_json(netlist.to_json() | {"version": 0})


# a module that lives longer than wasmtime's own, as those of test runners do
KEPT = """\
import codecs, sys, types
keeper = sys.modules["keeper"] = types.ModuleType("keeper")
codecs.register_error("keeps", lambda error, kept=keeper: error)
from hivectl.virtual.fpga.machine import State
from hivectl.virtual.fpga.netlist import CLOCK, Netlist
from hivectl.virtual.fpga.wasm_engine import wasm_machine
keeper.machine = wasm_machine(Netlist("5k", CLOCK, 0, (), (), ()))
keeper.machine.run(State(), 5)
"""


def test_a_circuit_that_is_kept_to_pythons_end_is_freed_in_silence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEPT], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
