"""`hivectl exec` and `check` on nodes of this machine, and on one that is not there."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from hivectl.cli.execution import code_of
from hivectl.drivers.base import Completed
from hivectl.engine.adhoc import CHECK_SCRIPT, MARK, Outcome, health
from hivectl.model.errors import ExitCode

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.support.command import Lab


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file is there that the process makes."""
    end = time.monotonic() + 20
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_nodes_output_is_as_it_is(lab: Lab) -> None:
    done = lab.run("exec", "m1", "--", "printf 'a\\n\\033[31mb'; echo err >&2")
    assert (done.stdout, done.stderr, done.returncode) == ("a\n\x1b[31mb", "err\n", 0)


def test_several_words_are_run_as_they_are_and_one_is_a_line(lab: Lab) -> None:
    assert lab.run("exec", "m1", "--", "echo", "$HOME;", "a  b").stdout == "$HOME; a  b\n"
    assert lab.run("exec", "m1", "--", "echo a | tr a b").stdout == "b\n"


def test_the_same_output_of_many_nodes_is_shown_once_and_made_harmless(lab: Lab) -> None:
    done = lab.run("exec", "m[1:3]", "--", "printf '\\033[2Jsame\\n'")
    assert done.stdout == "m[1:3]:\n  \\x1b[2Jsame\n"
    assert done.returncode == 0


def test_a_failure_is_1_and_an_unreachable_node_4(lab: Lab) -> None:
    done = lab.run("exec", "m1", "--", "exit 3")
    assert done.returncode == 1
    assert "m1: the command ended with 3" in done.stderr
    done = lab.run("exec", "all", "--", "echo hello; exit 3")
    assert done.returncode == 4
    assert "m[1:3]:  (exit 3)\n  hello" in done.stdout
    assert "error: far: " in done.stderr


def test_a_command_that_takes_too_long_is_stopped(lab: Lab) -> None:
    began = time.monotonic()
    done = lab.run("exec", "m1", "--timeout", "300ms", "--", "sleep 30")
    assert done.returncode == 1
    assert time.monotonic() - began < 15
    assert done.stderr


def test_a_node_that_somebody_holds_is_5_naming_who(lab: Lab) -> None:
    process = lab.start("exec", "m1", "--", f"touch {lab.folder}/began; sleep 30")
    wait_for(lab.folder / "began", process)
    done = lab.run("exec", "m[1:2]", "--", "true")
    assert done.returncode == 5
    assert "m1 is held by" in done.stderr
    assert f"pid {process.pid}" in done.stderr
    items = json.loads(lab.run("status", "m[1:2]", "--output", "json").stdout)["items"]
    assert [bool(item["holder"]) for item in items] == [True, False]
    assert items[0]["reason"].startswith("exec touch")
    assert lab.run("exec", "free:!far", "--", "echo hi").stdout == "m2,m3:\n  hi\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    # given back at once, not when it expires
    assert lab.run("exec", "m1", "--", "true").returncode == 0


def test_waiting_for_a_holder_ends_when_it_gives_back(lab: Lab) -> None:
    process = lab.start(
        "exec", "m1", "--", f"touch {lab.folder}/began; while ! test -e {lab.folder}/go; do sleep 0.05; done"
    )
    wait_for(lab.folder / "began", process)
    waiting = lab.start("exec", "m1", "--wait", "1m30s", "--", "echo mine")
    assert waiting.stderr is not None
    assert "waiting: m1 is held by" in waiting.stderr.readline()
    lab.write("go", "")
    assert waiting.communicate(timeout=20)[0] == "mine\n"
    process.communicate(timeout=20)


def test_a_run_on_the_same_machine_under_another_name_goes_on(lab: Lab) -> None:
    slow = f"touch {lab.folder}/began; while ! test -e {lab.folder}/go; do sleep 0.05; done"
    lab.write("site.yml", f"- hosts: m1\n  tasks:\n    - shell: {slow}\n    - ping:\n")
    process = lab.start("apply", "site.yml")
    wait_for(lab.folder / "began", process)
    assert lab.run("exec", "m2", "--", "echo mine").stdout == "mine\n"
    lab.write("go", "")
    told = process.communicate(timeout=20)
    assert process.returncode == 0, told


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 143, "terminated"),
    ],
)
def test_a_signal_stops_what_runs_and_gives_the_nodes_back(
    lab: Lab, number: int, code: int, word: str
) -> None:
    process = lab.start(
        "exec",
        "m1",
        "--",
        f"echo $$ > {lab.folder}/pid.new; mv {lab.folder}/pid.new {lab.folder}/pid; exec sleep 60",
    )
    wait_for(lab.folder / "pid", process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == code
    assert stderr == f"error: {word}, and cleaned up\n"
    assert stdout == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int((lab.folder / "pid").read_text()), 0)
    assert json.loads(lab.run("status", "m1", "--output", "jsonl").stdout)["holder"] is None


def test_output_that_nobody_reads_does_not_hang(lab: Lab) -> None:
    process = lab.start("exec", "m1", "--", "seq 1 100000")
    assert process.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
    reader.start()
    reader.join(20)
    assert process.wait(20) == 0
    assert len(lines) == 100_000
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()


def test_check_says_what_is_reachable_and_why_the_rest_is_not(lab: Lab) -> None:
    done = lab.run("check", "--output", "json")
    assert done.returncode == 4
    items = {item["node"]: item for item in json.loads(done.stdout)["items"]}
    assert items["m1"]["state"] in {"ok", "warning"}
    assert items["m1"]["login"]
    assert items["m1"]["python"].startswith("3.")
    assert items["m1"]["free"] > 0
    assert items["m1"]["skew_seconds"] == 0
    assert items["far"]["state"] == "unreachable"
    assert items["far"]["remarks"]
    table = lab.run("check")
    assert "error: far: " in table.stderr
    table = lab.run("check", "m1")
    assert table.returncode == 0
    assert table.stdout.splitlines()[0].split()[:4] == ["NODE", "STATE", "LOGIN", "PYTHON"]


def test_facts_have_ansibles_names(lab: Lab) -> None:
    done = lab.run("facts", "m1", "ansible_python_version", "--output", "json")
    assert done.returncode == 0, done.stderr
    (item,) = json.loads(done.stdout)["items"]
    assert item["name"] == "ansible_python_version"
    assert item["value"].startswith("3.")


def seen(*parts: str) -> str:
    return "".join(f"{MARK}\n{part}\n" for part in parts)


def test_what_gives_trouble_is_said() -> None:
    disk = "/dev/root 1000 999 1 100% /"
    found = health(
        seen("pi", "1000.5", "3.6.9", disk),
        capabilities=("run",),
        connect=0.1,
        latency=0.01,
        between=(2000.0, 2000.1),
    )
    assert found.login == "pi"
    assert found.skew == pytest.approx(-999.5)
    assert found.free == 1024
    assert len(found.warnings) == 3
    found = health(
        seen("", "%s.%N", "", ""), capabilities=("run",), connect=0.1, latency=None, between=(0.0, 1.0)
    )
    assert found.skew is None
    assert found.free is None
    assert "no python3" in found.warnings[0]


def test_the_checks_script_is_one_that_every_shell_knows() -> None:
    assert CHECK_SCRIPT.count(MARK) == 4


def test_check_looks_at_the_python_that_the_inventory_names(lab: Lab) -> None:
    lab.write("odd.yml", "version: 1\nnodes: {odd: {driver: local, python: /no/such/python3}}\n")
    done = lab.run("check", "odd", "-i", "odd.yml")
    assert done.returncode == 1
    assert "odd: /no/such/python3 is no Python that runs there" in done.stderr


def test_exit_codes_of_outcomes() -> None:
    def outcome(rc: int) -> Outcome[Completed]:
        return Outcome(node="m1", value=Completed(rc=rc, stdout=b"", stderr=b""))

    assert code_of(outcome(0)) is ExitCode.DONE
    assert code_of(outcome(2)) is ExitCode.FAILED
