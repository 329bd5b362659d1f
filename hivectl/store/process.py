"""Who we are, and whether a process on this machine still lives."""

from __future__ import annotations

import getpass
import os
import socket
import time
from functools import cache
from pathlib import Path

from hivectl.reservations.rules import Clock


def owner() -> str:
    """Return user@host for people."""
    return f"{_user(os.getuid())}@{socket.gethostname()}"


@cache
def _user(uid: int) -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # a container may run a user id that no passwd entry names
        return str(uid)


def process_start(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot; None when there is no such process (proc_pid_stat(5))."""
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except (FileNotFoundError, ProcessLookupError):
        return None
    # state is field 3 of the page, the first after the name; starttime is field 22; Z: ended, not yet waited for
    return None if fields[0] in "ZX" else int(fields[19])


@cache
def own_start(pid: int) -> int:
    """Return when this process, whose pid is given, began: a fork's is another."""
    return process_start(pid) or 0


@cache
def boot_identity() -> str:
    """Return this machine's boot (proc_sys_kernel(5): random/boot_id)."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def now() -> Clock:
    """Return this moment."""
    return Clock(boot=boot_identity(), seconds=time.clock_gettime(time.CLOCK_BOOTTIME), wall=time.time())
