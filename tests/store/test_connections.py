"""Several connections to the lab's store in one process, as a Hive and what cleans up for it have them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from hivectl.reservations.base import Asked, Grant
from hivectl.store.errors import StoreUnwritableError
from hivectl.store.opening import open_store
from hivectl.store.reservations import StoredReservations

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


def test_many_may_be_the_first_in_a_lab(tmp_path: Path) -> None:
    path = str(tmp_path / "lab" / "lab.db")
    # they wait at the pipe, and go when its last writer is gone
    start, go = os.pipe()
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", f"open({start}).read()\n{OTHER}", path], pass_fds=(start,)
                )
            )
            for _ in range(8)
        ]
        os.close(start)
        os.close(go)
        assert [process.wait(timeout=60) for process in running] == [0] * 8


def test_a_reply_comes_when_the_log_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, bytes]] = []
    wait = os.fdatasync

    def watched(file: int) -> None:
        name = Path(f"/proc/self/fd/{file}").readlink()
        wait(file)
        written.append((name.name, name.read_bytes()))

    with closing(open_store(str(tmp_path / "lab.db"))) as store:
        monkeypatch.setattr(os, "fdatasync", watched)
        grant = StoredReservations(store).ask_now(Asked(nodes=("m1",)))
        assert isinstance(grant, Grant)
        [(name, log)] = written
        assert name == "lab.db-wal"
        assert grant.reservation.encode() in log


def test_a_disk_that_does_not_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with closing(open_store(str(tmp_path / "lab.db"))) as store:
        reservations = StoredReservations(store)
        with monkeypatch.context() as broken_disk:
            broken_disk.setattr(os, "fdatasync", broken)
            with pytest.raises(StoreUnwritableError, match="cannot be written: Input/output error"):
                reservations.ask_now(Asked(nodes=("m1",)))
        assert isinstance(reservations.ask_now(Asked(nodes=("m2",))), Grant)
