"""What was last applied to each node, and whether it has drifted since: one row for each node and playbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hivectl.store.base import Store


@record(kw_only=True)
class AppliedRow:
    """A playbook on a node; times in seconds since the epoch.

    Attributes:
        run: that applied it last.
        at: when that ended.
        whole: all of it was applied, not some tags only, and nothing failed.
        looked: when a plan or a check last looked at all of it; None: never since.
        drifted: when it was first seen that somebody else had changed something.
        what: the steps that would change.
    """

    node: str
    playbook: str
    run: str
    at: float
    whole: bool
    looked: float | None = None
    drifted: float | None = None
    what: tuple[str, ...] = ()


class Applied:
    """The rows."""

    def __init__(self, database: Store) -> None:
        self._database = database

    def steps(self, playbook: str) -> dict[str, bytes]:
        """Return node -> the digests of the steps that a playbook has brought about there, one behind the other."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT node, steps FROM applied WHERE playbook = ?", (playbook,))
            return {str(node): bytes(steps) for node, steps in rows.fetchall()}

    def put(self, rows: Iterable[tuple[AppliedRow, bytes]]) -> None:
        """Keep what was applied; what was seen of it before is over where all of it was."""
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT INTO applied VALUES (?, ?, ?, ?, ?, NULL, NULL, '', ?) ON CONFLICT (node, playbook) DO UPDATE"
                " SET run = excluded.run, at = excluded.at, whole = excluded.whole, steps = excluded.steps,"
                " looked = NULL, drifted = CASE WHEN excluded.whole = 1 THEN NULL ELSE applied.drifted END,"
                " what = CASE WHEN excluded.whole = 1 THEN '' ELSE applied.what END",
                [(row.node, row.playbook, row.run, row.at, int(row.whole), steps) for row, steps in rows],
            )

    def look(self, playbook: str, at: float, seen: Mapping[str, tuple[Sequence[str], bool]]) -> None:
        """Keep what a look has shown: node -> the steps that have drifted, and whether all of them were looked at."""
        with self._database.writing() as connection:
            for node, (what, whole) in seen.items():
                if not what and not whole:
                    continue
                drifted = at if what else None
                connection.execute(
                    "UPDATE applied SET drifted = CASE WHEN ? = '' THEN ? ELSE coalesce(drifted, ?) END, what = ?,"
                    " looked = ? WHERE node = ? AND playbook = ?",
                    (text := "\n".join(what), drifted, drifted, text, at, node, playbook),
                )

    def all(self) -> dict[str, list[AppliedRow]]:
        """Return the rows of each node, without their steps."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT node, playbook, run, at, whole, looked, drifted, what FROM applied ORDER BY at"
            ).fetchall()
        found: dict[str, list[AppliedRow]] = {}
        for node, playbook, run, at, whole, looked, drifted, what in rows:
            found.setdefault(node, []).append(
                AppliedRow(
                    node=node,
                    playbook=playbook,
                    run=run,
                    at=at,
                    whole=bool(whole),
                    looked=looked,
                    drifted=drifted,
                    what=tuple(what.split("\n")) if what else (),
                )
            )
        return found
