"""Connections that break while a batch is under way: what may be repeated goes on, what may not is never run twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.conditions import until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.command import Lab
    from tests.support.sshd import Sshd

PLAYBOOK = """\
- hosts: h1
  tasks:
    - name: Before
      copy: {content: one, dest: "{{ folder }}/before"}
    - name: Counted
      shell: echo ran >> "{{ folder }}/count"
    - name: Slow
      shell: 'echo ran >> "{{ folder }}/slow"; %s'
      register: slow
    - name: After
      copy: {content: two, dest: "{{ folder }}/after"}
    - name: Counted again
      shell: echo ran >> "{{ folder }}/again"
"""
WAIT = 'touch "{{ folder }}/began"; until [ -e "{{ folder }}/go" ]; do sleep 0.05; done'


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def cut_in(lab: Lab, host: Sshd, *, then: Callable[[], object]) -> subprocess.CompletedProcess[str]:
    """Run the playbook, cut its connection in the middle of `Slow`, do `then`, and wait for the end."""
    process = lab.start("apply", "site.yml")
    until((lab.folder / "began").exists, process)
    host.drop_connections()
    then()
    stdout, stderr = process.communicate(timeout=30)
    assert "Traceback" not in stdout + stderr
    import subprocess

    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def test_a_command_that_ends_although_nobody_listens_is_known_and_the_rest_goes_on(
    far: Lab, sshd_host: Sshd
) -> None:
    far.write("site.yml", PLAYBOOK % WAIT)
    done = cut_in(far, sshd_host, then=(far.folder / "go").touch)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("count", "slow", "again"):
        assert lines(far.folder / name) == ["ran"], name
    assert (far.folder / "after").read_text() == "two"
    assert len(re.findall("connection is lost", done.stdout)) == 1, done.stdout
    assert sshd_host.logins() == 2


def test_a_command_that_fails_although_nobody_listens_is_known_to_have_failed(
    far: Lab, sshd_host: Sshd
) -> None:
    far.write("site.yml", PLAYBOOK % (WAIT + "; exit 7"))
    done = cut_in(far, sshd_host, then=(far.folder / "go").touch)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "non-zero return code 7" in done.stdout
    assert lines(far.folder / "slow") == ["ran"]
    assert not (far.folder / "after").exists()
