"""`service`: as ansible-core does it, with real init scripts and daemons."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.worlds import PRIVATE_ETC, act, assert_same_in_worlds

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="init scripts are root's to start")

# a daemon that keeps a count of how often it was started and reloaded
SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          lamp
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a lamp
### END INIT INFO
pid=/mnt/run/lamp.pid
case "$1" in
  start) [ ! -e /mnt/broken ] || { echo "lamp: no bulb" >&2; exit 1; }
    start-stop-daemon --start --quiet --background --make-pidfile --pidfile $pid --exec /bin/sleep -- 1000
    echo "started $2" >> /mnt/run/log;;
  stop) start-stop-daemon --stop --quiet --oknodo --remove-pidfile --pidfile $pid; echo stopped >> /mnt/run/log;;
  reload) echo reloaded >> /mnt/run/log;;
  status) start-stop-daemon --status --pidfile $pid;;
  *) exit 2;;
esac
"""
# no systemd for anybody who asks, whether this machine has it or not
PREPARE = (
    PRIVATE_ETC
    + f"""
mkdir -p /mnt/run /mnt/systemd
mount -t tmpfs none /run
rm -f /etc/rc?.d/*lamp
cat > /etc/init.d/lamp <<'END'
{SCRIPT}
END
chmod 755 /etc/init.d/lamp
"""
)
STATE = """
cat /mnt/run/log 2>/dev/null
start-stop-daemon --status --pidfile /mnt/run/lamp.pid && echo runs
cd /etc; ls -d rc?.d/*lamp 2>/dev/null
true
"""
TOLD = ("name", "state", "enabled")
LAMP = {"name": "lamp"}
ACTS = [
    act("start in check", "service", {**LAMP, "state": "started"}, check=True),
    act("start", "service", {**LAMP, "state": "started"}, *TOLD),
    act("start again", "service", {**LAMP, "state": "started"}, *TOLD),
    act("reload", "service", {**LAMP, "state": "reloaded"}, *TOLD),
    act("restart in check", "service", {**LAMP, "state": "restarted"}, check=True),
    act("restart", "service", {**LAMP, "state": "restarted"}, *TOLD),
    act("restart slowly", "service", {**LAMP, "state": "restarted", "sleep": 1}, *TOLD),
    act("enable in check", "service", {**LAMP, "enabled": True}, check=True),
    act("enable", "service", {**LAMP, "enabled": True}, *TOLD),
    act("enable again", "service", {**LAMP, "enabled": True}, *TOLD),
    act("stop and disable", "service", {**LAMP, "state": "stopped", "enabled": False}, *TOLD),
    act("stop again", "service", {**LAMP, "state": "stopped", "enabled": False}, *TOLD),
    act("reload what is stopped", "service", {**LAMP, "state": "reloaded"}, *TOLD),
    act("stop", "service", {**LAMP, "state": "stopped"}, *TOLD),
    act("restart what is stopped", "service", {**LAMP, "state": "restarted"}, *TOLD),
    act("by its process", "service", {**LAMP, "state": "started", "pattern": " 1000"}, *TOLD),
    act("stop it", "service", {**LAMP, "state": "stopped"}, *TOLD),
    act("enable and start", "service", {**LAMP, "state": "started", "enabled": True}, *TOLD),
    act("with arguments", "service", {**LAMP, "state": "restarted", "arguments": "bright"}, *TOLD),
    act("unknown", "service", {"name": "no-such-service", "state": "started"}),
    act("unknown, enabled", "service", {"name": "no-such-service", "enabled": True}),
    act("nothing asked", "service", LAMP),
    act("stop at last", "service", {**LAMP, "state": "stopped"}, *TOLD),
    act("does not start", "service", {**LAMP, "state": "started"}, before="touch /mnt/broken"),
]


def test_as_ansible(tmp_path: Path) -> None:
    table = [
        act(
            one.name,
            one.module,
            one.arguments,
            *one.keys,
            check=one.check,
            before=one.before,
            theirs={**one.arguments, "use": "service"},
        )
        for one in ACTS
    ]

    sides = assert_same_in_worlds(
        table,
        tmp_path,
        prepare=PREPARE,
        state=STATE,
        end="start-stop-daemon --stop --quiet --oknodo --pidfile /mnt/run/lamp.pid",
        without_python=True,
    )

    assert "lamp: no bulb" in sides["ours"][-1]["result"]["msg"]
