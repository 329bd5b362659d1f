"""`hostname`: as ansible-core does it, in worlds with a name of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.worlds import PRIVATE_ETC, act, assert_same_in_worlds, ours_in_world

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="host names are root's to give")

PREPARE = PRIVATE_ETC + "mount -t tmpfs none /run\nhostname before\necho before > /etc/hostname\n"
STATE = "cat /etc/hostname; ls -l /etc/hostname | cut -c1-10"
ACTS = [
    act("check", "hostname", {"name": "m1"}, check=True),
    act("name", "hostname", {"name": "m1"}, "name"),
    act("name again", "hostname", {"name": "m1"}, "name"),
    act("later only", "hostname", {"name": "m1"}, "name", before="echo other > /etc/hostname"),
    act("with its domain", "hostname", {"name": "m1.lab.example"}, "name"),
]


def test_as_ansible(tmp_path: Path) -> None:
    sides = assert_same_in_worlds(ACTS, tmp_path, prepare=PREPARE, state=STATE, without_python=True)

    facts = sides["ours"][-1]["result"]["ansible_facts"]
    assert facts == {"ansible_hostname": "m1", "ansible_nodename": "m1.lab.example"}


def test_is_the_name_at_once(tmp_path: Path) -> None:
    # where systemd does not run ansible-core leaves the name as it is until the next start
    table = [ACTS[0], ACTS[1], act("now only", "hostname", {"name": "m1"}, before="hostname other"), ACTS[1]]

    told = ours_in_world(table, tmp_path, prepare=PREPARE, state="hostname")

    assert [one["state"] for one in told] == ["before", "m1", "m1", "m1"]
    assert [one["result"]["changed"] for one in told] == [True, True, True, False]
