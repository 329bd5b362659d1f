"""The firmware on a virtual board, asked by the ways by which hivectl asks a real one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tests.support.board_firmware import Board
from tests.support.boards import board

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.boards import Bench


async def report(bench: Bench) -> Any:
    return json.loads(await bench.repl.execute("import hivelab\nhivelab.report()"))


def test_it_is_put_on_over_a_repl_and_says_how_it_is_after_a_soft_reset(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            for folder in ("/lib/hivelab", "/hive"):
                await bench.files.make_directory(folder)
            for path, text in Board.provisioned().files.items():
                await bench.files.put(path, text.encode())
            assert (await report(bench))["mode"] == "not-started"
            await bench.repl.soft_reset()
            said = await report(bench)
            assert (said["name"], said["mode"], said["error"]) == ("pico1", "lab", None)
            assert said["wifi"]["ssid"] == "lab"
            # a timer goes on with it, whatever runs
            assert await bench.repl.evaluate("hivelab.wait(20)")
            said = await report(bench)
            assert said["wifi"]["state"] == "up"
            assert said["webrepl"]["state"] == "listening"
            await bench.files.put("/hive/safe", b"")
            await bench.repl.soft_reset()
            said = await report(bench)
            assert (said["mode"], said["reason"]) == ("safe", "the file /hive/safe is there")
            await bench.repl.execute("hivelab.clear()")
            await bench.repl.soft_reset()
            assert (await report(bench))["mode"] == "lab"

    asyncio.run(scenario())
