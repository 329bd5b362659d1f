"""The lab's store and the journals, when they cannot be used: nothing is begun, or what was begun is told."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hivectl.store import database
from tests.support.command import PROGRAM, make_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.command import Lab
    from tests.support.inside import Inside, Said

TOUCH = "- hosts: n1\n  tasks:\n    - command: touch {{ folder }}/touched\n"


@pytest.fixture
def lab(here: Lab, inside: Inside) -> Lab:
    """A lab whose store is there already."""
    here.write("site.yml", TOUCH)
    assert inside(here, "status").code == 0
    return here


def assert_refused(lab: Lab, said: Said, code: int, *words: str) -> None:
    assert said.code == code, said.told
    assert said.stderr.count("error:") == 1, said.stderr
    assert "Traceback" not in said.told
    for word in words:
        assert word in said.stderr, said.stderr
    assert not (lab.folder / "touched").exists()


def store(lab: Lab) -> str:
    return str(lab.folder / "state" / "lab.db")


COMMANDS = (["apply", "site.yml"], ["exec", "n1", "--", "touch touched"], ["status"], ["runs"])


@pytest.mark.parametrize("where", [0, 100])
def test_a_damaged_store(lab: Lab, inside: Inside, where: int) -> None:
    for name in ("lab.db-wal", "lab.db-shm"):
        (lab.folder / "state" / name).unlink(missing_ok=True)
    with Path(store(lab)).open("r+b") as file:
        file.seek(where)
        file.write(os.urandom(8192))
    before = (lab.folder / "state" / "lab.db").read_bytes()
    for command in COMMANDS:
        assert_refused(lab, inside(lab, *command), 3, store(lab), "is damaged", "backup")
    assert (lab.folder / "state" / "lab.db").read_bytes() == before  # it may yet be rescued


@pytest.mark.parametrize("page", range(1, 12))
def test_a_store_with_one_damaged_page(lab: Lab, inside: Inside, page: int) -> None:
    """SQLite notices a damaged page when it reads it: a run is done, or is refused before it begins, or is cut off."""
    with contextlib.closing(sqlite3.connect(store(lab))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Path(store(lab)).open("r+b") as file:
        file.seek(4096 * page)
        file.write(b"\xa5" * 4096)
    for command in (["apply", "site.yml"], ["status"], ["runs"]):
        said = inside(lab, *command)
        assert said.code in {0, 3}, said.told
        if said.code:
            assert said.told.count("is damaged") == 1, said.told


def test_a_store_that_is_no_store(lab: Lab, inside: Inside) -> None:
    (lab.folder / "state" / "lab.db").write_text("version: 1\n" * 500)
    assert_refused(lab, inside(lab, "apply", "site.yml"), 3, store(lab), "is damaged")


def test_a_store_of_a_newer_hivectl(lab: Lab, inside: Inside) -> None:
    with contextlib.closing(sqlite3.connect(store(lab))) as connection:
        connection.execute("PRAGMA user_version = 999")
        connection.commit()
    for command in COMMANDS:
        assert_refused(lab, inside(lab, *command), 3, "newer hivectl", "update hivectl")


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the store's write lock as another process would."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def test_a_store_that_somebody_keeps_locked(
    lab: Lab, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    with locked(store(lab)):
        assert_refused(lab, inside(lab, "apply", "site.yml"), 5, store(lab), "locked")
    assert inside(lab, "apply", "site.yml").code == 0


@pytest.mark.parametrize("path", ["/proc/none/lab.db", "site.yml/lab.db", "."])
def test_a_store_that_cannot_be_written(lab: Lab, inside: Inside, path: str) -> None:
    said = inside(lab, "apply", "site.yml", HIVECTL_STORE=str(lab.folder / path))
    assert_refused(lab, said, 3, "cannot write the lab's store", "HIVECTL_STORE")


def test_a_store_of_an_unknown_kind(lab: Lab, inside: Inside) -> None:
    said = inside(lab, "apply", "site.yml", HIVECTL_STORE="mysql://secret@host/db")
    assert_refused(lab, said, 3, "mysql://")
    assert "secret" not in said.told


def test_a_journal_that_cannot_be_begun(lab: Lab, inside: Inside) -> None:
    runs = lab.folder / "state" / "runs"
    if runs.exists():
        runs.rmdir()
    runs.write_text("in the way")
    said = inside(lab, "apply", "site.yml")
    assert_refused(lab, said, 3, str(runs))
    runs.unlink()
    assert inside(lab, "apply", "site.yml").code == 0


def test_a_journal_that_cannot_be_read(lab: Lab, inside: Inside) -> None:
    runs = lab.folder / "state" / "runs"
    runs.mkdir(exist_ok=True)
    for name, text in (
        ("empty", ""),
        ("torn", '{"journal": 1, "ru'),
        ("other", '{"journal": 99}\n'),
        ("odd", "[]\n"),
    ):
        (runs / f"{name}.jsonl").write_text(text)
        said = inside(lab, "apply", "--resume", name)
        assert_refused(lab, said, 3, name, "apply afresh")


def test_a_disk_that_fills_up_in_the_middle_of_a_run(tmp_path: Path) -> None:
    """Journal and store are on a small file system; what cannot be noted is not begun."""
    lab = make_lab(tmp_path, f"version: 1\nnodes:\n  n1: {{driver: local, vars: {{folder: {tmp_path}}}}}\n")
    lab.write(
        "site.yml",
        """\
- hosts: n1
  tasks:
    - block:
        - shell: head -c 10000000 /dev/zero > {{ folder }}/state/filling; printf %20000d 0
          register: filled
        - command: touch {{ folder }}/touched
          when: filled.rc == 0
      always:
        - command: touch {{ folder }}/always
""",
    )
    state = tmp_path / "state"
    state.mkdir()
    mount = f'mount -t tmpfs -o size=400k tmpfs {state} && exec "$@"'
    user = "-m" if os.geteuid() == 0 else "-rm"
    done = subprocess.run(
        ["unshare", user, "sh", "-c", mount, "sh", *PROGRAM, "apply", "site.yml"],
        cwd=tmp_path,
        env=lab.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 3, told
    assert told.count("No space left on device") == 1, told
    assert f"cannot write the journal {state}/runs/" in done.stderr
    assert "Traceback" not in told
    assert not (tmp_path / "touched").exists()
