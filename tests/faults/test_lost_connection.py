"""Connections that break while a batch is under way: what may be repeated goes on, what may not is never run twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from hivectl.engine import batches
from tests.support.conditions import lines, until
from tests.support.sshd import connection_servers

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.support.command import Lab
    from tests.support.inside import Inside
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


def cut_in(
    lab: Lab, cut: Callable[[], object], *, then: Callable[[], object] = bool
) -> subprocess.CompletedProcess[str]:
    """Run the playbook, cut its connection in the middle of `Slow`, do `then`, and wait for the end."""
    process = lab.start("apply", "site.yml")
    until((lab.folder / "began").exists, process)
    cut()
    then()
    stdout, stderr = process.communicate(timeout=40)
    assert "Traceback" not in stdout + stderr
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def run_of(lab: Lab) -> str:
    [journal] = (lab.folder / "state" / "runs").iterdir()
    return journal.stem


def test_a_command_that_ends_although_nobody_listens_is_known_and_the_rest_goes_on(
    far: Lab, sshd_host: Sshd
) -> None:
    far.write("site.yml", PLAYBOOK % WAIT)
    go = (far.folder / "go").touch
    done = cut_in(far, sshd_host.drop_connections, then=go)
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
    done = cut_in(far, sshd_host.drop_connections, then=(far.folder / "go").touch)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "non-zero return code 7" in done.stdout
    assert lines(far.folder / "slow") == ["ran"]
    assert not (far.folder / "after").exists()


def test_a_power_cut_leaves_a_command_unknown_and_it_is_never_run_again(
    far: Lab, sshd_host: Sshd, inside: Inside
) -> None:
    far.write("site.yml", PLAYBOOK % WAIT)
    done = cut_in(far, sshd_host.stop, then=sshd_host.start)
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(re.findall("nobody can tell whether it ended", done.stdout)) == 1, done.stdout
    again = inside(far, "apply", "--resume", run_of(far))
    assert again.code == 1, again.told
    assert "nobody can tell whether it ended" in again.stdout
    assert lines(far.folder / "slow") == ["ran"]
    assert lines(far.folder / "count") == ["ran"]
    assert not (far.folder / "after").exists()
    # the user has looked at the node
    (far.folder / "go").touch()
    assert inside(far, "apply", "site.yml").code == 0


def test_a_node_that_stays_away_is_4_and_goes_on_when_it_is_resumed(
    far: Lab, sshd_host: Sshd, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "RECONNECT_SECONDS", 0.5)
    far.write("site.yml", PLAYBOOK % WAIT)

    thread = threading.Thread(target=cut_off, args=(far, sshd_host))
    thread.start()
    said = inside(far, "apply", "site.yml")
    thread.join()
    assert said.code == 4, said.told
    assert "nothing listens there" in said.stdout
    (far.folder / "go").touch()
    sshd_host.start()
    again = inside(far, "apply", "--resume", run_of(far))
    assert again.code == 0, again.told
    for name in ("count", "slow", "again"):
        assert lines(far.folder / name) == ["ran"], name


def cut_off(lab: Lab, host: Sshd) -> None:
    """Cut the connection and let nobody in again; what runs on the node goes on."""
    until((lab.folder / "began").exists)
    process = host.process
    assert process is not None
    servers = connection_servers(process.pid)
    process.kill()
    process.wait()
    host.process = None
    for pid in servers:
        os.kill(pid, signal.SIGKILL)


def test_a_change_whose_answer_was_lost_still_notifies(far: Lab, sshd_host: Sshd) -> None:
    """The file is written when the connection breaks: sent again, nothing changes, and its handler must run all the same."""
    far.write(
        "site.yml",
        """\
- hosts: h1
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

    def written() -> None:
        (far.folder / "go").touch()
        until((far.folder / "settings").exists)

    done = cut_in(far, sshd_host.drop_connections, then=written)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (far.folder / "settings").read_text() == "new"
    assert lines(far.folder / "restarted") == ["ran"]


def test_a_procedure_that_may_be_repeated_is(far: Lab, sshd_host: Sshd) -> None:
    far.write(
        "site.yml",
        """\
- hosts: h1
  tasks:
    - name: Waits in a procedure
      wait_for: {path: "{{ folder }}/go", sleep: 1, timeout: 60}
    - name: Facts after a loss
      debug: {msg: "{{ ansible_hostname }}"}
""",
    )
    process = far.start("apply", "site.yml")
    until(lambda: sshd_host.log.exists() and sshd_host.channels() > 0, process)
    sshd_host.drop_connections()
    until(lambda: sshd_host.logins() == 2, process)
    (far.folder / "go").touch()
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stdout + stderr
