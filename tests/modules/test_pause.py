"""`pause`: once for the whole play; at a terminal it listens, elsewhere it does not wait for anybody."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PROGRAM, Lab, make_lab

if TYPE_CHECKING:
    from pathlib import Path

NODES = "version: 1\nnodes:\n  n[1:3]: {driver: local}\n"
PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - pause: %s
      register: paused
    - debug: {msg: "n {{ inventory_hostname }} typed {{ paused.user_input }}. delta {{ paused.delta }}."}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path, NODES)


def at_a_terminal(lab: Lab, keys: list[tuple[str, bytes]]) -> tuple[int, str]:
    """Run the play at a terminal; type each time after a word was seen. Return exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        # a terminal of its own, whose foreground job it is
        ["setsid", "--ctty", "--wait", *PROGRAM, "apply", "site.yml"],
        cwd=lab.folder,
        env=lab.environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    timer = threading.Timer(30, process.kill)
    timer.start()
    shown, due = "", list(keys)
    try:
        while True:
            if due and due[0][0] in shown:
                os.write(ours, due.pop(0)[1])
                continue
            try:
                data = os.read(ours, 4096)
            except OSError:  # EIO: nobody has it open any more
                break
            if not data:
                break
            shown += data.decode()
    finally:
        timer.cancel()
        os.close(ours)
    return process.wait(), re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


def test_pauses_once_for_all_nodes(lab: Lab) -> None:
    lab.write("site.yml", PLAY % "{seconds: 2}")

    done = lab.run("apply", "site.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [done.stdout.count(f"n n{number} typed . delta 2.") for number in (1, 2, 3)] == [1, 1, 1]


def test_waits_for_nobody_without_a_terminal(lab: Lab) -> None:
    lab.write("site.yml", PLAY % "{prompt: Is it warm?}")

    done = lab.run("apply", "site.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "stdin is not interactive" in done.stdout + done.stderr
    assert done.stdout.count("delta 0.") == 3


def test_asks_at_a_terminal(lab: Lab) -> None:
    lab.write("site.yml", PLAY % "{prompt: Is it warm?}")

    code, shown = at_a_terminal(lab, [("Is it warm?:", b"yex\x7fs\r")])

    assert code == 0, shown
    assert [shown.count(f"n n{number} typed yes.") for number in (1, 2, 3)] == [1, 1, 1]


def test_hides_what_is_typed(lab: Lab) -> None:
    lab.write(
        "site.yml", "- hosts: n1\n  gather_facts: false\n  tasks: [{pause: {prompt: Word, echo: false}}]\n"
    )

    code, shown = at_a_terminal(lab, [("Word (output is hidden):", b"sesame\r")])

    assert code == 0, shown
    assert "sesame" not in shown


def test_goes_on_early_by_ctrl_c(lab: Lab) -> None:
    lab.write("site.yml", PLAY % "{minutes: 10}")

    code, shown = at_a_terminal(lab, [("Pausing for 600 seconds", b"\r\x03"), ("'A' to abort", b"xC")])

    assert code == 0, shown
    assert shown.count("delta 0.") + shown.count("delta 1.") == 3


def test_is_aborted_by_ctrl_c(lab: Lab) -> None:
    lab.write("site.yml", PLAY % "{prompt: Is it warm?}")

    code, shown = at_a_terminal(lab, [("Is it warm?:", b"\x03"), ("'A' to abort", b"a")])

    assert code == 1, shown
    assert "user requested abort!" in shown
    assert "typed" not in shown


def test_is_one_time(lab: Lab) -> None:
    lab.write("site.yml", PLAY % "{minutes: 1, seconds: 1}")

    done = lab.run("apply", "site.yml")

    assert done.returncode == 1
    assert "only one of `minutes` and `seconds` can be given" in done.stdout
