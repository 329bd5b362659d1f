"""What dpkg has installed and what apt could install: asked once for each operation, and only where it matters."""

import os
import re
from fnmatch import fnmatchcase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Tools

FORMAT = "${Package}\t${Architecture}\t${Status}\t${Version}\t${Provides}\n"
# of `apt-cache policy`: a line of the version table is the version and its priority
TABLE = re.compile(r"^ (?:\*\*\*|   ) (\S+) -?\d+$")
STAMP = "/var/lib/apt/periodic/update-success-stamp"
LISTS = "/var/lib/apt/lists"


class Wish:
    """One word of `name`: a package, perhaps with a version or a pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = re.match(r"^([^=<>]+?)\s*(>=|=)\s*(.+)$", text)
        self.name = found.group(1).strip() if found else text
        self.sign = found.group(2) if found else ""
        self.version = found.group(3).strip() if found else ""

    def satisfied(self, version: str, tools: "Tools") -> bool:
        """Whether a version is one that is asked for."""
        if self.sign == "=":
            return fnmatchcase(version, self.version)
        if self.sign == ">=":
            return tools.call("dpkg", "--compare-versions", version, "ge", self.version).rc == 0
        return True


class Installed:
    """What dpkg knows: names with and without their architecture."""

    def __init__(self, tools: "Tools") -> None:
        said = tools.must("dpkg-query failed", tools.need("dpkg-query", "dpkg"), "-W", "-f", FORMAT)
        self.versions: "dict[str, str]" = {}
        self.provided: "dict[str, str]" = {}
        self.left_files: "set[str]" = set()
        for line in said.out.splitlines():
            name, architecture, status, version, provides = (line.split("\t") + [""] * 5)[:5]
            names = (name, f"{name}:{architecture}")
            if status.endswith(" config-files"):
                self.left_files.update(names)
            if not status.endswith(" installed"):
                continue
            for one in names:
                self.versions[one] = version
            for virtual in provides.split(","):
                self.provided[virtual.partition("(")[0].strip()] = name

    def version(self, name: str) -> "str | None":
        """Return the installed version of a package, None without one."""
        return self.versions.get(name)


class Policy:
    """What apt would choose: `apt-cache policy` of some packages."""

    def __init__(self, tools: "Tools", names: "list[str]", release: "str | None") -> None:
        argv = [tools.need("apt-cache", "apt"), "policy"]
        argv += [] if release is None else ["-o", "APT::Default-Release=" + release]
        self.candidates: "dict[str, str]" = {}
        self.tables: "dict[str, list[str]]" = {}
        name = ""
        for line in tools.must("apt-cache policy failed", *argv, *names).out.splitlines():
            row = TABLE.match(line)
            if not line.startswith(" "):
                name = line.rstrip(":")
                self.tables[name] = []
            elif line.startswith("  Candidate: ") and not line.endswith("(none)"):
                self.candidates[name] = line.partition(": ")[2]
            elif row:
                self.tables[name].append(row.group(1))

    def best(self, wish: Wish, tools: "Tools") -> "str | None":
        """Return the version that a wish would get, None where there is none."""
        candidate = self.candidates.get(wish.name)
        if candidate is not None and wish.satisfied(candidate, tools):
            return candidate
        return next((one for one in self.tables.get(wish.name, ()) if wish.satisfied(one, tools)), None)


def expand_patterns(wishes: "list[Wish]", tools: "Tools") -> "list[Wish]":
    """Replace wishes whose name is a pattern by all packages that match it."""
    if not any(set(wish.name) & set("*?[!") for wish in wishes):
        return wishes
    known = tools.must("apt-cache failed", tools.need("apt-cache", "apt"), "pkgnames").out.split()
    expanded: "list[Wish]" = []
    for wish in wishes:
        if set(wish.name) & set("*?[!"):
            matching = sorted(name for name in known if fnmatchcase(name, wish.name))
            expanded += [Wish(name + wish.sign + wish.version) for name in matching]
        else:
            expanded.append(wish)
    return expanded


def index_age() -> "tuple[float, float]":
    """Return the age in seconds of what apt knows, and the time that it is of."""
    import time

    for path in (STAMP, LISTS):
        try:
            moment = os.stat(path).st_mtime
        except OSError:
            continue
        return time.time() - moment, moment
    return float("inf"), 0.0


def automatic(tools: "Tools") -> "set[str]":
    """Return the packages that apt takes for installed on another's behalf; needs no lock."""
    said = tools.call("apt-config", "shell", "STATES", "Dir::State::extended_states/f")
    path = said.out.partition("'")[2].partition("'")[0] or "/var/lib/apt/extended_states"
    found: "set[str]" = set()
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            entries: "Any" = file.read().split("\n\n")
    except OSError:
        return found  # nothing was ever installed automatically
    for entry in entries:
        fields = dict(line.partition(": ")[::2] for line in entry.splitlines())
        if fields.get("Auto-Installed") == "1" and "Package" in fields:
            found.update((fields["Package"], "{}:{}".format(fields["Package"], fields.get("Architecture"))))
    return found
