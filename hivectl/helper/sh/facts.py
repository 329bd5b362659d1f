"""Facts of nodes without Python: their files come here, and are read by the helper's own code for facts."""

from __future__ import annotations

import posixpath
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hivectl.helper.node.facts import MANAGERS, facts
from hivectl.helper.node.hardware_facts import UNREAL
from hivectl.helper.node.local_facts import FOLDER, failed
from hivectl.helper.node.machine import Machine
from hivectl.helper.sh.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.helper.sh.wire import Said

# what the helper's own code finds out of a machine's files; the others are about the process that asks
FROM_FILES = ("platform", "distribution", "hardware", "network", "virtual", "mounts", "local")


class Snapshot(Machine):
    """What a node has sent of itself."""

    def __init__(self, sent: Mapping[str, str]) -> None:
        self.sent = sent

    def text(self, path: str) -> str:
        """Return a file's text; what sh cannot hold, NUL, came as another character."""
        return self.sent.get(path, "").replace("\1", "\0")

    def exists(self, path: str) -> bool:
        """Whether it was sent, or something in it."""
        return path in self.sent or f"{path.rstrip('/')}/" in self.sent

    def names(self, folder: str) -> list[str]:
        """Return the names of what was sent of a folder."""
        start = f"{folder.rstrip('/')}/"
        paths = (path.removeprefix("real ") for path in self.sent)
        found = {path[len(start) :].partition("/")[0] for path in paths if path.startswith(start)}
        return sorted(found - {""})

    def real(self, path: str) -> str:
        """Return what links lead to there."""
        return self.sent.get(f"real {path}", posixpath.normpath(path))

    def own_facts(self, folder: str, wire: Any) -> list[tuple[str, str, str]]:
        """Return the path of each of its own files of facts, what it says, and what is wrong with it."""
        del folder, wire
        found = []
        for name, text in self.sent.items():
            kind, _, path = name.partition(" ")
            if kind == "own":
                wrong = self.sent.get(f"wrong {path}", "")
                ended = self.sent.get(f"ended {path}", "")
                if ended:
                    rc, _, error = ended.partition("\n")
                    wrong = failed(path, int(rc), error)
                found.append((path, text, wrong))
        return sorted(found)

    def uname(self) -> Any:
        """Return the kernel's names."""
        words = (*self.sent.get("uname", "").split("\n"), "", "", "", "", "")[:5]
        return SimpleNamespace(
            **dict(zip(("sysname", "nodename", "release", "version", "machine"), words, strict=True))
        )

    def processors(self) -> int:
        """Return how many processors a process may use."""
        number = self.sent.get("processors", "").strip()
        return int(number) if number.isdigit() else 0

    def room(self, mount: str, kind: str, wire: Any) -> dict[str, Any]:
        """Return how much room a mount has, as stat(1) says it."""
        del wire
        words = self.sent.get(f"room {mount}", "").split()
        if len(words) != 6 or not all(word.isdigit() for word in words):
            late = kind.startswith(("nfs", "cifs", "fuse", "smb"))
            return {"note": "the mount does not answer"} if late else {}
        block, unit, total, available, inodes, free = (int(word) for word in words)
        return {
            "size_total": unit * total,
            "size_available": unit * available,
            "block_size": block,
            "block_total": total,
            "block_available": available,
            "block_used": total - available,
            "inode_total": inodes,
            "inode_available": free,
            "inode_used": inodes - free,
        }

    def addresses(self, wire: Any) -> list[dict[str, Any]]:
        """Return the addresses of interfaces, as `ip addr` or `ifconfig` prints them."""
        del wire
        found: list[dict[str, Any]] = []
        for line in self.sent.get("addresses", "").splitlines():
            words = line.split()
            if line[:1].isdigit() and len(words) > 1:
                found.append({"ifname": words[1].rstrip(":").partition("@")[0], "addr_info": []})
            elif found and len(words) > 1 and words[0] in {"inet", "inet6"}:
                found[-1]["addr_info"].append(_address(words))
        return found or _by_ifconfig(self.sent.get("ifconfig", ""))


def _address(words: list[str]) -> dict[str, Any]:
    address, _, prefix = words[1].partition("/")
    after = dict(pairwise(words[2:]))
    return {
        "family": words[0],
        "local": address,
        "prefixlen": int(prefix or (32 if words[0] == "inet" else 128)),
        "broadcast": after.get("brd", ""),
        "scope": after.get("scope", ""),
    }


def _by_ifconfig(text: str) -> list[dict[str, Any]]:
    """Return IPv4 addresses as busybox's and net-tools' ifconfig print them."""
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        words = line.replace("addr:", "").replace("Mask:", "netmask ").replace("Bcast:", "broadcast ").split()
        if line[:1].strip() and words:
            found.append({"ifname": words[0].rstrip(":"), "addr_info": []})
        elif found and words[:1] == ["inet"] and "netmask" in words:
            mask = words[words.index("netmask") + 1]
            bits = "".join(f"{int(part):b}" for part in mask.split(".")).count("1")
            after = dict(pairwise(words))
            found[-1]["addr_info"].append(
                {
                    "family": "inet",
                    "local": words[1],
                    "prefixlen": bits,
                    "broadcast": after.get("broadcast", ""),
                }
            )
    return found


def encode(plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return what a `facts` is called with."""
    managers = " ".join(path for _, paths in MANAGERS for path in paths)
    groups = "".join(f" {quote(group)}" for group in plain["groups"])
    made = f"o_managers={quote(managers)};o_unreal={quote(' '.join(sorted(UNREAL)))}"
    if "local" in plain["groups"]:
        made += f";o_folder={quote(plain.get('fact_path') or FOLDER)}"
    return groups, [made]


def result_of(said: Said, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `facts`' result."""
    words = said.data.decode("utf-8", "surrogateescape").split("\0")
    sent = dict(zip(words[:-1:2], words[1::2], strict=True))
    machine = Snapshot(sent)
    groups = plain["groups"]
    wire: Any = None  # what would ask this machine does not
    found: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for group in groups:
        if group in FROM_FILES:
            told |= facts({"groups": [group]}, wire, machine)
            found |= told["ansible_facts"]
        elif group in OTHERS:
            found |= OTHERS[group](sent)
    if "platform" in groups:
        found |= _platform(found, sent)
    return {**told, "changed": False, "ansible_facts": found}


def _platform(found: Mapping[str, Any], sent: Mapping[str, str]) -> dict[str, Any]:
    """Correct what only a process there can know."""
    name = sent.get("fqdn", "").strip() or found["nodename"]
    bits = "32" if sent.get("class", "").strip() == "1" else "64"
    narrow = bits == "32" and found["machine"] == "x86_64"
    return {
        "fqdn": name,
        "domain": name.partition(".")[2],
        "userspace_bits": bits,
        "userspace_architecture": "i386" if narrow else found["architecture"],
    }


def _user(sent: Mapping[str, str]) -> dict[str, Any]:
    numbers = {line.split()[0]: line.split()[1:] for line in sent.get("status", "").splitlines()}
    uids, gids = ([int(word) for word in numbers[name]] for name in ("Uid:", "Gid:"))
    found: dict[str, Any] = {
        "real_user_id": uids[0],
        "effective_user_id": uids[1],
        "real_group_id": gids[0],
        "effective_group_id": gids[1],
    }
    fields = sent.get("passwd", "").partition("\n")[0].split(":")
    if len(fields) < 7:
        return {**found, "user_id": str(uids[0]), "user_uid": uids[0], "user_gid": gids[0]}
    name, _, uid, gid, gecos, folder, shell = fields[:7]
    return {
        **found,
        "user_id": name,
        "user_uid": int(uid),
        "user_gid": int(gid),
        "user_gecos": gecos,
        "user_dir": folder,
        "user_shell": shell,
    }


def _date_time(sent: Mapping[str, str]) -> dict[str, Any]:
    names = ("year", "month", "weekday", "weekday_number", "weeknumber", "day", "hour", "minute", "second")
    epoch, *words = sent["local"].split("|")
    parts = dict(zip((*names, "tz", "tz_offset"), words, strict=True))
    date = f"{parts['year']}-{parts['month']}-{parts['day']}"
    clock = f"{parts['hour']}:{parts['minute']}:{parts['second']}"
    short = f"{date}T{clock}".replace("-", "").replace(":", "")
    world = datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "date_time": {
            **parts,
            "epoch": epoch,
            "epoch_int": epoch,
            "date": date,
            "time": clock,
            # plain tools count seconds
            "iso8601_micro": f"{world}.000000Z",
            "iso8601": f"{world}Z",
            "iso8601_basic": f"{short}000000",
            "iso8601_basic_short": short,
            "tz_dst": parts["tz"],
        }
    }


def _env(sent: Mapping[str, str]) -> dict[str, Any]:
    entries = (entry.partition("=") for entry in sent.get("environ", "").split("\1") if "=" in entry)
    return {"env": {name: value for name, _, value in entries}}


OTHERS = {"user": _user, "date_time": _date_time, "env": _env}
