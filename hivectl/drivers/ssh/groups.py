"""Ending what a cancelled command left on the node.

Closing a channel ends no program that neither reads nor writes, and many servers pass no signals on. So a
command tells its process group on standard error before anything else, and another channel ends the group.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hivectl.helper.launch import Launch

# field 5 of /proc/PID/stat is the process group (proc(5)); without /proc the shell is taken for its leader
TELL = (
    'group=$$; [ -r "/proc/$$/stat" ] && read -r _ _ _ _ group _ <"/proc/$$/stat"; '
    'echo "hivectl-group $group" >&2; exec "$@"'
)


def telling(launch: Launch) -> Launch:
    """Return the same program, which first tells its process group on standard error."""
    # behind sudo, since that may run its program in a group of its own (use_pty)
    at = launch.argv.index("--") + 1 if launch.argv[0] == "sudo" else 0
    return replace(launch, argv=(*launch.argv[:at], "/bin/sh", "-c", TELL, "sh", *launch.argv[at:]))


def ending(group: int) -> str:
    """Return the command line that ends a process group; fails if somebody else's processes are in it."""
    # no `--` and no `-s`: this form is understood by bash, dash, BusyBox and procps alike
    return f"kill -9 -{group} 2>/dev/null || ! kill -0 -{group} 2>/dev/null"
