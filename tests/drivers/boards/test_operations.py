"""File operations on a board, beside the helper's on this machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.base import Command, Target
from hivectl.drivers.errors import CapabilityError, FenceError
from hivectl.drivers.local import LocalAttributes, LocalDriver
from hivectl.helper.operations import (
    Attributes,
    Become,
    Content,
    Directory,
    Edit,
    Fence,
    Link,
    Read,
    Remove,
    Stat,
    Touch,
    Write,
)
from tests.support.boards import batch, board, connected_board, results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hivectl.helper.operations import Operation

# of the helper's results: what a board has no notion of, or what differs by nature
OF_LINUX = {"mode", "uid", "gid", "owner", "group", "mtime", "size"}
STAT_OF_LINUX = [
    "mode",
    "uid",
    "gid",
    "pw_name",
    "gr_name",
    "inode",
    "dev",
    "nlink",
    "atime",
    "ctime",
    "mtime",
    "isuid",
    "isgid",
]


def story(root: str) -> list[Operation]:
    """What a playbook might do, below a folder."""
    return [
        Directory(path=f"{root}/lib"),
        Directory(path=f"{root}/lib"),
        Write(path=f"{root}/lib/", content=Content.of(b"one\n"), into="a.txt"),
        Write(path=f"{root}/lib/a.txt", content=Content.of(b"one\n")),
        Write(path=f"{root}/lib/a.txt", content=Content.of(b"two\n")),
        Write(path=f"{root}/lib/a.txt", content=Content.of(b"three\n"), force=False),
        Write(path=f"{root}/new/deep/b.txt", content=Content.of(b""), make_parents=True),
        Stat(path=f"{root}/lib/a.txt"),
        Stat(path=f"{root}/lib"),
        Stat(path=f"{root}/nothing"),
        Read(path=f"{root}/lib/a.txt"),
        Edit(path=f"{root}/lib/a.txt", edit="line", arguments={"line": "four", "state": "present"}),
        Edit(path=f"{root}/lib/a.txt", edit="line", arguments={"line": "four", "state": "present"}),
        Touch(path=f"{root}/lib/a.txt", regular=True),
        Remove(path=f"{root}/lib/a.txt"),
        Remove(path=f"{root}/lib/a.txt"),
        Remove(path=f"{root}/new"),
    ]


def comparable(result: dict[str, Any], root: str) -> dict[str, Any]:
    """Return what a board's result shall share with the helper's."""
    kept = {name: value for name, value in result.items() if name not in OF_LINUX}
    if "stat" in kept:
        names = ("exists", "isdir", "isreg", "islnk", "path", "checksum")
        kept["stat"] = {name: kept["stat"][name] for name in names if name in kept["stat"]}
    for part in ("diff",):
        kept.pop(part, None)
    return {name: _without(value, root) for name, value in kept.items()}


def _without(value: Any, root: str) -> Any:
    if isinstance(value, str):
        return value.replace(root, "ROOT")
    if isinstance(value, dict):
        return {name: _without(one, root) for name, one in value.items()}
    return value


@pytest.mark.parametrize("check", [False, True])
def test_results_are_those_of_the_helper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, check: bool
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    root = tmp_path / "linux"
    root.mkdir()

    def wanted(where: str) -> list[Operation]:
        return [one for one in story(where) if not (check and isinstance(one, Edit | Touch | Read | Stat))]

    async def scenario() -> None:
        target = Target(node="l", connection="local", attributes=LocalAttributes(), state=tmp_path)
        local = await LocalDriver().connect(target)
        try:
            there = await results(local, *wanted(str(root)), check=check, diff=True)
        finally:
            await local.close()
        async with board(tmp_path) as bench:
            (bench.root / "r").mkdir()
            async with connected_board(bench) as connection:
                here = await results(connection, *wanted("/r"), check=check, diff=True)
            if check:
                assert list((bench.root / "r").iterdir()) == []
        assert len(here) == len(there)
        for mine, other, operation in zip(here, there, wanted("/r"), strict=True):
            assert comparable(mine, "/r") == comparable(other, str(root)), operation
            assert bool(mine.get("diff")) == bool(other.get("diff")), (operation, mine, other)

    asyncio.run(scenario())


def test_contents_come_back_and_diffs_are_shown(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            (bench.root / "a.txt").write_text("before\n")
            async with connected_board(bench) as connection:
                [written] = await results(
                    connection, Write(path="a.txt", content=Content.of(b"after\n"), backup=True), diff=True
                )
                assert written["diff"][0]["before"] == "before\n"
                assert written["diff"][0]["after"] == "after\n"
                assert (bench.root / written["backup_file"][1:]).read_text() == "before\n"
                [secret] = await results(
                    connection, Write(path="a.txt", content=Content.of(b"hush", secret=True)), diff=True
                )
                assert "hush" not in str(secret)
                sink = tmp_path / "sink"
                reads = batch(Read(path="/a.txt"), Read(path="/a.txt", sink=sink))
                first, second = [one async for one in connection.operate(reads)]
                assert (first.content, second.content, sink.read_bytes()) == (b"hush", None, b"hush")
                assert sink.stat().st_mode & 0o777 == 0o600

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (Write(path="/a", content=Content.of(b""), attributes=Attributes(mode="0644")), "have no mode"),
        (Directory(path="/d", attributes=Attributes(owner="pi")), "have no owner"),
        (Write(path="/a", content=Content.of(b""), validate="true %s"), "runs no commands"),
        (Write(path="/no/a", content=Content.of(b"")), "Destination directory /no does not exist"),
        (Link(path="/l", source="/a"), "has no `link`"),
        (Read(path="/nothing"), "does not exist: /nothing"),
        (Remove(path="/"), "root"),
        (Touch(path="/there", make=True), "cannot set the times"),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_what_a_board_cannot_do_is_said(tmp_path: Path, operation: Operation, words: str) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            (bench.root / "there").write_text("x")
            async with connected_board(bench) as connection:
                [result] = await results(connection, operation)
                assert result["failed"]
                assert words in result["msg"]

    asyncio.run(scenario())


def test_a_failed_step_ends_the_batch(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench, connected_board(bench) as connection:
            made = await results(connection, Read(path="/no"), Directory(path="/d"))
            assert len(made) == 1
            made = await results(connection, Read(path="/no"), Directory(path="/d"), ignore_failure=True)
            assert [one["changed"] for one in made] == [False, True]

    asyncio.run(scenario())


def test_fences_keep_older_and_other_controllers_away(tmp_path: Path) -> None:
    def fence(token: int, store: str = "s", seconds: float = 60.0) -> Fence:
        return Fence(store=store, token=token, owner=f"owner{token}", time_to_live=seconds)

    async def scenario() -> None:
        async with board(tmp_path) as bench, connected_board(bench) as connection:

            async def ask(one: Fence) -> None:
                await results(connection, Stat(path="/", checksum=None), fence=one)

            await ask(fence(5))
            await ask(fence(5))
            with pytest.raises(FenceError, match="owner5 holds the board"):
                await ask(fence(4))
            await ask(fence(6))
            with pytest.raises(FenceError, match="owner6"):
                await ask(fence(9, "another"))
            # who connects later sends the helper again, and finds the fence
            connection.files._has = None
            with pytest.raises(FenceError, match="owner6"):
                await ask(fence(5))
            await connection.unlock(fence(6))
            await ask(fence(9, "another", 0.05))
            await asyncio.sleep(0.1)
            # another store's has run out
            await ask(fence(7))

    asyncio.run(scenario())


def test_commands_users_and_ports_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench, connected_board(bench) as connection:
            with pytest.raises(CapabilityError, match="cannot start a shell's program"):
                await connection.open_process("ls")
            with pytest.raises(CapabilityError, match="standard input"):
                await connection.run(Command(command="1", stdin=b"x"))
            done = await connection.run(Command(command="print('one')\nprint('two')"))
            assert (done.rc, done.stdout, done.stderr) == (0, b"one\ntwo\n", b"")
            failed = await connection.run(Command(command="print(1)\n1/0"))
            assert (failed.rc, failed.stdout) == (1, b"1\n")
            assert b"ZeroDivisionError" in failed.stderr
            with pytest.raises(CapabilityError, match="no users"):
                async for _ in connection.operate(batch(Stat(path="/")), Become()):
                    pass

    asyncio.run(scenario())


def test_nothing_to_do_costs_one_round_trip(tmp_path: Path) -> None:
    files = [Write(path=f"/f{n}", content=Content.of(b"%d" % n)) for n in range(30)]

    async def scenario() -> None:
        async with board(tmp_path) as bench, connected_board(bench) as connection:
            first = await results(connection, *files)
            assert all(one["changed"] for one in first)
            programs: list[Any] = []
            attempt: Callable[..., Any] = connection.repl.attempt

            async def counted(*words: Any, **more: Any) -> Any:
                programs.append(words)
                return await attempt(*words, **more)

            connection.repl.attempt = counted  # type: ignore[method-assign]  # counts, and does what it did
            second = await results(connection, *files)
            assert not any(one["changed"] for one in second)
            assert len(programs) == 1

    asyncio.run(scenario())
