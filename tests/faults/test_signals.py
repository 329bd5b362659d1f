"""Ctrl-C and SIGTERM in the middle of a run: what was begun ends, `always` runs, the node is given back."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.conditions import heard, lines, until
from tests.support.helper import is_gone

if TYPE_CHECKING:
    from tests.support.command import Lab
    from tests.support.inside import Inside

PLAYBOOK = """\
- hosts: all
  tasks:
    - name: Settings
      copy: {content: "1", dest: "{{ folder }}/settings"}
      notify: restart
    - block:
        - name: Slow
          shell: 'echo $$ > "{{ folder }}/pid"; touch "{{ folder }}/began"; sleep 600'
        - name: After
          shell: touch "{{ folder }}/after"
      always:
        - name: Always
          shell: 'touch "{{ folder }}/cleaning"; until [ -e "{{ folder }}/go" ]; do sleep 0.05; done; echo ran >> "{{ folder }}/always"'
        - name: Always too
          copy: {content: "1", dest: "{{ folder }}/always_too"}
  handlers:
    - name: restart
      shell: echo ran >> {{ folder }}/restarted
"""


@pytest.fixture(params=["here", "far"])
def lab(request: pytest.FixtureRequest) -> Lab:
    lab: Lab = request.getfixturevalue(request.param)
    lab.write("site.yml", PLAYBOOK)
    return lab


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cleans_up_and_another_one_does_not_break_that(
    lab: Lab, inside: Inside, number: int, code: int
) -> None:
    process = lab.start("apply", "site.yml")
    until((lab.folder / "began").exists, process)
    process.send_signal(number)
    until((lab.folder / "cleaning").exists, process)
    [pid] = lines(lab.folder / "pid")
    assert is_gone(int(pid))  # what ran is ended before `always` begins
    process.send_signal(number)
    told = heard(process, "still cleaning up")
    (lab.folder / "go").touch()
    stdout, stderr = process.communicate(timeout=30)
    said = told + stdout + stderr
    assert process.returncode == code, said
    assert "Traceback" not in said
    assert lines(lab.folder / "always") == ["ran"]
    assert (lab.folder / "always_too").exists()
    assert not (lab.folder / "after").exists()
    assert not (lab.folder / "restarted").exists()
    (item,) = json.loads(inside(lab, "status", "-o", "json").stdout)["items"]
    assert item["holder"] is None
    # the handler is still owed: the next run does it, although nothing changes any more
    lab.write("site.yml", PLAYBOOK.replace("sleep 600", "true"))
    again = inside(lab, "apply", "site.yml")
    assert again.code == 0, again.told
    assert lines(lab.folder / "restarted") == ["ran"]


def test_a_signal_while_it_waits_for_a_node(lab: Lab, inside: Inside) -> None:
    first = lab.start("apply", "site.yml")
    until((lab.folder / "began").exists, first)
    second = lab.start("apply", "site.yml", "--wait", "600")
    heard(second, "is held by")
    second.send_signal(signal.SIGTERM)
    stdout, stderr = second.communicate(timeout=20)
    assert second.returncode == 143, stdout + stderr
    (lab.folder / "go").touch()
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=20)
    assert first.returncode == 130
    (item,) = json.loads(inside(lab, "status", "-o", "json").stdout)["items"]
    assert item["holder"] is None


def test_a_signal_while_it_connects(here: Lab) -> None:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        here.write(
            "inventory/lab.yml",
            f"version: 1\nnodes:\n  n1: {{driver: ssh, host: 127.0.0.1, port: {port}, connect_timeout: 600}}\n",
        )
        here.write("site.yml", "- hosts: all\n  tasks:\n    - ping:\n")
        process = here.start("apply", "site.yml")
        connection, _ = server.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130, stdout + stderr
    assert "Traceback" not in stdout + stderr
