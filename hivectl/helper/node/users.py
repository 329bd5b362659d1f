"""Users of the system, by useradd, usermod, userdel, chage and chpasswd (Debian package passwd).

A password goes to chpasswd's standard input: arguments can be read by everybody on the node.
"""

import os

from hivectl.helper.node.groups import find_group
from hivectl.helper.node.paths import Failure, reason
from hivectl.helper.node.tools import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Said, Tools

DAY = 86400
# fields of a line in shadow(5)
PASSWORD, MIN, MAX, WARN, INACTIVE, EXPIRE = 1, 3, 4, 5, 6, 7


def find_user(name: str) -> "Any":
    """Return the entry of a user, None without one."""
    import pwd

    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def shadow_of(name: str) -> "list[str]":
    """Return a user's line of shadow(5), empty fields where it cannot be read."""
    try:
        with open("/etc/shadow", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                fields = line.rstrip("\n").split(":")
                if fields[0] == name and len(fields) >= 9:
                    return fields
    except OSError:
        pass  # not root: what it tries to change is refused by the tools themselves
    return [name] + [""] * 8


class _User:
    """What one operation does to one user."""

    def __init__(self, operation: "dict[str, Any]", tools: "Tools", *, check: bool) -> None:
        self.operation = operation
        self.tools = tools
        self.check = check
        self.name = operation["login"]
        self.groups = operation.get("groups")
        self.changed = False
        self.said: "dict[str, str]" = {}

    def run(self, argv: "list[str]", *, stdin: str = "") -> None:
        """Run a tool, unless this is a check."""
        self.changed = True
        if self.check:
            return
        said = self.tools.call(self.tools.need(argv[0], "passwd"), *argv[1:], stdin=stdin)
        if said.rc != 0:
            raise Failure(f"{argv[0]} failed: {said.words()}", name=self.name, rc=said.rc)
        self._keep(said)

    def _keep(self, said: "Said") -> None:
        for key, text in said.outputs().items():
            if text:
                self.said[key] = self.said.get(key, "") + text

    def group_of(self, name: str) -> "Any":
        """Return a group that must be there."""
        entry = find_group(name)
        if entry is None:
            raise Failure(f"Group {name} does not exist", name=self.name)
        return entry

    def remove(self) -> "dict[str, Any]":
        """Remove the user."""
        result = {"force": self.operation.get("force", False), "remove": self.operation.get("remove", False)}
        argv = ["userdel"]
        argv += ["-f"] if result["force"] else []
        argv += ["-r"] if result["remove"] else []
        self.run([*argv, self.name])
        return result

    def add(self) -> None:
        """Make the user."""
        wanted: "Any" = self.operation.get
        argv = ["useradd", *self._identity()]
        for key, flag in (("comment", "-c"), ("home", "-d"), ("shell", "-s"), ("inactive", "-f")):
            if wanted(key) is not None:
                argv += [flag, str(wanted(key))]
        if wanted("expires") is not None:
            argv += ["-e", _date(wanted("expires"))]
        argv += self._home_arguments()
        for key in ("uid_min", "uid_max"):
            if wanted(key) is not None:
                argv += ["-K", f"{key.upper()}={wanted(key)}"]
        parents = self._missing_parents()
        self.run([*argv, self.name])
        if wanted("password") is not None:
            self.set_password()
        entry = find_user(self.name)
        if parents and entry is not None:
            _own(wanted("home"), entry.pw_uid, entry.pw_gid)

    def _identity(self) -> "list[str]":
        """Return useradd's arguments about number and groups."""
        wanted: "Any" = self.operation.get
        argv = ["-r"] if wanted("system") else []
        if wanted("uid") is not None:
            argv += ["-u", str(wanted("uid"))] + (["-o"] if wanted("non_unique") else [])
        # what is checked may be made in the same run, by an earlier task
        for name in () if self.check else (wanted("group"), *(self.groups or ())):
            if name is not None:
                self.group_of(name)
        if wanted("group") is not None:
            argv += ["-g", wanted("group")]
        elif find_group(self.name) is not None:
            argv.append("-N")
        return argv + (["-G", ",".join(self.groups)] if self.groups else [])

    def _home_arguments(self) -> "list[str]":
        wanted: "Any" = self.operation.get
        if wanted("create_home") is False:
            return ["-M"]
        argv = ["-m"]
        argv += [] if wanted("skeleton") is None else ["-k", wanted("skeleton")]
        return argv + ([] if wanted("umask") is None else ["-K", "UMASK=" + wanted("umask")])

    def _missing_parents(self) -> bool:
        """Make the home where its parent is missing: useradd makes one folder only."""
        home = self.operation.get("home")
        if not home or not self.operation.get("create_home", True) or os.path.isdir(os.path.dirname(home)):
            return False
        if not self.check:
            make_home(home, self.operation.get("skeleton"))
        return True

    def set_password(self) -> None:
        """Give the user a hash of a password."""
        password = self.operation["password"]
        if "\n" in password or ":" in password:
            raise Failure(
                "the password must be a hash as in shadow(5), without a colon or a newline", name=self.name
            )
        if self.operation.get("password_lock"):
            password = "!" + password
        self.run(["chpasswd", "-e"], stdin=f"{self.name}:{password}\n")

    def modify(self, entry: "Any") -> None:
        """Change what is not as wanted."""
        wanted: "Any" = self.operation.get
        shadow = shadow_of(self.name)
        argv: "list[str]" = []
        if wanted("uid") is not None and entry.pw_uid != wanted("uid"):
            argv += ["-u", str(wanted("uid"))] + (["-o"] if wanted("non_unique") else [])
        if wanted("group") is not None:
            gid = self.group_of(wanted("group")).gr_gid
            argv += ["-g", str(gid)] if gid != entry.pw_gid else []
        argv += self._group_arguments()
        if wanted("comment") is not None and entry.pw_gecos != wanted("comment"):
            argv += ["-c", wanted("comment")]
        if wanted("home") is not None and entry.pw_dir != wanted("home"):
            argv += ["-d", wanted("home")] + (["-m"] if wanted("move_home") else [])
        if wanted("shell") is not None and entry.pw_shell != wanted("shell"):
            argv += ["-s", wanted("shell")]
        argv += self._date_arguments(shadow)
        hashed = shadow[PASSWORD]
        new = (
            wanted("password") is not None
            and wanted("update_password", "always") == "always"
            and hashed.lstrip("!") != wanted("password").lstrip("!")
        )
        if not new and wanted("password_lock") is not None:
            locked = hashed.startswith("!")
            if locked != wanted("password_lock"):
                argv.append("-U" if locked else "-L")
        if argv:
            self.run(["usermod", *argv, self.name])
        if new:
            self.set_password()

    def _group_arguments(self) -> "list[str]":
        import grp

        if self.groups is None:
            return []
        current = {group.gr_name for group in grp.getgrall() if self.name in group.gr_mem}
        names = {self.group_of(name).gr_name for name in self.groups}
        if self.operation.get("append"):
            return ["-a", "-G", ",".join(sorted(names))] if names - current else []
        return ["-G", ",".join(sorted(names))] if names != current else []

    def _date_arguments(self, shadow: "list[str]") -> "list[str]":
        argv: "list[str]" = []
        expires = self.operation.get("expires")
        if expires is not None:
            current = shadow[EXPIRE]
            wanted = "" if expires < 0 else str(int(expires // DAY))
            argv += ["-e", _date(expires)] if current != wanted else []
        inactive = self.operation.get("inactive")
        if inactive is not None and shadow[INACTIVE] != ("" if inactive < 0 else str(inactive)):
            argv += ["-f", str(inactive)]
        return argv

    def age(self) -> None:
        """Set for how long the password is good."""
        shadow = shadow_of(self.name)
        argv: "list[str]" = []
        for key, flag, field in (
            ("password_expire_min", "-m", MIN),
            ("password_expire_max", "-M", MAX),
            ("password_expire_warn", "-W", WARN),
        ):
            wanted = self.operation.get(key)
            if wanted is not None and shadow[field] != str(wanted):
                argv += [flag, str(wanted)]
        if argv:
            self.run(["chage", *argv, self.name])

    def house(self, entry: "Any") -> None:
        """Make a home that is missing."""
        home = self.operation.get("home") or entry.pw_dir
        if os.path.exists(home) or not self.operation.get("create_home", True):
            return
        self.changed = True
        if not self.check:
            make_home(home, self.operation.get("skeleton"))
            _own(home, entry.pw_uid, entry.pw_gid)


def _date(seconds: float) -> str:
    """Return a day as useradd takes it; a time before 1970 means never."""
    import time

    return "" if seconds < 0 else time.strftime("%Y-%m-%d", time.gmtime(seconds))


def make_home(path: str, skeleton: "str | None") -> None:
    """Make a home as useradd does, with the mode that login.defs(5) says; raises Failure."""
    import shutil

    source = skeleton if skeleton is not None else "/etc/skel"
    try:
        if os.path.isdir(source):
            shutil.copytree(source, path, symlinks=True)
        else:
            os.makedirs(path)
        os.chmod(path, _home_mode())
    except OSError as error:  # also shutil.Error, which holds all that went wrong
        raise Failure(f"the home {path} cannot be made: {reason(error)}") from error


def _home_mode() -> int:
    mode = 0o755
    try:
        with open("/etc/login.defs", encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split()
                if len(words) == 2 and words[0] in {"HOME_MODE", "UMASK"}:
                    try:
                        number = int(words[1], 8)
                    except ValueError:
                        continue
                    if words[0] == "HOME_MODE":
                        return number
                    mode = 0o777 & ~number
    except OSError:
        pass  # a system without it has useradd's own default
    return mode


def _own(path: str, uid: int, gid: int) -> None:
    """Give a folder and all inside it to a user; links are not followed."""
    try:
        os.chown(path, uid, gid)
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)
    except OSError as error:
        raise Failure(f"{path} cannot be given to its user: {reason(error)}") from error


def _key(user: _User, entry: "Any") -> "dict[str, Any]":
    """Make the user's SSH key if there is none, and tell it."""
    wanted: "Any" = user.operation.get
    kind = wanted("ssh_key_type", "rsa")
    path = os.path.join(entry.pw_dir, wanted("ssh_key_file") or f".ssh/id_{kind}")
    public = path + ".pub"
    there = os.path.exists(path) or os.path.exists(public)
    keygen = user.tools.need("ssh-keygen", "openssh-client")
    if not there or wanted("force"):
        user.changed = True
        if not user.check:
            _generate(user, entry, keygen, path)
    told: "dict[str, Any]" = {"ssh_key_file": path, "ssh_public_key": None}
    if os.path.exists(path):
        shown = user.tools.call(keygen, "-l", "-f", path)
        told["ssh_fingerprint"] = (shown.out if shown.rc == 0 else shown.err).strip()
    else:
        told["ssh_fingerprint"] = ""
    try:
        with open(public, encoding="utf-8", errors="surrogateescape") as file:
            told["ssh_public_key"] = file.read().strip()
    except OSError:
        pass  # a key without its public part, or a folder that is not ours to read
    if there and not wanted("force"):
        told["warnings"] = [f"there is a key {path} already: it is kept, without `force`"]
    return told


def _generate(user: _User, entry: "Any", keygen: str, path: str) -> None:
    wanted: "Any" = user.operation.get
    folder = os.path.dirname(path)
    try:
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        for old in (path, path + ".pub"):
            if os.path.lexists(old):
                os.unlink(old)
    except OSError as error:
        raise Failure(f"{folder} cannot hold a key: {reason(error)}", name=user.name) from error
    argv = [keygen, "-q", "-t", wanted("ssh_key_type", "rsa")]
    argv += ["-b", str(wanted("ssh_key_bits"))] if wanted("ssh_key_bits") else []
    argv += ["-C", wanted("ssh_key_comment") or "ansible-generated on " + os.uname().nodename, "-f", path]
    secret = wanted("ssh_key_passphrase")
    if secret is None:
        said = user.tools.call(*argv, "-N", "")
    else:
        # asked for twice on standard input where there is no terminal and nothing to ask with
        unasked = {"SSH_ASKPASS": "", "DISPLAY": "", "SSH_ASKPASS_REQUIRE": "never"}
        said = user.tools.call(*argv, stdin=f"{secret}\n{secret}\n", environment=unasked)
    if said.rc != 0:
        raise failed("ssh-keygen failed", said)
    for made in (path, path + ".pub"):
        try:
            os.chown(made, entry.pw_uid, entry.pw_gid)
        except OSError as error:
            raise Failure(f"{made} cannot be given to its user: {reason(error)}") from error


def user(operation: "dict[str, Any]", tools: "Tools", *, check: bool, diff: bool) -> "dict[str, Any]":  # noqa: ARG001 - it has no diff
    """Carry out a `user`; see operations.User."""
    one = _User(operation, tools, check=check)
    present = operation.get("state", "present") == "present"
    result: "dict[str, Any]" = {"name": one.name, "state": "present" if present else "absent"}
    entry = find_user(one.name)
    if not present:
        if entry is not None:
            result.update(one.remove())
        return dict(result, changed=one.changed, **one.said)
    if entry is None:
        one.add()
        result.update(system=operation.get("system", False), create_home=operation.get("create_home", True))
    else:
        one.modify(entry)
        result.update(append=operation.get("append", False), move_home=operation.get("move_home", False))
    if operation.get("password") is not None:
        result["password"] = "NOT_LOGGING_PASSWORD"  # noqa: S105 - the word that Ansible puts there
    entry = find_user(one.name)
    if entry is not None:
        result.update(
            uid=entry.pw_uid,
            group=entry.pw_gid,
            comment=entry.pw_gecos,
            home=entry.pw_dir,
            shell=entry.pw_shell,
        )
        if one.groups is not None:
            result["groups"] = ",".join(one.groups)
        one.house(entry)
        if operation.get("generate_ssh_key"):
            result.update(_key(one, entry))
        one.age()
    return dict(result, changed=one.changed, **one.said)
