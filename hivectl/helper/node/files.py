"""States of paths: stat, directory, link, remove, touch."""

import os
import time
from _stat import S_IMODE, S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISLNK, S_ISREG, S_ISSOCK

from hivectl.helper.node import digests
from hivectl.helper.node.contents import attribute_diff, make_folders
from hivectl.helper.node.paths import (
    Failure,
    Wanted,
    describe,
    expand,
    group_name,
    kind_of,
    reason,
    status_of,
    user_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.paths import Pretence


def facts_of(path: str, status: os.stat_result) -> "dict[str, Any]":
    """Return what Ansible's stat and find say of a path."""
    mode = status.st_mode
    found: "dict[str, Any]" = {
        "path": path,
        "mode": f"{S_IMODE(mode):04o}",
        "isdir": S_ISDIR(mode),
        "ischr": S_ISCHR(mode),
        "isblk": S_ISBLK(mode),
        "isreg": S_ISREG(mode),
        "isfifo": S_ISFIFO(mode),
        "islnk": S_ISLNK(mode),
        "issock": S_ISSOCK(mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "size": status.st_size,
        "inode": status.st_ino,
        "dev": status.st_dev,
        "nlink": status.st_nlink,
        "atime": status.st_atime,
        "mtime": status.st_mtime,
        "ctime": status.st_ctime,
        "isuid": bool(mode & 0o4000),
        "isgid": bool(mode & 0o2000),
        "pw_name": user_name(status.st_uid),
        "gr_name": group_name(status.st_gid),
    }
    for shift, who in ((6, "usr"), (3, "grp"), (0, "oth")):
        for bit, letter in ((4, "r"), (2, "w"), (1, "x")):
            found[letter + who] = bool(mode >> shift & bit)
    return found


def stat(operation: "dict[str, Any]") -> "dict[str, Any]":
    """Carry out a `stat`; the keys are those of Ansible's stat module."""
    path = expand(operation["path"])
    status = status_of(path, follow=operation.get("follow", False))
    if status is None:
        return {"changed": False, "stat": {"exists": False}}
    found = facts_of(path, status)
    found["exists"] = True
    mode = status.st_mode
    for key, value in (
        ("blocks", status.st_blocks),
        ("block_size", status.st_blksize),
        ("device_type", status.st_rdev),
        ("readable", os.access(path, os.R_OK)),
        ("writeable", os.access(path, os.W_OK)),
        ("executable", os.access(path, os.X_OK)),
    ):
        found[key] = value
    if S_ISLNK(mode):
        found["lnk_source"] = os.path.realpath(path)
        found["lnk_target"] = os.readlink(path)
    checksum = operation.get("checksum", "sha1")
    if checksum and S_ISREG(mode) and found["readable"]:
        try:
            found["checksum"] = digests.of_file(path, checksum)[0]
        except OSError as error:
            raise Failure(f"{path} cannot be read: {reason(error)}", path=path) from error
    return {"changed": False, "stat": found}


def _finish(
    result: "dict[str, Any]",
    path: str,
    before: "dict[str, Any]",
    after: "dict[str, Any]",
    *,
    diff: bool,
    follow: bool,
) -> "dict[str, Any]":
    """Add what the path is now, and what is different."""
    if after:
        result["changed"] = True
    if diff:
        result["diff"] = attribute_diff(path, before, after)
    found = describe(path, follow=follow)
    found["state"] = result.pop("state", found["state"])
    result.update(found)
    return result


def directory(
    operation: "dict[str, Any]", pretence: "Pretence", *, check: bool, diff: bool
) -> "dict[str, Any]":
    """Carry out a `directory`."""
    path = expand(operation["path"]).rstrip("/") or "/"
    if operation.get("follow", True) and os.path.islink(path):
        path = os.path.realpath(path)
    kind = (pretence.kind(path) if check else None) or kind_of(status_of(path))
    result: "dict[str, Any]" = {"changed": False, "path": path, "state": "directory"}
    wanted = Wanted(operation.get("attributes") or {}, path, check=check)
    if kind == "absent":
        return _make(result, path, wanted, pretence, check=check, diff=diff)
    if kind != "directory":
        raise Failure(f"{path} already exists as a {kind}", path=path)
    before, after = wanted.apply(path, check=check)
    if operation.get("recurse") and not (check and pretence.kind(path)):
        result["changed"] = _recurse(path, wanted, check=check)
    return _finish(result, path, before, after, diff=diff, follow=False)


def _make(
    result: "dict[str, Any]", path: str, wanted: Wanted, pretence: "Pretence", *, check: bool, diff: bool
) -> "dict[str, Any]":
    missing = [path]
    while not os.path.lexists(os.path.dirname(missing[-1])):
        missing.append(os.path.dirname(missing[-1]))
    make_folders(path, pretence, check=check)  # a file in the way is named there
    for folder in reversed(missing):
        if not check:
            wanted.apply(folder, check=False)
    return _finish(result, path, {"state": "absent"}, {"state": "directory"}, diff=diff, follow=False)


def _recurse(top: str, wanted: Wanted, *, check: bool) -> bool:
    """Set the attributes of everything inside; links are not followed."""
    changed = False

    def unreadable(error: OSError) -> None:
        raise Failure(f"{error.filename} cannot be read: {reason(error)}", path=top)

    for folder, folders, files in os.walk(top, onerror=unreadable):
        for name in folders + files:
            changed = bool(wanted.apply(os.path.join(folder, name), check=check)[1]) or changed
    return changed


def link(operation: "dict[str, Any]", pretence: "Pretence", *, check: bool, diff: bool) -> "dict[str, Any]":
    """Carry out a `link`."""
    path = expand(operation["path"]).rstrip("/") or "/"
    hard, force = operation.get("hard", False), operation.get("force", False)
    if hard and operation.get("source") and os.path.isdir(path):
        # Ansible: another name of a file, inside of the directory
        path = os.path.join(path, os.path.basename(operation["source"]))
    kind = (pretence.kind(path) if check else None) or kind_of(status_of(path))
    source = _source(operation, path, kind, hard=hard)
    if os.path.isdir(path) and not os.path.islink(path) and kind == "directory":
        inside = bool(os.listdir(path)) and not pretence.kind(path)
        if not force or inside:
            words = (
                f"the directory {path} is not empty, refusing to convert it"
                if inside
                else (f"refusing to convert from directory to link for {path}")
            )
            raise Failure(words, path=path, dest=path)
    elif not force and kind in {"file", "hard"} and not _linked(path, source, kind, hard=hard):
        raise Failure(f"refusing to convert from file to {_word(hard=hard)} for {path}", path=path, dest=path)
    _observe_source(source, path, pretence, hard=hard, force=force, check=check)
    result: "dict[str, Any]" = {"changed": False, "dest": path, "src": source, "path": path}
    before: "dict[str, Any]" = {}
    after: "dict[str, Any]" = {}
    if not _linked(path, source, kind, hard=hard):
        before, after = {"state": kind}, {"state": _word(hard=hard), "src": source}
        if check:
            pretence.would(path, "file" if hard else "link")
        else:
            _replace_link(path, source, kind, hard=hard)
    follow = operation.get("follow", True) and os.path.exists(path)
    wanted = Wanted(operation.get("attributes") or {}, path, check=check)
    old, new = wanted.apply(path, check=check, follow=follow) if not (check and after) else ({}, {})
    result["state"] = _word(hard=hard)
    return _finish(result, path, dict(before, **old), dict(after, **new), diff=diff, follow=False)


def _word(*, hard: bool) -> str:
    return "hard" if hard else "link"


def _source(operation: "dict[str, Any]", path: str, kind: str, *, hard: bool) -> str:
    source = operation.get("source")
    if source is None:
        # Ansible: without a source an existing link only has its attributes set
        if kind == "link" and not hard:
            return os.readlink(path)
        raise Failure("src is required for creating new links", path=path)
    # a relative target stays as it is written: it is relative to the link
    return str(os.path.expandvars(os.path.expanduser(source)))


def _linked(path: str, source: str, kind: str, *, hard: bool) -> bool:
    try:
        if hard:
            return kind in {"file", "hard"} and os.path.samefile(path, source)
        return kind == "link" and os.readlink(path) == source
    except OSError:
        return False


def _observe_source(
    source: str, path: str, pretence: "Pretence", *, hard: bool, force: bool, check: bool
) -> None:
    full = os.path.normpath(os.path.join(os.path.dirname(path), source))
    kind = pretence.kind(full) if check else None
    there = os.path.exists(full) if kind is None else kind != "absent"
    if there or (force and not hard):
        return
    words = 'src file does not exist, use "force=yes" if you really want to create the link: %s'
    raise Failure((words if not hard else "src does not exist: %s") % full, path=path, src=source)


def _replace_link(path: str, source: str, kind: str, *, hard: bool) -> None:
    """Put the link in place of what is there at once, by rename."""
    temporary = "%s/.%d.%d.hivectl" % (os.path.dirname(path), os.getpid(), time.time_ns())
    make = os.link if hard else os.symlink
    try:
        if kind == "absent":
            make(source, path)
            return
        if kind == "directory":
            os.rmdir(path)
        make(source, temporary)
        try:
            os.rename(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise Failure(f"Error while linking: {path}: {reason(error)}", path=path, src=source) from error


def remove(operation: "dict[str, Any]", pretence: "Pretence", *, check: bool, diff: bool) -> "dict[str, Any]":
    """Carry out a `remove`."""
    path = expand(operation["path"]).rstrip("/") or "/"
    kind = (pretence.kind(path) if check else None) or kind_of(status_of(path))
    result: "dict[str, Any]" = {"changed": kind != "absent", "path": path, "state": "absent"}
    if diff:
        result["diff"] = {"before": {"path": path, "state": kind}, "after": {"path": path, "state": "absent"}}
    if kind == "absent":
        return result
    if check:
        pretence.would(path, "absent")
        return result
    try:
        if kind == "directory":
            _remove_folder(path, None)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass  # somebody else was quicker
    except OSError as error:
        raise Failure(f"{error.filename or path} cannot be removed: {reason(error)}", path=path) from error
    return result


def _remove_folder(name: str, above: "int | None") -> None:
    """Remove a folder with all inside it; by descriptors, so that a link put in the way is never followed."""
    here = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        with os.scandir(here) as entries:
            inside = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for entry_name, is_folder in inside:
            if is_folder:
                _remove_folder(entry_name, here)
            else:
                os.unlink(entry_name, dir_fd=here)
    finally:
        os.close(here)
    os.rmdir(name, dir_fd=above)


def touch(operation: "dict[str, Any]", pretence: "Pretence", *, check: bool, diff: bool) -> "dict[str, Any]":
    """Carry out a `touch`: Ansible's state=touch with `make`, else state=file (`regular`) or none."""
    path = expand(operation["path"]).rstrip("/") or "/"
    make = operation.get("make", False)
    if operation.get("follow", True) and os.path.islink(path):
        path = os.path.realpath(path)
    kind = (pretence.kind(path) if check else None) or kind_of(status_of(path))
    result: "dict[str, Any]" = {"changed": False, "path": path, "dest": path}
    if kind == "absent" and not make:
        raise Failure(f"file ({path}) is absent, cannot continue", path=path, state="absent")
    if kind not in {"file", "hard", "absent"} and operation.get("regular", False):
        raise Failure(f"file ({path}) is {kind}, cannot continue", path=path, state=kind)
    wanted = Wanted(operation.get("attributes") or {}, path, check=check)
    times = [
        _moment(operation, key, "now" if make else "preserve") for key in ("access_time", "modification_time")
    ]
    before: "dict[str, Any]" = {}
    after: "dict[str, Any]" = {}
    if kind == "absent":
        before, after = {"state": "absent"}, {"state": "touch"}
        if check:
            pretence.would(path, "file")
        else:
            _create(path)
    if not (check and pretence.kind(path)):
        old, new = _set_times(path, times, check=check)
        before.update(old)
        after.update(new)
        old, new = wanted.apply(path, check=check)
        before.update(old)
        after.update(new)
    return _finish(result, path, before, after, diff=diff, follow=False)


def _create(path: str) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
    except OSError as error:
        raise Failure(f"Error, could not touch target: {path}: {reason(error)}", path=path) from error


def _moment(operation: "dict[str, Any]", key: str, default: str) -> "int | None":
    """Return nanoseconds since the epoch; None: leave it."""
    text = operation.get(key)
    text = default if text is None else text
    if text == "preserve":
        return None
    if text == "now":
        return time.time_ns()
    layout = operation.get(key + "_format") or "%Y%m%d%H%M.%S"
    try:
        return int(time.mktime(time.strptime(text, layout))) * 10**9
    except ValueError as error:
        raise Failure(f"{key} is no time of the form {layout}: {error}", path=operation["path"]) from error


def _set_times(
    path: str, times: "list[int | None]", *, check: bool
) -> "tuple[dict[str, Any], dict[str, Any]]":
    status = status_of(path)
    if status is None:
        return {}, {}
    old = [status.st_atime_ns, status.st_mtime_ns]
    new = [was if moment is None else moment for was, moment in zip(old, times)]
    before: "dict[str, Any]" = {}
    after: "dict[str, Any]" = {}
    for key, was, becomes in zip(("atime", "mtime"), old, new):
        if was != becomes:
            before[key], after[key] = was / 1e9, becomes / 1e9
    if after and not check:
        try:
            os.utime(path, ns=(new[0], new[1]))
        except OSError as error:
            raise Failure(f"Error while updating times: {path}: {reason(error)}", path=path) from error
    return before, after
