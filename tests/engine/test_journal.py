from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING

import pytest

from hivectl.engine.journal import Header, Journal, StepRecord, new_run_id, read_journal
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def header(run: str = "r1") -> Header:
    return Header(
        run=run,
        playbook="/lab/site.yml",
        inventories=("/lab/inventory.yml",),
        mode="apply",
        owner="ann@bench",
        started=1.0,
        inputs={"/lab/site.yml": "00"},
        options={"limit": None},
    )


def step(key: str, status: str = "ok") -> StepRecord:
    return StepRecord(
        node="m1", key=key, status=status, result={"changed": False, "stdout": "é\udcff"}, task="t"
    )


def test_what_was_written_is_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        journal = Journal.create(tmp_path, header())
        journal.intent("m1", ["1", "2"])
        await asyncio.gather(*(journal.flush() for _ in range(20)))
        journal.result(step("1"))
        journal.close({"time": 2.0, "status": "failed", "exit_code": 1})

    asyncio.run(scenario())
    record = read_journal(tmp_path, "r1")
    assert record.header == header()
    assert record.intents == {"m1": ["1", "2"]}
    assert record.steps["m1", "1"].result == {"changed": False, "stdout": "é\udcff"}
    assert (record.status, record.exit_code) == ("failed", 1)
    assert stat.S_IMODE((tmp_path / "r1.jsonl").stat().st_mode) == 0o600


def test_intents_are_on_disk_when_flush_returns(tmp_path: Path) -> None:
    async def scenario() -> None:
        journal = Journal.create(tmp_path, header())
        journal.intent("m1", ["1"])
        await journal.flush()
        lines = (tmp_path / "r1.jsonl").read_text().splitlines()
        assert json.loads(lines[-1]) == {"t": "intent", "node": "m1", "keys": ["1"]}
        journal.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("cut", range(2, 60, 7))
def test_a_torn_last_line_loses_only_itself(tmp_path: Path, cut: int) -> None:
    journal = Journal.create(tmp_path, header())
    journal.result(step("1"))
    journal.result(step("2"))
    journal.close()
    path = tmp_path / "r1.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    record = read_journal(tmp_path, "r1")
    assert set(record.steps) == {("m1", "1")}
    assert record.status is None
    again = Journal.reopen(tmp_path, "r1")
    again.result(step("2", "changed"))
    again.close()
    assert read_journal(tmp_path, "r1").steps["m1", "2"].status == "changed"


def test_a_cancelled_flush_tears_no_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        journal = Journal.create(tmp_path, header())
        journal.intent("m1", ["x" * 1_000_000])
        flushing = asyncio.ensure_future(journal.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        journal.result(step("1"))
        await journal.flush()
        await journal.settle()
        journal.close()

    asyncio.run(scenario())
    record = read_journal(tmp_path, "r1")
    assert ("m1", "1") in record.steps
    assert len(record.intents["m1"]) == 1


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    for run in ("nothing", "../r1", "r1/../r1"):
        with pytest.raises(InputError, match="there is no run"):
            read_journal(tmp_path, run)


def test_run_names_sort_by_time_and_differ() -> None:
    names = [new_run_id() for _ in range(50)]
    assert len(set(names)) > 45
    assert names[0][:8].isdigit()


def test_many_who_flush_and_add_in_turn_all_come_through(tmp_path: Path) -> None:
    async def scenario() -> None:
        journal = Journal.create(tmp_path, header())

        async def node(name: str) -> None:
            for turn in range(20):
                journal.intent(name, [str(turn)])
                await journal.flush()
                lines = (tmp_path / "r1.jsonl").read_text()
                assert f'"node":"{name}","keys":["{turn}"]' in lines

        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(node(f"m{number}"))
        journal.close()

    asyncio.run(scenario())
    assert all(len(keys) == 20 for keys in read_journal(tmp_path, "r1").intents.values())
