"""`program` on boards: started now and at boot, collected, replaced, stopped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.micropython.main_program import OtherMainError
from hivectl.micropython.main_runner import RUNNER
from tests.support.boards import do, reach, reached

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from hivectl.drivers.session import NodeSession

    Program = Callable[..., Awaitable[Any]]

LOOP = """\
import sys, time
print("pump runs", sys.argv[1:])
open("/running", "w").close()
while True:
    time.sleep(0.01)
"""


async def running(root: Path) -> None:
    """Wait until the program has come to its loop, once for each of its starts."""
    async with asyncio.timeout(30):
        while not (root / "running").exists():  # noqa: ASYNC110 - a file sends no events
            await asyncio.sleep(0.01)
    (root / "running").unlink()


def with_a_board(
    folder: Path, driver: str, scenario: Callable[[Program, NodeSession, Path], Awaitable[None]]
) -> None:
    async def main() -> None:
        async with reached(folder, driver) as (_, session):

            async def program(**arguments: Any) -> Any:
                return await do(session, folder, "program", **arguments)

            await scenario(program, session, folder / "board/files")

    asyncio.run(main())


@pytest.mark.parametrize("driver", ["serial", "webrepl"])
def test_a_program_runs_once_and_then_is_as_it_shall_be(tmp_path: Path, driver: str) -> None:
    (tmp_path / "pump.py").write_text(LOOP)
    pump = {"name": "pump", "script": "pump.py", "args": ["--rate", "4.5"]}

    async def scenario(program: Program, session: NodeSession, root: Path) -> None:
        would = await program(**pump, check=True, diff=True)
        assert (would["changed"], would["state"]) == (True, "started")
        assert would["diff"] == {"before": "state: absent\n", "after": "state: started\n"}
        assert not (root / "main.py").exists()
        first = await program(**pump)
        assert first["changed"]
        assert (first["name"], first["state"]) == ("pump", "started")
        await running(root)
        assert "exit_status" not in first
        assert first["since"].endswith("Z")
        # a look at what runs since then lets it run
        again = await program(**pump)
        assert (again["changed"], again["state"]) == (False, "started")
        assert again["output"] == "pump runs ['--rate', '4.5']"
        await session.close()
        # whoever comes after us interrupts it, and it begins anew when he goes
        for _ in range(2):
            later = await program(**pump)
            assert (later["changed"], later["state"]) == (False, "started")
            assert later["output"] == again["output"]
            await session.close()
            await running(root)
        other = await program(name="pump", script="pump.py", args=["--rate", "5"], diff=True)
        assert other["changed"]
        assert other["diff"] == {"before": "state: started\n", "after": "state: started, anew\n"}
        await running(root)
        assert "'5'" in (await program(name="pump", script="pump.py", args=["--rate", "5"]))["output"]
        stopped = await program(name="pump", state="stopped")
        assert (stopped["changed"], stopped["state"], stopped["exit_status"]) == (True, "stopped", 130)
        assert not (root / "main.py").exists()
        assert not (await program(name="pump", state="stopped"))["changed"]
        gone = await program(name="pump", state="absent")
        assert (gone["changed"], gone["state"]) == (True, "absent")
        assert not (await program(name="pump", state="absent"))["changed"]
        assert sorted(path.name for path in (root / "hivectl").iterdir()) == ["runner.py"]

    with_a_board(tmp_path, driver, scenario)


def test_the_board_starts_its_program_by_itself(tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text(LOOP)

    async def main() -> None:
        async with reached(tmp_path, "serial") as (_, session):
            await do(session, tmp_path, "program", name="pump", script="pump.py")
            await running(tmp_path / "board/files")
        # the power goes, and comes back
        async with reached(tmp_path, "webrepl") as (_, session):
            await running(tmp_path / "board/files")
            seen = await do(session, tmp_path, "program", name="pump", script="pump.py")
            assert (seen["changed"], seen["state"], seen["boot"]) == (False, "started", True)
            assert seen["output"] == "pump runs []"

    asyncio.run(main())


def test_a_program_that_is_interrupted_twice_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pump.py").write_text(LOOP)
    first = "    except KeyboardInterrupt:\n"
    # the second Ctrl-C comes before the first line of what handles the first one
    twice = RUNNER.replace(first, first + "        raise KeyboardInterrupt\n", 1)
    monkeypatch.setattr("hivectl.micropython.main_program.RUNNER", twice)

    async def scenario(program: Program, session: NodeSession, root: Path) -> None:
        await program(name="pump", script="pump.py")
        await running(root)
        await session.close()
        again = await program(name="pump", script="pump.py")
        assert (again["changed"], again["state"]) == (False, "started")

    with_a_board(tmp_path, "serial", scenario)


def test_how_a_program_ended_is_told(tmp_path: Path) -> None:
    scripts = {
        "ends.py": "print('done')",
        "seven.py": "import sys\nsys.exit(7)",
        "says.py": "raise SystemExit('no pump')",
        "raises.py": "print('so far')\nopen('/nothing')",
        "wrong.py": "def",
        "much.py": "for n in range(2000): print('line', n)",
        "odd.py": "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe\\n')\nprint('\\xe4', end='')",
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)

    async def scenario(program: Program, _session: NodeSession, root: Path) -> None:
        ended = await program(name="ends", script="ends.py", settle=30)
        assert (ended["changed"], ended["state"], ended["exit_status"]) == (True, "stopped", 0)
        assert (ended["output"], ended.get("failed")) == ("done", None)
        seven = await program(name="seven", script="seven.py", settle=30)
        assert (seven["failed"], seven["exit_status"]) == (True, 7)
        # it has taken the other one's place
        assert (await program(name="ends", state="stopped"))["state"] == "absent"
        says = await program(name="says", script="says.py", settle=30)
        assert (says["exit_status"], says["output"]) == (1, "no pump")
        raises = await program(name="raises", script="raises.py", settle=30)
        assert raises["exit_status"] == 1
        assert raises["output"].startswith("so far\nTraceback")
        assert "OSError: [Errno 2] ENOENT" in raises["msg"]
        assert 'script.py", line 2' in raises["output"]
        wrong = await program(name="wrong", script="wrong.py", settle=30)
        assert "SyntaxError" in wrong["msg"]
        much = await program(name="much", script="much.py", settle=30)
        assert much["output"].splitlines()[-1] == "line 1999"
        assert (root / "hivectl/output").stat().st_size == 2048
        odd = await program(name="odd", script="odd.py", settle=30, log="/odd.log")
        assert (odd["output"], odd["log"]) == ("ä", "/odd.log")

    with_a_board(tmp_path, "serial", scenario)


def test_a_program_that_the_board_does_not_start_is_kept_running_by_who_looks(tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text(LOOP)
    pump = {"name": "pump", "script": "pump.py", "boot": False}

    async def scenario(program: Program, session: NodeSession, root: Path) -> None:
        (root / "main.py").write_text("mine = 1\n")
        with pytest.raises(OtherMainError, match=r"main\.py that is not hivectl's"):
            await program(name="pump", script="pump.py")
        with pytest.raises(OtherMainError):
            await program(name="pump", script="pump.py", check=True)
        assert (await program(**pump))["changed"]
        assert (root / "main.py").read_text() == "mine = 1\n"
        await session.close()
        again = await program(**pump)
        assert (again["changed"], again["state"]) == (False, "started")
        # another task has the REPL now
        await do(session, root, "repl", code="x = 1")
        ended = await program(name="pump", state="stopped")
        assert (ended["state"], ended["exit_status"]) == ("stopped", 130)

    with_a_board(tmp_path, "serial", scenario)


def test_a_program_that_was_cut_off_is_started_again(tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text(LOOP)

    async def main() -> None:
        async with reached(tmp_path, "serial") as (virtual, session):
            pump = {"name": "pump", "script": "pump.py"}
            await do(session, tmp_path, "program", **pump)
            await running(tmp_path / "board/files")
            await session.close()
            # somebody interrupts it, and leaves the board at its prompt
            left = await reach(virtual, "serial", tmp_path, resume=False)
            await left.connection()
            await left.close()
            again = await do(session, tmp_path, "program", **pump)
            assert (again["changed"], again["state"]) == (True, "started")

    asyncio.run(main())


def test_where_nothing_resumes_it_the_task_does(tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text(LOOP)

    async def main() -> None:
        async with reached(tmp_path, "serial", resume=False) as (_, session):
            pump = {"name": "pump", "script": "pump.py"}
            await do(session, tmp_path, "program", **pump)
            await running(tmp_path / "board/files")
            await session.close()
            again = await do(session, tmp_path, "program", **pump)
            assert (again["changed"], again["state"]) == (False, "started")
            await running(tmp_path / "board/files")
            # it runs now: nobody need begin it again
            third = await do(session, tmp_path, "program", **pump)
            assert (third["changed"], third["since"]) == (False, again["since"])

    asyncio.run(main())


def test_a_sync_of_the_whole_board_leaves_the_program_alone(tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text(LOOP)
    (tmp_path / "board").mkdir()
    (tmp_path / "firmware/lib").mkdir(parents=True)
    (tmp_path / "firmware/lib/pump.py").write_text("pump = 1\n")

    async def scenario(program: Program, session: NodeSession, root: Path) -> None:
        (root / "old.py").write_text("old")
        sync = {"src": "firmware/", "dest": "/", "delete": True}
        await program(name="pump", script="pump.py")
        await running(root)
        first = await do(session, tmp_path, "sync", **sync)
        assert (first["sent"], first["removed"]) == (["/lib/pump.py"], ["/old.py"])
        assert not (await program(name="pump", script="pump.py"))["changed"]
        assert not (await do(session, tmp_path, "sync", **sync))["changed"]
        await program(name="pump", state="absent")
        last = await do(session, tmp_path, "sync", **sync)
        assert last["removed"] == ["/hivectl"]

    with_a_board(tmp_path, "serial", scenario)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"command": "ls", "script": None}, "a program of a board has no `command`"),
    ({"interpreter": "python3"}, "has no `interpreter`"),
    ({"environment": {"A": "1"}}, "has no `environment`"),
    ({"stop_timeout": 3}, "has no `stop_timeout`"),
    ({"script": "."}, "is a folder"),
]


def test_what_a_board_has_not_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text(LOOP)

    async def scenario(program: Program, _session: NodeSession, root: Path) -> None:
        for more, words in REFUSED:
            refused = await program(**{"name": "pump", "script": "pump.py", **more})
            assert refused["failed"]
            assert words in refused["msg"]
        assert not (root / "hivectl").exists()

    with_a_board(tmp_path, "serial", scenario)


CATCHES = """\
import time
open("/running", "w").close()
try:
    while True:
        time.sleep(0.01)
except KeyboardInterrupt:
    print("puts its tools away")
"""


@pytest.mark.parametrize("driver", ["serial", "webrepl"])
def test_a_program_that_catches_the_interrupt_has_not_ended_by_itself(tmp_path: Path, driver: str) -> None:
    (tmp_path / "pump.py").write_text(CATCHES)
    pump = {"name": "pump", "script": "pump.py"}

    async def scenario(program: Program, session: NodeSession, root: Path) -> None:
        assert (await program(**pump))["changed"]
        await running(root)
        connection: Any = await session.connection()
        # whoever uses the REPL meanwhile interrupts it
        assert await connection.repl.evaluate("6 * 7") == 42
        again = await program(**pump)
        assert (again["changed"], again["state"]) == (False, "started")
        await session.close()
        await running(root)
        # so does whoever comes for something else
        connection = await session.connection()
        assert await connection.repl.evaluate("6 * 7") == 42
        await session.close()
        await running(root)
        assert not (await program(**pump))["changed"]
        assert (await program(name="pump", state="stopped"))["changed"]
        stopped = await program(name="pump", state="stopped")
        assert (stopped["changed"], stopped["state"]) == (False, "stopped")

    with_a_board(tmp_path, driver, scenario)


def test_a_program_that_ended_by_itself_is_not_begun_again_by_a_look(tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text("print('done')\nopen('/running', 'w').close()\n")

    async def scenario(program: Program, session: NodeSession, root: Path) -> None:
        first = await program(name="short", script="short.py", settle=30)
        assert (first["changed"], first["state"], first["exit_status"]) == (True, "stopped", 0)
        await running(root)
        await session.close()
        connection: Any = await session.connection()
        assert await connection.repl.evaluate("6 * 7") == 42
        await session.close()
        seen = await program(name="short", script="short.py", check=True)
        assert seen["changed"]
        assert not (root / "running").exists()

    with_a_board(tmp_path, "serial", scenario)
