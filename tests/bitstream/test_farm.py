"""Evaluations over 16 virtual boards that lose bytes, hang, are unplugged and rebooted while they measure."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hivectl.bitstream.evaluating import Options, evaluate
from hivectl.bitstream.evaluations import Circuit, Evaluation, Measurement
from tests.support.ice_boards import circuit
from tests.support.ice_farm import disturb, farm

if TYPE_CHECKING:
    from pathlib import Path

# what they count in a second, by arithmetic
KNOWN = {"div1500": 32_000, "div1024": 46_875, "bursts": 240_000, "gate": 18_000_000, "negative": 16_000_000}
BOARDS = 16


def circuits(count: int) -> list[Circuit]:
    bitstreams = {name: circuit(name) for name in KNOWN}
    names = [list(KNOWN)[number % len(KNOWN)] for number in range(count)]
    return [Circuit(name=name, bitstream=bitstreams[name]) for name in names]


def evaluated(
    folder: Path, count: int, *, seed: int, every: float, loss: float
) -> tuple[list[Evaluation], int]:
    """Return what came of so many circuits in so much trouble, and how often boards were reset."""

    async def scenario() -> tuple[list[Evaluation], int]:
        async with farm(folder, BOARDS, answer=0.5) as sources:
            boards = [source.board for source in sources]
            for board in boards:
                # a window takes a hundredth of its time, so that trouble finds boards at work
                board.device.pace = 0.01
            trouble = asyncio.create_task(disturb(boards, random.Random(seed), every=every, loss=loss))
            try:
                found = [one async for one in evaluate(circuits(count), sources, Measurement(), Options())]
            finally:
                trouble.cancel()
                await asyncio.wait([trouble])
            return found, sum(source.resets for source in sources)

    return asyncio.run(scenario())


def check(results: list[Evaluation], count: int) -> None:
    """Every circuit has exactly one result, which is right, or one stated failure."""
    assert sorted(one.circuit for one in results) == list(range(count))
    for one in results:
        assert one.values in ((KNOWN[one.name],), ()), one
        assert bool(one.error) == (not one.values)


def test_in_trouble(tmp_path: Path) -> None:
    results, resets = evaluated(tmp_path, 500, seed=1, every=0.05, loss=1e-5)
    check(results, 500)
    assert resets, "nothing happened"
    assert any(one.values for one in results)


def test_in_peace(tmp_path: Path) -> None:
    async def scenario() -> list[Evaluation]:
        async with farm(tmp_path, BOARDS) as sources:
            wanted = circuits(100)
            wanted[7] = replace(wanted[7], boards=frozenset({"ice3"}))
            return [one async for one in evaluate(wanted, sources, Measurement())]

    results = asyncio.run(scenario())
    check(results, 100)
    assert all(one.ok and one.attempts == 1 for one in results)
    assert [one.board for one in results if one.circuit == 7] == ["ice3"]
    assert len({one.board for one in results}) == BOARDS


def test_repeats_are_not_sent_again(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[Evaluation], int]:
        async with farm(tmp_path, 2) as sources:
            results = [one async for one in evaluate(circuits(10), sources, Measurement(repeats=20))]
            sent = 0
            for source in sources:
                meter = await source.open()
                sent += int((await meter._state())["frames"])  # type: ignore[attr-defined]  # what the board has counted
                await meter.close()
            return results, sent

    results, sent = asyncio.run(scenario())
    assert all(one.values == (KNOWN[one.name],) * 20 for one in results), results
    # 200 counts, 10 circuits, and a few questions
    assert 210 <= sent <= 240


@pytest.mark.soak
def test_ten_thousand_in_trouble(tmp_path: Path) -> None:
    results, _ = evaluated(tmp_path, 10_000, seed=2, every=0.05, loss=1e-5)
    check(results, 10_000)
