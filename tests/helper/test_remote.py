"""Operations that the controller carries out for nodes without Python: stopped, cut off, kept away from our own files."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.helper.file_operations import Duplicate, Find, Script, Temporary
from hivectl.helper.operations import Batch, Content, Cron, Fence, Git, Group, Hostname, Item, Run
from hivectl.model.node_errors import OperationTimeoutError
from tests.support.helper import (
    carry_out,
    items_of,
    pid_in,
    results_of,
    wait_until_gone,
    with_connection,
)

if TYPE_CHECKING:
    from hivectl.drivers.local import LocalConnection

SLOW = "#!/bin/sh\necho $$ >{folder}/pid\nexec sleep 60\n"


def script(text: str, **more: Any) -> Script:
    return Script(content=Content.of(text.encode()), filename="one.sh", **more)


def slow_git(folder: Path) -> Git:
    program = folder / "slow"
    program.write_text(SLOW.format(folder=folder))
    program.chmod(0o755)
    return Git(repository="/none", path=str(folder / "copy"), executable=str(program))


def test_the_same_results(tmp_path: Path) -> None:
    (tmp_path / "tree" / "in ner").mkdir(parents=True)
    (tmp_path / "tree" / "in ner" / "größe\n.txt").write_text("x")
    (tmp_path / "tree" / "dangling").symlink_to("nothing")

    found, copied, again, made, told, group, job = (
        one.result
        for one in carry_out(
            Find(paths=(str(tmp_path / "tree"),), recurse=True, kind="any"),
            Duplicate(source=f"{tmp_path}/tree/in ner", path=str(tmp_path / "copy")),
            Duplicate(source=f"{tmp_path}/tree/in ner", path=str(tmp_path / "copy")),
            Temporary(path=str(tmp_path), kind="directory"),
            script('echo "out $1"; echo err >&2\n', arguments="'a  b'"),
            Group(group="root"),
            Cron(entry="lamp", job="true", user="root", cron_file=str(tmp_path / "cron")),
        )
    )

    assert sorted(Path(one["path"]).name for one in found["files"]) == [
        "dangling",
        "größe\n.txt",
        "in ner",
    ]
    assert [copied["changed"], again["changed"]] == [True, False]
    assert (tmp_path / "copy" / "in ner" / "größe\n.txt").read_text() == "x"
    assert Path(made["path"]).stat().st_mode & 0o7777 == 0o700
    assert (told["rc"], told["stdout"].strip(), told["stderr"].strip()) == (0, "out a  b", "err")
    assert (group["changed"], group["gid"]) == (False, 0)
    assert job["changed"]
    assert (tmp_path / "cron").read_text() == "#Ansible: lamp\n* * * * * root true\n"


def test_a_check_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    before = sorted(tmp_path.iterdir())

    results = carry_out(
        Group(group="no-such-group"),
        Hostname(hostname="another"),
        Cron(entry="lamp", job="true", user="root", cron_file=str(tmp_path / "cron")),
        Duplicate(source=str(tmp_path / "a"), path=str(tmp_path / "b")),
        Temporary(path=str(tmp_path)),
        check=True,
        diff=True,
    )

    assert [one.result["changed"] for one in results] == [True, True, True, True, False]
    assert sorted(tmp_path.iterdir()) == before


def test_a_deadline_ends_the_program_and_the_helper_goes_on(tmp_path: Path) -> None:
    async def work(connection: LocalConnection) -> Any:
        item = replace(items_of([slow_git(tmp_path)])[0], deadline=4)
        with pytest.raises(OperationTimeoutError):
            await results_of(connection, Batch(run="r", items=(item,)))
        wait_until_gone(await pid_in(tmp_path / "pid"))
        batch = Batch(run="r", items=items_of([Group(group="root"), Run(argv=("echo", "well"))]))
        return [one.result for one in await results_of(connection, batch)]

    group, run = with_connection(work)

    assert group["gid"] == 0
    assert run["stdout"] == "well"


def test_who_leaves_in_the_middle_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(connection: LocalConnection) -> None:
        batch = Batch(run="r", items=items_of([script(SLOW.format(folder=tmp_path))]))
        async with aclosing(connection.operate(batch)) as results:
            waiting = asyncio.ensure_future(anext(results))
            pid = await pid_in(tmp_path / "pid")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        wait_until_gone(pid)

    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    with_connection(work)

    assert not list((tmp_path / "tmp").iterdir())


def test_the_fence_stands_while_it_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    fence = Fence(store="s", token=1, owner="me", time_to_live=0.6)
    began = time.monotonic()

    (result,) = carry_out(script("sleep 1.5\n"), fence=fence)

    assert result.result["rc"] == 0
    assert time.monotonic() - began > 1.4


def test_a_failure_ends_its_chain(tmp_path: Path) -> None:
    items = (
        Item(key="1", step=0, chain=0, operation=Temporary(path=str(tmp_path / "none")), ignore_failure=True),
        Item(key="2", step=0, chain=0, operation=Temporary(path=str(tmp_path))),
        Item(key="3", step=0, chain=1, operation=Group(group="root")),
    )

    async def work(connection: LocalConnection) -> Any:
        return await results_of(connection, Batch(run="r", items=items))

    assert [one.index for one in with_connection(work)] == [0, 2]
