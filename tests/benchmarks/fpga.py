"""Virtual pico2-ice boards: how soon a bitstream is simulated, how long a second of it takes, how many a second.

Evaluations are those of `hivectl.bitstream.evaluating`, over 16 boards whose measurement takes a tenth of a second:
how near their results come to what the boards could do at best, and how soon the first one is there; and over boards
in process that need no time at all, which leaves the scheduler's own.

A new bitstream is read by a new process, with nothing cached, icebox's start included. Boards need no time for their
windows here: what is measured is all that is around them. They are asked over their serial ports, two circuits
under way on each; both sides share this machine.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.bitstream.evaluating import evaluate
from hivectl.bitstream.evaluations import Circuit, Measurement
from hivectl.bitstream.framed import FramedMeter
from hivectl.virtual.board.start import start_board
from hivectl.virtual.fpga.cache import NetlistCache
from hivectl.virtual.fpga.target import PICO2_ICE
from hivectl.virtual.fpga.twin import Twin
from hivectl.virtual.ice.start import start_native
from tests.benchmarks.tools import REPOSITORY
from tests.support.ice_boards import CIRCUITS, FIRMWARE, SECOND, circuit, line_to
from tests.support.ice_farm import farm
from tests.support.meters import StandIn

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.bitstream.measuring import Meter
    from hivectl.virtual.board.start import VirtualBoard
    from hivectl.virtual.ice.start import VirtualIce

NEW, CACHED, SLOWEST = (
    "a new up5k file, ready",
    "a cached one, ready",
    "a second at 48 MHz, the slowest circuit",
)
LONG = "a second at 48 MHz without a period"
SHARE, SOON = "16 boards at 0.1 s, share of 160/s", "their first result, after the 0.1 s"
SCHEDULED = "16 boards in process, scheduled"
NATIVE, REAL = "16 boards, native", "16 boards, MicroPython"
BOARDS = 16
EACH = 100
# seconds that a measurement takes; how many each board does; circuits for boards that need no time
PACE, TURNS, MANY = 0.1, 100, 5000
# circuits whose states come again within 2^20 cycles
PERIODIC = (
    "bursts", "carry", "div1024", "div1500", "enable", "gate", "johnson", "lfsr16", "negative", "oscillator",
    "registered", "rom", "rom512", "rom2048", "setreset",
)  # fmt: skip
MEASURED = ("div1500", "div1024", "bursts", "johnson", "gate", "negative")
FIRST = """
import sys, time
began = time.perf_counter()
from hivectl.virtual.fpga.twin import Twin
from hivectl.virtual.fpga.cache import NetlistCache
from pathlib import Path
data = Path(sys.argv[1]).read_bytes()
Twin(cache=NetlistCache(Path(sys.argv[2]))).load(data, "new")
print(time.perf_counter() - began)
"""


@dataclass(frozen=True, slots=True)
class FpgaSample:
    """One measurement.

    Attributes:
        name: of what.
        figure: in its unit.
        unit: "s", "results/s" or "%".
    """

    name: str
    figure: float
    unit: str = "s"


def run_fpga(folder: Path, rounds: int, say: Callable[[str], None]) -> tuple[list[FpgaSample], list[str]]:
    """Measure all of it; return the samples and what went wrong."""
    samples: list[FpgaSample] = []

    def add(name: str, figure: float, unit: str = "s") -> None:
        samples.append(FpgaSample(name, figure, unit))
        say(f"{name}: {figure:.4g} {unit}")

    try:
        _engine(folder, rounds, add)
        for name in (NATIVE, REAL):
            add(name, asyncio.run(_throughput(folder / name.rpartition(" ")[2], name == NATIVE)), "results/s")
        first, share = asyncio.run(_evaluations(folder / "farm"))
        add(SOON, first)
        add(SHARE, share, "%")
        add(SCHEDULED, asyncio.run(_scheduled()), "results/s")
    except (OSError, subprocess.SubprocessError, AssertionError) as fault:
        return samples, [f"virtual FPGA boards: {fault}"]
    return samples, []


def _engine(folder: Path, rounds: int, add: Callable[[str, float], None]) -> None:
    for turn in range(rounds):
        command = [sys.executable, "-c", FIRST, str(CIRCUITS / "subtract.bin"), str(folder / f"cache{turn}")]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
        add(NEW, float(done.stdout))
    data = (CIRCUITS / "subtract.bin").read_bytes()
    cache = NetlistCache(folder / "cache0")
    for _ in range(rounds):
        began = time.perf_counter()
        Twin(PICO2_ICE, cache=cache).load(data, "cached")
        add(CACHED, time.perf_counter() - began)
    for _ in range(rounds):
        twin = Twin(PICO2_ICE, cache=cache)
        took = []
        for name in PERIODIC:
            found = twin.circuit(circuit(name))
            began = time.perf_counter()
            found.count(SECOND)
            took.append(time.perf_counter() - began)
        add(SLOWEST, max(took))
    found = Twin(PICO2_ICE, cache=cache).circuit(circuit("blink"))
    began = time.perf_counter()
    found.count(SECOND)
    add(LONG, time.perf_counter() - began)


async def _evaluations(folder: Path) -> tuple[float, float]:
    """Return the seconds to the first result beyond what its measurement takes, and the share of what boards can do."""
    bitstreams = [circuit(name) for name in MEASURED]
    async with farm(folder, BOARDS) as sources:
        for source in sources:
            source.board.device.pace = PACE
        # the twin reads each circuit once
        warm = [Circuit(name=one.name, bitstream=one) for one in bitstreams]
        async for one in evaluate(warm, sources, Measurement()):
            assert one.ok
        count = BOARDS * TURNS
        wanted = [
            Circuit(name=f"c{number}", bitstream=bitstreams[number % len(bitstreams)])
            for number in range(count)
        ]
        began = time.perf_counter()
        first = 0.0
        async for one in evaluate(wanted, sources, Measurement()):
            assert one.ok
            first = first or time.perf_counter() - began
        took = time.perf_counter() - began
    # the first results of all boards come together, at the end of the first window
    return first - PACE, 100 * (count - BOARDS) / (took - first) / (BOARDS / PACE)


async def _scheduled() -> float:
    """Return how many results a second boards give that need no time."""
    one = circuit(MEASURED[0])
    wanted = [Circuit(name=f"c{number}", bitstream=one) for number in range(MANY)]
    began = time.perf_counter()
    async for result in evaluate(
        wanted, [StandIn(f"ice{number}") for number in range(BOARDS)], Measurement()
    ):
        assert result.ok
    return MANY / (time.perf_counter() - began)


async def _throughput(folder: Path, native: bool) -> float:  # noqa: FBT001 - which of two
    """Return how many results a second come from all boards."""

    async def start(number: int) -> VirtualIce | VirtualBoard:
        own = folder / str(number)
        if native:
            return await start_native(f"ice{number}", own, "pico2-ice-native")
        shutil.copytree(FIRMWARE, own / "files")
        return await start_board(f"ice{number}", own, "pico2-ice")

    boards = await asyncio.gather(*(start(number) for number in range(BOARDS)))
    circuits = [circuit(name) for name in MEASURED]
    twin = Twin(PICO2_ICE)
    expected = [twin.circuit(one).count(SECOND).pulses for one in circuits]

    async def work(meter: Meter, each: int) -> None:
        for turn in range(each):
            buffer = await meter.load(circuits[turn % len(circuits)])
            counted = await meter.count(buffer, SECOND)
            assert counted.pulses == expected[turn % len(circuits)]
            meter.free(buffer)

    try:
        meters = []
        for board in boards:
            port = (await board.reach("serial"))["port"]
            meters.append(await FramedMeter.open(line_to(Path(port)), node="ice", answer=20.0))
        await asyncio.gather(*(work(meter, len(circuits)) for meter in meters))
        began = time.perf_counter()
        await asyncio.gather(*(work(meter, EACH // 2) for meter in meters for _ in range(2)))
        took = time.perf_counter() - began
        for meter in meters:
            await meter.close()
    finally:
        await asyncio.gather(*(board.close() for board in boards))
    return BOARDS * EACH / took
