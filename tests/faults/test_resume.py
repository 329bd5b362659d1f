"""A controller that is killed (-9) in the middle of a run, and `apply --resume`."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.conditions import heard, lines, until

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
    told = heard(process, "still runs")
    (lab.folder / "go").touch()
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, told + stdout + stderr
    assert_done_once(lab)


def test_a_run_whose_files_have_changed_is_not_resumed(here: Lab, inside: Inside) -> None:
    here.write("site.yml", PLAYBOOK)
    here.write("more.yml", "word: ham\n")
    run = kill_in_slow(here)
    (here.folder / "go").touch()
    for name in ("site.yml", "more.yml", "inventory/lab.yml"):
        path = here.folder / name
        before = path.read_text()
        path.write_text(before + "# changed\n")
        said = inside(here, "apply", "--resume", run)
        assert said.code == 3, said.told
        assert said.stderr.count("error:") == 1
        assert f"{name} has changed since" in said.stderr
        path.write_text(before)
    for option in (["--limit", "n1"], ["--tags", "x"], ["-e", "a=b"]):
        said = inside(here, "apply", "--resume", run, *option)
        assert said.code == 3, said.told
        assert "other options" in said.stderr
    assert inside(here, "apply", "--resume", run).code == 0


def test_other_runs_on_the_node_do_not_make_it_forget(here: Lab, inside: Inside) -> None:
    here.write("site.yml", PLAYBOOK)
    here.write("more.yml", "word: ham\n")
    here.write("other.yml", "- hosts: all\n  tasks:\n    - shell: echo ran >> {{ folder }}/other\n")
    run = kill_in_slow(here)
    (here.folder / "go").touch()
    until(lambda: lines(here.folder / "slow") == ["ran", "ended"])
    for _ in range(3):
        assert inside(here, "apply", "other.yml").code == 0
    said = inside(here, "apply", "--resume", run)
    assert said.code == 0, said.told
    assert_done_once(here)


def test_a_change_of_which_the_killed_run_never_heard_still_notifies(here: Lab, inside: Inside) -> None:
    here.write(
        "site.yml",
        """\
- hosts: all
  tasks:
    - name: Settings
      copy:
        content: new
        dest: "{{ folder }}/settings"
        validate: sh -c 'cp %s {{ folder }}/began; until [ -e {{ folder }}/go ]; do sleep 0.05; done'
      notify: restart
  handlers:
    - name: restart
      shell: echo ran >> {{ folder }}/restarted
""",
    )
    run = kill_in_slow(here)
    (here.folder / "go").touch()
    until((here.folder / "settings").exists)
    said = inside(here, "apply", "--resume", run)
    assert said.code == 0, said.told
    assert lines(here.folder / "restarted") == ["ran"]


def test_only_one_may_go_on_with_a_run(here: Lab, inside: Inside) -> None:
    here.write("site.yml", PLAYBOOK)
    here.write("more.yml", "word: ham\n")
    process = here.start("apply", "site.yml")
    until((here.folder / "began").exists, process)
    [journal] = (here.folder / "state" / "runs").iterdir()
    before = journal.read_bytes()
    said = inside(here, "apply", "--resume", journal.stem)
    assert said.code == 5, said.told
    assert "still goes on" in said.stderr
    assert journal.read_bytes() == before  # the run that still lives has its journal to itself
    (here.folder / "go").touch()
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 0, stdout + stderr
    assert_done_once(here)


INCLUDING = """\
- hosts: all
  vars: {kind: pump}
  tasks:
    - {name: First, shell: 'echo first >> "{{ folder }}/log"'}
    - {include_role: {name: "{{ kind }}"}, vars: {part: "{{ item }}"}, loop: [1, 2, 3]}
    - {name: Last, shell: 'echo last >> "{{ folder }}/log"'}
"""
PUMP = """\
- name: Before
  shell: echo before {{ part }} >> "{{ folder }}/log"
  notify: Restart
- include_tasks: "{{ 'slow' }}.yml"
- name: After
  shell: echo after {{ part }} >> "{{ folder }}/log"
"""
SLOW = """\
- name: Slow
  shell: 'touch "{{ folder }}/began"; until [ {{ part }} != 2 -o -e "{{ folder }}/go" ]; do sleep 0.05; done; echo slow {{ part }} >> "{{ folder }}/log"'
"""


def test_a_run_that_was_killed_inside_of_an_include_goes_on_there(here: Lab, inside: Inside) -> None:
    here.write("site.yml", INCLUDING)
    here.write("roles/pump/tasks/main.yml", PUMP)
    here.write("roles/pump/tasks/slow.yml", SLOW)
    here.write(
        "roles/pump/handlers/main.yml",
        "- {name: Restart, shell: 'echo restart {{ part }} >> \"{{ folder }}/log\"'}\n",
    )
    process = here.start("apply", "site.yml")
    log = here.folder / "log"
    until(lambda: lines(log)[-1:] == ["before 2"], process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    [journal] = (here.folder / "state" / "runs").iterdir()
    (here.folder / "go").touch()
    until(lambda: lines(log)[-1:] == ["slow 2"])
    said = inside(here, "apply", "--resume", journal.stem)
    assert said.code == 0, said.told
    parts = [f"{word} {part}" for part in (1, 2, 3) for word in ("before", "slow", "after")]
    assert lines(log) == ["first", *parts, "last", "restart 3"]
