"""`reset`, on a real MicroPython."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.base import Capability
from hivectl.model.node_errors import AddressError, NodeError
from hivectl.modules.registry import find_module
from tests.support.boards import board
from tests.support.tasks import TaskOnThisMachine, parameters_of

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.modules.base import Module
    from tests.support.boards import Bench


class Connected:
    """A board's connection, as far as `reset` uses one."""

    capabilities = frozenset({Capability.REPL})

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.hangs = False

    @property
    def repl(self) -> Any:
        if self.hangs:
            raise AddressError("nothing answers", node="pico1")
        return self._bench.repl


class Socket:
    """A socket that the board is plugged into."""

    def __init__(self, bench: Bench, connected: Connected) -> None:
        self._bench = bench
        self._connected = connected
        self.off: list[float] = []

    async def cycle(self, seconds: float) -> None:
        self.off.append(seconds)
        await self._bench.device.reset()
        self._connected.hangs = False


@dataclass(frozen=True, kw_only=True)
class Task(TaskOnThisMachine):
    """A task on a board whose connections are one REPL."""

    socket: Socket | None = None
    drops: list[str] = field(default_factory=list)

    async def reconnect(self, *, deadline: float) -> None:
        self.drops.append(f"reconnect {deadline:g}")

    async def disconnect(self) -> None:
        self.drops.append("disconnect")

    def power(self) -> Any:
        if self.socket is None:
            raise AddressError("the inventory does not say how its power is switched", node="pico1")
        return self.socket


async def reset(folder: Path, connected: Any, socket: Socket | None = None, **arguments: Any) -> Any:
    module: Module[Any] = find_module("reset")
    task = Task(folder=folder, open_connection=connected, socket=socket, check=arguments.pop("check", False))
    assert module.procedure is not None
    return await module.procedure(parameters_of(module, arguments, task), task)


@pytest.mark.parametrize("how", ["soft", "hard", "power"])
def test_a_board_is_started_anew_and_waited_for(tmp_path: Path, how: str) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            connected = Connected(bench)
            socket = Socket(bench, connected)
            await bench.repl.execute("kept = 1")
            assert (await reset(tmp_path, connected, socket, how=how, check=True))["changed"]
            assert await bench.repl.execute("print(kept)") == b"1\r\n"
            done = await reset(tmp_path, connected, socket, how=how, off_for="1s")
            assert (done["changed"], done["how"], done.get("msg")) == (True, how, None)
            assert await bench.repl.execute("print('kept' in globals())") == b"False\r\n"
            assert socket.off == ([1.0] if how == "power" else [])

    asyncio.run(scenario())


def test_a_board_that_does_not_answer_is_reset_by_its_power_or_said_to_be_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            connected = Connected(bench)
            connected.hangs = True
            with pytest.raises(NodeError, match=r"it does not answer .*how its power is switched"):
                await reset(tmp_path, connected)
            with pytest.raises(NodeError, match="nothing answers"):
                await reset(tmp_path, connected, how="soft")
            done = await reset(tmp_path, connected, Socket(bench, connected))
            assert (done["how"], done["changed"]) == ("power", True)

    asyncio.run(scenario())
