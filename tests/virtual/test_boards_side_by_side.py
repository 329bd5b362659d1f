"""Many boards at once: what one of them takes its time for holds up no other."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from hivectl.virtual.board.device import Device
from hivectl.virtual.board.webrepl import WebRepl
from tests.benchmarks.boards import PASSWORD, provision

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

BOARDS = 3


def test_boards_are_provisioned_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    async def scenario() -> None:
        # a board starts when all of them have been reset: one after the other they would wait for ever
        all_off = asyncio.Barrier(BOARDS)

        async def start_together(_: Device) -> None:
            await all_off.wait()

        async with AsyncExitStack() as stack:
            ports = []
            for number in range(BOARDS):
                device = await Device.start(f"b{number}", tmp_path / f"b{number}")
                stack.push_async_callback(device.close)
                server = WebRepl(device, PASSWORD)
                stack.push_async_callback(server.close)
                ports.append(await server.start())
            monkeypatch.setattr(Device, "starting", start_together)
            await provision(tmp_path, ports)
        for number in range(BOARDS):
            assert f'"name": "b{number + 1}"' in (tmp_path / f"b{number}/hive/settings.json").read_text()

    asyncio.run(scenario())
