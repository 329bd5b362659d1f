"""`user`: as ansible-core does it, in worlds with a private /etc."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.worlds import PRIVATE_ETC, act, assert_same_in_worlds

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="users are root's to make")

# the day of a password's last change is today's, whichever that is
STATE = """
for file in passwd group gshadow; do echo "== $file"; tail -n 8 /etc/$file; done
echo == shadow; tail -n 8 /etc/shadow | awk -F: -v OFS=: '{ $3 = ($3 > 0 ? "day" : $3); print }'
cd /home && find . -printf '%p %M %u %g %y %l\\n' | grep -v id_ | sort
"""
HASH = "$6$saltsalt$" + "a" * 86
OTHER = "$6$saltsalt$" + "b" * 86
TOLD = ("name", "state", "uid", "group", "comment", "home", "shell")
# groups that stand in what users are given
GROUPS = [
    act("a group of theirs", "group", {"name": "lab"}),
    act("another", "group", {"name": "optics", "gid": 4712}),
    act("one of the system", "group", {"name": "sys1", "system": True}),
]
USERS = [
    act("user in check", "user", {"name": "ann"}, check=True),
    act("groups to come, in check", "user", {"name": "ann", "group": "n1", "groups": ["n2"]}, check=True),
    act("group that nobody makes", "user", {"name": "ann", "group": "n1"}),
    act("user", "user", {"name": "ann"}, *TOLD, "create_home", "system"),
    act("user again", "user", {"name": "ann"}, *TOLD, "append", "move_home"),
    act(
        "all of it",
        "user",
        {
            "name": "bob",
            "uid": 3001,
            "group": "lab",
            "groups": ["optics", "audio"],
            "comment": "Bob B.",
            "home": "/home/deep/er/bob",
            "shell": "/bin/bash",
            "password": HASH,
            "expires": 1893456000.0,
            "umask": "027",
        },
        *TOLD,
        "groups",
    ),
    act("password stays", "user", {"name": "bob", "password": HASH}, "changed"),
    act("password on_create", "user", {"name": "bob", "password": OTHER, "update_password": "on_create"}),
    act("password in check", "user", {"name": "bob", "password": OTHER}, check=True),
    act("password", "user", {"name": "bob", "password": OTHER}, "password"),
    act("lock", "user", {"name": "bob", "password_lock": True}),
    act("lock again", "user", {"name": "bob", "password_lock": True}),
    act("locked, the same password", "user", {"name": "bob", "password": OTHER}),
    act("unlock", "user", {"name": "bob", "password_lock": False}),
    act("lock with a new one", "user", {"name": "bob", "password": HASH, "password_lock": True}),
    act("append", "user", {"name": "bob", "groups": "video", "append": True}, "groups", "append"),
    act("append again", "user", {"name": "bob", "groups": "video", "append": True}),
    act("groups in check", "user", {"name": "bob", "groups": ["audio"]}, check=True),
    act("groups", "user", {"name": "bob", "groups": ["audio"]}, "groups"),
    act("no groups", "user", {"name": "bob", "groups": []}),
    act("no such group", "user", {"name": "bob", "groups": ["nobodies"]}, "msg"),
    act("no such primary group", "user", {"name": "bob", "group": "nobodies"}, "msg"),
    act("number of a group", "user", {"name": "bob", "group": "4712"}, "group"),
    act("shell and comment", "user", {"name": "bob", "shell": "/bin/sh", "comment": "B"}, *TOLD),
    act("home moves", "user", {"name": "bob", "home": "/home/bobby", "move_home": True}, "home"),
    act("never expires", "user", {"name": "bob", "expires": -1.0}),
    act("never expires again", "user", {"name": "bob", "expires": -1.0}),
    act("expires", "user", {"name": "bob", "expires": 1893456000.0}),
    act("expires again", "user", {"name": "bob", "expires": 1893456000.0}),
    act("ages", "user", {"name": "bob", "password_expire_max": 90, "password_expire_warn": 5}),
    act("ages again", "user", {"name": "bob", "password_expire_max": 90, "password_expire_warn": 5}),
    act("another number", "user", {"name": "bob", "uid": 3002}, "uid"),
    act("number of another", "user", {"name": "eve", "uid": 3002}),
    act("number of another, allowed", "user", {"name": "eve", "uid": 3002, "non_unique": True}, "uid"),
    act("of the system", "user", {"name": "sys2", "system": True, "create_home": False}, "system", "home"),
    act("its own group is there", "user", {"name": "sys1", "create_home": False}, "group"),
    act("home is missing", "user", {"name": "ann"}, before="rm -r /home/ann"),
    act("home is missing, check", "user", {"name": "ann"}, before="rm -r /home/ann", check=True),
    act("home stays missing", "user", {"name": "ann", "create_home": False}),
    act(
        "own skeleton",
        "user",
        {"name": "kim", "skeleton": "/mnt/skel"},
        before="mkdir /mnt/skel; echo > /mnt/skel/x",
    ),
    act(
        "key",
        "user",
        {"name": "kim", "generate_ssh_key": True, "ssh_key_type": "ed25519"},
        "ssh_key_file",
    ),
    act("key again", "user", {"name": "kim", "generate_ssh_key": True, "ssh_key_type": "ed25519"}),
    act(
        "key with a phrase",
        "user",
        {
            "name": "kim",
            "generate_ssh_key": True,
            "ssh_key_type": "ed25519",
            "ssh_key_file": ".ssh/id_second",
            "ssh_key_passphrase": "open sesame",
            "ssh_key_comment": "kim's",
        },
        "ssh_key_file",
    ),
    act("absent in check", "user", {"name": "kim", "state": "absent"}, check=True),
    act("absent", "user", {"name": "kim", "state": "absent"}, "state", "force", "remove"),
    act("absent again", "user", {"name": "kim", "state": "absent"}, "state"),
    act("absent with its home", "user", {"name": "bob", "state": "absent", "remove": True}, "remove"),
    act("a wrong name", "user", {"name": "no good"}),
]


def test_as_ansible(tmp_path: Path) -> None:
    sides = assert_same_in_worlds(
        [*GROUPS, *USERS], tmp_path, prepare=PRIVATE_ETC, state=STATE, without_python=True
    )
    prints = [one["result"].get("ssh_fingerprint", "") for one in sides["ours"]]
    assert sum("(ED25519)" in one for one in prints) == 3
