"""Contents on a board: read, write, edit."""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.drivers.boards.changes import Change
from hivectl.helper.contents import digests_of
from hivectl.helper.node.contents import HIDDEN, LARGEST_DIFF, diff_of
from hivectl.helper.node.paths import Failure
from hivectl.helper.operations import Content, Write
from hivectl.micropython.files import Look
from hivectl.micropython.packing import directory_code
from hivectl.model.secret import reveal

if TYPE_CHECKING:
    from hivectl.drivers.boards.paths import Paths
    from hivectl.helper.node.paths import Pretence
    from hivectl.helper.operations import Edit, Read


async def read(paths: Paths, operation: Read) -> tuple[dict[str, Any], bytes | None]:
    """Carry out a `read`; return the result, and the bytes without a sink."""
    path = paths.full(operation.path)
    found = await paths.entry(Look(path))
    if found is None:
        raise Failure(f"the remote file does not exist: {path}", path=path, source=path)
    if found.kind != "file":
        raise Failure(f"{path} is a directory and cannot be read as a file", path=path, source=path)
    if operation.limit is not None and found.size > operation.limit:
        raise Failure(f"{path} has {found.size} bytes, more than the limit of {operation.limit}", path=path)
    result: dict[str, Any] = {"changed": False, "source": path, "size": found.size}
    if operation.known is not None and "hashlib" in await paths.files.features():
        looked = await paths.entry(Look(path, -1))
        if looked is not None and looked.digest == operation.known:
            return {**result, "sha256": operation.known, "sent": False}, None
    digest = hashlib.sha256()
    if operation.sink is None:
        data = await paths.files.get(path)
        digest.update(data)
        return {**result, "size": len(data), "sha256": digest.hexdigest()}, data
    sink = await asyncio.to_thread(_open_sink, operation.sink)
    size = 0

    def keep(data: bytes) -> None:
        nonlocal size
        size += len(data)
        digest.update(data)
        os.write(sink, data)

    try:
        await paths.files.get(path, keep)
    finally:
        os.close(sink)
    return {**result, "size": size, "sha256": digest.hexdigest()}, None


def _open_sink(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)


async def write(
    paths: Paths, operation: Write, pretence: Pretence, *, check: bool, diff: bool
) -> tuple[dict[str, Any], Change | None]:
    """Carry out a `write`: return the result, and what is to be done for it."""
    if operation.validate:
        raise Failure("a board runs no commands: `validate` cannot be had there", path=operation.path)
    path, parent = await _place(paths, operation, pretence, check=check)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    content = operation.content
    result: dict[str, Any] = {"changed": False, "dest": path, "path": path}
    if kind == "directory":
        raise Failure(f"{path} is a directory: a file cannot be put in its place", path=path, dest=path)
    if kind != "absent" and not operation.force:
        return {**result, "msg": "file already exists", **await paths.describe(path)}, None
    there = kind == "file" and not (check and pretence.kind(path))
    same = there and await _same(paths, path, content)
    result |= {"state": "file", "size": content.size}
    if same:
        [checksum] = await asyncio.to_thread(digests_of, content, "sha1")
        return {**result, "checksum": checksum, **({"diff": []} if diff else {})}, None
    result["changed"] = True
    if diff:
        result["diff"] = [await _diff(paths, path, content, there=there)]
    if check:
        pretence.would(path, "file")
        return result, None
    # Ansible's form: path.pid.date@time~
    backup = (
        f"{path}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}" if operation.backup and there else ""
    )
    if backup:
        result["backup_file"] = backup
    result["checksum"], result["md5sum"] = await asyncio.to_thread(digests_of, content, "sha1", "md5")
    return result, await _change(paths, path, content, parent=parent, backup=backup)


async def _change(paths: Paths, path: str, content: Content, *, parent: str, backup: str) -> Change:
    files = paths.files
    code = None if backup else await files.small(path, content.source, content.sha256)
    if code is not None and parent:
        code = directory_code(parent) + code

    async def alone() -> None:
        if parent:
            await files.make_directory(parent)
        if backup:
            await files.put(backup, await files.get(path), force=True)
        await files.write(path, content.source, content.sha256)

    def effect() -> None:
        if parent:
            paths.made(parent)
        paths.wrote(path, content)

    return Change(code, alone, effect)


async def _same(paths: Paths, path: str, content: Content) -> bool:
    if "hashlib" in await paths.files.features():
        found = await paths.entry(Look(path, content.size))
        return found is not None and found.digest == content.sha256
    found = await paths.entry(Look(path))
    if found is None or found.size != content.size:
        return False
    hasher = hashlib.sha256()
    await paths.files.get(path, hasher.update)
    return hasher.hexdigest() == content.sha256


async def _place(paths: Paths, operation: Write, pretence: Pretence, *, check: bool) -> tuple[str, str]:
    """Return where the file is to be, and the directory that is to be made for it, "" where none is."""
    path = paths.full(operation.path)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    if operation.into and (kind == "directory" or operation.path.endswith("/")):
        path = posixpath.join(path, operation.into)
    parent = posixpath.dirname(path)
    above = (pretence.kind(parent) if check else None) or await paths.kind(parent)
    if above == "directory":
        return path, ""
    if above == "absent" and operation.make_parents:
        if check:
            await paths.pretend_directory(parent, pretence)
        return path, parent
    raise Failure(f"Destination directory {parent} does not exist", path=path, dest=path)


async def _diff(paths: Paths, path: str, content: Content, *, there: bool) -> dict[str, Any]:
    if content.secret:
        return {"before_header": path, "after_header": path, "before": "", "after": HIDDEN}
    before = (await paths.files.get(path))[: LARGEST_DIFF + 1] if there else None
    if content.size > LARGEST_DIFF:
        return {**diff_of(path, before, b""), "src_larger": LARGEST_DIFF}
    return diff_of(path, before, await asyncio.to_thread(_bytes_of, content))


def _bytes_of(content: Content) -> bytes:
    return content.source.read_bytes() if isinstance(content.source, Path) else content.source


async def edit(
    paths: Paths, operation: Edit, pretence: Pretence, *, check: bool, diff: bool
) -> tuple[dict[str, Any], Change | None]:
    """Carry out an `edit`: the rule is the helper's, the file comes here and goes back."""
    from hivectl.helper.node import edit_rules

    path = paths.full(operation.path)
    arguments = reveal(dict(operation.arguments))
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    if kind == "directory":
        raise Failure(f"Path {path} is a directory !", rc=256, path=path)
    if check and pretence.kind(path) == "file":
        return {"changed": True, "path": path, "msg": "the file would be made by an earlier task"}, None
    before = None
    if kind != "absent":
        before = await paths.files.get(path)
    elif arguments.get("state") == "absent" and operation.edit == "line":
        return {"changed": False, "path": path, "msg": "file not present", "found": 0}, None
    elif not operation.create:
        raise Failure(f"Destination {path} does not exist !", rc=257, path=path)
    try:
        edited = edit_rules.edit(
            operation.edit, (before or b"").decode("utf-8", "surrogateescape"), arguments
        )
    except edit_rules.RuleError as error:
        raise Failure(str(error), path=path) from error
    after = edited.text.encode("utf-8", "surrogateescape")
    changed = before is None or before != after
    result: dict[str, Any] = {"changed": changed, "path": path, "msg": edited.message, "backup": ""}
    result |= edited.more
    change = None
    if changed:
        wanted = Write(
            path=path,
            content=Content.of(after),
            backup=operation.backup,
            validate=operation.validate,
            make_parents=operation.create,
        )
        done, change = await write(paths, wanted, pretence, check=check, diff=False)
        result["backup"] = done.get("backup_file", "")
    if diff:
        result["diff"] = [diff_of(path, before, after)] if changed else []
    return result, change
