"""Files and programs of a node, from Python."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hivectl import Hive, Node
from hivectl.client.errors import CommandError, ShellTimeoutError
from hivectl.client.tasks import program_name
from hivectl.drivers.errors import OperationTimeoutError
from hivectl.model.errors import HivectlError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.tmux_hosts import TmuxLab

SESSION = os.uname().nodename.replace(".", "_")


def test_exec_is_a_new_shell_each_time(node: Node) -> None:
    node.exec("x=1; cd /tmp")
    done = node.exec("echo out$x; pwd; echo err >&2; exit 4")
    assert (done.splitlines()[0], done.splitlines()[1].endswith("/home")) == ("out", True)
    assert (done.stderr, done.status, done.failed) == ("err\n", 4, True)
    assert node.exec("cat; echo $A", stdin="ein ü\n", environment={"A": "b c"}) == "ein ü\nb c\n"
    with pytest.raises(CommandError, match="'exit 3' ended with 3"):
        node.exec("exit 3", check=True)
    with pytest.raises(OperationTimeoutError):
        node.exec("sleep 60", timeout=0.3)


def test_files_go_and_come(node: Node, nodes: TmuxLab, tmp_path: Path) -> None:
    home = nodes.hosts[0].home
    (tmp_path / "a.txt").write_text("one")
    assert node.put(tmp_path / "a.txt", "~/kept.txt")
    assert not node.put(tmp_path / "a.txt", "~/kept.txt")
    assert (home / "kept.txt").read_text() == "one"
    (home / "made").write_bytes(b"\0\xff" * 1000)
    assert node.get("~/made", tmp_path / "back").read_bytes() == b"\0\xff" * 1000
    (tmp_path / "into").mkdir()
    assert node.get("made", tmp_path / "into") == tmp_path / "into" / "made"
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep" / "b").write_text("b")
    (tree / "c").write_text("c")
    assert node.sync(tree, "~/there")
    assert not node.sync(tree, "~/there")
    assert (home / "there/deep/b").read_text() == "b"
    (tree / "c").write_text("changed")
    assert node.sync(tree, "~/there")
    assert (home / "there/c").read_text() == "changed"
    with pytest.raises(CommandError):
        node.get("~/no-such-file", tmp_path / "x")
    with pytest.raises(HivectlError, match="no-such-file"):
        node.put(tmp_path / "no-such-file", "~/x")


def test_a_task_starts_where_a_server_cannot_end_for_a_client_that_reads_no_more(nodes: TmuxLab) -> None:
    # another server's client with the same session is none of its business
    nodes.tmux("new-session", "-d", "-s", SESSION, host=1)
    with nodes.client(SESSION, host=1) as other, nodes.server_that_cannot_end(SESSION), Node("h1") as node:
        task = node.set_task("count", command="seq 3")
        assert task.wait() == 0
        assert other.poll() is None
        task.remove()


def test_a_task_runs_outlives_us_and_is_found_again(nodes: TmuxLab, tmp_path: Path) -> None:
    script = tmp_path / "pump.py"
    script.write_text(
        "import sys, time\nprint('rate', sys.argv[1], flush=True)\nwhile True:\n    time.sleep(0.1)\n"
    )
    with Hive(["h1"]) as hive:
        task = hive.h1.set_task("Pump calibration", script=script, args=[4.5])
        assert (task.name, task.state, task.exit_status) == ("Pump calibration", "running", None)
        assert "T" in task.since
        pid = task.pid
        assert task.output == "rate 4.5\n"
        again = hive.h1.set_task("Pump calibration", script=script, args=[4.5])
        assert again.pid == pid  # left alone
        with pytest.raises(ShellTimeoutError, match="still runs"):
            task.wait(0.2)
        windows = nodes.tmux("list-windows", "-a", "-F", "#{session_name}:#{window_name}")
        assert windows == f"{os.uname().nodename.replace('.', '_')}:Pump-calibration"
        assert hive.h1("echo beside") == "beside\n"
    with Node("h1") as node:
        found = node.tasks["Pump-calibration"]
        assert (found.state, found.pid) == ("running", pid)
        other = node.set_task("Pump calibration", script=script, args=[9])
        assert other.pid != pid
        last = node.task
        assert last is not None
        assert last.name == "Pump-calibration"
        other.stop()
        assert (other.state, other.exit_status) == ("ended", 143)
        other.stop()
        other.remove()
        assert other.state == "absent"
        assert not node.tasks
        assert node.task is None


def test_what_it_prints_comes_as_it_comes(node: Node, tmp_path: Path) -> None:
    script, go = tmp_path / "slow.sh", tmp_path / "go"
    script.write_text(f"echo line 1; until [ -e {go} ]; do sleep 0.05; done; echo line 2; printf ü; exit 5\n")
    task = node.set_task("slow", script=script)
    parts = task.follow()
    # it is told while the program still waits for us
    begin = next(parts)
    assert "line 1\nline 2\nü".startswith(begin)
    go.touch()
    assert begin + "".join(parts) == "line 1\nline 2\nü"
    assert task.wait() == 5
    assert task.output == "line 1\nline 2\nü"
    with pytest.raises(CommandError, match="slow ended with 5"):
        task.wait(check=True)


def test_a_task_that_fails_at_once_or_has_no_script_is_told(node: Node, tmp_path: Path) -> None:
    script = tmp_path / "bad.py"
    script.write_text("raise SystemExit('no pump')\n")
    with pytest.raises(CommandError, match="ended at once with exit status 1: no pump"):
        node.set_task("bad", script=script)
    with pytest.raises(HivectlError, match="no-such"):
        node.set_task("bad", script=tmp_path / "no-such.py")
    with pytest.raises(HivectlError, match="exactly one of"):
        node.set_task("bad")


@pytest.mark.parametrize(
    ("title", "name"),
    [("Pump Calibration", "Pump-Calibration"), ("a/b: ü", "a-b"), ("ok_1.2", "ok_1.2"), ("x" * 80, "x" * 64)],
)
def test_titles_become_names(title: str, name: str) -> None:
    assert program_name(title) == name
