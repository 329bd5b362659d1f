"""Faults of a virtual board's lines, as whoever drives boards meets them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from hivectl.micropython.errors import RemoteError
from hivectl.model.node_errors import NodeError
from hivectl.virtual.board.faults import Faults
from hivectl.virtual.board.link import Link
from tests.support.boards import board

if TYPE_CHECKING:
    from pathlib import Path


def test_a_slow_line_takes_its_time_and_keeps_the_order() -> None:
    async def scenario() -> None:
        faults = Faults(delay=0.02, rate=10_000)
        link = Link(faults)
        loop = asyncio.get_running_loop()
        arrived: list[tuple[int, float]] = []
        all_there = asyncio.Event()
        began = loop.time()

        def take(number: int) -> None:
            arrived.append((number, loop.time() - began))
            if number == 4:
                all_there.set()

        for number in range(4):
            link.send(500, lambda number=number: take(number))  # type: ignore[misc]  # bound at once
        # a line that is mended does not overtake what is under way
        faults.delay, faults.rate = 0.0, None
        link.send(1, lambda: take(4))
        assert link.size == 2001
        await all_there.wait()
        assert [number for number, _ in arrived] == [0, 1, 2, 3, 4]
        # 50 ms for each 500 bytes, and 20 ms on the way; a busy machine may take longer
        assert all(at >= 0.05 * (number + 1) + 0.019 for number, at in arrived[:4])
        faults.delay = 10.0
        link.send(1, all_there.clear)
        link.cut()
        assert link.size == 0

    asyncio.run(scenario())


def test_files_arrive_over_a_slow_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            await bench.files.features()
            faults = bench.device.faults
            faults.rate, faults.delay = 40_000.0, 0.002
            data = os.urandom(4000)
            loop = asyncio.get_running_loop()
            began = loop.time()
            await bench.files.put("/a.bin", data)
            assert loop.time() - began > 0.1
            assert await bench.files.get("/a.bin") == data

    asyncio.run(scenario())


def test_bytes_that_are_lost_on_the_way_back_are_noticed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            data = os.urandom(6000)
            (bench.root / "a.bin").write_bytes(data)
            await bench.files.features()
            noticed = 0
            for seed in range(4):
                bench.device.faults = Faults(loss=0.002, seed=seed)
                try:
                    async with asyncio.timeout(3):
                        assert await bench.files.get("/a.bin") == data
                except (NodeError, TimeoutError):
                    noticed += 1
            assert noticed

    asyncio.run(scenario())


def test_a_board_that_hangs_or_loses_its_power_is_told_in_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            faults = bench.device.faults
            await bench.repl.enter()
            faults.reboot_after = 20
            with pytest.raises(NodeError):
                await bench.repl.execute("x = 1\n" * 20, timeout=3)
            await bench.device.started()
            assert await bench.repl.evaluate("2 + 2") == 4
            with pytest.raises(RemoteError, match="NameError"):
                await bench.repl.execute("x")
            faults.hang = True
            with pytest.raises(NodeError):
                await bench.repl.execute("1", timeout=0.3)
            faults.hang = False
            assert await bench.repl.evaluate("3 + 3") == 6

    asyncio.run(scenario())
