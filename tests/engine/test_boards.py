"""Boards in a playbook: the same tasks as anywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hivectl.virtual.board.package import cache_folder
from tests.support.command import Lab

if TYPE_CHECKING:
    from pathlib import Path

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  vars: {pump: peristaltic}
  tasks:
    - ping:
    - file: {path: /lib, state: directory}
    - copy: {src: files/, dest: /lib/}
    - template: {src: board.py.j2, dest: /board.py}
    - stat: {path: /lib/one.py}
      register: one
    - slurp: {src: /board.py}
      register: board
    - assert:
        that:
          - one.stat.size == 8
          - (board.content | b64decode) == 'pump = "peristaltic"\\n'
    - fetch: {src: /lib/one.py, dest: fetched/}
    - file: {path: /old.py, state: absent}
"""


def cached() -> str:
    """Return where the interpreter is kept, for commands with another home."""
    return str(cache_folder().parent)


def lab(folder: Path, driver: str) -> Lab:
    made = Lab(folder)
    made.write("inventory/lab.yml", f"version: 1\nnodes:\n  pico1: {{driver: {driver}, virtual: pico-w}}\n")
    made.write("site.yml", PLAYBOOK)
    made.write("files/one.py", "one = 1\n")
    made.write("files/deep/two.py", "two = 2\n")
    made.write("templates/board.py.j2", 'pump = "{{ pump }}"\n')
    (folder / "home").mkdir()
    return made


@pytest.mark.parametrize("driver", ["serial", "webrepl"])
def test_a_playbook_changes_once(tmp_path: Path, driver: str) -> None:
    made = lab(tmp_path, driver)
    checked = made.run("apply", "site.yml", "--check", "--limit", "pico1", XDG_CACHE_HOME=cached())
    assert "copy" in checked.stdout
    root = made.folder / "state/virtual/pico1/files"
    assert list(root.iterdir()) == []
    first = made.run("apply", "site.yml", XDG_CACHE_HOME=cached())
    assert (first.returncode, first.stderr) == (0, ""), first.stdout
    assert (root / "lib/deep/two.py").read_text() == "two = 2\n"
    assert (root / "board.py").read_text() == 'pump = "peristaltic"\n'
    assert (made.folder / "fetched/pico1/lib/one.py").read_text() == "one = 1\n"
    second = made.run("apply", "site.yml", XDG_CACHE_HOME=cached())
    assert re.search(r"^done in .*: nothing changed ", second.stdout, re.MULTILINE), second.stdout


def test_what_does_not_fit_is_refused_with_its_place(tmp_path: Path) -> None:
    made = lab(tmp_path, "serial")
    made.write("inventory/lab.yml", "version: 1\nnodes:\n  pico1: {driver: ssh, virtual: pico-w}\n")
    refused = made.run("apply", "site.yml", XDG_CACHE_HOME=cached())
    assert refused.returncode != 0
    assert "lab.yml:3" in refused.stderr + refused.stdout
    assert "not reached by the driver ssh" in refused.stderr + refused.stdout


def test_check_tells_that_a_board_is_well(tmp_path: Path) -> None:
    checked = lab(tmp_path, "webrepl").run("check", "all", "--output", "json", XDG_CACHE_HOME=cached())
    assert (checked.returncode, checked.stderr) == (0, "")
    assert '"state": "ok"' in checked.stdout, checked.stdout


def test_exec_runs_code_on_a_board(tmp_path: Path) -> None:
    made = lab(tmp_path, "webrepl")
    done = made.run(
        "exec", "all", "--", "import os; print(os.uname().sysname, 6 * 7)", XDG_CACHE_HOME=cached()
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "rp2 42" in done.stdout
    failed = made.run("exec", "all", "--", "open('nothing')", XDG_CACHE_HOME=cached())
    assert failed.returncode == 1
    assert "ENOENT" in failed.stdout + failed.stderr


def test_a_saved_plan_is_refused_when_the_board_has_changed(tmp_path: Path) -> None:
    made = lab(tmp_path, "serial")
    made.write(
        "site.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - file: {path: /old, state: absent}\n    - copy: {content: new, dest: /a.txt}\n",
    )
    root = tmp_path / "state/virtual/pico1/files"
    (root / "old").mkdir(parents=True)
    (root / "a.txt").write_text("before")
    planned = made.run("plan", "site.yml", "--out", "plan.json", XDG_CACHE_HOME=cached())
    assert planned.returncode == 0, planned.stderr
    assert "cannot tell" not in planned.stdout + planned.stderr
    (root / "a.txt").write_text("somebody was here")
    stale = made.run("apply", "--plan", "plan.json", XDG_CACHE_HOME=cached())
    assert stale.returncode == 6, stale.stdout + stale.stderr
    assert (root / "a.txt").read_text() == "somebody was here"
    (root / "a.txt").write_text("before")
    (root / "old").mkdir(exist_ok=True)
    done = made.run("apply", "--plan", "plan.json", XDG_CACHE_HOME=cached())
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / "a.txt").read_text() == "new"
    assert not (root / "old").exists()


def test_facts_and_scripts_travel_with_files(tmp_path: Path) -> None:
    made = lab(tmp_path, "webrepl")
    made.write(
        "calibrate.py", "import sys\nprint('calibrates', sys.argv[1:])\nopen('/made.txt', 'w').close()\n"
    )
    made.write(
        "wrong.py", "def measure():\n    raise ValueError('no pump')\n\n\nprint('so far')\nmeasure()\n"
    )
    made.write(
        "site.yml",
        """\
- hosts: all
  gather_facts: true
  tasks:
    - copy: {content: "a", dest: /a.txt}
    - script: calibrate.py --pump 2
      args: {creates: /made.txt}
    - copy: {content: "b", dest: /b.txt}
    - assert:
        that:
          - ansible_system == 'MicroPython'
          - ansible_board.version == ansible_distribution_version
          - ansible_board.id | length == 16
          - "'json' in ansible_board.modules"
          - ansible_board.memory_free > 1000
          - ansible_board.flash_total >= ansible_board.flash_free > 1000
          - ansible_mounts[0].mount == '/'
          - "'Pico W' in ansible_machine"
    - set_fact: {doubled: "{{ ansible_board.memory_free * 2 }}"}
    - debug: {var: doubled}
    - pause: {seconds: 0}
    - block:
        - fail: {msg: "as it was told"}
      rescue:
        - debug: {msg: "{{ ansible_failed_result.msg }}"}
    - script: wrong.py
      register: wrong
      ignore_errors: true
    - assert:
        that:
          - doubled == ansible_board.memory_free * 2
          - wrong.rc == 1
          - wrong.stdout == "so far\\n"
          - "'line 2, in measure' in wrong.stderr"
          - wrong.msg is search('raised ValueError. no pump')
""",
    )
    done = made.run("apply", "site.yml", XDG_CACHE_HOME=cached())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    again = made.run("apply", "site.yml", "--report", "jsonl", XDG_CACHE_HOME=cached())
    assert "/made.txt exists, matching creates option" in again.stdout
    told = made.run("facts", "pico1", "board", "--output", "json", XDG_CACHE_HOME=cached())
    assert (told.returncode, told.stderr) == (0, "")
    assert '"flash_free"' in told.stdout


def test_what_a_board_cannot_do_fails_by_itself_and_says_what_to_write(tmp_path: Path) -> None:
    made = lab(tmp_path, "serial")
    made.write(
        "site.yml",
        """\
- hosts: all
  gather_facts: false
  tasks:
    - copy: {content: "a", dest: /a.txt}
    - service: {name: pump, state: started}
      when: inventory_hostname == 'pico1'
      ignore_errors: true
      register: pump
    - copy: {content: "b", dest: /b.txt}
    - assert:
        that: pump.msg is search('cannot run, it can. files, repl') and pump.msg is search('`program` runs')
    - pip: {name: x}
      when: pump is failed
    - copy: {content: "c", dest: /c.txt}
""",
    )
    done = made.run("apply", "site.yml", XDG_CACHE_HOME=cached())
    assert done.returncode == 1
    assert "`mip` installs MicroPython packages" in done.stdout
    root = tmp_path / "state/virtual/pico1/files"
    assert [(root / name).exists() for name in ("a.txt", "b.txt", "c.txt")] == [True, True, False]
