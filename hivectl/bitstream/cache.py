"""Results that are known already: by circuit, board and what was measured."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, TypeAlias

from hivectl.model.errors import HivectlError

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.bitstream.evaluations import Evaluation, Measurement

# values, samples, cycles
Known: TypeAlias = tuple[tuple[float, ...], tuple[tuple[int, ...], ...], int]
BUSY = 30.0  # seconds to wait for another process that writes


class CacheError(HivectlError):
    """The file of known results cannot be used."""


class Cache:
    """A file of results; processes may share it.

    Args:
        path: of the SQLite database; it and its folder are made where they are not there.

    Raises:
        CacheError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS results (circuit TEXT, board TEXT, measured TEXT, result TEXT,"
                " PRIMARY KEY (circuit, board, measured)) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise CacheError(
                f"known results cannot be kept in {path}: {error}",
                hint="remove the file, or do not ask for the cache",
            ) from error

    def look_up(self, sha256: str, board: str, measurement: Measurement) -> Known | None:
        """Return what is known of a circuit on a board; None: nothing."""
        row = self._database.execute(
            "SELECT result FROM results WHERE circuit = ? AND board = ? AND measured = ?",
            (sha256, board, _key(measurement)),
        ).fetchone()
        if row is None:
            return None
        values, samples, cycles = json.loads(row[0])
        return tuple(values), tuple(tuple(one) for one in samples), cycles

    def keep(self, sha256: str, board: str, measurement: Measurement, evaluation: Evaluation) -> None:
        """Remember a result."""
        result = json.dumps([evaluation.values, evaluation.samples, evaluation.cycles])
        self._database.execute(
            "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", (sha256, board, _key(measurement), result)
        )

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _key(measurement: Measurement) -> str:
    """Return what makes two measurements the same."""
    if measurement.measure == "variance":
        asked = f"variance {measurement.samples} {measurement.rate:g}"
    elif measurement.cycles is not None:
        asked = f"pulses {measurement.cycles} cycles"
    else:
        asked = f"pulses {measurement.seconds or 1.0!r} s"
    return f"{asked} x {measurement.repeats}"
