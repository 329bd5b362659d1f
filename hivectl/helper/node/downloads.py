"""The operation `download`: a file that the node brings by itself."""

import errno
import os
import re
import time
import urllib.parse
from _stat import S_IMODE

from hivectl.helper.node import digests
from hivectl.helper.node.contents import Temporary, attribute_diff, back_up, failure_of, take_back
from hivectl.helper.node.paths import Failure, Wanted, current_umask, describe, expand, reason, status_of
from hivectl.helper.node.requests import Asker, Unchanged, masked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# of a file of checksums, in bytes
LONGEST_LIST = 1 << 20
BSD_LINE = re.compile(r"(\w+) ?\((?P<path>.+)\) ?= (?P<digest>[\w.]+)$")
GNU_LINE = re.compile(r"(?P<digest>[\w.]+)\s+(\*|\./|\.)?(?P<path>.+)$")


def download_into(file: "Any", url: str, wire: "Any", *, validate_certs: bool) -> None:
    """Write what a URL has into an open file; raises Failure."""
    asker = Asker({"validate_certs": validate_certs}, wire)
    try:
        with asker.ask(url) as response:
            for piece in asker.pieces(response, url):
                file.write(piece)
        file.flush()
    except OSError as error:
        raise Failure(f"there is no room for {masked(url)}: {reason(error)}") from error


def download(
    operation: "dict[str, Any]", _body: object, wire: "Any", *, check: bool, diff: bool
) -> "dict[str, Any]":
    """Carry out a `download`."""
    started = time.monotonic()
    job = _Job(operation, wire, check=check)
    try:
        result = job.bring()
    except Failure as failure:
        failure.result.setdefault("elapsed", int(time.monotonic() - started))
        raise
    result["elapsed"] = int(time.monotonic() - started)
    if os.path.exists(job.path):
        result.update(describe(job.path))
        result["state"] = "file" if result["state"] == "hard" else result["state"]
    if diff and job.diffs:
        result["diff"] = job.diffs
    return result


class _Job:
    """One file that is brought."""

    def __init__(self, operation: "dict[str, Any]", wire: "Any", *, check: bool) -> None:
        self.operation = operation
        self.url = operation["url"]
        self.check = check
        self.asker = Asker(operation, wire)
        self.path = expand(operation["path"])
        self.folder = os.path.isdir(self.path)
        self.told = {"dest": self.path}
        self.diffs: "list[dict[str, Any]]" = []

    def bring(self) -> "dict[str, Any]":
        """Return the result."""
        algorithm, checksum = self._checksum()
        newer = None
        force = self.operation.get("force", False)
        if not self.folder and os.path.exists(self.path):
            if checksum and not force:
                if self._digest(self.path, algorithm) == checksum:
                    return self._already_there()
            elif not force:
                newer = os.stat(self.path).st_mtime
        try:
            method = "HEAD" if self.check else "GET"
            response = self.asker.ask(self.url, method, newer, **self.told)
        except Unchanged as answer:
            return dict(self.told, changed=False, url=masked(self.url), msg=str(answer), status_code=304)
        with response:
            return self._take(response, algorithm, checksum)

    def _already_there(self) -> "dict[str, Any]":
        changed = self._settle(self.path)
        words = "file already exists but file attributes changed" if changed else "file already exists"
        return dict(
            self.told,
            changed=changed,
            msg=words,
            url=masked(self.url),
            checksum_src=None,
            checksum_dest=None,
        )

    def _take(self, response: "Any", algorithm: str, checksum: str) -> "dict[str, Any]":
        if self.folder:
            self.path = self.told["dest"] = os.path.join(self.path, _name_in(response))
        old = self._look_at_place()
        result: "dict[str, Any]" = dict(
            self.told,
            url=masked(self.url),
            status_code=getattr(response, "status", None),
            msg="OK (%s bytes)" % (response.headers.get("Content-Length") or "unknown"),
            checksum_dest=None if old is None else self._digest(self.path, "sha1"),
        )
        if self.check:
            return dict(result, changed=True, checksum_src=None)
        hashes = {name: _new(name) for name in ("sha1", "md5", algorithm) if name}
        with self._temporary() as temporary:
            self._write(temporary, self.asker.pieces(response, self.url, **self.told), hashes)
            if checksum and hashes[algorithm].hexdigest() != checksum:
                raise Failure(
                    "The checksum for {} did not match {}; it was {}.".format(
                        temporary.path, checksum, hashes[algorithm].hexdigest()
                    ),
                    **dict(result, changed=False),
                )
            result["src"] = temporary.path
            result["checksum_src"] = hashes["sha1"].hexdigest()
            result["md5sum"] = None if hashes["md5"] is None else hashes["md5"].hexdigest()
            result["changed"] = result["checksum_src"] != result["checksum_dest"]
            if result["changed"]:
                result.update(self._place(temporary, old))
        if not result["changed"]:
            result["changed"] = self._settle(self.path)
        return result

    def _look_at_place(self) -> "os.stat_result | None":
        parent = os.path.dirname(self.path)
        if not os.path.exists(parent):
            raise Failure(f"Destination {parent} does not exist", url=masked(self.url), **self.told)
        old = status_of(self.path, follow=True)
        place = parent if old is None else self.path
        if os.path.isdir(self.path) or not os.access(place, os.W_OK):
            raise Failure(f"Destination {place} is not writable", url=masked(self.url), **self.told)
        return old

    def _temporary(self) -> Temporary:
        folder = self.operation.get("temporary")
        target = self.path
        if folder is not None:
            folder = expand(folder)
            if not os.path.isdir(folder):
                words = (
                    "is a file but should be a directory"
                    if os.path.exists(folder)
                    else "directory does not exist"
                )
                raise Failure(f"{folder} {words}.", **self.told)
            target = os.path.join(folder, os.path.basename(self.path))
        try:
            return Temporary(target)
        except OSError as error:
            raise failure_of(target, error) from error

    def _write(self, temporary: Temporary, pieces: "Iterable[bytes]", hashes: "dict[str, Any]") -> None:
        for piece in pieces:
            for one in hashes.values():
                if one is not None:
                    one.update(piece)
            try:
                temporary.write(piece)
            except OSError as error:
                raise failure_of(self.path, error) from error

    def _place(self, temporary: Temporary, old: "os.stat_result | None") -> "dict[str, Any]":
        """Put what came in place of what was there; return what the result tells of it."""
        added: "dict[str, Any]" = {}
        backup = ""
        try:
            if self.operation.get("backup") and old is not None:
                backup = added["backup_file"] = back_up(self.path)
            mode = S_IMODE(old.st_mode) if old is not None else 0o666 & ~current_umask()
            temporary.settle(mode, old)
            Wanted(self.operation.get("attributes") or {}, self.path).apply(temporary.path, check=False)
            self._rename(temporary)
            backup = ""
        except OSError as error:
            raise failure_of(self.path, error) from error
        finally:
            take_back(backup)
        return added

    def _rename(self, temporary: Temporary) -> None:
        try:
            temporary.rename(self.path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # the directory for what comes is on another file system
            with Temporary(self.path) as beside, open(temporary.path, "rb") as file:
                status = os.fstat(file.fileno())
                for data in iter(lambda: file.read(digests.PIECE), b""):
                    beside.write(data)
                beside.settle(S_IMODE(status.st_mode), status)
                beside.rename(self.path)

    def _settle(self, path: str) -> bool:
        wanted = Wanted(self.operation.get("attributes") or {}, path)
        before, after = wanted.apply(path, check=self.check)
        if after:
            self.diffs.append(attribute_diff(path, before, after))
        return bool(after)

    def _digest(self, path: str, algorithm: str) -> str:
        try:
            return digests.of_file(path, algorithm)[0]
        except OSError as error:
            raise Failure(f"Destination {path} is not readable: {reason(error)}", **self.told) from error

    def _checksum(self) -> "tuple[str, str]":
        """Return algorithm and value of the checksum that is asked for, "" without one."""
        given = self.operation.get("checksum")
        if not given:
            return "", ""
        algorithm, colon, value = given.partition(":")
        if not colon:
            raise Failure("The checksum parameter has to be in format <algorithm>:<checksum>", **self.told)
        if _new(algorithm) is None:
            raise Failure(f"Could not hash file with algorithm '{algorithm}': there is none", **self.told)
        if urllib.parse.urlsplit(value).scheme in {"http", "https", "ftp", "file"}:
            value = self._listed(value)
        value = re.sub(r"\W+", "", value).lower()
        if not re.match("[0-9a-f]+$", value):
            raise Failure("The checksum format is invalid", **self.told)
        return algorithm, value

    def _listed(self, url: str) -> str:
        """Return the checksum that a list on a server has for our file."""
        data = b""
        with self.asker.ask(url, "GET", None, **self.told) as response:
            for piece in self.asker.pieces(response, url, **self.told):
                data += piece
                if len(data) > LONGEST_LIST:
                    raise Failure(f"{masked(url)} is too long for a list of checksums", **self.told)
        name = _name_of(self.url)
        lines = data.decode("utf-8", "replace").splitlines()
        if len(lines) == 1 and len(lines[0].split()) == 1:
            return lines[0]
        for line in lines:
            found = BSD_LINE.match(line)
            plain = found or GNU_LINE.match(line)
            if plain is None:
                continue
            path = plain.group("path") if found else plain.group("path").lstrip("./")
            if path == name:
                return str(plain.group("digest"))
        raise Failure(f"Unable to find a checksum for file '{name}' in '{masked(url)}'", **self.told)


def _new(algorithm: str) -> "Any":
    """Return a new hash object, None where the node has none of this name."""
    try:
        return digests.digest(algorithm)
    except ValueError:
        return None


def _name_of(url: str) -> str:
    name = os.path.basename(urllib.parse.urlsplit(url).path)
    return name if name not in {"", ".", ".."} else "index.html"


def _name_in(response: "Any") -> str:
    """Return the name that the server, else the URL, gives to a file; nothing but a name."""
    from email.message import Message

    message = Message()
    message["content-disposition"] = response.headers.get("Content-Disposition") or ""
    given = message.get_param("filename", header="content-disposition")
    name = os.path.basename(given) if isinstance(given, str) else ""
    if name in {"", ".", ".."} or "\0" in name:
        return _name_of(response.geturl())
    return name
