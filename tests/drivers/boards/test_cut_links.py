"""Transfers whose link is cut at any byte, in either direction: a file is whole or as it was, nothing waits for ever."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.base import Target
from hivectl.drivers.errors import NodeError
from hivectl.drivers.registry import find_driver
from hivectl.helper.operations import Content, Read, Write
from hivectl.model.parameters import convert
from hivectl.virtual.registry import start_virtual
from tests.support.boards import batch, results

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hivectl.drivers.boards.connection import OpenBoard
    from hivectl.virtual.board.faults import Faults

# seconds for one transfer, most of them for a busy machine
DEADLINE = 60.0
# bytes: one that goes through the REPL; over Wi-Fi one that goes by records to be carried out, and one in its place
SIZES = (400, 1200, 6000)


@asynccontextmanager
async def plugged(folder: Path, driver: str) -> AsyncIterator[tuple[Faults, Target]]:
    """Start a board; yield its faults and where it is."""
    board: Any = await start_virtual("pico-w", "pico1", folder)
    try:
        address = await board.reach(driver)
        patience = {"busy_timeout": 30.0, "connect_timeout": 30.0} if driver == "webrepl" else {}
        attributes = convert(
            find_driver(driver).attributes, {**address, **patience}, origin=None, what="pico1"
        )
        yield (
            board.device.faults,
            Target(node="pico1", connection=driver, attributes=attributes, state=folder),
        )
    finally:
        await board.close()


async def transfer(connection: OpenBoard, new: bytes, *, back: bool) -> bytes | None:
    """Send a file, or bring it back."""
    if not back:
        await results(connection, Write(path="/a.bin", content=Content.of(new)))
        return None
    [read] = [one async for one in connection.operate(batch(Read(path="/a.bin")))]
    return read.content


@pytest.mark.parametrize("driver", ["serial", "webrepl"])
@pytest.mark.parametrize("count", [25, pytest.param(250, marks=pytest.mark.soak)])
def test_a_link_that_is_cut_anywhere_never_leaves_half_a_file(
    tmp_path: Path, driver: str, count: int
) -> None:
    chance = random.Random(5)
    old = b"old\n" * 500
    opened = find_driver(driver)

    async def scenario() -> None:
        async with plugged(tmp_path, driver) as (faults, target):
            place = tmp_path / "files/a.bin"
            cut = 0
            for _ in range(count):
                new = os.urandom(chance.choice(SIZES))
                back = chance.random() < 0.3
                place.write_bytes(new if back else old)
                connection: Any = await opened.connect(target)
                fault = chance.choice(("drop_after", "drop_back_after"))
                # beside the content some questions and answers; the helper is there from the first connection on
                loaded = back == (fault == "drop_back_after")
                setattr(faults, fault, chance.randrange(1, 500 + loaded * len(new)))
                try:
                    async with asyncio.timeout(DEADLINE):
                        assert await transfer(connection, new, back=back) in (None, new)
                except NodeError:
                    cut += 1
                finally:
                    faults.drop_after = faults.drop_back_after = None
                    await connection.close()
                assert place.read_bytes() in (old, new)
            assert count / 4 < cut < count
            connection = await opened.connect(target)
            await transfer(connection, b"at last", back=False)
            await connection.close()
            assert place.read_bytes() == b"at last"
            # nor anything beside it
            assert [path.name for path in (tmp_path / "files").iterdir()] == ["a.bin"]

    asyncio.run(scenario())
