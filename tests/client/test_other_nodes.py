"""Virtual nodes, as in the quickstart's lab, and this machine, from Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hivectl import AuxHive, Hive, Node
from hivectl.drivers.errors import CapabilityError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FIVE_LINES = """\
from hivectl import Hive
with Hive("hive1") as hive:
    hive.pi1("cd /tmp; brightness=7")
    print(hive.pi1("echo $PWD $brightness"), hive.run_all("uname -n"))
    print(hive.pi2.set_task("count", command="seq 3").wait())
"""


@pytest.fixture
def quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone's inventory, in a folder of its own, which is the working directory."""
    shutil.copytree(ROOT / "inventory", tmp_path / "inventory")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HIVECTL_STORE")
    return tmp_path


def test_five_lines_in_the_quickstart_lab(quickstart: Path) -> None:
    (quickstart / "five.py").write_text(FIVE_LINES)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "five.py"], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert done.stderr == ""
    first, *table, status = done.stdout.splitlines()
    assert first == "/tmp 7"
    assert [line.split() for line in table] == [
        ["NODE", "STATUS", "OUTPUT"],
        ["pi1", "0", "pi1"],
        ["pi2", "0", "pi2"],
    ]
    assert status == "0"


def test_a_virtual_node_has_a_default_shell_and_python(quickstart: Path) -> None:
    assert quickstart.is_dir()
    with Node("pi3") as node:
        node("python3 -q")
        assert node.remote.sum([1, 2.5]) == 3.5
        assert node("import os; os.uname().nodename") == "'pi3'\n"
        assert node.shell()("echo $TMUX | wc -l; hostname") == "1\npi3\n"
    assert {"pi1", "pi2", "pi3"} <= {node.name for node in AuxHive()}


def test_where_only_files_go_shells_are_refused_saying_why(
    quickstart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with Hive("hive1") as hive:
        for use in (hive.pi1, hive.pi1.exec):
            with pytest.raises(CapabilityError, match="apt-get install bubblewrap"):
                use("true")
        (quickstart / "a.txt").write_text("a")
        assert hive.pi1.put(quickstart / "a.txt", "~/a.txt")
        assert hive.pi1.get("~/a.txt", quickstart / "b.txt").read_text() == "a"


@pytest.fixture
def this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This machine as a node, with a home and a tmux server of its own; `on_release` leaves a note there."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "lab.yml").write_text(
        "version: 1\nnodes:\n  here: {driver: local, on_release: tidy.yml}\n  there: {driver: local}\n"
    )
    (tmp_path / "tidy.yml").write_text(
        "- name: Tidy\n  hosts: all\n  tasks:\n    - copy: {content: tidy, dest: ~/tidied}\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HIVECTL_INVENTORY", str(tmp_path / "lab.yml"))
    monkeypatch.delenv("TMUX", raising=False)
    with tempfile.TemporaryDirectory(prefix="t") as sockets:
        monkeypatch.setenv("TMUX_TMPDIR", sockets)
        yield home
        subprocess.run(["tmux", "kill-server"], check=False, capture_output=True)


def test_this_machine_is_a_node_like_any_other(this_machine: Path) -> None:
    with Node("there") as node:
        assert node("cd ~; x=1; pwd") == f"{this_machine}\n"
        assert node("echo $x; printf ü") == "1\nü"
        assert node.exec("echo err >&2; exit 2").stderr == "err\n"
        assert node.set_task("short", command="echo done").wait() == 0
        assert node.task is not None


def test_giving_back_cleans_up(this_machine: Path) -> None:
    with Hive("here") as hive:
        assert hive.here.exec("echo used") == "used\n"
        assert not (this_machine / "tidied").exists()
    assert (this_machine / "tidied").read_text() == "tidy"
