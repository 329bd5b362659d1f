"""Who writes to the store waits in a queue, which nobody who is killed or stopped holds up for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hivectl.store.database import open_database
from hivectl.store.turns import PATIENCE, Turns

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
# takes a turn, and the store's lock where it is told to, says so, and keeps it
KEEPER = """\
import pathlib, sys
from hivectl.store.database import open_database
database = open_database(pathlib.Path(sys.argv[1]))
with database.writing() as statements:
    statements.execute("INSERT INTO about VALUES ('half', 'done')")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    opened = open_database(tmp_path / "lab.db")
    opened.close()
    opened.close()
    return tmp_path / "lab.db"


@pytest.fixture
def keeper(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_killed_writer_ends_its_turn_and_leaves_nothing_half(
    path: Path, keeper: subprocess.Popen[str]
) -> None:
    database = open_database(path)
    keeper.send_signal(signal.SIGKILL)
    began = time.monotonic()
    with database.writing() as statements:
        assert statements.execute("SELECT 1 FROM about WHERE name = 'half'").fetchone() is None
    assert time.monotonic() - began < PATIENCE
    database.close()


def test_who_gets_no_turn_in_time_goes_on_without(tmp_path: Path) -> None:
    first, second = Turns(tmp_path / "turn"), Turns(tmp_path / "turn")
    with first.turn():
        for _ in range(2):
            began = time.monotonic()
            with second.turn():
                assert time.monotonic() - began < PATIENCE + 5
    # what was given up is given back when it comes
    began = time.monotonic()
    for one in (first, second, first):
        with one.turn():
            pass
    assert time.monotonic() - began < PATIENCE
    first.close()
    second.close()


def test_turns_come_in_the_order_of_those_who_wait(tmp_path: Path) -> None:
    import threading

    order: list[int] = []
    first = Turns(tmp_path / "turn")
    others = [Turns(tmp_path / "turn") for _ in range(4)]

    def wait(number: int) -> None:
        with others[number].turn():
            order.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(4)]
    with first.turn():
        for number, thread in enumerate(threads, 1):
            thread.start()
            _until_blocked(number)
    for thread in threads:
        thread.join(timeout=30)
    assert order == [0, 1, 2, 3]
    for one in (first, *others):
        one.close()


def _until_blocked(count: int) -> None:
    """Wait until so many requests of this process stand in the kernel's queue (proc_locks(5): ->)."""
    end = time.monotonic() + 30
    mine = f" {os.getpid()} "
    while True:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
        if sum("->" in line and "FLOCK" in line and mine in line for line in lines) >= count:
            return
        assert time.monotonic() < end
        time.sleep(0.001)
