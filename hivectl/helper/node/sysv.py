"""Services of System V init scripts, by service(8) and update-rc.d(8), and of OpenRC."""

import glob
import os

from hivectl.helper.node.paths import Failure
from hivectl.helper.node.services import missing
from hivectl.helper.node.tools import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Said, Tools

# exit codes of `status` that say "not running" (LSB 4.1, "Init Script Actions"; 69: Solaris' unavailable)
NOT_RUNNING = frozenset({1, 2, 3, 4, 69})
# words of one line of `status` that say so too, for scripts that always return 0
STOPPED = ("stop", "not running", "dead", "could not access pid file")


class _Service:
    """One service, and the programs that drive it."""

    def __init__(self, operation: "dict[str, Any]", tools: "Tools", manager: str, *, check: bool) -> None:
        self.operation = operation
        self.tools = tools
        self.check = check
        self.name = operation["service"]
        self.openrc = manager == "openrc"
        self.script = "/etc/init.d/" + self.name
        if "/" in self.name or not os.path.isfile(self.script):
            raise missing(self.name)
        self.driver = tools.find("rc-service" if self.openrc else "service")
        self.arguments = (operation.get("arguments") or "").split()

    def control(self, verb: str) -> "Said":
        """Run the init script."""
        words = [verb, *self.arguments]
        if self.driver is None:
            return self.tools.call(self.script, *words)
        return self.tools.call(self.driver, self.name, *words)

    def running(self) -> bool:
        """Whether the service runs: by `pattern` among the processes, else as its script says."""
        pattern = self.operation.get("pattern")
        if pattern:
            return _in_processes(pattern)
        said = self.control("status")
        if self.openrc:
            return "started" in said.out
        if said.rc in NOT_RUNNING:
            return False
        if said.out.count("\n") <= 1:
            line = said.out.lower().replace(self.name.lower(), "")
            if any(word in line for word in STOPPED):
                return False
        return said.rc == 0

    def drive(self, verb: str) -> None:
        """Start, stop, reload or restart the service; raises Failure with what its script said."""
        if verb == "restart" and not self.openrc:
            # not every script knows restart, and `sleep` has its place between the two
            self.control("stop")
            self.tools.wire.pause(self.operation.get("sleep") or 0)
            verb = "start"
        said = self.control(verb)
        if said.rc != 0:
            raise failed(f"Unable to {verb} service {self.name}", said)

    def enabled(self) -> bool:
        """Whether the service starts with the system."""
        if self.openrc:
            said = self.tools.must("rc-update show failed", self._enabler("rc-update"), "show")
            level = self.operation.get("runlevel", "default")
            rows = (line.partition("|") for line in said.out.splitlines())
            return any(name.strip() == self.name and level in levels.split() for name, _, levels in rows)
        return bool(glob.glob("/etc/rc?.d/S??" + glob.escape(self.name)))

    def enable(self, *, wanted: bool) -> None:
        """Let the service start with the system, or not."""
        verb = "enable" if wanted else "disable"
        what = f"Unable to {verb} service {self.name}"
        if self.openrc:
            level = self.operation.get("runlevel", "default")
            argv = [self._enabler("rc-update"), "add" if wanted else "delete", self.name, level]
        elif self.tools.find("update-rc.d"):
            program = self._enabler("update-rc.d")
            if wanted and not glob.glob("/etc/rc?.d/K??" + glob.escape(self.name)):
                self.tools.must(what, program, self.name, "defaults")
            argv = [program, self.name, verb]
        else:
            argv = [self._enabler("chkconfig"), self.name, "on" if wanted else "off"]
        self.tools.must(what, *argv)

    def _enabler(self, name: str) -> str:
        return self.tools.need(name, "init-system-helpers" if name == "update-rc.d" else name)


def _in_processes(pattern: str) -> bool:
    """Whether the command line of a process contains a text."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode("utf-8", "surrogateescape")
        except OSError:
            continue  # it has ended
        if pattern in words:
            return True
    return False


def sysv(operation: "dict[str, Any]", tools: "Tools", manager: str, *, check: bool) -> "dict[str, Any]":
    """Carry out a `service` of init scripts."""
    if operation.get("scope", "system") != "system":
        raise Failure(f"{manager} manages the services of this node: it has no scopes")
    one = _Service(operation, tools, manager, check=check)
    enabled, state = operation.get("enabled"), operation.get("state")
    result: "dict[str, Any]" = {"changed": False, "name": one.name}
    if enabled is not None:
        result["enabled"] = enabled
        if one.enabled() != enabled:
            result["changed"] = True
            if not check:
                one.enable(wanted=enabled)
    if state is None:
        return result
    result["state"] = "stopped" if state == "stopped" else "started"
    running = one.running()
    verb = {
        "started": "" if running else "start",
        "stopped": "stop" if running else "",
        "reloaded": "reload" if running else "start",
        "restarted": "restart",
    }[state]
    if verb:
        result["changed"] = True
        if not check:
            one.drive(verb)
    return result
