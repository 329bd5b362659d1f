"""Services: by what the node has, systemd, OpenRC or System V init scripts."""

import os

from hivectl.helper.node.paths import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Tools


def manager_of(tools: "Tools") -> str:
    """Return what manages the node's services: "systemd", "openrc" or "sysv"."""
    # as sd_booted tells it: sd_booted(3)
    if os.path.isdir("/run/systemd/system") and tools.find("systemctl"):
        return "systemd"
    return "openrc" if tools.find("rc-service") else "sysv"


def service(operation: "dict[str, Any]", tools: "Tools", *, check: bool, diff: bool) -> "dict[str, Any]":  # noqa: ARG001 - it has no diff
    """Carry out a `service`; see operations.Service."""
    manager = operation.get("manager", "auto")
    if manager == "auto":
        manager = manager_of(tools)
    if manager == "systemd":
        from hivectl.helper.node.systemd import systemd

        return systemd(operation, tools, check=check)
    only = [key for key in ("masked", "daemon_reload", "daemon_reexec") if operation.get(key) is not None]
    if only:
        raise Failure(f"{only[0]} is of systemd, and {manager} manages the services of this node")
    from hivectl.helper.node.sysv import sysv

    return sysv(operation, tools, manager, check=check)


def missing(name: str) -> Failure:
    """Return the failure of a service that is not there."""
    return Failure(f"Could not find the requested service {name}: host", name=name)
