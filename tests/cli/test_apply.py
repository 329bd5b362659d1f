"""Whole runs from the command line, on a node of this machine."""

from __future__ import annotations

import json
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.command import Lab, make_lab

if TYPE_CHECKING:
    from pathlib import Path

PLAYBOOK = """\
- name: Prepare
  hosts: m1
  tasks:
    - name: Settings
      copy: {content: "pump={{ pump }}\\n", dest: "{{ folder }}/pump.conf"}
      notify: restart
    - name: Slow
      shell: "touch {{ folder }}/began; {{ slow | default('true') }}"
      changed_when: false
  handlers:
    - name: restart
      command: "touch {{ folder }}/restarted"
"""


@pytest.fixture
def single(tmp_path: Path) -> Lab:
    lab = make_lab(
        tmp_path,
        f"version: 1\nnodes:\n  m1: {{driver: local, vars: {{pump: p1, folder: {tmp_path}}}}}\n",
    )
    lab.write("site.yml", PLAYBOOK)
    return lab


def test_the_first_run_changes_and_the_second_does_not(single: Lab) -> None:
    first = single.run("apply", "site.yml", "--diff")
    assert first.returncode == 0, first.stdout + first.stderr
    assert re.search(r"^changed +m1 +Settings$", first.stdout, re.MULTILINE)
    assert "+pump=p1" in first.stdout
    assert "restart (handler)" in first.stdout
    assert "\x1b" not in first.stdout
    assert (single.folder / "restarted").exists()
    second = single.run("apply", "site.yml")
    assert "nothing changed" in second.stdout
    (last,) = json.loads(single.run("runs", "-n", "1", "--output", "json").stdout)["items"]
    assert (last["status"], last["nodes"], last["exit_code"]) == ("ok", 1, 0)
    steps = json.loads(single.run("run", "show", "last", "--output", "json").stdout)["items"]
    assert [(step["task"], step["status"]) for step in steps] == [("Settings", "ok"), ("Slow", "ok")]


def test_check_and_plan_change_nothing_and_say_what_they_would(single: Lab) -> None:
    for arguments in (["apply", "--check"], ["plan"]):
        done = single.run(*arguments, "site.yml")
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"^would change +m1 +Settings$", done.stdout, re.MULTILINE)
    assert not (single.folder / "pump.conf").exists()
    assert single.run("plan", "site.yml", "--detailed-exitcode").returncode == 2
    single.run("apply", "site.yml")
    assert single.run("plan", "site.yml", "--detailed-exitcode").returncode == 0


def test_the_command_lines_variables_win_in_all_their_forms(single: Lab) -> None:
    single.write("more.yml", "slow: 'true'\n")
    done = single.run("apply", "site.yml", "-e", "pump='a b' x=1", "-e", '{"y": [1]}', "-e", "@more.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (single.folder / "pump.conf").read_text() == "pump=a b\n"


def test_json_lines_go_to_standard_output_and_a_file(single: Lab) -> None:
    done = single.run("apply", "site.yml", "--report", "jsonl", "--report", "human=run.txt")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "run_started"
    assert events[-1]["event"] == "run_ended"
    assert "changed" in (single.folder / "run.txt").read_text()


def test_a_failed_step_is_1_with_its_cause(single: Lab) -> None:
    done = single.run("apply", "site.yml", "-e", "slow='echo why >&2; exit 7'")
    assert done.returncode == 1
    assert re.search(r"^failed +m1 +Slow$", done.stdout, re.MULTILINE)
    assert "stderr | why" in done.stdout
    assert "at site.yml:" in done.stdout
    assert "handler restart on m1" in done.stdout or (single.folder / "restarted").exists()


def test_runs_are_shown_and_resumed_where_no_inventory_is_if_the_store_is_named(single: Lab) -> None:
    single.write("site.yml", "- hosts: all\n  tasks:\n    - shell: test -e {{ playbook_dir }}/ok\n")
    assert single.run("apply", "site.yml").returncode == 1
    single.write("ok", "")
    elsewhere = Lab(single.folder / "home")
    environment = {name: single.environment()[name] for name in ("HOME", "HIVECTL_STORE")}
    assert "failed" in elsewhere.run("runs", **environment).stdout
    assert "test -e" in elsewhere.run("run", "show", "last", **environment).stdout
    done = elsewhere.run("apply", "--resume", "last", **environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unreachable_node_is_4(lab: Lab) -> None:
    lab.write("site.yml", "- hosts: far\n  tasks:\n    - ping:\n")
    done = lab.run("apply", "site.yml")
    assert done.returncode == 4, done.stdout + done.stderr
    assert re.search(r"^unreachable +far", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_a_run_that_cleans_up_and_can_go_on(
    single: Lab, number: int, code: int, word: str
) -> None:
    process = single.start("apply", "site.yml", "-e", "slow='sleep 60'")
    end = time.monotonic() + 20
    while not (single.folder / "began").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == code, stdout + stderr
    assert f"{word}, cleaned up in" in stdout
    assert "hivectl apply --resume" in stdout
    assert json.loads(single.run("status", "--output", "jsonl").stdout)["holder"] is None


def test_an_impatient_user_is_told_and_the_third_signal_ends_it(single: Lab) -> None:
    single.write(
        "site.yml",
        f"- hosts: m1\n  tasks:\n    - block:\n        - shell: touch {single.folder}/began; sleep 60\n"
        f"      always:\n        - shell: touch {single.folder}/cleaning; sleep 60\n",
    )
    process = single.start("apply", "site.yml")
    for name in ("began", "cleaning"):
        end = time.monotonic() + 20
        while not (single.folder / name).exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "still cleaning up" in stdout


def test_a_report_file_that_cannot_be_opened_stops_before_anything_is_done(single: Lab) -> None:
    done = single.run("apply", "site.yml", "--report", "jsonl=/no/such/folder/x")
    assert done.returncode == 3
    assert not (single.folder / "pump.conf").exists()


def test_a_run_whose_reader_goes_away_goes_on(single: Lab) -> None:
    process = single.start("apply", "site.yml", "-e", "slow='sleep 1'")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    stderr = process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == 0, stderr
    assert stderr == ""
    assert (single.folder / "restarted").exists()
