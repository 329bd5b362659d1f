"""The operation `duplicate`: a copy of what is on the node already."""

import os
from _stat import S_IMODE

from hivectl.helper.node import digests
from hivectl.helper.node.contents import (
    Target,
    attribute_diff,
    back_up,
    diff_of,
    failure_of,
    put,
    read_some,
    take_back,
)
from hivectl.helper.node.paths import Failure, Wanted, describe, expand, reason, special

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hivectl.helper.node.paths import Pretence


def duplicate(
    operation: "dict[str, Any]", pretence: "Pretence", wire: "Any", *, check: bool, diff: bool
) -> "dict[str, Any]":
    """Carry out a `duplicate`."""
    source = expand(operation["source"])
    if not os.path.exists(source):
        raise Failure(f"Source {source} not found", src=source)
    if not os.access(source, os.R_OK):
        raise Failure(f"Source {source} not readable", src=source)
    if os.path.isdir(source):
        return _Tree(operation, source, wire, check=check).copy()
    if source.endswith("/"):
        raise Failure(f"Source {source} is a file, but its name ends with a slash", src=source)
    return _file(operation, source, pretence, wire, check=check, diff=diff)


def _pieces(source: str, wire: "Any") -> "Iterator[bytes]":
    with open(source, "rb", 0) as file:
        while True:
            data = file.read(digests.PIECE)
            if not data:
                return
            yield data
            wire.tick()


def _wanted(operation: "dict[str, Any]", source: str, path: str, *, replaced: bool) -> Wanted:
    """Return the attributes of a file's copy."""
    attributes = dict(operation.get("attributes") or {})
    if attributes.get("mode") == "preserve" or (attributes.get("mode") is None and replaced):
        attributes["mode"] = f"{S_IMODE(os.stat(source).st_mode):04o}"
    return Wanted(attributes, path)


def _file(
    operation: "dict[str, Any]",
    source: str,
    pretence: "Pretence",
    wire: "Any",
    *,
    check: bool,
    diff: bool,
) -> "dict[str, Any]":
    obstacle = special(os.stat(source))
    if obstacle:
        raise Failure(f"Cannot copy invalid source '{source}': it is {obstacle}", src=source)
    inside = operation["path"].endswith("/")
    aimed = dict(operation, into=os.path.basename(source), make_parents=inside)
    target = Target(aimed, pretence, check=check)
    path, old = target.path, target.status
    result: "dict[str, Any]" = {"changed": False, "dest": path, "src": source}
    if (old is not None or target.pretended) and not operation.get("force", True):
        return dict(result, msg="file already exists", **_state(path))
    checksum, result["md5sum"] = digests.of_file(source, "sha1", "md5")
    result["checksum"] = checksum
    plain = old is not None and not os.path.islink(path)
    same = plain and os.access(path, os.R_OK) and digests.of_file(path, "sha1")[0] == checksum
    diffs: "list[dict[str, Any]]" = []
    if not same:
        result["changed"] = True
        if diff:
            after = read_some(source) or b""
            diffs.append(diff_of(path, read_some(path) if plain else None, after))
        if check:
            pretence.would(path, "file")
        else:
            result.update(_put(operation, source, target, wire))
    else:
        wanted = _wanted(operation, source, path, replaced=False)
        before, after_ = wanted.apply(path, check=check)
        if after_:
            result["changed"] = True
            diffs.append(attribute_diff(path, before, after_))
    result.update(_state(path))
    if diff:
        result["diff"] = diffs
    return result


def _state(path: str) -> "dict[str, Any]":
    if not os.path.exists(path):
        return {}
    found = describe(path)
    return dict(found, state="file") if found["state"] == "hard" else found


def _put(operation: "dict[str, Any]", source: str, target: Target, wire: "Any") -> "dict[str, Any]":
    added: "dict[str, Any]" = {}
    path, old = target.path, target.status
    backup = ""
    try:
        if operation.get("backup") and old is not None and os.path.isfile(path):
            backup = added["backup_file"] = back_up(path)
        wanted = _wanted(operation, source, path, replaced=old is not None)
        put(path, _pieces(source, wire), wanted, operation.get("validate"), None)
        backup = ""
    except OSError as error:
        raise failure_of(path, error) from error
    finally:
        take_back(backup)
    return added


class _Tree:
    """A directory that is copied into another."""

    def __init__(self, operation: "dict[str, Any]", source: str, wire: "Any", *, check: bool) -> None:
        dest = expand(operation["path"])
        self.dest = dest.rstrip("/") or "/"
        # what Ansible calls the destination: of a folder that is there, the place inside of it
        there = os.path.isdir(self.dest)
        self.told = os.path.join(self.dest, os.path.basename(source)) if there else self.dest
        self.operation = operation
        self.source = source
        self.wire = wire
        self.check = check
        top = source.rstrip("/")
        self.root = self.dest if source.endswith("/") else os.path.join(self.dest, os.path.basename(top))
        if os.path.lexists(self.dest) and not os.path.isdir(self.dest):
            raise Failure(
                f"{self.dest} is no directory: a directory cannot be put in its place", dest=self.dest
            )
        inside = os.path.realpath(self.root) + "/"
        if inside.startswith(os.path.realpath(top) + "/"):
            raise Failure(f"{top} cannot be copied into itself", src=source, dest=self.dest)
        attributes = operation.get("attributes") or {}
        self.mode = attributes.get("mode")
        self.owner = Wanted({key: attributes.get(key) for key in ("owner", "group")}, self.dest)
        self.changed = False

    def copy(self) -> "dict[str, Any]":
        """Copy what is missing or different, and return the result."""
        try:
            self._folder(self.source.rstrip("/") or "/", self.root, ())
        except OSError as error:
            place = error.filename if isinstance(error.filename, str) else self.dest
            raise Failure(f"{place}: {reason(error)}", dest=self.dest, src=self.source) from error
        if self.mode is not None and os.path.isdir(self.root):
            mode = f"{S_IMODE(os.stat(self.source).st_mode):04o}" if self.mode == "preserve" else self.mode
            self.changed = (
                bool(Wanted({"mode": mode}, self.root).apply(self.root, check=self.check)[1]) or self.changed
            )
        result: "dict[str, Any]" = {"changed": self.changed, "dest": self.told, "src": self.source}
        result.update(checksum=None, md5sum=None)
        return dict(result, **(describe(self.told) if os.path.exists(self.told) else {}))

    def _own(self, path: str) -> None:
        if os.path.lexists(path):
            self.changed = bool(self.owner.apply(path, check=self.check)[1]) or self.changed

    def _folder(self, source: str, target: str, above: "tuple[str, ...]") -> None:
        real = os.path.realpath(source)
        if real in above:
            raise Failure(f"the link {source} leads back to a folder above it", src=self.source)
        made = not os.path.isdir(target)
        if made:
            self.changed = True
            if not self.check:
                os.makedirs(target)
        self._own(target)
        for name in sorted(os.listdir(source)):
            self.wire.tick()
            self._entry(os.path.join(source, name), os.path.join(target, name), (*above, real))
        if made and not self.check:
            os.chmod(target, S_IMODE(os.stat(source).st_mode))

    def _entry(self, source: str, target: str, above: "tuple[str, ...]") -> None:
        if os.path.islink(source) and not self.operation.get("local_follow", True):
            if not os.path.lexists(target):
                self.changed = True
                if not self.check:
                    os.symlink(os.readlink(source), target)
        elif os.path.isdir(source):
            self._folder(source, target, above)
        elif not os.path.isfile(source):
            raise Failure(
                f"{source} is neither a file nor a directory, and cannot be copied", src=self.source
            )
        else:
            if not _same(source, target):
                self.changed = True
                if not self.check:
                    mode = {"mode": f"{S_IMODE(os.stat(source).st_mode):04o}"}
                    put(target, _pieces(source, self.wire), Wanted(mode, target), None, None)
            self._own(target)


def _same(source: str, target: str) -> bool:
    if not os.path.isfile(target) or os.path.getsize(source) != os.path.getsize(target):
        return False
    return digests.of_file(source, "sha256") == digests.of_file(target, "sha256")
