"""What the lab's database remembers of runs: one row a run, the last run of each node, handlers that are owed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from hivectl.store.base import Store


@record(kw_only=True)
class RunRow:
    """One run; times in seconds since the epoch."""

    run: str
    playbook: str
    mode: str
    owner: str
    started: float
    ended: float | None
    status: str
    exit_code: int | None
    nodes: int


@record(kw_only=True)
class NodeRun:
    """The last run that touched a node."""

    node: str
    run: str
    status: str
    changed: int
    ended: float


@record(kw_only=True)
class PendingHandler:
    """A handler that was notified and has not run."""

    node: str
    playbook: str
    handler: str
    run: str
    since: float


class History:
    """Runs and what they left open."""

    def __init__(self, database: Store) -> None:
        self._database = database

    def begin(self, row: RunRow) -> None:
        """Record that a run has begun, or goes on."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET ended = NULL, status = excluded.status, exit_code = NULL",
                (
                    row.run,
                    row.playbook,
                    row.mode,
                    row.owner,
                    row.started,
                    row.ended,
                    row.status,
                    row.exit_code,
                    row.nodes,
                ),
            )

    def end(self, run: str, *, ended: float, status: str, exit_code: int, nodes: Iterable[NodeRun]) -> None:
        """Record how a run ended, and that it is the last one of its nodes."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE run SET ended = ?, status = ?, exit_code = ? WHERE id = ?",
                (ended, status, exit_code, run),
            )
            connection.executemany(
                "INSERT INTO node_run VALUES (?, ?, ?, ?, ?) ON CONFLICT (node) DO UPDATE SET run = excluded.run,"
                " status = excluded.status, changed = excluded.changed, ended = excluded.ended",
                [(node.node, node.run, node.status, node.changed, node.ended) for node in nodes],
            )

    def runs(self, limit: int = 50) -> list[RunRow]:
        """Return the latest runs, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM run ORDER BY started DESC, id DESC LIMIT ?", (limit,)
            ).fetchall()
        return [_run_row(row) for row in rows]

    def last_runs(self) -> Mapping[str, NodeRun]:
        """Return the last run of each node that has had one."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT node, run, status, changed, ended FROM node_run").fetchall()
        return {
            row[0]: NodeRun(node=row[0], run=row[1], status=row[2], changed=row[3], ended=row[4])
            for row in rows
        }

    def owe(self, handlers: Sequence[PendingHandler]) -> None:
        """Remember handlers until they have run, whatever becomes of this process."""
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT INTO pending_handler VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [(row.node, row.playbook, row.handler, row.run, row.since) for row in handlers],
            )

    def settle(self, node: str, playbook: str, handlers: Iterable[str]) -> None:
        """Forget handlers that have run."""
        with self._database.writing() as connection:
            connection.executemany(
                "DELETE FROM pending_handler WHERE node = ? AND playbook = ? AND handler = ?",
                [(node, playbook, handler) for handler in handlers],
            )

    def owed(self, playbook: str) -> list[PendingHandler]:
        """Return the handlers that earlier runs of a playbook left."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT node, playbook, handler, run, since FROM pending_handler WHERE playbook = ? ORDER BY since, rowid",
                (playbook,),
            ).fetchall()
        return [
            PendingHandler(node=row[0], playbook=row[1], handler=row[2], run=row[3], since=row[4])
            for row in rows
        ]


def _run_row(
    row: sqlite3.Row | tuple[str, str, str, str, float, float | None, str, int | None, int],
) -> RunRow:
    return RunRow(
        run=row[0],
        playbook=row[1],
        mode=row[2],
        owner=row[3],
        started=row[4],
        ended=row[5],
        status=row[6],
        exit_code=row[7],
        nodes=row[8],
    )
