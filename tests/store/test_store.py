from __future__ import annotations

import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hivectl.store.database import Database, open_database
from hivectl.store.errors import (
    StoreCorruptedError,
    StoreLockedError,
    StoreUnwritableError,
    StoreVersionError,
)
from hivectl.store.history import History, NodeRun, PendingHandler, RunRow
from hivectl.store.location import state_folder, store_location
from hivectl.store.migrations import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "deep" / "lab.db")
    yield opened
    opened.close()


def run(name: str = "r1", **more: object) -> RunRow:
    values: dict[str, object] = {
        "run": name,
        "playbook": "/lab/site.yml",
        "mode": "apply",
        "owner": "ann@bench",
        "started": 1.0,
        "ended": None,
        "status": "running",
        "exit_code": None,
        "nodes": 2,
    }
    return RunRow(**{**values, **more})  # type: ignore[arg-type]  # a row of the table above


def handler(name: str, node: str = "m1", run: str = "r1", since: float = 1.0) -> PendingHandler:
    return PendingHandler(node=node, playbook="/lab/site.yml", handler=name, run=run, since=since)


def test_the_store_is_ours_alone_and_keeps_its_identity(database: Database) -> None:
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(database.path.parent.stat().st_mode) == 0o700
    again = open_database(database.path)
    assert again.identity == database.identity
    again.close()
    other = open_database(database.path.with_name("other.db"))
    assert other.identity != database.identity
    other.close()


def test_many_threads_share_one_connection(database: Database) -> None:
    history = History(database)
    begin = threading.Barrier(8)

    def work(number: int) -> None:
        begin.wait()
        for turn in range(10):
            history.owe([handler(f"h{turn}", node=f"m{number}")])
            history.owed("/lab/site.yml")
            history.settle(f"m{number}", "/lab/site.yml", [f"h{turn}"] if turn % 2 else [])

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work, number) for number in range(8)]:
            future.result()
    assert len(history.owed("/lab/site.yml")) == 8 * 5


def test_runs_are_listed_newest_first_and_a_resumed_one_keeps_its_row(database: Database) -> None:
    history = History(database)
    history.begin(run("r1", started=1.0))
    history.begin(run("r2", started=2.0))
    history.end("r1", ended=3.0, status="failed", exit_code=1, nodes=[])
    assert [(row.run, row.status) for row in history.runs()] == [("r2", "running"), ("r1", "failed")]
    history.begin(run("r1", started=9.0))
    [_, row] = history.runs()
    assert (row.run, row.status, row.ended, row.exit_code, row.started) == ("r1", "running", None, None, 1.0)
    assert [row.run for row in history.runs(limit=1)] == ["r2"]


def test_the_last_run_of_a_node_is_the_last_one(database: Database) -> None:
    history = History(database)
    for name, status in (("r1", "ok"), ("r2", "failed")):
        history.begin(run(name))
        node = NodeRun(node="m1", run=name, status=status, changed=0, ended=2.0)
        history.end(name, ended=2.0, status=status, exit_code=0, nodes=[node])
    assert {node: row.run for node, row in history.last_runs().items()} == {"m1": "r2"}


def test_a_handler_is_owed_once_until_it_is_settled(database: Database) -> None:
    history = History(database)
    history.owe([handler("restart"), handler("reload", since=0.5)])
    history.owe([handler("restart", run="r2", since=2.0)])
    assert [(row.handler, row.run) for row in history.owed("/lab/site.yml")] == [
        ("reload", "r1"),
        ("restart", "r1"),
    ]
    assert history.owed("/lab/other.yml") == []
    history.settle("m1", "/lab/site.yml", ["restart", "never owed"])
    assert [row.handler for row in history.owed("/lab/site.yml")] == ["reload"]


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    def cut_off() -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO fence VALUES ('m1', 7)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cut_off()
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM fence").fetchone() == (0,)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_store_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lab.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorruptedError, match=r"lab\.db is damaged.*backup"):
        open_database(path)
    assert path.read_bytes() == content


def test_a_store_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritableError, match="HIVECTL_STORE"):
        open_database(tmp_path / "file" / "lab.db")
    with pytest.raises(StoreUnwritableError):
        open_database(tmp_path)


def test_a_newer_store_is_left_alone(database: Database) -> None:
    database.connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreVersionError, match="update hivectl"):
        open_database(database.path)


def test_a_store_that_stays_locked_is_named(database: Database) -> None:
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database.connection.execute("PRAGMA busy_timeout = 20")
    with pytest.raises(StoreLockedError, match="locked"), database.writing():
        pass
    other.execute("COMMIT")
    other.close()
    with database.writing():
        pass


def test_a_store_is_found_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_location("lab.db", tmp_path) == str(tmp_path / "lab.db")
    assert store_location("/srv/lab.db", tmp_path) == "/srv/lab.db"
    assert store_location("postgresql://db/lab", tmp_path) == "postgresql://db/lab"
    monkeypatch.setenv("HIVECTL_STORE", "/srv/other.db")
    assert store_location(None, tmp_path) == "/srv/other.db"
    assert str(state_folder("/srv/other.db")) == "/srv"
