"""A controller that is killed (-9) in the middle of a run, and `apply --resume`."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.conditions import lines, until

if TYPE_CHECKING:
    from tests.support.command import Lab
    from tests.support.inside import Inside

PLAYBOOK = """\
- hosts: all
  vars_files: [more.yml]
  tasks:
    - name: Settings
      copy: {content: "{{ word }}", dest: "{{ folder }}/settings"}
      notify: restart
    - name: Counted
      shell: 'echo ran >> "{{ folder }}/count"; echo "{\\"of\\": \\"{{ word }}\\"}"'
      register: counted
    - set_fact: {derived: "{{ (counted.stdout | from_json).of }}!"}
    - block:
        - name: Slow
          shell: 'echo ran >> "{{ folder }}/slow"; touch "{{ folder }}/began"; until [ -e "{{ folder }}/go" ]; do sleep 0.05; done; echo ended >> "{{ folder }}/slow"'
      always:
        - name: Always
          shell: echo ran >> "{{ folder }}/always"
    - name: After
      copy: {content: "{{ derived }} {{ counted.stdout }}", dest: "{{ folder }}/after"}
  handlers:
    - name: restart
      shell: echo ran >> "{{ folder }}/restarted"
"""


@pytest.fixture(params=["here", "far"])
def lab(request: pytest.FixtureRequest) -> Lab:
    lab: Lab = request.getfixturevalue(request.param)
    lab.write("site.yml", PLAYBOOK)
    lab.write("more.yml", "word: ham\n")
    return lab


def kill_in_slow(lab: Lab) -> str:
    """Start a run, kill it -9 while `Slow` is under way, and return the run's name."""
    process = lab.start("apply", "site.yml")
    until((lab.folder / "began").exists, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    [journal] = (lab.folder / "state" / "runs").iterdir()
    return journal.stem


def assert_done_once(lab: Lab) -> None:
    assert lines(lab.folder / "count") == ["ran"]
    assert lines(lab.folder / "slow") == ["ran", "ended"]
    assert lines(lab.folder / "restarted") == ["ran"]
    assert lines(lab.folder / "always") == ["ran"]
    assert (lab.folder / "after").read_text() == 'ham! {"of": "ham"}'


def test_a_killed_run_goes_on_and_does_nothing_twice(lab: Lab, inside: Inside) -> None:
    run = kill_in_slow(lab)
    (status,) = json.loads(inside(lab, "status", "--output", "json").stdout)["items"]
    assert status["holder"] is None  # its process is gone
    (lab.folder / "go").touch()
    until(lambda: lines(lab.folder / "slow") == ["ran", "ended"])
    said = inside(lab, "apply", "--resume", run)
    assert said.code == 0, said.told
    assert_done_once(lab)
    done = inside(lab, "apply", "--resume", run)
    assert done.code == 3
    assert "nothing to resume" in done.stderr
    (last,) = json.loads(inside(lab, "runs", "--output", "json").stdout)["items"]
    assert (last["run"], last["status"]) == (run, "ok")


def test_what_still_runs_on_the_node_is_waited_for(lab: Lab) -> None:
    run = kill_in_slow(lab)
    process = lab.start("apply", "--resume", run)
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if "still runs" in line:
            (lab.folder / "go").touch()
    assert process.wait(30) == 0, told
    process.communicate()
    assert_done_once(lab)
