"""Paths on the node: what they are, who owns them, and what earlier items of a check would have made of them."""

import os
from _stat import S_IMODE, S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISLNK, S_ISREG, S_ISSOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Failure(Exception):  # noqa: N818 - becomes the failed result of its item
    """An operation that cannot be done; the keywords are added to its result."""

    def __init__(self, message: str, **more: "Any") -> None:
        super().__init__(message)
        self.result: "dict[str, Any]" = dict(more, failed=True, msg=message)


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """This controller may not change the node: somebody else holds it."""


class Unusable(Exception):  # noqa: N818 - an answer, not a fault
    """The file can be neither read nor written."""


def reason(error: OSError) -> str:
    """What the system says of an error, without Python's decoration."""
    return error.strerror or str(error)


def expand(path: str) -> str:
    """Expand `~` and `$NAME` and make the path absolute; a slash at the end is kept."""
    full = os.path.abspath(os.path.expandvars(os.path.expanduser(path)))
    return full + "/" if path.endswith("/") and full != "/" else full


def status_of(path: str, *, follow: bool = False) -> "os.stat_result | None":
    """Return the stat of a path, None when there is nothing."""
    try:
        return os.stat(path) if follow else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Failure(f"{path} cannot be looked at: {reason(error)}", path=path) from error


def kind_of(status: "os.stat_result | None") -> str:
    """Return Ansible's word for what a path is."""
    if status is None:
        return "absent"
    if S_ISLNK(status.st_mode):
        return "link"
    if S_ISDIR(status.st_mode):
        return "directory"
    return "hard" if status.st_nlink > 1 else "file"


def special(status: "os.stat_result") -> str:
    """Return what stands in the way of reading a path as a file, "" for a regular file."""
    mode = status.st_mode
    for test, word in (
        (S_ISDIR, "a directory"),
        (S_ISFIFO, "a named pipe"),
        (S_ISSOCK, "a socket"),
        (S_ISCHR, "a character device"),
        (S_ISBLK, "a block device"),
    ):
        if test(mode):
            return word
    return "" if S_ISREG(mode) else "not a regular file"


class Pretence:
    """What a check would have made and removed so far, so that later items of the run see it."""

    def __init__(self) -> None:
        self.run = ""
        self._paths: "dict[str, str]" = {}

    def begin(self, run: str) -> None:
        """Forget everything when another run begins."""
        if run != self.run:
            self.run = run
            self._paths = {}

    def would(self, path: str, kind: str) -> None:
        """Remember that `path` would be "directory", "file", "link" or "absent" from now on."""
        path = path.rstrip("/") or "/"
        if kind == "absent":
            # and all that would have been made inside
            inside = path.rstrip("/") + "/"
            self._paths = {name: word for name, word in self._paths.items() if not name.startswith(inside)}
        self._paths[path] = kind

    def kind(self, path: str) -> "str | None":
        """Return what a check would have made of a path; None: what is there stands."""
        if not self._paths:
            return None
        path = path.rstrip("/") or "/"
        if path in self._paths:
            return self._paths[path]
        while path != "/":
            path = os.path.dirname(path)
            if path in self._paths:
                # whatever would be made anew is empty, and nothing is in a thing that would be gone
                return "absent"
        return None


def user_name(uid: int) -> str:
    """Return the name of a user id, the number as text without one."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Return the name of a group id, the number as text without one."""
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def user_id(owner: str, path: str) -> int:
    """Return the id of a user's name or number."""
    import pwd

    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        if owner.isdigit():
            return int(owner)
    raise Failure(f"chown failed: failed to look up user {owner}", path=path)


def group_id(group: str, path: str) -> int:
    """Return the id of a group's name or number."""
    import grp

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if group.isdigit():
            return int(group)
    raise Failure(f"chgrp failed: failed to look up group {group}", path=path)


def describe(path: str, *, follow: bool = False) -> "dict[str, Any]":
    """Return what Ansible's file modules add to their results about a path."""
    status = status_of(path, follow=follow)
    if status is None:
        return {"state": "absent"}
    return {
        "state": kind_of(status),
        "mode": f"0{S_IMODE(status.st_mode):03o}",  # as Ansible writes it: 04755
        "uid": status.st_uid,
        "gid": status.st_gid,
        "owner": user_name(status.st_uid),
        "group": group_name(status.st_gid),
        "size": status.st_size,
    }


def current_umask() -> int:
    """Return the umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def parse_mode(text: str, current: int, *, directory: bool) -> int:
    """Return the mode that chmod(1) would set: octal, or symbolic clauses applied to `current`."""
    text = text.strip()
    try:
        number = int(text, 8)
    except ValueError:
        pass
    else:
        if 0 <= number <= 0o7777:
            return number
    mode = current & 0o7777
    try:
        for clause in text.split(","):
            mode = _apply_clause(clause, mode, directory=directory)
    except (KeyError, IndexError):
        raise Failure(f"mode must be in octal or symbolic form: {text}") from None
    return mode


_SHIFTS = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}


def _apply_clause(clause: str, mode: int, *, directory: bool) -> int:
    """Apply one clause of chmod(1), such as `u+rwX` or `go=u-w`."""
    position = 0
    while clause[position] in "ugoa":
        position += 1
    named = clause[:position]
    who = "ugo" if "a" in named or not named else named
    # without a "who" the bits of the umask stay as they are (POSIX chmod)
    spared = 0 if named else current_umask()
    while position < len(clause):
        operator = clause[position]
        if operator not in "+-=":
            raise KeyError(operator)
        end = position + 1
        while end < len(clause) and clause[end] not in "+-=":
            end += 1
        mode = _apply_action(operator, clause[position + 1 : end], who, mode, spared, directory=directory)
        position = end
    return mode


def _apply_action(
    operator: str, permissions: str, who: str, mode: int, spared: int, *, directory: bool
) -> int:
    bits = 0
    touched = 0
    for letter in who:
        shift = _SHIFTS[letter]
        touched |= 7 << shift
        for permission in permissions:
            if permission in _SHIFTS:
                value = (mode >> _SHIFTS[permission]) & 7
            elif permission == "X":
                value = 1 if directory or mode & 0o111 else 0
            elif permission in "st":
                value = 0
            else:
                value = _BITS[permission]
            bits |= value << shift
    bits &= ~spared
    if "s" in permissions:
        bits |= (0o4000 if "u" in who else 0) | (0o2000 if "g" in who else 0)
    if "t" in permissions:
        bits |= 0o1000
    if operator == "+":
        return mode | bits
    if operator == "-":
        return mode & ~bits
    # "=" leaves the set-id bits of a directory unless it names them (GNU chmod)
    touched |= 0 if directory else (0o4000 if "u" in who else 0) | (0o2000 if "g" in who else 0)
    touched |= 0o1000 if who == "ugo" and not directory else 0
    return (mode & ~touched) | bits


class Wanted:
    """Owner, group and mode that a path shall have; None leaves as it is.

    In a check of what is `new`, an owner may be unknown: an earlier task of the run would make it.
    """

    def __init__(
        self, attributes: "dict[str, Any]", path: str, *, check: bool = False, new: "bool | None" = None
    ) -> None:
        owner, group, mode = attributes.get("owner"), attributes.get("group"), attributes.get("mode")
        try:
            self.uid = None if owner is None else user_id(str(owner), path)
            self.gid = None if group is None else group_id(str(group), path)
        except Failure:
            if not check or not (not os.path.lexists(path) if new is None else new):
                raise
            self.uid = self.gid = None
        self.mode = None if mode is None else str(mode)

    def differs(self, status: "os.stat_result") -> "tuple[dict[str, Any], dict[str, Any]]":
        """Return (before, after) of what is not as wanted."""
        before: "dict[str, Any]" = {}
        after: "dict[str, Any]" = {}
        if self.uid is not None and self.uid != status.st_uid:
            before["owner"], after["owner"] = status.st_uid, self.uid
        if self.gid is not None and self.gid != status.st_gid:
            before["group"], after["group"] = status.st_gid, self.gid
        # a symbolic link has no mode of its own on Linux
        if self.mode is not None and not S_ISLNK(status.st_mode):
            mode = parse_mode(self.mode, status.st_mode, directory=S_ISDIR(status.st_mode))
            if mode != S_IMODE(status.st_mode):
                before["mode"], after["mode"] = f"0{S_IMODE(status.st_mode):03o}", f"0{mode:03o}"
        return before, after

    def apply(
        self, path: str, *, check: bool, follow: bool = False
    ) -> "tuple[dict[str, Any], dict[str, Any]]":
        """Give the path its owner, group and mode; return (before, after) of what was not as wanted."""
        status = status_of(path, follow=follow)
        if status is None:
            return {}, {}
        before, after = self.differs(status)
        if not check:
            self._set(path, after, follow=follow)
        return before, after

    def _set(self, path: str, after: "dict[str, Any]", *, follow: bool) -> None:
        try:
            if "owner" in after or "group" in after:
                os.chown(path, after.get("owner", -1), after.get("group", -1), follow_symlinks=follow)
        except OSError as error:
            raise Failure(f"chown failed: {path}: {reason(error)}", path=path) from error
        if self.mode is None:
            return
        status = os.stat(path, follow_symlinks=follow)
        if S_ISLNK(status.st_mode):
            return
        # asked again: chown takes set-id bits away
        mode = parse_mode(self.mode, status.st_mode, directory=S_ISDIR(status.st_mode))
        if mode != S_IMODE(status.st_mode):
            try:
                os.chmod(path, mode)
            except OSError as error:
                raise Failure(f"chmod failed: {path}: {reason(error)}", path=path) from error
