"""Services of systemd, by systemctl(1): of the system or of a user's own manager."""

import glob
import os

from hivectl.helper.node.paths import Failure
from hivectl.helper.node.services import missing
from hivectl.helper.node.tools import LINES, failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Said, Tools

RUNNING = frozenset({"active", "activating"})
# words of `systemctl is-enabled` that say that there is a unit (systemctl(1))
KNOWN = frozenset(
    (
        *("enabled", "enabled-runtime", "linked", "linked-runtime", "masked", "masked-runtime"),
        *("static", "indirect", "disabled", "generated", "transient", "alias"),
    )
)
# of these a unit still has to be enabled, although systemctl says that it is
NOT_QUITE = frozenset({"enabled-runtime", "indirect", "alias"})


def parse_show(text: str) -> "dict[str, str]":
    """Return the properties that `systemctl show` prints; a value in braces may have several lines."""
    found: "dict[str, str]" = {}
    lines = iter(text.splitlines())
    for line in lines:
        key, equals, value = line.partition("=")
        if not equals:
            continue
        if value.lstrip().startswith("{"):
            while not value.rstrip().endswith("}"):
                more = next(lines, None)
                if more is None:
                    break
                value += "\n" + more
        found[key] = value
    return found


class _Unit:
    """One unit, and how systemctl is asked about it."""

    def __init__(self, operation: "dict[str, Any]", tools: "Tools", *, check: bool) -> None:
        self.operation = operation
        self.tools = tools
        self.check = check
        self.name = operation.get("service") or ""
        self.argv = [tools.need("systemctl", "systemd")]
        scope = operation.get("scope", "system")
        if scope != "system":
            self.argv.append("--" + scope)
            tools.environment.setdefault("XDG_RUNTIME_DIR", "/run/user/%d" % os.geteuid())
        for key, flag in (("no_block", "--no-block"), ("force", "--force")):
            if operation.get(key):
                self.argv.append(flag)
        self.offline = tools.environment.get("SYSTEMD_OFFLINE") == "1" or _in_chroot()
        self.status: "dict[str, str]" = {}
        self.found = False
        self.warnings: "list[str]" = []

    def ask(self, *words: str) -> "Said":
        """Run systemctl, whatever comes of it."""
        return self.tools.call(*self.argv, *words)

    def reload(self, verb: str) -> None:
        """Let the manager read its files again."""
        said = self.ask(verb)
        if said.rc != 0:
            if not self.offline:
                raise failed(f"{verb} failed", said)
            self.warnings.append(f"{verb} failed, for systemd is not running: {said.words()}")

    def observe(self) -> None:
        """Find out whether there is such a unit, and how it does."""
        script = self._script()
        said = self.ask("show", self.name)
        if said.rc == 0 and "ignoring" not in (said.out + said.err).lower():
            self.status = parse_show(said.out)
            state = self.status.get("LoadState", "not-found")
            self.found = state != "not-found"
            if self.found and state != "masked" and "LoadError" in self.status:
                raise Failure(
                    f"Error loading unit file '{self.name}': {self.status['LoadError']}", name=self.name
                )
        else:
            self.found = self.ask("is-enabled", self.name).out.strip() in KNOWN or (
                self.ask("list-unit-files", self.name).rc == 0
            )
        if script and not self.found:
            self.warnings.append(f"{self.name} is an init script, but systemd manages this node")
        self.found = self.found or script

    def _script(self) -> bool:
        return os.access("/etc/init.d/" + self.name, os.X_OK)

    def mask(self, *, wanted: bool) -> bool:
        """Mask or unmask the unit; say whether there was anything to do."""
        if (self.ask("is-enabled", self.name).out.strip() == "masked") == wanted:
            return False
        if not self.check:
            verb = "mask" if wanted else "unmask"
            said = self.ask(verb, self.name)
            if said.rc != 0:
                if not self.found:
                    raise missing(self.name)
                raise failed(f"Failed to {verb} the service ({self.name})", said)
        return True

    def enabled(self) -> bool:
        """Whether the unit starts with the system."""
        said = self.ask("is-enabled", self.name, "-l")
        word = said.out.strip()
        if said.rc == 0:
            return word not in NOT_QUITE
        return (
            said.rc == 1
            and self.operation.get("scope", "system") == "system"
            and self._script()
            and not word.endswith("disabled")
            and bool(glob.glob("/etc/rc?.d/S??" + glob.escape(self.name)))
        )

    def enable(self, *, wanted: bool) -> bool:
        """Let the unit start with the system, or not; say whether there was anything to do."""
        if self.enabled() == wanted:
            return False
        if not self.check:
            verb = "enable" if wanted else "disable"
            said = self.ask(verb, self.name)
            if said.rc != 0:
                raise failed(f"Unable to {verb} service {self.name}", said)
        return True

    def verb(self) -> str:
        """Return what must be done to reach the state, "" for nothing."""
        if "ActiveState" not in self.status:
            if self.offline:
                self.warnings.append("systemd is not running here: the state cannot be changed")
                return ""
            raise Failure("Service is in unknown state", name=self.name, status=self.status)
        state, active = self.operation["state"], self.status["ActiveState"]
        running = active in RUNNING
        if state == "started":
            return "" if running else "start"
        if state == "stopped":
            return "stop" if running or active == "deactivating" else ""
        return str(state)[:-2] if running else "start"

    def drive(self, verb: str) -> None:
        """Start, stop, restart or reload the unit; a failure tells its last log lines."""
        said = self.ask(verb, self.name)
        if said.rc == 0:
            return
        told = [f"Unable to {verb} service {self.name}: {said.words()}"]
        told += self._last_words()
        raise Failure("\n".join(told), name=self.name, rc=said.rc, **said.outputs())

    def _last_words(self) -> "list[str]":
        """Return how the unit ended, and the last lines of its log as far as this user may read them."""
        now = parse_show(self.ask("show", self.name).out)
        words = [
            "{}={}".format(key, now[key])
            for key in ("ActiveState", "Result", "ExecMainStatus")
            if now.get(key) not in {None, ""}
        ]
        lines = [f"{self.name}: {', '.join(words)}"] if words else []
        journal = self.tools.find("journalctl")
        if journal is not None:
            scope = "--user-unit" if self.operation.get("scope") == "user" else "--unit"
            said = self.tools.call(
                journal, scope, self.name, "--lines", "10", "--no-pager", "--quiet", "--output", "cat"
            )
            lines += said.out.splitlines()[-10:]
        return lines[: LINES + 5]


def _in_chroot() -> bool:
    """Whether our root is not that of the first process, as far as that can be seen."""
    try:
        ours, first = os.stat("/"), os.stat("/proc/1/root/.")
    except OSError:
        return False
    return (ours.st_dev, ours.st_ino) != (first.st_dev, first.st_ino)


def systemd(operation: "dict[str, Any]", tools: "Tools", *, check: bool) -> "dict[str, Any]":
    """Carry out a `service` of systemd."""
    unit = _Unit(operation, tools, check=check)
    result: "dict[str, Any]" = {"changed": False, "name": operation.get("service"), "status": {}}
    for key in ("daemon_reload", "daemon_reexec"):
        if operation.get(key) and not check:
            unit.reload(key.replace("_", "-"))
    if unit.name:
        unit.observe()
        result["status"] = unit.status
        masked, enabled, state = (operation.get(key) for key in ("masked", "enabled", "state"))
        if masked is not None:
            result["changed"] = unit.mask(wanted=masked)
        if (enabled is not None or state is not None) and not unit.found:
            raise missing(unit.name)
        if enabled is not None:
            result["changed"] = unit.enable(wanted=enabled) or result["changed"]
            result["enabled"] = enabled
        if state is not None:
            result["state"] = "stopped" if state == "stopped" else "started"
            verb = unit.verb()
            if verb:
                result["changed"] = True
                if not check:
                    unit.drive(verb)
    if unit.warnings:
        result["warnings"] = unit.warnings
    return result
