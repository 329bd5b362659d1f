"""What is asked of one board in an evaluation, and for how long it is waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.bitstream.devices import device_named
from hivectl.bitstream.measuring import VARIANCE, BoardSilentError, NotMeasurableError
from hivectl.bitstream.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, TypeVar

    from hivectl.bitstream.evaluations import Measurement
    from hivectl.bitstream.measuring import Identity, Meter, MeterSource

    T = TypeVar("T")


def check_able(source: MeterSource, identity: Identity, asked: Measurement) -> None:
    """Refuse a board that cannot do what is asked; raises NotMeasurableError."""
    if asked.measure not in identity.measures:
        able = ", ".join(sorted(identity.measures)) or "nothing"
        raise NotMeasurableError(
            f"{source.node}: its firmware {identity.firmware} {identity.version} measures {able}, "
            f"not {asked.measure}"
        )
    window = asked.window(identity.clock)
    if asked.measure != VARIANCE and identity.windows and window not in identity.windows:
        can = ", ".join(f"{cycles / identity.clock:g} s" for cycles in identity.windows)
        raise NotMeasurableError(
            f"{source.node}: its firmware {identity.firmware} cannot count for {window:,} cycles, only for {can}"
        )
    said, is_there = device_named(source.device), device_named(identity.device)
    if said is not None and is_there is not None and said != is_there:
        raise NotMeasurableError(
            f"{source.node}: it says that its FPGA is {is_there.name}, the inventory that it is {said.name}",
            hint="correct `board:` in the inventory",
        )


async def values_of(node: str, meter: Meter, buffer: int, asked: Measurement, patience: float) -> Outcome:
    """Measure the circuit in a board's buffer as often as is asked; raises BoardSilentError, MeasuringError leaves."""
    identity = meter.identity
    # those before it may still be measured
    deadline = patience + (identity.buffers + 1) * asked.time(identity)
    values: list[float] = []
    samples: list[tuple[int, ...]] = []
    warnings: dict[str, None] = {}
    cycles = 0
    for _ in range(asked.repeats):
        if asked.measure == VARIANCE:
            sampled = await within(node, meter.sample(buffer, asked.samples, asked.rate), deadline)
            values.append(sampled.variance)
            samples.append(sampled.samples)
            warnings |= dict.fromkeys(sampled.warnings)
        else:
            window = asked.window(identity.clock)
            counted = await within(node, meter.count(buffer, window), deadline)
            values.append(counted.pulses)
            cycles = counted.cycles
            warnings |= dict.fromkeys(counted.warnings)
    return Outcome(values=tuple(values), samples=tuple(samples), cycles=cycles, warnings=tuple(warnings))


async def within(node: str, work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Wait for a board, but not for ever; raises BoardSilentError."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise BoardSilentError(f"{node}: it did not answer within {seconds:g} s") from None
