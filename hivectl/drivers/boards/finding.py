"""The operation `find` on a board: what is below some directories, as the helper tells it, as far as a board knows."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from typing import TYPE_CHECKING, Any

from hivectl.helper.node.paths import Failure
from hivectl.micropython.files import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hivectl.drivers.boards.paths import Paths
    from hivectl.helper.file_operations import Find
    from hivectl.micropython.files import Entry


async def find(paths: Paths, operation: Find) -> dict[str, Any]:
    """Carry out a `find`; raises Failure where it asks for what a board does not know."""
    lacking = [name for name in ("age", "mode") if getattr(operation, name) is not None]
    if lacking:
        raise Failure(f"files of a board have no {' and no '.join(lacking)} to be found by")
    matches = _matcher(operation)
    files: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    examined = 0
    message = "All paths examined"
    for path in operation.paths:
        top = paths.full(path)
        if await paths.kind(top) != "directory":
            skipped[top] = f"'{top}' is not a directory"
            message = "Not all paths examined, check warnings for details"
            continue
        entries = await (paths.files.tree(top) if operation.recurse else paths.files.entries(top))
        level = top.rstrip("/").count("/")
        for entry in entries:
            examined += 1
            depth = entry.path.count("/") - level
            if operation.depth and depth > operation.depth:
                continue
            if not _fits(operation, entry, matches) or not await _holds(paths, operation, entry):
                continue
            files.append(await _told(paths, operation, entry))
            if operation.limit is not None and len(files) >= operation.limit:
                message = "Limit of matches reached"
                break
    return {
        "changed": False,
        "files": files,
        "matched": len(files),
        "examined": examined,
        "skipped_paths": skipped,
        "msg": message,
    }


def _fits(operation: Find, entry: Entry, matches: Callable[[str], bool]) -> bool:
    name = posixpath.basename(entry.path)
    if name.startswith(".") and not operation.hidden:
        return False
    if operation.kind not in ("any", entry.kind) or not matches(name):
        return False
    wanted = operation.size
    if wanted is None or entry.kind != "file":
        return True
    return entry.size >= wanted if wanted >= 0 else entry.size <= -wanted


async def _holds(paths: Paths, operation: Find, entry: Entry) -> bool:
    if operation.contains is None or operation.kind != "file":
        return True
    pattern = _compiled(operation.contains, "contains")
    text = (await paths.files.get(entry.path)).decode(operation.encoding or "utf-8", "replace")
    if operation.whole:
        return bool(pattern.search(text))
    return any(pattern.match(line) for line in text.splitlines(keepends=True))


async def _told(paths: Paths, operation: Find, entry: Entry) -> dict[str, Any]:
    file = entry.kind == "file"
    found = {"path": entry.path, "isdir": not file, "isreg": file, "islnk": False, "size": entry.size}
    found["mtime"] = float(entry.mtime)
    if operation.checksum is not None and file:
        from hivectl.helper.operations import Stat

        look = await paths.look(Stat(path=entry.path, checksum=operation.checksum))
        found["checksum"] = look["stat"].get("checksum")
    paths.remember(Look(entry.path), entry)
    return found


def _matcher(operation: Find) -> Callable[[str], bool]:
    def tests(patterns: Sequence[str], key: str) -> list[Callable[[str], Any]]:
        if operation.regex:
            return [_compiled(pattern, key).match for pattern in patterns]
        return [re.compile(fnmatch.translate(pattern)).match for pattern in patterns]

    wanted, unwanted = tests(operation.patterns, "patterns"), tests(operation.excludes, "excludes")

    def matches(name: str) -> bool:
        if wanted and not any(test(name) for test in wanted):
            return False
        return not any(test(name) for test in unwanted)

    return matches


def _compiled(pattern: str, what: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise Failure(f"{what} is not a regular expression: {error} ({pattern!r})") from error
