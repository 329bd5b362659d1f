"""What the sh program says, as results in the shape of the Python helper's."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hivectl.helper.contents import digests_of
from hivectl.helper.node.contents import HIDDEN, LARGEST_DIFF, attribute_diff, diff_of
from hivectl.helper.node.runs import NOT_RUN, delta

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hivectl.helper.operations import Content, Item
    from hivectl.helper.sh.wire import Said

LARGEST = 16 << 20
NUMBERS = frozenset({"uid", "gid", "size", "rc", "exit_status", "found"})
# st_mode's kinds (inode(7))
KINDS = {"isdir": 4, "ischr": 2, "isblk": 6, "isreg": 8, "isfifo": 1, "islnk": 10, "issock": 12}


class Clock:
    """The node's wall clock, by its seconds since the boot."""

    def __init__(self, hello: Said) -> None:
        fields = hello.fields
        zone = fields.get("zone", "+0000")
        minutes = int(zone[1:3]) * 60 + int(zone[3:5]) if len(zone) == 5 and zone[1:].isdigit() else 0
        self.zone = timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes)) if minutes else UTC
        # seconds by which its clock is ahead of ours: it counted whole ones when it said so
        ahead = float(fields["epoch"]) - time.time()
        self.ahead = ahead if abs(ahead) > 2 else 0.0
        self._offset = float(fields["epoch"]) - float(fields["up"])

    def written(self, up: float) -> str:
        """Return a moment as Ansible writes it."""
        return datetime.fromtimestamp(self._offset + up, self.zone).strftime("%Y-%m-%d %H:%M:%S.%f")


def result_of(said: Said, item: Item, clock: Clock) -> tuple[dict[str, Any], bytes]:
    """Return the header of a result as the Python helper would have sent it, and its bytes.

    Raises:
        ValueError, KeyError: the frame lacks what it must have.
    """
    began, ended = float(said.fields["b"]), float(said.fields["e"])
    name = item.operation.name
    header: dict[str, Any] = {"t": "result", "i": said.index, "s": max(0.0, ended - began)}
    if said.flag("failed") and "out" not in said.fields:
        header["r"] = failed(said)
        return header, b""
    if name == "run":
        header["r"], output = _run(said, clock, began, ended)
        header["out"] = int(said.fields.get("out", len(output)))
        return header, output
    header["r"] = RESULTS[name](said, item)
    return header, b""


def failed(said: Said) -> dict[str, Any]:
    """Return a failed item's result."""
    result: dict[str, Any] = {"changed": False, "failed": True}
    for name, value in said.fields.items():
        if name in {"b", "e", "failed"}:
            continue
        if name in {"stopped", "timed_out"}:
            result[name] = value == "1"
        else:
            result[name] = int(value) if name in NUMBERS else value
    return result


def _run(said: Said, clock: Clock, began: float, ended: float) -> tuple[dict[str, Any], bytes]:
    fields = said.fields
    changed = said.flag("changed")
    if said.flag("checked"):
        result: dict[str, Any] = {
            "changed": changed,
            "rc": 0,
            "msg": "Command would have run if not in check mode",
        }
        if not changed:
            result["skipped"] = True
        return result, b""
    if "skipped_since" in fields:
        words = fields["skipped_since"].encode("utf-8", "surrogateescape")
        return {"changed": False, "rc": 0, "msg": fields["msg"], **NOT_RUN}, words
    # its clock counts hundredths: what took less than one took some time all the same
    seconds = max(ended - began, 1e-6)
    result = {
        "changed": changed,
        "rc": int(fields["rc"]),
        "start": clock.written(began),
        "end": clock.written(began + seconds),
        "delta": delta(seconds),
        "msg": fields.get("msg", ""),
    }
    for name in ("failed", "stopped", "timed_out"):
        if said.flag(name):
            result[name] = True
    if said.flag("truncated"):
        result["warnings"] = [f"the output was longer than {LARGEST} bytes and was cut there"]
    return result, said.data


def stripped(header: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Take the newlines at the ends of both outputs away."""
    out = header["out"]
    stdout, stderr = data[:out].rstrip(b"\r\n"), data[out:].rstrip(b"\r\n")
    header["out"] = len(stdout)
    return header, stdout + stderr


def about(text: str) -> dict[str, Any]:
    """Return the description of a path that goes with results."""
    if not text:
        return {"state": "absent"}
    kind, mode, uid, gid, size, names = text.split(" ", 5)
    owner, _, group = names.partition("/")
    return {
        "state": kind,
        "mode": f"0{int(mode):03o}",
        "uid": int(uid),
        "gid": int(gid),
        "owner": owner,
        "group": group,
        "size": int(size),
    }


def _sides(said: Said) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what differed, before and after."""
    return _pairs(said.fields.get("before", "")), _pairs(said.fields.get("after", ""))


def _pairs(text: str) -> dict[str, Any]:
    words = text.split()
    made: dict[str, Any] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name in {"owner", "group"}:
            made[name] = int(value)
        elif name in {"atime", "mtime"} and value.replace(".", "").isdigit():
            made[name] = float(value)
        else:
            made[name] = value
    return made


def _path(said: Said, item: Item) -> dict[str, Any]:
    """Return the result of directory, link and touch."""
    fields = said.fields
    result: dict[str, Any] = {"changed": said.flag("changed"), **about(fields.get("about", ""))}
    result |= {name: fields[name] for name in ("path", "dest", "src", "state") if name in fields}
    if item.diff:
        result["diff"] = attribute_diff(fields["path"], *_sides(said))
        if item.operation.name == "link" and "state" in result["diff"]["after"]:
            result["diff"]["after"]["src"] = fields["src"]
    return result


def _remove(said: Said, item: Item) -> dict[str, Any]:
    path = said.fields["path"]
    result: dict[str, Any] = {"changed": said.flag("changed"), "path": path, "state": "absent"}
    if item.diff:
        before, after = _sides(said)
        result["diff"] = {"before": {"path": path, **before}, "after": {"path": path, **after}}
    return result


def _write(said: Said, item: Item) -> dict[str, Any]:
    fields = said.fields
    content: Content = item.operation.content  # type: ignore[attr-defined]  # a write has one
    path = fields["path"]
    result: dict[str, Any] = {"changed": said.flag("changed"), "dest": path, "path": path}
    for name in ("backup_file", "msg"):
        if name in fields:
            result[name] = fields[name]
    if "about" in fields:
        result |= about(fields["about"])
        if result["state"] == "hard":
            result["state"] = "file"
    else:
        result |= {"state": "file", "size": content.size}
    if "msg" in fields:
        return result
    if "about" in fields:
        # the node has these very bytes, by their sha256
        result["checksum"], md5sum = digests_of(content, "sha1", "md5")
        if not said.flag("same"):
            result["md5sum"] = md5sum
    if item.diff:
        diffs = []
        if not said.flag("same"):
            diffs.append(_content_diff(path, said, content))
        before, after = _sides(said)
        if after:
            diffs.append(attribute_diff(path, before, after))
        result["diff"] = diffs
    return result


def _content_diff(path: str, said: Said, content: Content) -> dict[str, Any]:
    if content.secret:
        return {"before_header": path, "after_header": path, "before": "", "after": HIDDEN}
    before = said.data if said.flag("old") else None
    if content.size > LARGEST_DIFF:
        return {**diff_of(path, before, b""), "src_larger": LARGEST_DIFF}
    return diff_of(path, before, bytes_of(content))


def bytes_of(content: Content) -> bytes:
    """Return a content's bytes, b"" where its file is gone."""
    if isinstance(content.source, bytes):
        return content.source
    try:
        return content.source.read_bytes()
    except OSError:
        return b""


def _read(said: Said, _item: Item) -> dict[str, Any]:
    fields = said.fields
    result: dict[str, Any] = {"changed": False, "source": fields["source"], "mode": fields["mode"]}
    result |= {"size": int(fields["size"]), "sent": said.flag("sent")}
    if "sha256" in fields:
        result["sha256"] = fields["sha256"]
    return result


def _stat(said: Said, _item: Item) -> dict[str, Any]:
    fields = said.fields
    if not said.flag("exists"):
        return {"changed": False, "stat": {"exists": False}}
    raw, nlink, uid, gid, size, names = fields["raw"].split(" ", 5)
    inode, device, atime, mtime, ctime, blocks, block_size, major, minor = fields["more"].split()
    mode = int(raw)
    kind = mode >> 12
    owner, _, group = names.partition("/")
    found: dict[str, Any] = {
        "exists": True,
        "path": fields["path"],
        "mode": f"{mode & 0o7777:04o}",
        **{name: kind == number for name, number in KINDS.items()},
        "uid": int(uid),
        "gid": int(gid),
        "size": int(size),
        "inode": int(inode),
        "dev": int(device),
        "nlink": int(nlink),
        "atime": float(atime),
        "mtime": float(mtime),
        "ctime": float(ctime),
        "blocks": int(blocks),
        "block_size": int(block_size),
        "device_type": _device(int(major, 16), int(minor, 16)),
        "isuid": bool(mode & 0o4000),
        "isgid": bool(mode & 0o2000),
        "pw_name": uid if owner in {"UNKNOWN", "(unknown)"} else owner,
        "gr_name": gid if group in {"UNKNOWN", "(unknown)"} else group,
        "readable": "r" in fields["can"],
        "writeable": "w" in fields["can"],
        "executable": "x" in fields["can"],
    }
    for shift, who in ((6, "usr"), (3, "grp"), (0, "oth")):
        for bit, letter in ((4, "r"), (2, "w"), (1, "x")):
            found[letter + who] = bool(mode >> shift & bit)
    found |= {name: fields[name] for name in ("lnk_source", "lnk_target", "checksum") if name in fields}
    return {"changed": False, "stat": found}


def _device(major: int, minor: int) -> int:
    """Return a device's number as st_rdev has it on Linux (sys/sysmacros.h)."""
    return (minor & 0xFF) | (major & 0xFFF) << 8 | (minor & ~0xFF) << 12 | (major & ~0xFFF) << 32


def refusal(fields: Mapping[str, str]) -> str:
    """Say why a claim is not taken, in the words of helper/node/lock.py."""
    import json

    def plain(name: str) -> Any:
        try:
            return json.loads(fields[name])
        except (KeyError, ValueError):
            return None

    why, owner, until = fields.get("why"), plain("owner"), plain("until")
    if why == "older":
        return (
            f"this controller's claim (token {fields.get('claim')}) is older than that of {owner} "
            f"(token {plain('token')}, until {until})"
        )
    if why == "ended":
        return (
            f"this controller's claim ended, and since then {owner}, who uses another lab's store, "
            "has had the node"
        )
    if why == "held":
        return f"the node is held by {owner}, who uses another lab's store, until {until}"
    return (
        f"{fields.get('path')} is held by an unknown party: the file was not written by hivectl. "
        "If nobody uses this node, remove the file"
    )


RESULTS: dict[str, Callable[[Said, Item], dict[str, Any]]] = {
    "stat": _stat,
    "read": _read,
    "write": _write,
    "directory": _path,
    "link": _path,
    "touch": _path,
    "remove": _remove,
}
