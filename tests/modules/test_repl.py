"""`repl`, on a real MicroPython."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.base import Capability
from hivectl.model.secret import Secret
from hivectl.modules.base import Module, ModuleError
from hivectl.modules.registry import find_module
from tests.support.boards import board
from tests.support.tasks import TaskOnThisMachine, parameters_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.support.boards import Bench

    Repl = Callable[..., Awaitable[Any]]


class Connected:
    """A board's connection, as far as `repl` uses one."""

    capabilities = frozenset({Capability.REPL})

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.trips = 0

    @property
    def repl(self) -> Any:
        self.trips += 1
        return self._bench.repl


def on_a_board(folder: Path, scenario: Callable[[Repl, Connected], Awaitable[None]]) -> None:
    module: Module[Any] = find_module("repl")

    async def main() -> None:
        async with board(folder) as bench:
            connected: Any = Connected(bench)

            async def repl(*, check: bool = False, **arguments: Any) -> Any:
                context = TaskOnThisMachine(folder=folder, open_connection=connected, check=check)
                assert module.procedure is not None
                return await module.procedure(parameters_of(module, arguments, context), context)

            await scenario(repl, connected)

    asyncio.run(main())


def test_code_runs_and_its_output_and_value_come_back(tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text("def rate():\n    return 2.5\n\n\nprint('pump')  # no newline behind")

    async def scenario(repl: Repl, connected: Connected) -> None:
        done = await repl(code="print('ä')\nprint(2)")
        assert (done["changed"], done["stdout"], done["stdout_lines"]) == (True, "ä\n2", ["ä", "2"])
        loaded = await repl(src="pump.py", value="{'rate': rate(), 'raw': b'\\x00\\xff'}")
        assert (loaded["stdout"], loaded["value"]) == ("pump", {"rate": 2.5, "raw": b"\x00\xff"})
        assert connected.trips == 2
        assert (await repl(value="rate() + 1"))["value"] == 3.5
        assert (await repl(code=Secret("kept = 'x'"), value="kept"))["value"] == "x"
        odd = await repl(code="x = 1", value="object()")
        assert odd["failed"]
        assert odd["msg"].startswith("object() is no literal: <object")

    on_a_board(tmp_path, scenario)


def test_guards_are_asked_on_the_board(tmp_path: Path) -> None:
    async def scenario(repl: Repl, connected: Connected) -> None:
        make = {"code": "open('/made', 'w').close()", "creates": "/made"}
        would = await repl(check=True, **make)
        assert (would["changed"], would.get("failed")) == (True, None)
        first, second = await repl(**make), await repl(**make)
        assert (first["changed"], second["changed"]) == (True, False)
        assert second["msg"] == "skipped, since /made exists"
        assert not (await repl(check=True, **make))["changed"]
        gone = await repl(code="raise ValueError", removes="/never")
        assert gone["msg"] == "skipped, since /never does not exist"
        count = {"code": "n = 3", "unless": "'n' in globals() and n == 3"}
        assert [(await repl(**count))["changed"] for _ in range(2)] == [True, False]
        before = connected.trips
        unguarded = await repl(check=True, code="n = 4")
        assert (unguarded["skipped"], connected.trips) == (True, before)
        assert (await repl(value="(n, '_hivectl_guard' in globals())"))["value"] == (3, False)
        wrong = await repl(code="n = 4", unless="nothing_of_that_name")
        assert wrong["failed"]
        assert "nothing_of_that_name" in wrong["msg"]

    on_a_board(tmp_path, scenario)


def test_what_the_board_raises_fails_the_task_with_its_traceback(tmp_path: Path) -> None:
    async def scenario(repl: Repl, _connected: Connected) -> None:
        failed = await repl(code="print('so far')\nopen('/none')", value="1")
        assert (failed["failed"], failed["changed"], failed["stdout"]) == (True, False, "so far")
        assert failed["msg"] == "the board raised OSError: [Errno 2] ENOENT (line 2)"
        assert 'File "<stdin>", line 2' in failed["traceback"]
        inside = await repl(code="def f():\n  return 1/0\n\nf()")
        assert inside["msg"] == "the board raised ZeroDivisionError: divide by zero (line 2, in f)"
        syntax = await repl(code="def")
        assert syntax["msg"] == "the board raised SyntaxError: invalid syntax (line 1)"

    on_a_board(tmp_path, scenario)


def test_code_is_given_once(tmp_path: Path) -> None:
    async def scenario(repl: Repl, _connected: Connected) -> None:
        with pytest.raises(ModuleError, match="only one of `code` and `src`"):
            await repl(code="1", src="a.py")
        with pytest.raises(ModuleError, match="is needed"):
            await repl()

    on_a_board(tmp_path, scenario)
