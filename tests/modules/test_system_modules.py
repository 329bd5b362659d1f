"""What modules of the system have in common: round trips, secrets, time limits, parameters that are refused by name."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runs import benches
from tests.support.tasks import do
from tests.support.worlds import PRIVATE_ETC, act, ours_in_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Bench

bench = pytest.fixture(benches)
ROLE = """\
- hosts: n1
  tasks:
    - package: {name: dpkg, state: present}
    - group: {name: root}
    - user: {name: root, create_home: false}
    - copy: {content: "bright = 1", dest: "{{ log }}.conf"}
      notify: Read again
    - cron: {name: nothing, state: absent, cron_file: no-such-file-of-tests, user: root}
    - git: {repo: /nowhere, dest: "{{ log }}.copy", update: false}
  handlers:
    - name: Read again
      command: "true"
"""
HASH = "$6$saltsalt$" + "a" * 86
# tools that tell with which arguments they were called
TELLING = """
mkdir /mnt/sbin
for tool in useradd usermod chpasswd; do
  cp $(command -v $tool) /mnt/sbin/$tool.real
  printf '#!/bin/sh\\necho %s "$@" >> /mnt/argv\\nexec /mnt/sbin/%s.real "$@"\\n' $tool $tool > /mnt/sbin/$tool
  chmod 755 /mnt/sbin/$tool
done
export PATH=/mnt/sbin:$PATH
"""


def test_a_role_travels_in_two_round_trips(bench: Bench) -> None:
    (bench.folder / "log.copy").mkdir()
    (bench.folder / "log.copy" / ".git").mkdir()
    (bench.folder / "log.copy" / ".git" / "config").touch()

    done = bench.run(ROLE.replace("- hosts: n1", "- hosts: n1\n  gather_facts: false"))

    assert not [step for step in done.steps("n1") if step.status.value == "failed"], done.statuses("n1")
    assert done.count() == 2  # the tasks, then the handler


@pytest.mark.skipif(os.geteuid() != 0, reason="users are root's to make")
def test_passwords_are_no_arguments(tmp_path: Path) -> None:
    table = [
        act("made", "user", {"name": "ann", "password": HASH}),
        act("changed", "user", {"name": "ann", "password": HASH.replace("a", "b"), "comment": "Ann"}),
    ]

    ours_in_world(table, tmp_path, prepare=PRIVATE_ETC + TELLING, state="cat /mnt/argv")

    argv = (tmp_path / "ours" / "argv").read_text()
    assert "saltsalt" not in argv
    assert "sbltsblt" not in argv
    assert argv.count("chpasswd -e") == 2
    assert "usermod -c Ann ann" in argv
    assert "sbltsblt" in (tmp_path / "ours" / "etc" / "shadow").read_text()


def test_a_password_that_is_no_hash_is_refused_without_being_shown(tmp_path: Path) -> None:
    result = do("user", {"name": "ann", "password": "sesame:open"}, tmp_path)

    assert result["failed"]
    assert "shadow(5)" in result["msg"]
    assert "sesame" not in str(result)


def test_a_long_operation_ends_with_its_time(bench: Bench) -> None:
    slow = bench.folder / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ > {bench.folder}/pid\nexec sleep 60\n")
    slow.chmod(0o755)
    began = time.monotonic()

    done = bench.run(
        f"""\
        - hosts: n1
          gather_facts: false
          tasks:
            - name: Slow
              pip: {{name: lamp, executable: {slow}}}
              timeout: 1
        """
    )

    assert "took longer than 1 s" in str(done.lost()) + str(done.message("Slow"))
    assert time.monotonic() - began < 20
    pid = int((bench.folder / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("module", "arguments", "unknown"),
    [
        ("user", {"name": "ann", "seuser": "x"}, "seuser"),
        ("user", {"name": "ann", "local": True}, "local"),
        ("group", {"name": "lab", "local": True}, "local"),
        ("git", {"repo": "/x", "dest": "/y", "gpg_allowlist": []}, "gpg_allowlist"),
        ("hostname", {"name": "x", "use": "debian"}, "use"),
        ("reboot", {"delay": 1}, "delay"),
    ],
)
def test_what_is_not_supported_is_named(
    tmp_path: Path, module: str, arguments: dict[str, Any], unknown: str
) -> None:
    from hivectl.model.errors import HivectlError

    with pytest.raises(HivectlError, match=unknown):
        do(module, arguments, tmp_path)
