"""Packages of Debian and its kin, by apt-get(8), dpkg-query(1) and dpkg-deb(1).

What is installed already is found by one look at dpkg's database: apt-get runs only where something is to be done.
"""

import os
import re
import time

from hivectl.helper.node.apt_index import Installed, Policy, Wish, automatic, expand_patterns, index_age
from hivectl.helper.node.paths import Failure, expand, reason
from hivectl.helper.node.tools import LINES, failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Said, Tools

QUIET = {
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "APT_LISTCHANGES_FRONTEND": "none",
}
NOTHING = re.compile(r"^0 upgraded, 0 newly installed, (0 downgraded, )?0 to remove", re.MULTILINE)
# what apt says of a lock that another process holds
LOCKED = ("Could not get lock", "Unable to lock", "Unable to acquire the dpkg frontend lock")
UNFETCHED = ("Failed to fetch", "Some index files failed to download")
POLICY = "/usr/sbin/policy-rc.d"


class Apt:
    """apt-get as one operation wants it."""

    def __init__(self, operation: "dict[str, Any]", tools: "Tools", *, check: bool, diff: bool) -> None:
        self.operation = operation
        self.tools = tools
        self.check = check
        self.diff = diff
        tools.environment.update((key, text) for key, text in QUIET.items() if key not in os.environ)
        self.program = tools.find("apt-get")
        if self.program is None:
            raise Failure(
                "there is no apt-get on the node: only packages of Debian and its kin can be managed"
            )
        self.until = time.monotonic() + operation.get("lock_timeout", 60)

    def arguments(self) -> "list[str]":
        """Return what every call has."""
        left = max(0, int(self.until - time.monotonic()))
        argv = ["-y", "-q", "-o", f"DPkg::Lock::Timeout={left}"]
        for option in (self.operation.get("dpkg_options") or "").split(","):
            argv += ["-o", "Dpkg::Options::=--" + option.strip()] if option.strip() else []
        release = self.operation.get("default_release")
        argv += [] if release is None else ["-t", release]
        return argv + (["--simulate"] if self.check else [])

    def switches(self, *names: str) -> "list[str]":
        """Return the flags of those parameters that are set."""
        return [SWITCHES[name] for name in names if self.operation.get(name)]

    def call(self, *words: str) -> "Said":
        """Run apt-get, waiting for the locks of others as long as the operation may."""
        assert self.program is not None
        while True:
            said = self.tools.call(self.program, *words)
            if said.rc == 0 or not any(words in said.err for words in LOCKED):
                return said
            if time.monotonic() >= self.until or "are you root" in said.err:
                return said
            self.tools.wire.pause(min(1.0, max(0.0, self.until - time.monotonic())))

    def do(self, what: str, *words: str) -> "dict[str, Any]":
        """Run apt-get with all its arguments; return the result, or raise Failure."""
        with _PolicyRcD(None if self.check else self.operation.get("policy_rc_d")):
            said = self.call(*self.arguments(), *words)
        if said.rc != 0:
            raise self.failure(what, said)
        result: "dict[str, Any]" = dict(said.outputs(), changed=not NOTHING.search(said.out))
        if self.diff:
            result["diff"] = _plan_of(said.out)
        return result

    def failure(self, what: str, said: "Said") -> Failure:
        """Name what went wrong in apt's words, the errors alone."""
        unknown = re.search(r"Unable to locate package (\S+)", said.err)
        if unknown:
            return Failure(
                f"No package matching '{unknown.group(1)}' is available", rc=said.rc, **said.outputs()
            )
        errors = [line[3:] for line in said.err.splitlines() if line.startswith("E: ")]
        if any(words in said.err for words in LOCKED) and errors:
            waited = self.operation.get("lock_timeout", 60)
            return Failure(
                f"{what}: waited {waited} s for another process: {errors[0]}", rc=said.rc, **said.outputs()
            )
        if not errors:
            return failed(what, said)
        unmet = said.out.partition("The following packages have unmet dependencies:\n")[2].splitlines()
        errors += [line.strip() for line in unmet if " : " in line or line.startswith("  ")]
        if any("Sub-process" in error for error in errors):
            # what the package's own script said went through apt's terminal
            errors += [line.strip() for line in said.out.splitlines()[-LINES:] if line.strip()]
        return Failure(f"{what}: {'; '.join(errors)}", rc=said.rc, **said.outputs())


SWITCHES = {
    "allow_change_held_packages": "--allow-change-held-packages",
    "allow_downgrade": "--allow-downgrades",
    "allow_unauthenticated": "--allow-unauthenticated",
    "autoremove": "--auto-remove",
    "fail_on_autoremove": "--no-remove",
    "force": "--force-yes",
    "only_upgrade": "--only-upgrade",
    "purge": "--purge",
}
INSTALLING = (
    *("only_upgrade", "force", "autoremove", "fail_on_autoremove"),
    *("allow_unauthenticated", "allow_downgrade", "allow_change_held_packages"),
)


class _PolicyRcD:
    """The answer to packages that ask whether their services may be started; None: the node's own."""

    def __init__(self, code: "int | None") -> None:
        self.code = code
        self.kept = f"{POLICY}.hivectl-{os.getpid()}"

    def __enter__(self) -> None:
        if self.code is None:
            return
        try:
            if os.path.lexists(POLICY):
                os.rename(POLICY, self.kept)
            descriptor = os.open(POLICY, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755)
            with os.fdopen(descriptor, "w") as file:
                file.write("#!/bin/sh\nexit %d\n" % self.code)
            os.chmod(POLICY, 0o755)  # noqa: S103 - a program that every package script runs
        except OSError as error:
            raise Failure(f"{POLICY} cannot be written: {reason(error)}") from error

    def __exit__(self, *_: object) -> None:
        if self.code is None:
            return
        try:
            os.unlink(POLICY)
            if os.path.lexists(self.kept):
                os.rename(self.kept, POLICY)
        except OSError as error:
            raise Failure(f"{POLICY} cannot be put back: {reason(error)}") from error


def _plan_of(text: str) -> "dict[str, str]":
    """Return what apt-get was about to do, as a diff that is made already."""
    lines = text.splitlines()
    first = next((index for index, line in enumerate(lines) if line.startswith("The following ")), None)
    last = next((index for index, line in enumerate(lines) if re.match(r"^\d+ upgraded, ", line)), None)
    if last is None:
        return {}
    return {"prepared": "\n".join(lines[last if first is None else first : last + 1])}


def _refresh(apt: Apt) -> "dict[str, Any]":
    """Fetch what can be installed where that is asked for and due."""
    operation = apt.operation
    age, moment = index_age()
    result: "dict[str, Any]" = {"cache_updated": False, "cache_update_time": int(moment)}
    if not (operation.get("update_cache") or operation.get("cache_valid_time")):
        return result
    if age <= operation.get("cache_valid_time", 0):
        return result
    if apt.check:
        return dict(result, cache_updated=True)
    retries, longest = (
        operation.get("update_cache_retries", 5),
        operation.get("update_cache_retry_max_delay", 12),
    )
    for number in range(retries):
        said = apt.call("-q", "update")
        if said.rc == 0 and not any(words in said.err for words in UNFETCHED):
            break
        if any(words in said.err for words in LOCKED):
            raise apt.failure("apt-get update failed", said)
        if number == retries - 1:
            complaints = [line[3:] for line in said.err.splitlines() if line[:3] in {"E: ", "W: "}]
            words = "; ".join(dict.fromkeys(complaints)) or said.words()
            raise Failure(
                f"Failed to update apt cache after {retries} retries: {words}", rc=said.rc, **said.outputs()
            )
        apt.tools.wire.pause(min(2**number, longest))
    after = index_age()[1]
    return {"cache_updated": after != moment, "cache_update_time": int(after)}


def _install(apt: Apt, wishes: "list[Wish]") -> "dict[str, Any]":
    operation, state = apt.operation, apt.operation.get("state", "present")
    if state == "build-dep":
        words = apt.switches(*INSTALLING)
        names = [wish.text for wish in wishes]
        return apt.do("apt-get build-dep failed", *words, "build-dep", *names) if names else {}
    installed = Installed(apt.tools)
    wishes = expand_patterns(wishes, apt.tools)
    wanted = _missing(apt, wishes, installed, latest=state == "latest")
    result: "dict[str, Any]" = {}
    if wanted:
        words = apt.switches(*INSTALLING) + (["--fix-broken"] if state == "fixed" else [])
        if operation.get("install_recommends") is not None:
            answer = "yes" if operation["install_recommends"] else "no"
            words += ["-o", "APT::Install-Recommends=" + answer]
        result = apt.do("apt-get install failed", *words, "install", *wanted)
    if not apt.check:
        automatically = automatic(apt.tools)
        marked = [wish.name for wish in wishes if wish.name in automatically]
        if marked:
            apt.tools.must("apt-mark failed", apt.tools.need("apt-mark", "apt"), "manual", *marked)
    return result


def _missing(apt: Apt, wishes: "list[Wish]", installed: Installed, *, latest: bool) -> "list[str]":
    """Return what apt-get must be asked for."""
    open_wishes: "list[Wish]" = []
    for wish in wishes:
        there = installed.version(wish.name) is not None
        if not there and apt.operation.get("only_upgrade"):
            continue
        provided = not wish.sign and not there and wish.name in installed.provided
        if not (there or provided) or (there and (wish.sign or latest)):
            open_wishes.append(wish)
    if not any(wish.sign or latest for wish in open_wishes):
        return [wish.name for wish in open_wishes]
    policy = Policy(apt.tools, [wish.name for wish in open_wishes], apt.operation.get("default_release"))
    words: "list[str]" = []
    for wish in open_wishes:
        version, best = installed.version(wish.name), policy.best(wish, apt.tools)
        if best is None:
            if version is not None and wish.satisfied(version, apt.tools):
                continue
            if wish.sign and wish.name in policy.tables:
                raise Failure(f"no available installation candidate for {wish.text}")
            words.append(wish.name)  # a virtual package, or none: apt-get knows
        elif version is None or not wish.satisfied(version, apt.tools):
            words.append(f"{wish.name}={best}" if wish.sign else wish.name)
        elif best != version and (latest or wish.sign == "="):
            words.append(f"{wish.name}={best}")
    return words


def _remove(apt: Apt, wishes: "list[Wish]") -> "dict[str, Any]":
    installed = Installed(apt.tools)
    purge = apt.operation.get("purge")
    names = []
    for wish in expand_patterns(wishes, apt.tools):
        version = installed.version(wish.name)
        if (version is not None and wish.satisfied(version, apt.tools)) or (
            purge and wish.name in installed.left_files
        ):
            names.append(wish.name)
    if not names:
        return {}
    words = apt.switches("purge", "force", "autoremove", "allow_change_held_packages")
    return apt.do("apt-get remove failed", *words, "remove", *names)


def _install_files(apt: Apt, files: str) -> "dict[str, Any]":
    """Install .deb files, with what they depend on, in one go."""
    installed = Installed(apt.tools)
    paths: "list[str]" = []
    for one in files.split(","):
        path = _fetched(apt, one) if "://" in one else expand(one)
        if not os.path.isfile(path):
            raise Failure(f"Unable to install package: there is no file {path}")
        said = apt.tools.call(apt.tools.need("dpkg-deb", "dpkg"), "--field", path, "Package", "Version")
        if said.rc != 0:
            raise failed(f"Unable to install package: {path} is no package", said)
        fields = dict(line.partition(": ")[::2] for line in said.out.splitlines())
        if installed.version(fields.get("Package", "")) != fields.get("Version"):
            paths.append(path)
    if not paths:
        return {"stdout": "", "stderr": ""}
    words = apt.switches(*INSTALLING)
    if apt.operation.get("install_recommends") is False:
        words += ["-o", "APT::Install-Recommends=no"]
    return apt.do("apt-get install failed", *words, "install", *paths)


def _fetched(apt: Apt, address: str) -> str:
    """Download a package by apt's own means; it stays in apt's cache, which `clean` empties."""
    path = os.path.join(
        "/var/cache/apt/archives", os.path.basename(address.partition("?")[0]) or "package.deb"
    )
    apt.tools.must(f"{address} cannot be fetched", "/usr/lib/apt/apt-helper", "download-file", address, path)
    return path


def _upgrade(apt: Apt, mode: str) -> "dict[str, Any]":
    verb = ["dist-upgrade"] if mode in {"dist", "full"} else ["upgrade", "--with-new-pkgs"]
    names = ("force", "autoremove", "fail_on_autoremove", "allow_unauthenticated", "allow_downgrade")
    result = apt.do(f"apt-get {verb[0]} failed", *apt.switches(*names), *verb)
    return dict(result, msg=result["stdout"])


def _clean(apt: Apt, verb: str) -> "dict[str, Any]":
    """Remove packages that nothing needs (autoremove), or archives that cannot be fetched any more (autoclean)."""
    result = apt.do(f"apt-get {verb} failed", *apt.switches("purge", "force"), verb)
    telling = "The following packages will be REMOVED" if verb == "autoremove" else "Del "
    return dict(result, changed=telling in result["stdout"])


def package(operation: "dict[str, Any]", tools: "Tools", *, check: bool, diff: bool) -> "dict[str, Any]":
    """Carry out a `package`; see operations.Package."""
    apt = Apt(operation, tools, check=check, diff=diff)
    names = [name.strip() for name in operation.get("packages", ()) if name.strip()]
    upgrade, files = operation.get("upgrade", "no"), operation.get("deb")
    busy = bool(names or upgrade != "no" or files)
    result: "dict[str, Any]" = {"changed": False}
    if operation.get("clean"):
        if not check:
            said = apt.call("clean")
            if said.rc != 0:
                raise apt.failure("apt-get clean failed", said)
        if not busy:
            return {"changed": True, "stdout": "", "stderr": "", "msg": ""}
    result.update(_refresh(apt))
    if not busy and (operation.get("update_cache") or operation.get("cache_valid_time")):
        return dict(result, changed=result["cache_updated"])
    result.update(_do(apt, names, upgrade, files))
    return result


def _do(apt: Apt, names: "list[str]", upgrade: str, files: "str | None") -> "dict[str, Any]":
    """Do the one thing that is asked for."""
    operation, state = apt.operation, apt.operation.get("state", "present")
    if upgrade != "no":
        return _upgrade(apt, upgrade)
    if files:
        return _install_files(apt, files)
    if state == "latest" and "*" in names:
        if names != ["*"]:
            raise Failure("unable to install additional packages when upgrading all installed packages")
        return _upgrade(apt, "yes")
    if not names:
        for verb in ("autoclean", "autoremove"):
            if operation.get(verb):
                return _clean(apt, verb)
        return {}
    wishes = [Wish(name) for name in names]
    return _remove(apt, wishes) if state == "absent" else _install(apt, wishes)
