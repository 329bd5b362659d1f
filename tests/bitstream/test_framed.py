"""A board is measured over frames, whatever the line does to them; the firmware is the real one."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.bitstream.framed import FramedMeter, NoFirmwareError, NotAMeterError
from hivectl.bitstream.measuring import (
    BoardLostError,
    BoardSilentError,
    CircuitRefusedError,
    NotMeasurableError,
)
from tests.support.icelab import Line, losing

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Circuit:
    """As much of a Bitstream as a meter looks at."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.packed = name.encode() * 20 + bytes(2000)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


async def counted(meter: Any, name: str, cycles: int) -> int:
    buffer = await meter.load(Circuit(name))
    try:
        pulses: int = (await meter.count(buffer, cycles)).pulses
        return pulses
    finally:
        meter.free(buffer)


def test_circuits_are_counted_one_after_the_other() -> None:
    async def scenario() -> None:
        meter = await FramedMeter.open(Line(), node="fpga1")
        assert (meter.identity.serial, meter.identity.buffers, meter.identity.clock) == (
            "c0ffee",
            2,
            48_000_000,
        )
        assert [await counted(meter, str(number), 1000 * number) for number in range(1, 6)] == [
            100, 200, 300, 400, 500,
        ]  # fmt: skip
        assert (await meter.status()).state == "idle"
        await meter.close()

    run(scenario())


def test_the_next_one_travels_while_one_is_measured() -> None:
    async def scenario() -> None:
        meter = await FramedMeter.open(Line(), node="fpga1")
        sent: list[float] = []
        write = meter._line.write

        async def noted(data: bytes) -> None:
            await write(data)
            sent.append(time.monotonic())

        meter._line.write = noted  # type: ignore[method-assign] # looks on
        first = await meter.load(Circuit("first"))  # type: ignore[arg-type] # as much as it looks at
        window = asyncio.create_task(meter.count(first, 24_000_000))
        await asyncio.sleep(0)
        second = await meter.load(Circuit("second"))  # type: ignore[arg-type]
        other = asyncio.create_task(meter.count(second, 4800))
        done = (await window).pulses
        ended = time.monotonic()
        assert (done, (await other).pulses) == (2_400_000, 480)
        # both bitstreams and both questions went before the first window was over
        assert len(sent) == 4
        assert max(sent) < ended
        await meter.close()

    run(scenario())


def test_a_refused_circuit_fails_alone() -> None:
    async def scenario() -> None:
        meter = await FramedMeter.open(Line(), node="fpga1")
        with pytest.raises(CircuitRefusedError, match=r"fpga1: CDONE stayed low"):
            await counted(meter, "broken", 1000)
        assert await counted(meter, "whole", 1000) == 100
        with pytest.raises(NotMeasurableError, match="1 to 4294967296 cycles"):
            await counted(meter, "whole", 0)
        with pytest.raises(NotMeasurableError, match="cannot be asked"):
            await counted(meter, "whole", -1)
        assert await counted(meter, "whole", 1000) == 100
        await meter.close()

    run(scenario())


def test_samples() -> None:
    async def scenario() -> None:
        meter = await FramedMeter.open(Line(), node="fpga1")
        buffer = await meter.load(Circuit("ramp"))  # type: ignore[arg-type]
        sampled = await meter.sample(buffer, 500, 10_000)
        assert (sampled.samples, sampled.rate, sampled.variance) == (tuple(range(500)), 10_000.0, 499 / 500)
        await meter.close()

    run(scenario())


@pytest.mark.parametrize("seed", range(4))
def test_lost_and_changed_bytes_cost_time_and_no_result(seed: int) -> None:
    async def scenario() -> None:
        chances = random.Random(seed)
        line = Line()
        meter = await FramedMeter.open(line, node="fpga1", answer=0.4)
        line.harm = losing(iter(chances.random, None), 0.04)
        found = await asyncio.gather(
            *(counted(meter, f"circuit {number}", 1000 * number) for number in range(1, 13))
        )
        assert found == [100 * number for number in range(1, 13)]
        await meter.close()

    run(scenario())


def test_a_dead_line_is_told() -> None:
    async def scenario() -> None:
        line = Line()
        meter = await FramedMeter.open(line, node="fpga1", answer=0.1)
        line.harm = lambda _: b""
        with pytest.raises(BoardSilentError, match="fpga1: the board does not answer"):
            await counted(meter, "x", 1000)
        await meter.close()
        with pytest.raises((BoardLostError, BoardSilentError, OSError)):
            await counted(meter, "x", 1000)

    run(scenario())


def test_what_is_no_meter_is_told() -> None:
    async def scenario() -> None:
        line = Line(lambda data: b"U-Boot 2024.01" if data else data)
        with pytest.raises(NotAMeterError, match=r"not the measuring firmware.*U-Boot 2024"):
            await FramedMeter.open(line, node="fpga1", answer=0.2)

    run(scenario())


def test_a_prompt_is_told_sooner() -> None:
    async def scenario() -> None:
        line = Line(lambda data: b"\r\n>>> " if data else data)
        with pytest.raises(NoFirmwareError, match="fpga1: MicroPython's prompt answers"):
            await FramedMeter.open(line, node="fpga1", answer=0.2)

    run(scenario())
