"""The PIO programs of the pico2-ice, cycle by cycle: the window is exact, and so is what is counted in it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.board_firmware import ROOT
from tests.support.pio import MASK, Pin, Program, StateMachine, load

LIBRARY = ROOT / "firmware/pico2_ice/lib/icelab"
COUNTER = load(LIBRARY / "counter.py")
# system clock cycles for each one of the FPGA's
RATIO = 3


def counted(levels: list[int], window: int, open_at: int = 20) -> tuple[int, int, int]:
    """Return the pulses, and the cycles of the system clock at which the gate opened and closed.

    Args:
        levels: of the pulse pin at each cycle of the FPGA's clock, over and over.
        window: in cycles of the FPGA's clock.
        open_at: cycle of the system clock at which the window is asked for.
    """
    pulses, gate = Pin(), Pin()
    edges = StateMachine(COUNTER.edges, pin=pulses, gate=gate, x=MASK)
    opener = StateMachine(COUNTER.gate, divider=RATIO, side=gate)
    opened = closed = 0
    cycle = 0
    while not opener.receive or cycle < closed + 10 * RATIO:
        if cycle == open_at:
            opener.transmit.append(window - 1)
        pulses.now = levels[cycle // RATIO % len(levels)]
        before = gate.now
        opener.tick(cycle)
        edges.tick(cycle)
        if (before, gate.now) == (0, 1):
            opened = cycle
        if (before, gate.now) == (1, 0):
            closed = cycle
        pulses.tick()
        gate.tick()
        cycle += 1
    return MASK - edges.x, opened, closed


@given(st.integers(1, 60), st.integers(0, 40))
def test_the_window_has_exactly_as_many_cycles_as_were_asked_for(window: int, open_at: int) -> None:
    _, opened, closed = counted([0], window, open_at)
    assert closed - opened == RATIO * window


# half the FPGA's clock is the fastest that a flip-flop gives
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=12).filter(lambda one: len(one) % 2 == 0),
    st.integers(1, 120),
    st.integers(0, 40),
)
def test_each_rising_edge_in_the_window_counts_once_and_no_other(
    lengths: list[int], window: int, open_at: int
) -> None:
    levels = [number % 2 for number, length in enumerate(lengths) for _ in range(length)]
    found, opened, closed = counted(levels, window, open_at)
    # the counter looks at the gate one cycle behind the edge: both edges of the window are late by that
    rising = [
        RATIO * at
        for at in range(1, closed // RATIO + 2)
        if (levels[(at - 1) % len(levels)], levels[at % len(levels)]) == (0, 1)
    ]
    assert found == sum(opened <= at + 1 < closed for at in rising)


@pytest.mark.parametrize("period", [2, 3, 8, 24])
def test_a_window_of_whole_periods_counts_them_wherever_it_begins(period: int) -> None:
    levels = [0] * (period // 2) + [1] * (period - period // 2)
    assert {counted(levels, 10 * period, open_at)[0] for open_at in range(RATIO * period)} == {10}


@given(st.binary(min_size=1, max_size=20))
def test_configuration_goes_out_highest_bit_first_and_stands_when_the_clock_rises(data: bytes) -> None:
    line, clock = Pin(), Pin()
    program = _shift()
    machine = StateMachine(program, divider=RATIO, side=clock, out=line)
    machine.transmit.extend(byte << 24 for byte in data)
    seen: list[tuple[int, int]] = []
    for cycle in range(RATIO * (2 * 8 * len(data) + 4)):
        machine.tick(cycle)
        seen.append((clock.now, line.now))
    bits = [after[1] for before, after in pairwise(seen) if (before[0], after[0]) == (0, 1)]
    assert bits == [byte >> (7 - number) & 1 for byte in data for number in range(8)]
    assert all(before[1] == after[1] for before, after in pairwise(seen) if (before[0], after[0]) == (0, 1))


def _shift() -> Program:
    import sys
    import types

    machine = types.ModuleType("machine")
    before = sys.modules.get("machine")
    sys.modules["machine"] = machine
    try:
        program: Program = load(LIBRARY / "pico2_ice.py").shift
        return program
    finally:
        if before is None:
            del sys.modules["machine"]
        else:
            sys.modules["machine"] = before
