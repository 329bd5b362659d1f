"""What an operation finds before it acts: told to a plan, and compared with what a saved plan was told.

An item with `seen` is looked at first. `seen` is empty for a plan; for `apply --plan` it holds what was found then,
and what is found now must be the same, or nothing is done. What the run itself has changed before is left out of it.
"""

import os
from _stat import S_IMODE, S_ISDIR, S_ISLNK, S_ISREG

from hivectl.helper.node import digests
from hivectl.helper.node.paths import Failure, expand, kind_of, special, status_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Carried = tuple[dict[str, Any], bytes, bytes]

# operations on one path
PATHS = frozenset({"directory", "edit", "link", "remove", "touch", "write"})
# of a check's result: what differs from time to time, although nothing has changed
RESTLESS = frozenset({"start", "end", "delta", "msg", "rc", "seen", "changed", "elapsed"})


def watched(
    item: "dict[str, Any]", touched: "set[str]", carry_out: "Callable[[dict[str, Any]], Carried]"
) -> "Carried":
    """Carry an item out after a look.

    Args:
        item: with `seen`.
        touched: the paths that this run has changed so far; grows.
        carry_out: does an item.

    Raises:
        Failure: what is found is not what it was when the plan was made.
    """
    seen = item["seen"]
    done = None
    if item["name"] in PATHS:
        found = _path(item["name"], item["o"], touched, private="private" in seen)
    else:
        done = carry_out(dict(item, check=True, diff=True))
        found = {"digest": _digest_of(done[0], private="private" in seen)}
    if "private" in seen:
        found["private"] = True
    if set(seen) - {"private"} and seen != found:
        raise Failure("the plan is stale", stale=True, stopped=True, seen=found)
    if done is None or not item.get("check"):
        done = carry_out(item)
    done[0]["seen"] = found
    if done[0].get("changed") and "path" in found:
        touched.add(found["path"])
    return done


def _digest_of(result: "dict[str, Any]", *, private: bool) -> str:
    import json

    kept = {
        name: value
        for name, value in result.items()
        if name == "diff" or (name not in RESTLESS and isinstance(value, (str, int, bool)))
    }
    if private:
        kept = {name: kept[name] for name in ("failed", "skipped") if name in kept}
    kept["would"] = bool(result.get("changed"))
    digest = digests.digest("sha256", 0)
    digest.update(json.dumps(kept, sort_keys=True, default=str).encode())
    return str(digest.hexdigest())


def _path(name: str, operation: "dict[str, Any]", touched: "set[str]", *, private: bool) -> "dict[str, Any]":
    path = expand(operation["path"]).rstrip("/") or "/"
    into = operation.get("into")
    if into and (operation["path"].endswith("/") or os.path.isdir(path)):
        path = os.path.join(path, into)
    folder, last = os.path.split(path)
    path = os.path.join(os.path.realpath(folder), last)
    if operation.get("follow", name in {"directory", "edit", "touch"}) and os.path.islink(path):
        path = os.path.realpath(path)
    deep = name == "remove" or bool(operation.get("recurse"))
    if _is_of_this_run(path, touched, deep=deep):
        return {"path": path, "kind": "as this run leaves it"}
    return dict(_look(path, deep=deep, private=private), path=path)


def _is_of_this_run(path: str, touched: "set[str]", *, deep: bool) -> bool:
    inside = path.rstrip("/") + "/"
    return any(
        path == other or path.startswith(other.rstrip("/") + "/") or (deep and other.startswith(inside))
        for other in touched
    )


def _look(path: str, *, deep: bool, private: bool) -> "dict[str, Any]":
    status = status_of(path)
    if status is None:
        return {"kind": "absent"}
    mode = status.st_mode
    kind = kind_of(status)
    found: "dict[str, Any]" = {"kind": "file" if kind == "hard" else kind}
    if S_ISLNK(mode):
        return dict(found, target=os.readlink(path))
    found.update(mode=f"{S_IMODE(mode):04o}", owner=status.st_uid, group=status.st_gid)
    if S_ISDIR(mode):
        if deep:
            found["content"] = _inside(path)
    elif not S_ISREG(mode):
        found["kind"] = special(status)
    elif private:
        # a digest of a short secret would give it away
        found["content"] = "%d %d" % (status.st_mtime_ns, status.st_ino)
    else:
        found["content"] = digests.of_file(path, "sha256")[0]
    return found


def _inside(top: str) -> str:
    """Return a digest of all that is below a folder: names, modes, owners, sizes, times."""
    digest = digests.digest("sha256", 0)
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            status = status_of(path)
            if status is None:
                continue
            size = 0 if S_ISDIR(status.st_mode) else status.st_size
            time = 0 if S_ISDIR(status.st_mode) else status.st_mtime_ns
            line = "%s %o %d %d %d %d\n" % (path, status.st_mode, status.st_uid, status.st_gid, size, time)
            digest.update(os.fsencode(line))
    return str(digest.hexdigest())
