"""The node's own name: now, and after the next start."""

import os
import socket

from hivectl.helper.node.crontabs import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Tools

FILE = "/etc/hostname"


def _permanent() -> str:
    try:
        with open(FILE, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return ""


def hostname(operation: "dict[str, Any]", tools: "Tools", *, check: bool, diff: bool) -> "dict[str, Any]":
    """Carry out a `hostname`; see operations.Hostname."""
    wanted = operation["hostname"]
    current, permanent = socket.gethostname(), _permanent()
    changed = current != wanted or permanent != wanted
    if changed and not check:
        if os.path.isdir("/run/systemd/system") and tools.find("hostnamectl"):
            tools.must("hostnamectl failed", "hostnamectl", "set-hostname", wanted)
        else:
            if permanent != wanted:
                put(FILE, wanted + "\n")
            if current != wanted:
                tools.must("hostname failed", tools.need("hostname", "hostname"), wanted)
    result: "dict[str, Any]" = {"changed": changed, "name": wanted}
    if changed and diff:
        result["diff"] = {
            "before": f"hostname = {permanent if permanent != wanted else current}\n",
            "after": f"hostname = {wanted}\n",
        }
    return result
