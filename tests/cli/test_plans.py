"""Saved plans, drift and exit codes on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.command import Lab, make_lab

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = "version: 1\nnodes:\n  m[1:2]: {driver: local}\n"
PLAYBOOK = """\
- hosts: all
  tasks:
    - {name: Write, copy: {content: "{{ what | default('a') }}", dest: "~/{{ inventory_hostname }}"}}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = make_lab(tmp_path, INVENTORY)
    lab.write("site.yml", PLAYBOOK)
    return lab


def test_a_plan_is_saved_and_applied_with_its_own_options(lab: Lab) -> None:
    lab.write("more.yml", "what: b\n")
    options = ["--limit", "m1", "-e", "@more.yml", "--out", "saved.plan"]
    done = lab.run("plan", "site.yml", *options, "--detailed-exitcode")
    assert done.returncode == 2, done.stderr
    assert "`hivectl apply --plan saved.plan` does it" in done.stderr
    done = lab.run("apply", "--plan", "saved.plan")
    assert done.returncode == 0, done.stderr
    assert (lab.folder / "home/m1").read_text() == "b"
    assert not (lab.folder / "home/m2").exists()
    done = lab.run("apply", "--plan", "saved.plan")
    assert done.returncode == 6
    assert "was absent when the plan was made, and is a file now" in done.stdout


def test_files_that_have_changed_are_all_named(lab: Lab) -> None:
    lab.write("more.yml", "what: b\n")
    assert lab.run("plan", "site.yml", "-e", "@more.yml", "--out", "saved.plan").returncode == 0
    lab.write("more.yml", "what: c\n")
    lab.write("site.yml", "no: [playbook")
    done = lab.run("apply", "--plan", "saved.plan")
    assert done.returncode == 6
    assert done.stderr.count("has changed since it was made") == 2
    assert not (lab.folder / "home/m1").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["apply", "--plan", "saved.plan", "--limit", "m1", "-t", "x"], "leave --limit, --tags out"),
        (["apply", "site.yml", "--plan", "saved.plan"], "a saved plan has its playbook: leave it out"),
        (["apply", "--plan", "site.yml"], "site.yml is no saved plan"),
        (["apply", "--plan", "none"], "the plan none cannot be read"),
        (["apply", "site.yml", "--detailed-exitcode"], "add --check"),
        (["plan", "site.yml", "--out", "no/folder/x"], "there is no folder no/folder"),
        (["plan", "site.yml", "--refresh-only", "--out", "x"], "there is no plan to save"),
        (["apply"], "name a playbook, a run or a saved plan"),
    ],
)
def test_what_makes_no_sense_is_refused(lab: Lab, arguments: list[str], told: str) -> None:
    done = lab.run(*arguments)
    assert done.returncode == 3
    assert told in done.stderr
    assert not (lab.folder / "home/m1").exists()


def test_detailed_exit_codes(lab: Lab) -> None:
    assert lab.run("plan", "site.yml").returncode == 0
    assert lab.run("plan", "site.yml", "--detailed-exitcode").returncode == 2
    assert lab.run("apply", "site.yml", "--check", "--detailed-exitcode").returncode == 2
    assert lab.run("apply", "site.yml").returncode == 0
    assert lab.run("plan", "site.yml", "--detailed-exitcode").returncode == 0
    lab.write("bad.yml", PLAYBOOK + "    - {name: Bad, fail: {msg: bad}}\n")
    assert lab.run("plan", "bad.yml", "-e", "what=b", "--detailed-exitcode").returncode == 1


def test_status_tells_of_drift(lab: Lab) -> None:
    def drift(node: str) -> dict[str, object]:
        done = lab.run("status", node, "--output", "json")
        return dict(json.loads(done.stdout)["items"][0])

    assert drift("m1")["drift"] == "never applied"
    assert lab.run("apply", "site.yml").returncode == 0
    assert drift("m1")["drift"] == "none"
    (lab.folder / "home/m1").write_text("somebody's")
    done = lab.run("plan", "site.yml", "--refresh-only", "--detailed-exitcode")
    assert done.returncode == 2
    assert "drifted      m1" in done.stdout
    assert "1 step drifted" in done.stdout
    assert drift("m1")["drift"] == "drifted"
    assert drift("m1")["drift_since"]
    assert drift("m1")["drift_steps"] == ["site.yml: Write"]
    assert drift("m2")["drift"] == "none"
    assert "drifted" in lab.run("status").stdout
    planned = lab.run("plan", "site.yml", "--no-diff").stdout
    assert "(drifted since it was applied)" in planned
    assert lab.run("apply", "site.yml").returncode == 0
    assert drift("m1")["drift"] == "none"


def test_a_run_that_is_looked_at_shows_what_failed_steps_wrote(lab: Lab) -> None:
    shell = "echo looking for it; echo no pump there >&2; exit 3"
    lab.write("bad.yml", f"- hosts: m1\n  tasks:\n    - {{name: Start, shell: {json.dumps(shell)}}}\n")
    assert lab.run("apply", "bad.yml").returncode == 1
    shown = lab.run("run", "show", "last").stdout
    assert "\nm1: Start (failed)\n  non-zero return code 3\n" in shown
    assert "  stdout | looking for it\n  stderr | no pump there\n" in shown
    lab.write("bad.yml", "- hosts: m1\n  tasks: [{name: Start, command: cat /hush/hush, no_log: true}]\n")
    lab.run("apply", "bad.yml")
    shown = lab.run("run", "show", "last").stdout
    assert "no_log hides what it wrote" in shown
    assert "/hush" not in shown
