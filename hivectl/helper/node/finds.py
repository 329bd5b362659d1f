"""The operation `find`: what is below some directories, and is as asked for."""

import fnmatch
import os
import re
import time
from _stat import S_IMODE, S_ISDIR, S_ISLNK, S_ISREG

from hivectl.helper.node import digests
from hivectl.helper.node.files import facts_of
from hivectl.helper.node.paths import Failure, expand, parse_mode, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# a result is one line of JSON, and each match some 700 bytes of it
MOST = 8000
# larger files are not read whole
LARGEST = 64 << 20
# names between two looks at the wire
OFTEN = 500


class _Skipped(Exception):  # noqa: N818 - becomes an entry of `skipped_paths`
    """A directory that cannot be looked through any further."""


class _Search:
    """One search: what is asked for, and what was found so far."""

    def __init__(self, operation: "dict[str, Any]", wire: "Any") -> None:
        self.operation = operation
        self.wire = wire
        self.now = time.time()
        self.files: "list[dict[str, Any]]" = []
        self.skipped: "dict[str, str]" = {}
        self.examined = 0
        self.message = "All paths examined"
        self.limit = operation.get("limit")
        self.matches = _matcher(operation)
        mode = operation.get("mode")
        self.mode = None if not mode else parse_mode(mode, 0, directory=False)
        contains = operation.get("contains")
        self.contains = None if contains is None else _compiled(contains, "contains")

    def full(self) -> bool:
        """Whether as many were found as were asked for."""
        return self.limit is not None and len(self.files) >= self.limit

    def look_below(self, top: str) -> None:
        """Look through one directory; raises _Skipped."""
        operation = self.operation
        if not os.path.isdir(top):
            raise _Skipped(f"'{top}' is not a directory")
        depth = operation.get("depth") or 0
        level = top.rstrip("/").count("/")
        walk = os.walk(top, onerror=self._unreadable, followlinks=operation.get("follow", False))
        for folder, folders, names in walk:
            folders.sort()
            self.examined += len(folders) + len(names)
            below = (folder.rstrip("/") + "/").count("/") - level
            if depth and below > depth:
                del folders[:]
                continue
            for name in [*sorted(names), *folders]:
                self._look_at(os.path.normpath(os.path.join(folder, name)), name)
                if self.full():
                    self.message = "Limit of matches reached"
                    return
            if not operation.get("recurse", False):
                return

    def _unreadable(self, error: OSError) -> None:
        if isinstance(error, (PermissionError, FileNotFoundError)):
            self.skipped[str(error.filename)] = str(error)
            return
        raise _Skipped(str(error))

    def _look_at(self, path: str, name: str) -> None:
        if self.wire is not None and self.examined % OFTEN == 0:
            self.wire.tick()
        if name.startswith(".") and not self.operation.get("hidden", False):
            return
        try:
            status = os.lstat(path)
        except OSError as error:
            self.skipped[path] = str(error)
            self.message = "Not all paths examined, check warnings for details"
            return
        if not self._fits(path, name, status):
            return
        if len(self.files) >= MOST:
            raise Failure(
                "more than %d files match: ask for less, or set `limit`" % MOST, matched=len(self.files)
            )
        found = facts_of(path, status)
        algorithm = self.operation.get("checksum")
        if algorithm and S_ISREG(status.st_mode):
            try:
                found["checksum"] = digests.of_file(path, algorithm)[0]
            except OSError as error:
                raise _Skipped(f"{path} cannot be read: {reason(error)}") from error
        self.files.append(found)

    def _fits(self, path: str, name: str, status: os.stat_result) -> bool:
        mode, kind = status.st_mode, self.operation.get("kind", "file")
        tests = {"directory": S_ISDIR, "file": S_ISREG, "link": S_ISLNK}
        if kind != "any" and not tests[kind](mode):
            return False
        if not (self.matches(name) and self._measures(status)):
            return False
        return kind != "file" or self.contains is None or self._holds(path)

    def _measures(self, status: os.stat_result) -> bool:
        """Whether age, size and mode are as asked for."""
        operation, mode = self.operation, status.st_mode
        age, size = operation.get("age"), operation.get("size")
        stamp = getattr(status, "st_" + operation.get("stamp", "mtime"))
        if age is not None and not _at_least(self.now - stamp, age):
            return False
        if size is not None and S_ISREG(mode) and not _at_least(status.st_size, size):
            return False
        if self.mode is None:
            return True
        exact = operation.get("exact", True)
        return S_IMODE(mode) == self.mode if exact else bool(S_IMODE(mode) & self.mode)

    def _holds(self, path: str) -> bool:
        encoding = self.operation.get("encoding")
        assert self.contains is not None
        try:
            with open(path, encoding=encoding) as file:
                if self.operation.get("whole", False):
                    return bool(self.contains.search(file.read(LARGEST)))
                return any(self.contains.match(line) for line in file)
        except UnicodeDecodeError:
            used = encoding or 'None (default determined by the Python built-in function "open")'
            raise _Skipped(
                f"Failed to read the file {path} due to an encoding error. current encoding: {used}"
            ) from None
        except LookupError as error:
            raise _Skipped(str(error)) from error
        except OSError:
            return False


def _at_least(value: float, wanted: int) -> bool:
    return value >= wanted if wanted >= 0 else value <= -wanted


def _compiled(pattern: str, what: str) -> "re.Pattern[str]":
    try:
        return re.compile(pattern)
    except re.error as error:
        raise Failure(f"{what} is not a regular expression: {error} ({pattern!r})") from error


def _matcher(operation: "dict[str, Any]") -> "Callable[[str], bool]":
    """Return what says whether a name is one of those asked for."""
    regex = operation.get("regex", False)

    def tests(key: str) -> "list[Callable[[str], Any]]":
        patterns = operation.get(key) or []
        if regex:
            return [_compiled(pattern, key).match for pattern in patterns]
        return [re.compile(fnmatch.translate(pattern)).match for pattern in patterns]

    wanted, unwanted = tests("patterns"), tests("excludes")

    def matches(name: str) -> bool:
        if wanted and not any(test(name) for test in wanted):
            return False
        return not any(test(name) for test in unwanted)

    return matches


def find(
    operation: "dict[str, Any]", _body: object, wire: "Any", *, check: bool, diff: bool
) -> "dict[str, Any]":
    """Carry out a `find`; the keys are those of Ansible's find module."""
    del check, diff  # it only looks
    search = _Search(operation, wire)
    for path in operation["paths"]:
        top = expand(path)
        try:
            search.look_below(top)
        except _Skipped as trouble:
            search.skipped[top] = str(trouble)
            search.message = "Not all paths examined, check warnings for details"
    return {
        "changed": False,
        "files": search.files,
        "matched": len(search.files),
        "examined": search.examined,
        "skipped_paths": search.skipped,
        "msg": search.message,
    }
