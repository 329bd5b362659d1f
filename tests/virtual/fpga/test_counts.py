"""Circuits that yosys and nextpnr-ice40 built, against arithmetic and against iverilog on their sources."""

from __future__ import annotations

import bisect
import itertools
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hivectl.virtual.fpga.cache import NetlistCache
from hivectl.virtual.fpga.target import ICESTICK, PICO2_ICE
from hivectl.virtual.fpga.twin import Twin

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.virtual.fpga.circuit import Circuit

HERE = Path(__file__).parent
CIRCUITS = HERE / "circuits"
SECOND = 48_000_000
CYCLES = 5000


def rises(level: Callable[[int], int], cycles: int) -> int:
    """Count rises of what a formula says the pin is after so many cycles."""
    levels = [level(cycle) for cycle in range(cycles + 1)]
    return sum(now and not before for before, now in itertools.pairwise(levels))


def periodic(level: Callable[[int], int], period: int) -> Callable[[int], int]:
    """Return how often a pin rises that repeats itself from its first cycle on."""

    def pulses(cycles: int) -> int:
        whole = max(0, cycles // period - 1)
        each = rises(level, 2 * period) - rises(level, period)
        return whole * each + rises(level, cycles - whole * period)

    return pulses


def rom(cycle: int) -> int:
    address = (cycle - 1) % 256
    word = (address ^ 0x5A) << 8 | (address & 0x7F) << 1 | (address % 5 == 0)
    return int(cycle > 0) and (word & ~(word >> 1) | word >> 15 & word >> 8) & 1


def rom1024(cycle: int) -> int:
    word = ((cycle - 1) % 1024) ** 2 >> 3
    return int(cycle > 0) and int(bool(word & 0b0100) and word & 0b1011 != 0b1011)


def rom2048(cycle: int) -> int:
    address = (cycle - 1) % 2048
    return int(cycle > 0) and int((address % 64 < 11) ^ (address % 7 == 3))


def rom512(cycle: int) -> int:
    # read at the falling edges of cycles 1, 4, 7 …
    address = (cycle - 1) // 3 % 512
    return int(cycle > 0) and (address * address + 3 * address) >> 2 & 1


# pulses in so many cycles
ARITHMETIC: dict[str, Callable[[int], int]] = {
    "blink": lambda n: max(0, (n + 512) // 1024 - 2**15),
    "burst": lambda n: min(37, (n + 4) // 8),
    "bursts": lambda n: n // 1000 * 5 + min(5, n % 1000 // 2),
    "carry": lambda n: (123457 * n + 2**19) >> 20,
    "constant": lambda _: 0,
    "div1024": lambda n: (n + 512) // 1024,
    "div1500": lambda n: (n + 750) // 1500,
    "enable": lambda n: (n + 175) // 287,
    "gate": lambda n: n // 8 * 3 + min(3, n % 8),
    "johnson": lambda n: (n + 23) // 46,
    "negative": lambda n: (n + 2) // 3,
    "oscillator": lambda n: (n // 4 + 8) // 16,
    "registered": lambda n: (n + 2) // 19,
    "rom": periodic(rom, 256),
    "rom512": periodic(rom512, 1536),
    "rom1024": periodic(rom1024, 1024),
    "rom2048": periodic(rom2048, 2048),
    "slow": lambda n: (n // 4800 + 1) // 2,
    "setreset": lambda n: (n + 976) // 977,
}
# whole periods of shift registers: runs of ones of a maximal sequence
PERIODS = {"lfsr16": (65_535, 2**14), "lfsr24": (16_777_215, 2**22)}
SIMULATED = sorted({*ARITHMETIC, *PERIODS, "subtract"})
SMALL = ("carry", "div1024", "lfsr16", "negative", "rom")


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Twin]:
    cache = NetlistCache(tmp_path_factory.mktemp("netlists"))
    return {"up5k": Twin(PICO2_ICE, cache=cache), "hx1k": Twin(ICESTICK, cache=cache)}


def circuit(twins: dict[str, Twin], name: str, device: str = "up5k") -> Circuit:
    folder = CIRCUITS if device == "up5k" else CIRCUITS / device
    path = folder / f"{name}.bin"
    return twins[device].load(path.read_bytes(), path.name)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[int]]:
    folder = tmp_path_factory.mktemp("iverilog")

    @cache
    def simulate(name: str) -> list[int]:
        """Return the cycles in which iverilog sees the pin of a source rise."""
        compiled = folder / name
        subprocess.run(
            ["iverilog", "-g2012", "-o", compiled, HERE / "bench.v", CIRCUITS / f"{name}.v"],
            check=True,
            timeout=60,
        )
        done = subprocess.run(["vvp", "-n", compiled], check=True, timeout=60, capture_output=True, text=True)
        return [int(line) for line in done.stdout.split() if line.isdigit()]

    return simulate


def edges_of(rising: list[int]) -> list[int]:
    """Return windows that end at, just before, and just after the first and last rises."""
    near = {cycle + by for cycle in (*rising[:12], *rising[-12:]) for by in (-1, 0, 1)}
    return sorted(window for window in {1, 2, 3, 1000, CYCLES, *near} if 0 < window <= CYCLES)


@pytest.mark.parametrize("name", SIMULATED)
def test_as_iverilog_counts_on_the_source_at_every_edge_of_a_window(
    name: str, twins: dict[str, Twin], simulated: Callable[[str], list[int]]
) -> None:
    rising = simulated(name)
    # 12 MHz and 10 kHz, in the board's clock
    pace = {"oscillator": 4, "slow": 4800}.get(name, 1)
    found = circuit(twins, name)
    for window in edges_of(rising):
        assert found.count(window * pace).pulses == bisect.bisect_right(rising, window), window


@pytest.mark.parametrize("name", SMALL)
def test_on_hx1k_as_iverilog_counts(
    name: str, twins: dict[str, Twin], simulated: Callable[[str], list[int]]
) -> None:
    rising = simulated(name)
    found = circuit(twins, name, "hx1k")
    for window in edges_of(rising):
        assert found.count(window).pulses == bisect.bisect_right(rising, window), window


@pytest.mark.parametrize("name", sorted(ARITHMETIC))
def test_a_second_as_arithmetic_says(name: str, twins: dict[str, Twin]) -> None:
    found, expected = circuit(twins, name), ARITHMETIC[name]
    for window in (1, 999, 1_000_003, SECOND - 1, SECOND, SECOND + 1):
        if name != "blink" or window in (999, SECOND):
            assert found.count(window).pulses == expected(window), window


@pytest.mark.parametrize("name", sorted(PERIODS))
def test_whole_periods_of_shift_registers(name: str, twins: dict[str, Twin]) -> None:
    period, runs = PERIODS[name]
    found = circuit(twins, name)
    # they begin within a run of ones, which is no rise
    assert found.count(period).pulses == runs
    assert found.count(period, after=period).pulses == runs
    assert found.count(7 * period).pulses == 7 * runs
    assert found.count(period).period == period
