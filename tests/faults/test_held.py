"""Two runs that want one node, and runs that lose the node that they hold."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from hivectl.engine import holding
from tests.support.conditions import heard, lines, until
from tests.support.helper import is_gone

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.command import Lab
    from tests.support.inside import Inside

PLAYBOOK = """\
- hosts: all
  tasks:
    - block:
        - name: Slow
          shell: 'echo $$ > "{{ folder }}/pid"; touch "{{ folder }}/began"; until [ -e "{{ folder }}/go" ]; do sleep 0.05; done'
        - name: After
          shell: touch "{{ folder }}/after"
      always:
        - name: Always
          shell: touch "{{ folder }}/always"
"""
OTHER = "- hosts: all\n  tasks:\n    - shell: echo ran >> {{ folder }}/other\n"


@pytest.fixture(params=["here", "far"])
def lab(request: pytest.FixtureRequest) -> Lab:
    lab: Lab = request.getfixturevalue(request.param)
    lab.write("site.yml", PLAYBOOK)
    lab.write("other.yml", OTHER)
    return lab


def begin(lab: Lab) -> subprocess.Popen[str]:
    process = lab.start("apply", "site.yml")
    until((lab.folder / "began").exists, process)
    return process


def end(lab: Lab, process: subprocess.Popen[str]) -> str:
    (lab.folder / "go").touch()
    stdout, stderr = process.communicate(timeout=30)
    assert "Traceback" not in stdout + stderr
    return stdout + stderr


def forget_reservations(lab: Lab) -> None:
    """Do what an admin could: end every reservation."""
    with contextlib.closing(sqlite3.connect(lab.folder / "state" / "lab.db")) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        assert connection.execute("DELETE FROM reservation").rowcount == 1
        connection.commit()


def test_the_second_run_is_told_who_holds_the_node(lab: Lab, inside: Inside) -> None:
    first = begin(lab)
    (item,) = json.loads(inside(lab, "status", "-o", "json").stdout)["items"]
    node = item["node"]
    for command in (
        ["apply", "other.yml"],
        ["exec", "all", "--", "true"],
        ["apply", "other.yml", "--wait", "0.1"],
    ):
        said = inside(lab, *command)
        assert said.code == 5, said.told
        assert said.stderr.count("error:") == 1
        assert re.search(
            rf"{node} is held by \S+@\S+ \(pid {first.pid}: apply site.yml\) until \d\d:\d\d:\d\d UTC",
            said.stderr,
        )
        assert "--wait" in said.stderr
    for command in (["apply", "other.yml", "--check"], ["status"], ["check", "all"], ["facts", node]):
        assert inside(lab, *command).code == 0  # looking is allowed
    end(lab, first)
    assert first.returncode == 0
    assert not (lab.folder / "other").exists()
    (item,) = json.loads(inside(lab, "status", "-o", "json").stdout)["items"]
    assert (item["holder"], item["last"]) == (None, "changed")


def test_the_second_run_waits_if_it_is_asked_to(lab: Lab) -> None:
    first = begin(lab)
    second = lab.start("apply", "other.yml", "--wait", "30")
    heard(second, "is held by")
    told = end(lab, first)
    assert first.returncode == 0, told
    stdout, stderr = second.communicate(timeout=30)
    assert second.returncode == 0, stdout + stderr
    assert lines(lab.folder / "other") == ["ran"]


def assert_stopped(lab: Lab, process: subprocess.Popen[str], told: str, *words: str) -> None:
    assert process.returncode == 5, told
    for word in words:
        assert word in told, told
    for name in ("after", "always"):
        assert not (lab.folder / name).exists(), name


@pytest.mark.parametrize("command", ["apply other.yml", "exec all -- echo ran >> {folder}/other"])
def test_nothing_more_is_sent_once_another_run_has_a_newer_claim(
    lab: Lab, inside: Inside, command: str
) -> None:
    first = begin(lab)
    forget_reservations(lab)
    said = inside(lab, *command.format(folder=lab.folder).split(maxsplit=3))
    assert said.code == 0, said.told
    told = end(lab, first)
    assert_stopped(lab, first, told, "older than that of")
    assert lines(lab.folder / "other") == ["ran"]


def test_controllers_without_a_common_store_keep_apart(lab: Lab, inside: Inside, home: Path) -> None:
    first = begin(lab)
    strange = {"HIVECTL_STORE": str(lab.folder / "strange" / "lab.db")}
    said = inside(lab, "apply", "other.yml", **strange)
    assert said.code == 5, said.told
    assert "another lab's store" in said.told
    said = inside(lab, "exec", "all", "--", f"touch {lab.folder}/other", **strange)
    assert said.code == 5, said.told
    assert "another lab's store" in said.told
    assert not (lab.folder / "other").exists()
    lock = home / ".hivelock"
    claim = json.loads(lock.read_text())
    new = home / "new"
    new.write_text(json.dumps({**claim, "expires": 0}))
    new.rename(lock)
    assert inside(lab, "apply", "other.yml", **strange).code == 0
    told = end(lab, first)
    assert_stopped(lab, first, told, "since")


@pytest.mark.parametrize("lab", ["here"], indirect=True)
def test_a_run_that_ends_before_it_hears_of_its_loss_has_not_gone_well(lab: Lab) -> None:
    first = begin(lab)
    forget_reservations(lab)
    told = end(lab, first)
    assert first.returncode == 5, told
    assert told.count("it expired or an admin ended it") == 2, told  # when it is heard, and in the summary
    assert (lab.folder / "after").exists()  # nobody else had the node, so nothing has refused it


@pytest.mark.parametrize("lab", ["far"], indirect=True)
def test_work_under_a_reservation_that_ends_meanwhile_has_not_gone_well(lab: Lab, inside: Inside) -> None:
    key = json.loads(inside(lab, "reserve", "all", "--output", "json").stdout)["environment"]
    os.mkfifo(lab.folder / "fifo")
    first = lab.start(
        "exec", "all", "--", f"touch {lab.folder}/began; cat {lab.folder}/fifo; echo said", **key
    )
    until((lab.folder / "began").exists, first)
    forget_reservations(lab)
    (lab.folder / "fifo").write_text("it ")
    stdout, stderr = first.communicate(timeout=30)
    assert first.returncode == 5, stdout + stderr
    assert stdout == "it said\n"
    assert stderr.count("it expired or an admin ended it") == 1


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.write_text("garbage")])
def test_a_lock_that_is_not_ours_stands_in_the_way_of_a_command_too(
    lab: Lab, inside: Inside, home: Path, make: Callable[[Path], object]
) -> None:
    make(home / ".hivelock")
    for words in (["exec", "all", "--", f"touch {lab.folder}/other"], ["apply", "other.yml"]):
        said = inside(lab, *words)
        assert said.code == 5, said.told
        assert ".hivelock is held by an unknown party" in said.told
    assert not (lab.folder / "other").exists()


@pytest.fixture
def home(lab: Lab) -> Path:
    """Where the node's login has its home."""
    remote = list(lab.folder.glob("sshd*/h1/home"))
    return remote[0] if remote else lab.folder / "home"


def test_a_reservation_that_is_lost_ends_the_run_at_once(
    lab: Lab, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "RENEW_EVERY", 0.05)

    def lose() -> None:
        until((lab.folder / "began").exists)
        forget_reservations(lab)

    thread = threading.Thread(target=lose)
    thread.start()
    said = inside(lab, "apply", "site.yml")
    thread.join()
    assert said.code == 5, said.told
    # once when it happens, and once in the summary
    assert said.told.count("it expired or an admin ended it") == 2, said.told
    for name in ("after", "always"):
        assert not (lab.folder / name).exists(), name
    [pid] = lines(lab.folder / "pid")
    until(lambda: is_gone(int(pid)))
    assert inside(lab, "apply", "other.yml").code == 0
