"""`systemd_service`: as ansible-core does it, with a real systemd: a user's own manager, in a world without any other."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.worlds import act, assert_same_in_worlds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.worlds import Act

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="a world with its own control groups is root's to make"
)

LAMP = """\
[Unit]
Description=a lamp
DefaultDependencies=no
[Service]
ExecStartPre=/bin/sh -c 'echo started >> /mnt/log'
ExecStart=/bin/sleep 1000
ExecReload=/bin/sh -c 'echo reloaded >> /mnt/log'
ExecStopPost=/bin/sh -c 'echo stopped >> /mnt/log'
[Install]
WantedBy=default.target
"""
BROKEN = """\
[Unit]
Description=a burnt lamp
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'exit 3'
"""
# systemd serves users only where it has booted the machine (sd_booted(3)); a control group of its own is what it rules
PREPARE = f"""
mount -t tmpfs none /run
mkdir -p /run/systemd/system /run/user/0
chmod 700 /run/user/0
export XDG_RUNTIME_DIR=/run/user/0
umount -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
group=/sys/fs/cgroup/hivectl-test-$$
mkdir $group
echo $$ > $group/cgroup.procs
units=/mnt/root/.config/systemd/user
mkdir -p $units
cat > $units/lamp.service <<'END'
{LAMP}
END
cat > $units/broken.service <<'END'
{BROKEN}
END
printf '[Unit]\\nDescription=nothing more\\n' > $units/default.target
$(command -v /lib/systemd/systemd /usr/lib/systemd/systemd | head -n 1) --user >/dev/null 2>&1 &
while [ ! -S /run/user/0/systemd/private ]; do sleep 0.05; done
"""
END = """
systemctl --user exit
wait
echo $$ > /sys/fs/cgroup/cgroup.procs
find $group -depth -type d -exec rmdir {} + || true
"""
STATE = """
cat /mnt/log 2>/dev/null
systemctl --user show lamp -p ActiveState -p LoadState -p Description
systemctl --user is-enabled lamp
true
"""
TOLD = ("name", "state", "enabled")


def unit(name: str, arguments: dict[str, Any], *, keys: tuple[str, ...] = TOLD, **more: Any) -> Act:
    return act(name, "systemd_service", {"name": "lamp", "scope": "user", **arguments}, *keys, **more)


ACTS = [
    unit("start in check", {"state": "started"}, check=True),
    unit("start", {"state": "started"}),
    unit("start again", {"name": "lamp.service", "state": "started"}),
    unit("reload", {"state": "reloaded"}),
    unit("restart in check", {"state": "restarted"}, check=True),
    unit("restart", {"state": "restarted"}),
    unit("enable in check", {"enabled": True}, check=True),
    unit("enable", {"enabled": True}),
    unit("enable again", {"enabled": True}),
    unit("stop and disable", {"state": "stopped", "enabled": False}),
    unit("stop again", {"state": "stopped", "enabled": False}),
    unit("reload what is stopped", {"state": "reloaded"}),
    unit("stop", {"state": "stopped"}),
    unit("restart what is stopped", {"state": "restarted", "no_block": False}),
    unit("mask in check", {"name": "other", "masked": True}, check=True),
    unit("mask", {"name": "other", "masked": True}),
    unit("mask again", {"name": "other", "masked": True}),
    unit("unmask", {"name": "other", "masked": False}),
    unit(
        "without reading again",
        {},
        before="sed -i s/a.lamp/a.light/ /mnt/root/.config/systemd/user/lamp.service",
    ),
    unit("reading again", {"daemon_reload": True}),
    act("reading again alone", "systemd", {"scope": "user", "daemon_reload": True}, *TOLD),
    unit("stop and read", {"state": "stopped", "daemon-reload": True}),
    unit("unknown", {"name": "no-such-unit", "state": "started"}, keys=()),
    unit("unknown, enabled", {"name": "no-such-unit", "enabled": True}, keys=()),
    unit("unknown, stopped", {"name": "no-such-unit", "state": "stopped"}, keys=()),
    act("state without a name", "systemd", {"scope": "user", "state": "started"}),
    unit("a pattern", {"name": "la*", "state": "started"}, keys=()),
    unit("does not start", {"name": "broken", "state": "started"}, keys=()),
]


def test_as_ansible(tmp_path: Path) -> None:
    sides = assert_same_in_worlds(ACTS, tmp_path, prepare=PREPARE, state=STATE, end=END, without_python=True)

    failure = sides["ours"][-1]["result"]["msg"]
    assert failure.startswith("Unable to start service broken: ")
    assert "ActiveState=failed, Result=exit-code, ExecMainStatus=3" in failure
    assert sides["ours"][1]["result"]["status"]["Description"] == "a lamp"
