"""Contents by SFTP: read, write, edit."""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.drivers.ssh.sftp_paths import beside_name, kind_of
from hivectl.helper.node import edit_rules
from hivectl.helper.node.contents import HIDDEN, LARGEST_DIFF, attribute_diff, diff_of
from hivectl.helper.node.paths import Failure
from hivectl.helper.operations import Content, Write
from hivectl.model.secret import reveal

if TYPE_CHECKING:
    from hivectl.drivers.ssh.sftp_paths import Paths
    from hivectl.helper.node.paths import Pretence
    from hivectl.helper.operations import Edit, Read

# read whole into memory for an edit
LARGEST_EDIT = 64 << 20


async def read(paths: Paths, operation: Read) -> tuple[dict[str, Any], bytes | None]:
    """Carry out a `read`; return the result, and the bytes without a sink."""
    path = paths.full(operation.path)
    status = await paths.status(path, follow=True)
    if status is None:
        raise Failure(f"the remote file does not exist: {path}", path=path, source=path)
    mode, size = status.permissions or 0, status.size or 0
    if not stat.S_ISREG(mode):
        raise Failure(f"{path} cannot be read as a file", path=path, source=path)
    if operation.limit is not None and size > operation.limit:
        raise Failure(f"{path} has {size} bytes, more than the limit of {operation.limit}", path=path)
    result: dict[str, Any] = {"changed": False, "source": path, "mode": f"{stat.S_IMODE(mode):04o}"}
    digest = hashlib.sha256()
    kept = bytearray()
    sink = None if operation.sink is None else await asyncio.to_thread(_open_sink, operation.sink)
    try:
        async for data in paths.pieces(path):
            digest.update(data)
            if sink is None:
                kept += data
            else:
                await asyncio.to_thread(os.write, sink, data)
    finally:
        if sink is not None:
            os.close(sink)
    result |= {"size": size, "sha256": digest.hexdigest()}
    return result, bytes(kept) if sink is None else None


def _open_sink(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)


async def write(
    paths: Paths, operation: Write, pretence: Pretence, *, check: bool, diff: bool
) -> dict[str, Any]:
    """Carry out a `write`."""
    path = await _place(paths, operation, pretence, check=check)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    content = operation.content
    result: dict[str, Any] = {"changed": False, "dest": path, "path": path}
    if kind == "directory":
        raise Failure(f"{path} is a directory: a file cannot be put in its place", path=path, dest=path)
    if kind != "absent" and not operation.force:
        return {**result, "msg": "file already exists", **await paths.describe(path)}
    status = await paths.status(path) if kind == "file" else None
    same = (
        status is not None
        and status.size == content.size
        and await paths.digest(path, "sha256") == content.sha256
    )
    diffs: list[dict[str, Any]] = []
    if not same:
        result["changed"] = True
        if diff:
            diffs.append(await _diff(paths, path, content, there=status is not None))
        if check:
            pretence.would(path, "file")
        else:
            result |= await _put(paths, path, operation, there=status is not None)
    before, after = (
        await paths.set_attributes(path, operation.attributes, check=check) if same or not check else ({}, {})
    )
    if same:
        result["checksum"] = await paths.digest(path, "sha1")
        result["changed"] = bool(after)
        if after and diff:
            diffs.append(attribute_diff(path, before, after))
    state = await paths.describe(path) if same or not check else {"state": "file", "size": content.size}
    return {**result, **state, **({"diff": diffs} if diff else {})}


async def _place(paths: Paths, operation: Write, pretence: Pretence, *, check: bool) -> str:
    """Return where the file is to be, with its parents made or observed."""
    path = paths.full(operation.path)
    status = await paths.status(path, follow=True)
    folder = (pretence.kind(path) if check else None) == "directory" or kind_of(status) == "directory"
    if operation.into and (folder or operation.path.endswith("/")):
        path = posixpath.join(path, operation.into)
    if operation.follow:
        path = await paths.target(path)
    parent = posixpath.dirname(path)
    if operation.make_parents:
        await paths.make_folders(parent, pretence, check=check)
    elif (pretence.kind(parent) if check else None) != "directory":
        above = await paths.status(parent, follow=True)
        if kind_of(above) != "directory":
            raise Failure(f"Destination directory {parent} does not exist", path=path, dest=path)
    return path


async def _diff(paths: Paths, path: str, content: Content, *, there: bool) -> dict[str, Any]:
    if content.secret:
        return {"before_header": path, "after_header": path, "before": "", "after": HIDDEN}
    before = b"".join([data async for data in paths.pieces(path)])[: LARGEST_DIFF + 1] if there else None
    if content.size > LARGEST_DIFF:
        return {**diff_of(path, before, b""), "src_larger": LARGEST_DIFF}
    return diff_of(path, before, await asyncio.to_thread(_bytes_of, content))


def _bytes_of(content: Content) -> bytes:
    return content.source.read_bytes() if isinstance(content.source, Path) else content.source


async def _put(paths: Paths, path: str, operation: Write, *, there: bool) -> dict[str, Any]:
    """Write beside the path and rename over it."""
    if operation.validate:
        raise Failure("this connection offers files only: `validate` needs one that runs commands", path=path)
    added: dict[str, Any] = {}
    if operation.backup and there:
        added["backup_file"] = await _back_up(paths, path)
    old = await paths.status(path) if there else None
    temporary = beside_name(path)
    source = operation.content.source
    if isinstance(source, Path):
        await paths.client.put(source, temporary)
    else:
        await paths.write(temporary, source)
    if old is not None and old.permissions is not None:
        await paths.client.chmod(temporary, stat.S_IMODE(old.permissions))
    await paths.set_attributes(temporary, operation.attributes, check=False)
    digest, checksum, md5sum = await paths.digests(temporary, "sha256", "sha1", "md5")
    if digest != operation.content.sha256:
        await paths.client.remove(temporary)
        raise Failure(
            f"the content of {path} changed while it was sent, or was damaged on its way", dest=path
        )
    await paths.rename(temporary, path)
    return {**added, "checksum": checksum, "md5sum": md5sum}


async def _back_up(paths: Paths, path: str) -> str:
    # Ansible's form: path.pid.date@time~
    import time

    name = f"{path}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}"
    await paths.write(name, b"".join([data async for data in paths.pieces(path)]))
    return name


async def edit(
    paths: Paths, operation: Edit, pretence: Pretence, *, check: bool, diff: bool
) -> dict[str, Any]:
    """Carry out an `edit`: the rule is the helper's, the file comes here and goes back."""
    path = await paths.target(paths.full(operation.path))
    arguments = reveal(dict(operation.arguments))
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    if kind == "directory":
        raise Failure(f"Path {path} is a directory !", rc=256, path=path)
    if check and pretence.kind(path) == "file":
        return {"changed": True, "path": path, "msg": "the file would be made by an earlier task"}
    before = None
    if kind != "absent":
        status = await paths.status(path, follow=True)
        if status is not None and (status.size or 0) > LARGEST_EDIT:
            raise Failure(f"{path} is larger than the {LARGEST_EDIT} bytes that can be edited", path=path)
        before = b"".join([data async for data in paths.pieces(path)])
    elif arguments.get("state") == "absent" and operation.edit == "line":
        return {"changed": False, "path": path, "msg": "file not present", "found": 0}
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
    result: dict[str, Any] = {
        "changed": changed,
        "path": path,
        "msg": edited.message,
        "backup": "",
        **edited.more,
    }
    if changed:
        done = await write(
            paths,
            Write(
                path=path,
                content=Content.of(after),
                attributes=operation.attributes,
                backup=operation.backup,
                validate=operation.validate,
                make_parents=operation.create,
            ),
            pretence,
            check=check,
            diff=False,
        )
        result["backup"] = done.get("backup_file", "")
    if diff:
        result["diff"] = [diff_of(path, before, after)] if changed else []
    if not changed:
        old, new = await paths.set_attributes(path, operation.attributes, check=check)
        if new:
            result |= {"changed": True, "msg": "ownership, perms or SE linux context changed"}
            result["diff"] = [*result.get("diff", []), attribute_diff(path, old, new)]
    return result
