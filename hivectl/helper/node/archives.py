"""The operation `unpack`: the members of an archive in a directory, and nothing outside of it."""

import fnmatch
import os
import tempfile
from _stat import S_IMODE, S_ISDIR, S_ISLNK, S_ISREG

from hivectl.helper.node import digests
from hivectl.helper.node.archive_members import Damaged, kind_of_archive, members, reading_errors
from hivectl.helper.node.archive_tree import Tree
from hivectl.helper.node.paths import Failure, Wanted, current_umask, describe, expand, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    from hivectl.helper.node.archive_members import Member

# bytes between two looks at the wire
OFTEN = 1 << 20
# members, and bytes of their names in a result
MOST = 2_000_000
LONGEST_LIST = 4 << 20


def unpack(
    operation: "dict[str, Any]", body: "Any", wire: "Any", *, check: bool, diff: bool
) -> "dict[str, Any]":
    """Carry out an `unpack`."""
    creates = operation.get("creates")
    if creates is not None and os.path.exists(os.path.expanduser(creates)):
        return {"changed": False, "skipped": True, "msg": f"skipped, since {creates} exists"}
    dest = expand(operation["path"]).rstrip("/") or "/"
    if not os.path.isdir(dest):
        raise Failure(f"dest '{dest}' must be an existing dir", dest=dest)
    with _archive(operation, body, dest, wire) as file:
        job = _Job(operation, file, dest, wire, check=check)
        try:
            job.survey()
            job.work()
        except reading_errors() as error:
            raise Failure(f"the archive {job.label} is damaged: {error}", dest=dest) from error
        except OSError as error:
            place = error.filename if isinstance(error.filename, str) else dest
            raise Failure(f"failed to unpack {job.label} to {dest}: {place}: {reason(error)}") from error
    result: "dict[str, Any]" = {"changed": bool(job.changes), "dest": dest, "src": job.label}
    result["handler"] = job.handler
    if not check:
        result["changed"] = job.set_attributes() or result["changed"]
    if operation.get("list_files"):
        result["files"] = job.names
    if diff and job.changes:
        result["diff"] = {"prepared": "".join(line + "\n" for line in job.changes)}
    return dict(result, **describe(dest))


def _archive(operation: "dict[str, Any]", body: "Any", dest: str, wire: "Any") -> "BinaryIO":
    """Open the archive; one that is sent or downloaded lies in a file without a name; raises Failure."""
    source = operation.get("source")
    if source is None:
        return _sent(operation["content"], body, dest)
    if "://" in source:
        from hivectl.helper.node.downloads import download_into

        file = _nameless(dest)
        download_into(file, source, wire, validate_certs=operation.get("validate_certs", True))
        return file
    path = expand(source)
    if not os.path.exists(path):
        raise Failure(f"Source '{path}' does not exist")
    if not os.path.isfile(path):
        raise Failure(f"Source '{path}' is not a file")
    try:
        return open(path, "rb")
    except OSError as error:
        raise Failure(f"Source '{path}' not readable: {reason(error)}") from error


def _nameless(dest: str) -> "BinaryIO":
    """Return a file that is gone when it is closed, whatever becomes of us; where the members go there is room."""
    try:
        return tempfile.TemporaryFile(dir=dest)
    except OSError:
        return tempfile.TemporaryFile()


def _sent(content: "dict[str, Any]", body: "Any", dest: str) -> "BinaryIO":
    file = _nameless(dest)
    made = digests.digest("sha256", content["size"])
    try:
        for piece in body():
            made.update(piece)
            file.write(piece)
        file.flush()
    except OSError as error:
        file.close()
        raise Failure(f"there is no room for the archive: {reason(error)}", dest=dest) from error
    if made.hexdigest() != content["sha256"]:
        file.close()
        raise Failure("the archive changed while it was sent, or was damaged on its way", dest=dest)
    return file


class _Job:
    """One archive and the directory that it goes to."""

    def __init__(
        self, operation: "dict[str, Any]", file: "BinaryIO", dest: str, wire: "Any", *, check: bool
    ) -> None:
        self.operation = operation
        self.file = file
        self.dest = dest
        self.wire = wire
        self.check = check
        self.label = operation.get("label") or operation.get("source") or "archive"
        self.kind, self.handler = kind_of_archive(file, self.label)
        self.names: "list[str]" = []
        self.paths: "list[str]" = []
        self.changes: "list[str]" = []
        # content, path, how much of them is the same, what was read after that
        self.begun: "tuple[Any, str, int, bytes] | None" = None
        attributes = operation.get("attributes") or {}
        # in a check its owner may come by an earlier task, as what is unpacked does by this one
        self.wanted = Wanted(attributes, dest, check=check, new=True)
        self.root = os.geteuid() == 0
        self.spared = 0 if self.root or self.kind == "zip" else current_umask()

    def members(self) -> "Iterator[Member]":
        """Yield the members that are asked for, by the names that they shall have."""
        include, exclude = self.operation.get("include") or [], self.operation.get("exclude") or []
        strip = self.operation.get("strip", 0)
        used: "set[str]" = set()
        for member in members(self.file, self.kind):
            if include:
                by = [one for one in include if self._named(member, one)]
                used.update(by)
                if not by:
                    continue
            if any(self._excluded(member, one) for one in exclude):
                continue
            if strip and self.kind != "zip":
                if len(member.parts) <= strip:
                    continue
                member.parts = member.parts[strip:]
                member.name = "/".join(member.parts) + ("/" if member.kind == "directory" else "")
                if member.kind == "hard":
                    member.target = "/".join(_parts(member.target)[strip:])
            yield member
        missing = sorted(set(include) - used)
        if missing and self.kind != "zip":
            raise Failure(f"not found in the archive {self.label}: {', '.join(missing)}", dest=self.dest)

    def _named(self, member: "Member", name: str) -> bool:
        if self.kind == "zip":
            return fnmatch.fnmatchcase(member.name, name)
        plain = name.rstrip("/")
        return member.name.rstrip("/") == plain or member.name.startswith(plain + "/")

    def _excluded(self, member: "Member", pattern: str) -> bool:
        if self.kind == "zip":
            return fnmatch.fnmatchcase(member.name, pattern)
        pieces = member.name.rstrip("/").split("/")
        # GNU tar: from any slash on, and then to the end or to a later slash
        return any(
            fnmatch.fnmatchcase("/".join(pieces[start:end]), pattern)
            for start in range(len(pieces))
            for end in range(start + 1, len(pieces) + 1)
        )

    def survey(self) -> None:
        """Look at every member before anything is written; raises Failure."""
        links: "set[str]" = set()
        needed = listed = 0
        room = os.statvfs(self.dest)
        free = room.f_bavail * room.f_frsize
        for count, member in enumerate(self.members()):
            if count % 256 == 0:
                self.wire.tick()
            path = "/".join(member.parts)
            self._refuse(member, links)
            if member.kind == "link":
                links.add(path)
            self.names.append(member.name)
            self.paths.append(path)
            if count > MOST or (self.operation.get("list_files") and listed > LONGEST_LIST):
                raise Failure("the archive %s has too many members" % self.label, dest=self.dest)
            listed += len(member.name) + 4
            if member.kind == "file":
                there = _status(os.path.join(self.dest, path))
                if there is None or there.st_size != member.size:
                    needed += member.size
                if needed > free:
                    raise Failure(
                        "the archive %s needs at least %d bytes, and %s has %d: nothing was unpacked"
                        % (self.label, needed, self.dest, free),
                        dest=self.dest,
                    )
        if not self.names:
            raise Failure(f"found no files in archive {self.label}", dest=self.dest)

    def _refuse(self, member: "Member", links: "set[str]") -> None:
        words = ""
        if ".." in member.parts or "\0" in member.name:
            words = "would lead out of the directory"
        elif member.kind not in {"file", "directory", "link", "hard"}:
            words = f"is {member.kind}"
        elif member.kind == "hard" and ".." in _parts(member.target):
            words = "is a hard link that leads out of the directory"
        elif any("/".join(member.parts[:end]) in links for end in range(1, len(member.parts))):
            words = "is below a link of the archive"
        if words:
            raise Failure(
                f"the archive {self.label} is refused: {member.name!r} {words}; nothing was unpacked",
                dest=self.dest,
            )

    def work(self) -> None:
        """Compare every member with what is there, and write those that differ."""
        tree = Tree(self.dest)
        try:
            for member in self.members():
                self.wire.tick()
                if not member.parts:
                    continue
                self.begun = None
                word = self._difference(member)
                if not word:
                    continue
                self.changes.append(f"{word} {member.name}")
                if not self.check:
                    self._write(tree, member)
            tree.finish()
        finally:
            tree.close()

    def _difference(self, member: "Member") -> str:
        """Return ">" for what is missing, "c" for what is different, "" for what is as it shall be."""
        path = os.path.join(self.dest, *member.parts)
        status = _status(path)
        if status is None:
            return ">"
        if member.kind == "link":
            same = S_ISLNK(status.st_mode) and os.readlink(path) == member.target
        elif member.kind == "hard":
            other = _status(os.path.join(self.dest, *_parts(member.target)))
            same = other is not None and os.path.samestat(status, other)
        elif member.kind == "directory":
            same = S_ISDIR(status.st_mode) and self._same_mode(member, status)
        else:
            same = S_ISREG(status.st_mode) and self._same_file(member, path, status)
        return "" if same else "c"

    def _same_mode(self, member: "Member", status: os.stat_result) -> bool:
        return self.wanted.mode is not None or S_IMODE(status.st_mode) == member.mode & ~self.spared

    def _same_file(self, member: "Member", path: str, status: os.stat_result) -> bool:
        if self.operation.get("keep_newer") and status.st_mtime > member.when:
            return True
        seen = status.st_size, int(status.st_mtime)
        if seen != (member.size, member.when) or not self._same_mode(member, status):
            return False
        return not self._other_owner(member, status) and self._same_content(member, path)

    def _owner(self, member: "Member") -> "tuple[int, int]":
        """Return whose a member shall be, -1 for what is left to be as it comes."""
        if not self.root or member.owner is None or not self.operation.get("same_owner", True):
            return -1, -1
        from hivectl.helper.node.archive_tree import ids_of

        uid, gid = ids_of(*member.owner)
        return (uid if self.wanted.uid is None else -1), (gid if self.wanted.gid is None else -1)

    def _other_owner(self, member: "Member", status: os.stat_result) -> bool:
        uid, gid = self._owner(member)
        return (uid >= 0 and uid != status.st_uid) or (gid >= 0 and gid != status.st_gid)

    def _same_content(self, member: "Member", path: str) -> bool:
        """Compare a file with its member, which can be read only once: what was read of it is remembered."""
        assert member.open is not None
        content = member.open()
        same = 0
        with open(path, "rb") as here:
            while True:
                data = content.read(OFTEN)
                if data != here.read(len(data) or 1):
                    self.begun = (content, path, same, data)
                    return False
                if not data:
                    content.close()
                    return True
                same += len(data)
                self.wire.tick()

    def _write(self, tree: Tree, member: "Member") -> None:
        uid, gid = self._owner(member)
        mode = member.mode & ~self.spared
        if member.kind == "directory":
            tree.directory(member.parts, mode, member.when, uid, gid)
        elif member.kind == "link":
            tree.link(member.parts, member.target, uid, gid)
        elif member.kind == "hard":
            tree.hard(member.parts, _parts(member.target))
        else:
            tree.file(member.parts, self._pieces(member), mode, member.when, uid, gid)

    def _pieces(self, member: "Member") -> "Iterator[bytes]":
        assert member.open is not None
        left = member.size
        if self.begun is None:
            content = member.open()
        else:
            content, path, same, data = self.begun
            left -= same + len(data)
            with open(path, "rb") as here:
                while same:
                    piece = here.read(min(same, OFTEN))
                    if not piece:
                        raise Damaged(f"{path} changes while it is read")
                    same -= len(piece)
                    yield piece
            yield data
        while left:
            data = content.read(min(left, OFTEN))
            if not data:
                raise Damaged(f"it ends in the middle of {member.name}")
            left -= len(data)
            yield data
            self.wire.tick()
        content.read(1)  # a zip's checksum is compared at the end
        content.close()

    def set_attributes(self) -> bool:
        """Give everything, and the topmost directories, the owner, group and mode that are asked for."""
        if self.wanted.mode is None and self.wanted.uid is None and self.wanted.gid is None:
            return False
        changed = False
        tops = dict.fromkeys(path.split("/")[0] for path in self.paths if "/" in path)
        for path in [*self.paths, *tops]:
            if path:
                place = os.path.join(self.dest, path)
                changed = bool(self.wanted.apply(place, check=False)[1]) or changed
        return changed


def _parts(path: str) -> "list[str]":
    return [part for part in path.split("/") if part not in {"", "."}]


def _status(path: str) -> "os.stat_result | None":
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
