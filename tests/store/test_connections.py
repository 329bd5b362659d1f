"""Several connections to the lab's store in one process, as a Hive and what cleans up for it have them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from hivectl.reservations.base import Asked, Grant
from hivectl.store.opening import open_store
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from pathlib import Path

OTHER = """
import sys
from hivectl.store.opening import open_store
from hivectl.store.reservations import StoredReservations
store = open_store(sys.argv[1])
StoredReservations(store).holders()
store.close()
"""


def test_a_second_connection_does_not_take_the_locks_of_the_first(tmp_path: Path) -> None:
    path = str(tmp_path / "lab.db")
    first = open_store(path)
    reservations = StoredReservations(first)
    grant = reservations.ask_now(Asked(nodes=("m1",)))
    assert isinstance(grant, Grant)
    open_store(path).close()
    # whoever believes to be the last one removes the write-ahead log as he leaves
    subprocess.run([sys.executable, "-c", OTHER, path], check=True)
    assert (tmp_path / "lab.db-wal").exists()
    reservations.renew_now(grant)
    reservations.release_now(grant)
    first.close()
    subprocess.run([sys.executable, "-c", OTHER, path], check=True)
    again = open_store(path)
    assert StoredReservations(again).holders() == {}
    again.close()
