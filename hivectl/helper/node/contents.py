"""Files with a wanted content: written beside and renamed, so that nobody ever sees half of one."""

import errno
import os
import time
from _stat import S_IMODE, S_ISLNK

from hivectl.helper.node import digests
from hivectl.helper.node.paths import (
    Failure,
    Wanted,
    current_umask,
    describe,
    expand,
    reason,
    special,
    status_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hivectl.helper.node.paths import Pretence

    Body = Callable[[], "Any"]

# of a text that is shown in a diff, in bytes
LARGEST_DIFF = 100 << 10
HIDDEN = "the content is secret and is not shown\n"


def diff_of(path: str, before: "bytes | None", after: bytes) -> "dict[str, Any]":
    """Return a diff in Ansible's shape; None: there was no file."""
    diff: "dict[str, Any]" = {"before_header": path, "after_header": path, "before": "", "after": ""}
    for side, other, data in (("before", "dst", before or b""), ("after", "src", after)):
        if len(data) > LARGEST_DIFF:
            diff[other + "_larger"] = LARGEST_DIFF
        elif b"\0" in data:
            diff[other + "_binary"] = 1
        else:
            diff[side] = data.decode("utf-8", "surrogateescape")
    return diff


def attribute_diff(path: str, before: "dict[str, Any]", after: "dict[str, Any]") -> "dict[str, Any]":
    """Return the part of a diff that is about owner, group and mode."""
    return {"before": dict(before, path=path), "after": dict(after, path=path)}


def read_some(path: str) -> "bytes | None":
    """Return a file's bytes as far as a diff shows them, None without a file."""
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST_DIFF + 1)
    except FileNotFoundError:
        return None


def failure_of(path: str, error: OSError) -> Failure:
    """Say why a file could not be written; a full disk with figures."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return Failure(f"{path} cannot be written: {reason(error)} ({_room(path)})", path=path, dest=path)
    return Failure(f"{path} cannot be written: {reason(error)}", path=path, dest=path)


def _room(path: str) -> str:
    try:
        system = os.statvfs(os.path.dirname(path))
    except OSError:
        return "nothing was changed"
    return "%d bytes are free there, nothing was changed" % (system.f_bavail * system.f_frsize)


def back_up(path: str) -> str:
    """Copy a file beside itself under the name that Ansible gives to backups; return that name."""
    name = "%s.%d.%s" % (path, os.getpid(), time.strftime("%Y-%m-%d@%H:%M:%S~", time.localtime()))
    try:
        status = os.stat(path)
        temporary = Temporary(name)
        with temporary:
            with open(path, "rb") as file:
                while True:
                    data = file.read(digests.PIECE)
                    if not data:
                        break
                    temporary.write(data)
            os.utime(temporary.path, ns=(status.st_atime_ns, status.st_mtime_ns))
            temporary.settle(S_IMODE(status.st_mode), status)
            temporary.rename(name)
    except OSError as error:
        raise failure_of(name, error) from error
    return name


def take_back(backup: str) -> None:
    """Remove the backup of a file that was not replaced after all; "" for none."""
    if backup:
        try:
            os.unlink(backup)
        except OSError:
            pass


class Temporary:
    """A file beside its target that only we can read until it is finished; gone if it never was."""

    def __init__(self, target: str) -> None:
        folder, name = os.path.split(target)
        encoded = os.fsencode(name)[:200]  # a name may have 255 bytes
        stem = os.path.join(folder, ".%s.hivectl-%d-" % (os.fsdecode(encoded), os.getpid()))
        number = 0
        while True:
            self.path = stem + f"{time.time_ns():x}{number:x}"
            try:
                self.descriptor = os.open(
                    self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
                )
                break
            except FileExistsError:
                number += 1

    def __enter__(self) -> "Temporary":
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
        if self.path:
            try:
                os.unlink(self.path)
            except FileNotFoundError:
                pass

    def write(self, data: bytes) -> None:
        """Add bytes; raises OSError, for a full disk too."""
        left = memoryview(data)
        while left:
            left = left[os.write(self.descriptor, left) :]

    def settle(self, mode: int, owner: "os.stat_result | None") -> None:
        """Give the file the mode it shall have, and the owner of the file that it replaces where that is allowed."""
        if owner is not None and (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            try:
                os.chown(self.path, owner.st_uid, owner.st_gid)
            except PermissionError:
                pass  # a user replaces another's file: it becomes his own, as with every editor
        os.chmod(self.path, mode)

    def rename(self, target: str) -> None:
        """Close it and put it in its place; raises OSError, of a late write too."""
        os.close(self.descriptor)
        self.descriptor = -1
        os.rename(self.path, target)
        self.path = ""


def validate(command: str, path: str) -> None:
    """Run the user's check of a file that is not yet in its place; raises Failure."""
    import shlex

    from hivectl.helper.node.programs import execute

    if "%s" not in command:
        raise Failure(f"validate must contain %s: {command}")
    try:
        ended = execute(shlex.split(command.replace("%s", shlex.quote(path))))
    except OSError as error:
        raise Failure(f"the validation command cannot be started: {reason(error)}") from error
    if ended.rc != 0:
        stderr = ended.stderr.decode("utf-8", "surrogateescape")
        raise Failure(
            "failed to validate: rc:%d error:%s" % (ended.rc, stderr.strip()),
            rc=ended.rc,
            exit_status=ended.rc,
            stdout=ended.stdout.decode("utf-8", "surrogateescape"),
            stderr=stderr,
        )


def put(
    target: str, pieces: "Any", wanted: Wanted, validation: "str | None", old: "os.stat_result | None"
) -> "tuple[dict[str, Any], dict[str, Any]]":
    """Put bytes in place of what is at `target`, with their attributes from the first moment; raises OSError.

    Returns (before, after) of the attributes that are other than those of what was there, or of a new file.
    """
    with Temporary(target) as temporary:
        for piece in pieces:
            temporary.write(piece)
        base = S_IMODE(old.st_mode) if old is not None else 0o666 & ~current_umask()
        if validation:
            validate(validation, temporary.path)
        temporary.settle(base, old)
        settled = wanted.apply(temporary.path, check=False)
        temporary.rename(target)
    return settled


def make_folders(path: str, pretence: "Pretence", *, check: bool, mode: "str | None" = None) -> bool:
    """Make a missing directory with its parents, new ones with `mode`; say whether there was anything to do."""
    kind = pretence.kind(path) if check else None
    if kind in {"directory", "link"} or (kind is None and os.path.isdir(path)):
        return False
    if check:
        folder = path
        while not os.path.lexists(folder):
            pretence.would(folder, "directory")
            folder = os.path.dirname(folder)
        return True
    missing = [path]
    while not os.path.lexists(os.path.dirname(missing[-1])):
        missing.append(os.path.dirname(missing[-1]))
    for folder in reversed(missing):
        try:
            os.mkdir(folder)
        except FileExistsError:
            continue
        except OSError as error:
            raise Failure(f"{folder} cannot be made: {reason(error)}", path=path) from error
        if mode is not None:
            Wanted({"mode": mode}, folder).apply(folder, check=False)
    return True


class Target:
    """Where a file is to be put, and what is there now."""

    def __init__(self, operation: "dict[str, Any]", pretence: "Pretence", *, check: bool) -> None:
        path = expand(operation["path"])
        into = operation.get("into")
        as_folder = path.endswith("/")
        path = path.rstrip("/") or "/"
        kind = pretence.kind(path) if check else None
        folder = kind == "directory" or (kind is None and os.path.isdir(path))
        if into and (folder or as_folder):
            parent, path = path, os.path.join(path, into)
        elif folder and not os.path.islink(path):
            raise Failure(f"{path} is a directory: a file cannot be put in its place", path=path, dest=path)
        else:
            parent = os.path.dirname(path)
        if operation.get("follow") and os.path.islink(path):
            path = os.path.realpath(path)
            parent = os.path.dirname(path)
        self.path = path
        self.parent = parent
        kind = pretence.kind(path) if check else None
        # None where a check pretends that the path was made or removed: nothing can be compared
        self.status = None if kind is not None else status_of(path)
        self.pretended = kind not in {None, "absent"}
        self._observe_parent(operation, pretence, check=check)
        if self.status is not None and not S_ISLNK(self.status.st_mode):
            obstacle = special(self.status)
            if obstacle:
                raise Failure(
                    f"{path} is {obstacle}: a file cannot be put in its place", path=path, dest=path
                )

    def _observe_parent(self, operation: "dict[str, Any]", pretence: "Pretence", *, check: bool) -> None:
        if operation.get("make_parents"):
            self.made = make_folders(self.parent, pretence, check=check, mode=operation.get("parents_mode"))
            return
        self.made = False
        kind = pretence.kind(self.parent) if check else None
        if kind == "absent" or (kind is None and not os.path.isdir(self.parent)):
            raise Failure(
                f"Destination directory {self.parent} does not exist", path=self.path, dest=self.path
            )


def write(
    operation: "dict[str, Any]", body: "Body", pretence: "Pretence", *, check: bool, diff: bool
) -> "dict[str, Any]":
    """Carry out a `write`.

    Args:
        operation: see operations.Write; `content` has `sha256`, `size` and `secret`.
        body: returns the pieces of the content, from the controller if need be.
        pretence: what a check has made so far.
        check: only say what would change.
        diff: add one.
    """
    target = Target(operation, pretence, check=check)
    path, old, content = target.path, target.status, operation["content"]
    wanted = Wanted(operation.get("attributes") or {}, path, check=check)
    result: "dict[str, Any]" = {"changed": False, "dest": path, "path": path}
    if (old is not None or target.pretended) and not operation.get("force", True):
        return dict(result, msg="file already exists", **_state(path))
    replaces_link = old is not None and S_ISLNK(old.st_mode)
    try:
        same = old is not None and not replaces_link and _same(path, old, content)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {reason(error)}", path=path) from error
    diffs: "list[dict[str, Any]]" = []
    if same:
        result["checksum"] = digests.of_file(path, "sha1")[0]
    else:
        result["changed"] = True
        if diff:
            diffs.append(_content_diff(target, body, content))
        if check:
            pretence.would(path, "file")
        else:
            result.update(_replace(target, operation, body, wanted))
    before, after = wanted.apply(path, check=check) if same else ({}, {})
    if after:
        result["changed"] = True
        if diff:
            diffs.append(attribute_diff(path, before, after))
    result.update(_state(path) if not check or same else {"state": "file", "size": content["size"]})
    if diff:
        result["diff"] = diffs
    return result


def _state(path: str) -> "dict[str, Any]":
    found = describe(path)
    if found["state"] == "hard":
        found["state"] = "file"
    return found


def _same(path: str, old: "os.stat_result", content: "dict[str, Any]") -> bool:
    return bool(old.st_size == content["size"]) and digests.of_file(path, "sha256")[0] == content["sha256"]


def _content_diff(target: Target, body: "Body", content: "dict[str, Any]") -> "dict[str, Any]":
    path = target.path
    if content.get("secret"):
        return {"before_header": path, "after_header": path, "before": "", "after": HIDDEN}
    before = read_some(path) if target.status is not None and os.path.isfile(path) else None
    if content["size"] > LARGEST_DIFF:
        return dict(diff_of(path, before, b""), src_larger=LARGEST_DIFF)
    return diff_of(path, before, b"".join(body()))


def _replace(target: Target, operation: "dict[str, Any]", body: "Body", wanted: Wanted) -> "dict[str, Any]":
    path, old, content = target.path, target.status, operation["content"]
    added: "dict[str, Any]" = {}
    hashes = {name: digests.digest(name, content["size"]) for name in ("sha1", "sha256", "md5")}

    def pieces() -> "Any":
        for piece in body():
            for one in hashes.values():
                one.update(piece)
            yield piece
        if hashes["sha256"].hexdigest() != content["sha256"]:
            raise Failure(
                f"the content of {path} changed while it was sent, or was damaged on its way", dest=path
            )

    backup = ""
    try:
        if operation.get("backup") and old is not None and os.path.isfile(path):
            backup = added["backup_file"] = back_up(path)
        plain = old if old is not None and not S_ISLNK(old.st_mode) else None
        put(path, pieces(), wanted, operation.get("validate"), plain)
        backup = ""
    except OSError as error:
        raise failure_of(path, error) from error
    finally:
        take_back(backup)
    added.update(checksum=hashes["sha1"].hexdigest(), md5sum=hashes["md5"].hexdigest())
    return added


def read(operation: "dict[str, Any]", send: "Callable[[bytes], None]") -> "dict[str, Any]":
    """Carry out a `read`: the bytes go out by `send` in pieces, the result says what they were."""
    path = expand(operation["path"])
    status = status_of(path, follow=True)
    if status is None:
        raise Failure(f"the remote file does not exist: {path}", path=path, source=path)
    obstacle = special(status)
    if obstacle:
        raise Failure(f"{path} is {obstacle}: it cannot be read as a file", path=path, source=path)
    limit = operation.get("limit")
    if limit is not None and status.st_size > limit:
        raise Failure("%s has %d bytes, more than the limit of %d" % (path, status.st_size, limit), path=path)
    result: "dict[str, Any]" = {"changed": False, "source": path, "mode": f"{S_IMODE(status.st_mode):04o}"}
    try:
        known = operation.get("known")
        if known is not None and digests.of_file(path, "sha256")[0] == known:
            return dict(result, size=status.st_size, sha256=known, sent=False)
        made, size = digests.digest("sha256", status.st_size), 0
        with open(path, "rb", 0) as file:
            while True:
                data = file.read(digests.PIECE)
                if not data:
                    break
                size += len(data)
                # /proc and growing files have more than stat said
                if limit is not None and size > limit:
                    raise Failure("%s has more than the limit of %d bytes" % (path, limit), path=path)
                made.update(data)
                send(data)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {reason(error)}", path=path, source=path) from error
    return dict(result, size=size, sha256=made.hexdigest(), sent=True)
