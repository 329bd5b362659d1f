"""`cron`: as ansible-core does it, with the real crontab and a private spool."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.worlds import act, assert_same_in_worlds

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="other users' crontabs are root's to change")

PREPARE = """
mkdir -p /mnt/spool /mnt/cron.d /mnt/tmp
cp -a /var/spool/cron/crontabs/. /mnt/spool
rm -f /mnt/spool/*
chown --reference=/var/spool/cron/crontabs /mnt/spool
chmod --reference=/var/spool/cron/crontabs /mnt/spool
mount --bind /mnt/spool /var/spool/cron/crontabs
mount --bind /mnt/cron.d /etc/cron.d
export TMPDIR=/mnt/tmp
"""
STATE = """
cd /mnt/spool && find . -type f -printf '%p %M %u %g\\n' | sort
for file in *; do [ ! -f "$file" ] || { echo "== $file"; grep -v '^# ' "$file"; }; done
cd /mnt/cron.d && find . -type f -printf '%p %M %u %g\\n' | sort
for file in *; do [ ! -f "$file" ] || { echo "== $file"; cat "$file"; }; done
cd /mnt/tmp; cat crontab* 2>/dev/null
true
"""
TOLD = ("jobs", "envs")
JOB = {"name": "picture", "minute": "*/10", "job": "/usr/local/bin/picture"}
BY_HAND = "printf '#Ansible: old\\n0 1 * * * old\\n30 2 * * * by hand\\n' | crontab -"
ACTS = [
    act("check", "cron", JOB, *TOLD, check=True, diff=True),
    act("of a user to come, in check", "cron", {**JOB, "user": "hv-none"}, *TOLD, check=True),
    act("job", "cron", JOB, *TOLD),
    act("job again", "cron", JOB, *TOLD),
    act("another time", "cron", {**JOB, "hour": "3", "weekday": "1-5"}, *TOLD),
    act("another job, in check", "cron", {**JOB, "job": "other"}, "diff", *TOLD, check=True, diff=True),
    act("another job, kept", "cron", {**JOB, "job": "other", "backup": True}, *TOLD),
    act(
        "second",
        "cron",
        {"name": "second", "special_time": "daily", "job": "echo 'a b' %"},
        "diff",
        diff=True,
    ),
    act("second disabled", "cron", {"name": "second", "special_time": "daily", "job": "b", "disabled": True}),
    act("variable", "cron", {"name": "PATH", "env": True, "job": "/bin:/usr/bin"}, *TOLD),
    act("variable again", "cron", {"name": "PATH", "env": True, "value": "/bin:/usr/bin"}, *TOLD),
    act("variable after", "cron", {"name": "A", "env": True, "job": "1", "insertafter": "PATH"}, *TOLD),
    act("variable before", "cron", {"name": "B", "env": True, "job": "2", "insertbefore": "A"}, *TOLD),
    act("variable changed", "cron", {"name": "A", "env": True, "job": "3"}, *TOLD),
    act("variable after none", "cron", {"name": "C", "env": True, "job": "2", "insertafter": "Z"}, "msg"),
    act("variable absent", "cron", {"name": "A", "env": True, "state": "absent"}, *TOLD),
    act("variable absent again", "cron", {"name": "A", "env": True, "state": "absent"}, *TOLD),
    act("absent in check", "cron", {"name": "picture", "state": "absent"}, *TOLD, check=True),
    act("absent", "cron", {"name": "picture", "state": "absent"}, *TOLD),
    act("absent again", "cron", {"name": "picture", "state": "absent"}, *TOLD),
    act("last absent", "cron", {"name": "second", "state": "absent"}, *TOLD),
    act(
        "found by its line",
        "cron",
        {"name": "named", "minute": "30", "hour": "2", "job": "by hand"},
        *TOLD,
        before=BY_HAND,
    ),
    act("of another user", "cron", {**JOB, "user": "daemon"}, *TOLD),
    act("of another user again", "cron", {**JOB, "user": "daemon"}, *TOLD),
    act("of nobody known", "cron", {**JOB, "user": "who-is-that"}),
    act("file", "cron", {**JOB, "user": "daemon", "cron_file": "lab"}, "cron_file", *TOLD),
    act("file again", "cron", {**JOB, "user": "daemon", "cron_file": "lab"}, "cron_file", *TOLD),
    act(
        "file, diff",
        "cron",
        {**JOB, "month": "2", "user": "daemon", "cron_file": "lab"},
        "diff",
        diff=True,
    ),
    act("file by path", "cron", {**JOB, "user": "root", "cron_file": "/mnt/elsewhere"}),
    act("file without a user", "cron", {**JOB, "cron_file": "lab"}),
    act(
        "file without an end",
        "cron",
        {**JOB, "month": "2", "user": "daemon", "cron_file": "lab"},
        before='printf %s "$(cat /etc/cron.d/lab)" > /etc/cron.d/lab',
    ),
    act(
        "file absent in check", "cron", {"name": "picture", "cron_file": "lab", "state": "absent"}, check=True
    ),
    act("file absent", "cron", {"name": "picture", "cron_file": "lab", "state": "absent"}, "cron_file"),
    act("file absent again", "cron", {"name": "picture", "cron_file": "lab", "state": "absent"}),
    act("the system's own", "cron", {**JOB, "user": "root", "cron_file": "/etc/crontab"}),
    act("both times", "cron", {**JOB, "special_time": "daily"}),
    act("no job", "cron", {"name": "nothing"}),
    act("insert a job", "cron", {**JOB, "insertafter": "PATH"}),
    act("variable with a space", "cron", {"name": "A B", "env": True, "job": "1"}),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_same_in_worlds(ACTS, tmp_path, prepare=PREPARE, state=STATE, without_python=True)
