"""`vars_prompt` on a terminal, and without one."""

from __future__ import annotations

import os
import pty
import sys
from typing import TYPE_CHECKING

from tests.support.command import PROGRAM

if TYPE_CHECKING:
    from tests.support.command import Lab

PLAYBOOK = """\
- hosts: m1
  gather_facts: false
  vars_prompt:
    - {name: version, prompt: Which version, private: false, default: "1.0"}
    - {name: password, prompt: Its password, confirm: true}
  tasks:
    - {name: said, copy: {content: "{{ version }} {{ password }}", dest: "{{ inventory_dir }}/../said"}}
"""


def answers(lab: Lab, given: dict[str, str]) -> tuple[int, str]:
    """Apply the playbook on a terminal of its own; `given`: what is asked -> what is typed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(lab.folder)
        os.execvpe(sys.executable, [*PROGRAM, "apply", "play.yml"], lab.environment(NO_COLOR="1"))
    shown, waiting = "", dict(given)
    while True:
        try:
            part = os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # Linux says so when the other side is closed
            part = ""
        if not part:
            break
        shown += part
        question = next(iter(waiting), None)
        if question is not None and question in shown:
            os.write(terminal, f"{waiting.pop(question)}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_questions_are_asked_on_the_terminal(lab: Lab) -> None:
    lab.write("play.yml", PLAYBOOK)
    given = {
        "Which version [1.0]: ": "",
        "Its password: ": "hush-hush",
        "Its password (again): ": "hush-hush",
    }
    code, shown = answers(lab, given)
    assert code == 0, shown
    assert (lab.folder / "said").read_text() == "1.0 hush-hush"
    assert "hush-hush" not in shown


def test_without_a_terminal_it_says_what_to_give(lab: Lab) -> None:
    lab.write("play.yml", PLAYBOOK)
    done = lab.run("apply", "play.yml")
    assert done.returncode == 3
    assert "`version` is asked for, and there is no terminal\n  at play.yml:4:7" in done.stderr
    assert "-e password=" in done.stderr
    assert lab.run("apply", "play.yml", "-e", "version=2 password=x").returncode == 0
