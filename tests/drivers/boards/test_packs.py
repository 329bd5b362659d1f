"""Small changes travel several in one program, and nobody notices but by the time that it takes."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import Target
from hivectl.drivers.errors import UnreachableError
from hivectl.drivers.local import LocalAttributes, LocalDriver
from hivectl.helper.operations import Content, Directory, Edit, Read, Remove, Stat, Write
from tests.support.boards import batch, board, connected_board, count_programs, results

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from hivectl.helper.operations import Operation

SEEDS, LENGTH = 4, 60


def story(root: str, seed: int) -> list[Operation]:
    """What nobody would write: few names, so that each operation meets what others have left."""
    chance = random.Random(seed)

    def one() -> Operation:
        path = root + "/" + "/".join(chance.choice("ab") for _ in range(chance.randrange(1, 4)))
        content = Content.of(chance.choice((b"", b"short", b"long " * 900)))
        into, parents, force = chance.choice((None, "a")), chance.random() < 0.7, chance.random() < 0.8
        changes = Write(path=path, content=content, into=into, make_parents=parents, force=force)
        edit = Edit(path=path, edit="line", arguments={"line": chance.choice("xy"), "state": "present"})
        looks: list[Operation] = [Read(path=path), Stat(path=path), edit]
        return chance.choice([changes] * 6 + [Directory(path=path)] * 2 + [Remove(path=path)] * 2 + looks)

    return [one() for _ in range(LENGTH)]


def shared(result: dict[str, Any], root: str) -> Any:
    """Return what a board's result has in common with the helper's."""
    names = ("changed", "path", "dest", "checksum", "state") if not result.get("failed") else ("failed",)
    kept = {name: result.get(name) for name in names}
    stat = result.get("stat", {})
    kept |= {name: stat.get(name) for name in ("exists", "isdir", "checksum")}
    return {name: str(value).replace(root, "ROOT") for name, value in kept.items()}


def tree(root: Path) -> dict[str, bytes | None]:
    """Return what is in a folder."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
    }


def test_many_operations_do_what_the_helper_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    async def scenario() -> None:
        target = Target(node="l", connection="local", attributes=LocalAttributes(), state=tmp_path)
        local = await LocalDriver().connect(target)
        async with board(tmp_path) as bench, connected_board(bench) as connection:
            sent = count_programs(connection.repl._wire, monkeypatch)
            for seed in range(SEEDS):
                here, there = f"/{seed}", tmp_path / "linux" / str(seed)
                there.mkdir(parents=True)
                (bench.root / str(seed)).mkdir()
                mine = await results(connection, *story(here, seed), ignore_failure=True)
                other = await results(local, *story(str(there), seed), ignore_failure=True)
                for number, (ours, theirs) in enumerate(zip(mine, other, strict=True)):
                    assert shared(ours, here) == shared(theirs, str(there)), (seed, number, ours, theirs)
                assert tree(bench.root / str(seed)) == tree(there)
            assert len(sent) < SEEDS * LENGTH
        await local.close()

    asyncio.run(scenario())


def test_one_that_fails_among_others_is_told_and_those_before_it_are_done(tmp_path: Path) -> None:
    chance = random.Random(1)
    # some forty of them fit
    files = {f"/f{number:02d}": chance.randbytes(700) for number in range(60)}
    writes = [Write(path=path, content=Content.of(data)) for path, data in files.items()]

    async def scenario() -> None:
        async with board(tmp_path, room=40_000) as bench, connected_board(bench) as connection:
            done = await results(connection, *writes)
            assert [one["changed"] for one in done] == [True] * (len(done) - 1) + [False]
            assert (done[-1]["failed"], done[-1]["errno"]) == (True, 28)
            names = [f"/{path.name}" for path in sorted(bench.root.iterdir())]
            assert names == list(files)[: len(done) - 1]
            assert all((bench.root / name[1:]).read_bytes() == files[name] for name in names)
            # who ignores that goes on behind it
            done = await results(connection, *writes, Remove(path="/f00"), ignore_failure=True)
            assert len(done) == len(writes) + 1
            assert done[-1]["changed"]
            assert [one for one in done if one["changed"]] == [done[-1]]

    asyncio.run(scenario())


def test_what_was_done_before_the_line_was_lost_is_told(tmp_path: Path) -> None:
    writes = [Write(path=f"/f{number}", content=Content.of(b"%d" % number)) for number in range(12)]

    async def scenario() -> None:
        async with board(tmp_path) as bench:
            told = []
            for cut in (2600, 400, 25, 20):
                for path in bench.root.iterdir():
                    path.unlink()
                async with connected_board(bench) as connection:
                    await connection.files.features()
                    fault = "drop_after" if cut > 100 else "drop_back_after"
                    setattr(bench.device.faults, fault, cut)
                    gathered = []
                    try:
                        async for one in connection.operate(batch(*writes)):
                            gathered += [one.index]
                    except UnreachableError:
                        told.append(len(gathered))
                    finally:
                        bench.device.faults.drop_after = bench.device.faults.drop_back_after = None
                    assert gathered == list(range(len(gathered)))
                    for number in gathered:
                        assert (bench.root / f"f{number}").read_bytes() == b"%d" % number
            assert told

    asyncio.run(scenario())
