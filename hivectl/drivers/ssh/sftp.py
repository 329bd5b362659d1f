"""File operations by SFTP, for servers that run no commands: the same results as the helper's, more round trips.

What SFTP cannot do is a failed item that says so: commands, facts, `validate`, names of users. There is no flock
either, so a fence guards only against those who share the lab's store.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import asyncssh

from hivectl.drivers.errors import CapabilityError, ConnectionLostError
from hivectl.drivers.ssh.sftp_paths import Paths
from hivectl.drivers.ssh.sftp_writes import edit, read, write
from hivectl.helper.node.contents import attribute_diff
from hivectl.helper.node.paths import Failure, Pretence
from hivectl.helper.operations import Directory, Edit, ItemResult, Link, Read, Remove, Stat, Touch, Write

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from hivectl.helper.operations import Batch, Become, Item

OTHER_WAY = "this connection offers files only: {} needs one that runs commands"


class SftpOperations:
    """Carries batches out over SFTP.

    Args:
        connection: which they go through.
        node: for messages.
        user: who logged in.
    """

    def __init__(self, connection: asyncssh.SSHClientConnection, node: str, user: str) -> None:
        self._connection = connection
        self._node = node
        self._user = user
        # what a check has made so far is seen by later batches of its run
        self._pretence = Pretence()

    async def operate(self, batch: Batch, become: Become | None = None) -> AsyncGenerator[ItemResult, None]:
        """Carry out a batch, item by item, and yield each result.

        Raises:
            CapabilityError: another user is asked for.
            ConnectionLostError: the way is gone.
        """
        if become is not None and become.user != self._user:
            raise CapabilityError(OTHER_WAY.format(f"becoming {become.user}"), node=self._node)
        self._pretence.begin(batch.run)
        try:
            async with self._connection.start_sftp_client() as client:
                paths = Paths(client, await client.realpath("."))
                async for result in self._items(batch, paths):
                    yield result
        except (
            asyncssh.ConnectionLost,
            asyncssh.SFTPConnectionLost,
            asyncssh.SFTPNoConnection,
            OSError,
        ) as error:
            raise ConnectionLostError(f"the connection broke: {error}", node=self._node) from error

    async def _items(self, batch: Batch, paths: Paths) -> AsyncGenerator[ItemResult, None]:
        failed_step: int | None = None
        failed_chains: set[tuple[int, int]] = set()
        for index, item in enumerate(batch.items):
            if failed_step is not None and item.step != failed_step:
                return
            if (item.step, item.chain) in failed_chains:
                continue
            began = time.monotonic()
            result, content = await self._item(item, paths)
            if result.get("failed"):
                failed_chains.add((item.step, item.chain))
                failed_step = failed_step if item.ignore_failure else item.step
            yield ItemResult(index=index, result=result, content=content, seconds=time.monotonic() - began)

    async def _item(self, item: Item, paths: Paths) -> tuple[dict[str, Any], bytes | None]:
        try:
            return await self._carry_out(item, paths)
        except Failure as failure:
            return {"changed": False, **failure.result}, None
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
            raise
        except asyncssh.SFTPError as error:
            return {"changed": False, "failed": True, "msg": error.reason}, None

    async def _carry_out(self, item: Item, paths: Paths) -> tuple[dict[str, Any], bytes | None]:
        how = {"check": item.check, "diff": item.diff}
        content = None
        match item.operation:
            case Stat() as operation:
                result = await paths.look(operation)
            case Read() as operation:
                result, content = await read(paths, operation)
            case Write() as operation:
                result = await write(paths, operation, self._pretence, **how)
            case Edit() as operation:
                result = await edit(paths, operation, self._pretence, **how)
            case Directory() as operation:
                result = await _directory(paths, operation, self._pretence, **how)
            case Link() as operation:
                result = await _link(paths, operation, self._pretence, **how)
            case Remove() as operation:
                result = await _remove(paths, operation, self._pretence, **how)
            case Touch() as operation:
                result = await _touch(paths, operation, self._pretence, **how)
            case other:
                raise Failure(OTHER_WAY.format(f"`{other.name}`"))
        return result, content


async def _finish(
    paths: Paths, result: dict[str, Any], before: dict[str, Any], after: dict[str, Any], *, diff: bool
) -> dict[str, Any]:
    path = result["path"]
    if after:
        result["changed"] = True
    if diff:
        result["diff"] = attribute_diff(path, before, after)
    found = await paths.describe(path)
    found["state"] = result.pop("state", found["state"])
    return {**result, **found}


async def _directory(
    paths: Paths, operation: Directory, pretence: Pretence, *, check: bool, diff: bool
) -> dict[str, Any]:
    path = paths.full(operation.path)
    if operation.follow:
        path = await paths.target(path)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    result: dict[str, Any] = {"changed": False, "path": path, "state": "directory"}
    if kind == "absent":
        made = await paths.make_folders(path, pretence, check=check)
        for folder in [] if check else made:
            await paths.set_attributes(folder, operation.attributes, check=False)
        return await _finish(paths, result, {"state": "absent"}, {"state": "directory"}, diff=diff)
    if kind != "directory":
        raise Failure(f"{path} already exists as a {kind}", path=path)
    before, after = await paths.set_attributes(path, operation.attributes, check=check)
    if operation.recurse and not (check and pretence.kind(path)):
        async for inside in paths.walk(path):
            changes = (await paths.set_attributes(inside, operation.attributes, check=check))[1]
            result["changed"] = bool(changes) or result["changed"]
    return await _finish(paths, result, before, after, diff=diff)


async def _link(
    paths: Paths, operation: Link, pretence: Pretence, *, check: bool, diff: bool
) -> dict[str, Any]:
    path, word = paths.full(operation.path), "hard" if operation.hard else "link"
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    source = operation.source
    if source is None:
        if kind != "link" or operation.hard:
            raise Failure("src is required for creating new links", path=path)
        source = await paths.read_link(path)
    source = paths.expand_home(source)
    linked = kind == "link" and not operation.hard and await paths.read_link(path) == source
    if not linked:
        await _refuse_link(paths, operation, source, kind, pretence if check else Pretence())
    result: dict[str, Any] = {"changed": False, "dest": path, "src": source, "path": path, "state": word}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if not linked:
        before, after = {"state": kind}, {"state": word, "src": source}
        if check:
            pretence.would(path, "file" if operation.hard else "link")
        else:
            await paths.put_link(path, source, kind, hard=operation.hard)
    return await _finish(paths, result, before, after, diff=diff)


async def _refuse_link(paths: Paths, operation: Link, source: str, kind: str, pretence: Pretence) -> None:
    path = paths.full(operation.path)
    if kind == "directory" and (not operation.force or await paths.entries(path)):
        raise Failure(f"refusing to convert from directory to link for {path}", path=path, dest=path)
    if kind in {"file", "hard"} and not operation.force:
        raise Failure(f"refusing to convert from file to link for {path}", path=path, dest=path)
    full = paths.beside(path, source)
    pretended = pretence.kind(full)
    there = await paths.status(full, follow=True) is not None if pretended is None else pretended != "absent"
    if not there and (operation.hard or not operation.force):
        words = "" if operation.hard else ', use "force=yes" if you really want to create the link'
        raise Failure(f"src file does not exist{words}: {full}", path=path, src=source)


async def _remove(
    paths: Paths, operation: Remove, pretence: Pretence, *, check: bool, diff: bool
) -> dict[str, Any]:
    path = paths.full(operation.path)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    result: dict[str, Any] = {"changed": kind != "absent", "path": path, "state": "absent"}
    if diff:
        result["diff"] = {"before": {"path": path, "state": kind}, "after": {"path": path, "state": "absent"}}
    if kind == "absent":
        return result
    if check:
        pretence.would(path, "absent")
    else:
        await paths.remove(path, kind)
    return result


async def _touch(
    paths: Paths, operation: Touch, pretence: Pretence, *, check: bool, diff: bool
) -> dict[str, Any]:
    path = paths.full(operation.path)
    if operation.follow:
        path = await paths.target(path)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    result: dict[str, Any] = {"changed": False, "path": path, "dest": path}
    if kind == "absent" and not operation.make:
        raise Failure(f"file ({path}) is absent, cannot continue", path=path, state="absent")
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if kind == "absent":
        before, after = {"state": "absent"}, {"state": "touch"}
        if check:
            pretence.would(path, "file")
        else:
            await paths.write(path, b"")
    if not (check and pretence.kind(path)):
        old, new = await paths.set_times(path, operation, check=check)
        before, after = {**before, **old}, {**after, **new}
        old, new = await paths.set_attributes(path, operation.attributes, check=check)
        before, after = {**before, **old}, {**after, **new}
    return await _finish(paths, result, before, after, diff=diff)
