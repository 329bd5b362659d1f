"""File operations on a board: the same results as the helper's on Linux, as far as a board has the thing.

A batch begins with one round trip that looks at every path in it; only what differs costs another. What boards do
not have (modes, owners, links, times that can be set) is a failed item that says so. The fence is kept in the
board's memory: flash would wear out, and whoever resets a board has it in his hands.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from hivectl.drivers.boards.contents import edit, read, write
from hivectl.drivers.boards.facts import gather
from hivectl.drivers.boards.finding import find
from hivectl.drivers.boards.observing import look_first
from hivectl.drivers.boards.paths import Paths
from hivectl.drivers.boards.scripts import run_script
from hivectl.drivers.errors import FenceError, OperationTimeoutError, UnreachableError
from hivectl.helper.file_operations import Find, Script
from hivectl.helper.node.paths import Failure, Pretence
from hivectl.helper.operations import Directory, Edit, Facts, ItemResult, Read, Remove, Stat, Touch, Write
from hivectl.micropython.errors import RemoteError, RemoteOSError
from hivectl.micropython.programs import NAME
from hivectl.model.node_errors import NodeError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from hivectl.helper.operations import Attributes, Batch, Fence, Item
    from hivectl.micropython.files import Files

OTHER = "a MicroPython board has no `{}`"


class BoardOperations:
    """Carries batches out.

    Args:
        files: the board's.
        node: for messages.
    """

    def __init__(self, files: Files, node: str) -> None:
        self._files = files
        self._node = node
        # what a check has made so far is seen by later batches of its run
        self._pretence = Pretence()
        self._run = ""

    async def operate(self, batch: Batch) -> AsyncGenerator[ItemResult, None]:
        """Carry out a batch, item by item, and yield each result.

        Raises:
            FenceError: somebody else holds the board.
            UnreachableError: the way is gone, or disturbed.
        """
        self._pretence.begin(batch.run)
        self._run = batch.run
        paths = Paths(self._files)
        await self._prepare(batch, paths)
        touched = set(batch.touched)
        failed_step: int | None = None
        failed_chains: set[tuple[int, int]] = set()
        for index, item in enumerate(batch.items):
            if failed_step is not None and item.step != failed_step:
                return
            if (item.step, item.chain) in failed_chains:
                continue
            began = time.monotonic()
            result, content = await self._item(item, paths, touched)
            if result.get("stale"):
                yield ItemResult(index=index, result=result)
                return
            if result.get("failed"):
                failed_chains.add((item.step, item.chain))
                failed_step = failed_step if item.ignore_failure else item.step
            yield ItemResult(index=index, result=result, content=content, seconds=time.monotonic() - began)

    async def _prepare(self, batch: Batch, paths: Paths) -> None:
        """Show the fence and look at everything at once."""
        first = _fence_code(batch.fence) if batch.fence is not None else ""
        try:
            await paths.foresee([item.operation for item in batch.items], first)
        except RemoteError as error:
            if error.kind == "RuntimeError" and error.said.startswith("fence "):
                raise FenceError(
                    f"{error.said.removeprefix('fence ')} holds the board", node=self._node
                ) from error
            if batch.fence is not None:
                await self._files.run(first)
            # a path that cannot be looked at fails the item that has it

    async def _item(self, item: Item, paths: Paths, touched: set[str]) -> tuple[dict[str, Any], bytes | None]:
        try:
            async with asyncio.timeout(item.deadline):
                if item.seen is not None:
                    return await self._watched(item, paths, touched)
                return await self._carry_out(item, paths)
        except TimeoutError as error:
            raise OperationTimeoutError(
                f"the board did not finish in {item.deadline:g} s", node=self._node
            ) from error
        except Failure as failure:
            return {"changed": False, **failure.result}, None
        except UnreachableError:
            raise
        except RemoteOSError as error:
            return {"changed": False, "failed": True, "msg": error.message, "errno": error.errno}, None
        except RemoteError as error:
            return {
                "changed": False,
                "failed": True,
                "msg": error.message,
                "exception": error.traceback,
            }, None
        except NodeError as error:
            return {"changed": False, "failed": True, "msg": error.message}, None

    async def _watched(
        self, item: Item, paths: Paths, touched: set[str]
    ) -> tuple[dict[str, Any], bytes | None]:
        """Carry an item out after a look, if what is found is what a saved plan has found."""
        assert item.seen is not None
        found = await look_first(paths, item.operation, item.seen, touched)
        if found is None:
            return await self._carry_out(item, paths)
        if set(item.seen) - {"private"} and item.seen != found:
            raise Failure("the plan is stale", stale=True, stopped=True, seen=found)
        result, content = await self._carry_out(item, paths)
        if result.get("changed"):
            touched.add(found["path"])
        return {**result, "seen": found}, content

    async def _carry_out(self, item: Item, paths: Paths) -> tuple[dict[str, Any], bytes | None]:
        how = {"check": item.check, "diff": item.diff}
        content = None
        match item.operation:
            case Stat() as operation:
                result = await paths.look(operation)
            case Read() as operation:
                result, content = await read(paths, operation)
            case Write() as operation:
                refuse_attributes(operation.attributes, operation.path)
                result = await write(paths, operation, self._pretence, **how)
            case Edit() as operation:
                refuse_attributes(operation.attributes, operation.path)
                result = await edit(paths, operation, self._pretence, **how)
            case Directory() as operation:
                refuse_attributes(operation.attributes, operation.path)
                result = await _directory(paths, operation, self._pretence, **how)
            case Remove() as operation:
                result = await _remove(paths, operation, self._pretence, **how)
            case Touch() as operation:
                refuse_attributes(operation.attributes, operation.path)
                result = await _touch(paths, operation, self._pretence, **how)
            case Facts() as operation:
                facts = await gather(self._files.repl, operation.groups, self._node)
                result = {"changed": False, "ansible_facts": facts}
            case Find() as operation:
                result = await find(paths, operation)
            case Script() as operation:
                begun = (self._run, item.key)
                result = await run_script(self._files.repl, operation, begun=begun, check=item.check)
                if result["changed"]:
                    paths.forget("/")
            case other:
                raise Failure(OTHER.format(other.name))
        return result, content


def refuse_attributes(attributes: Attributes, path: str) -> None:
    """Fail where a mode, an owner or a group is asked for: nothing is silently ignored."""
    named = [name for name in ("mode", "owner", "group") if getattr(attributes, name) is not None]
    if named:
        raise Failure(f"files of a board have no {' and no '.join(named)}: leave that out", path=path)


def _fence_code(fence: Fence) -> str:
    holder = (fence.owner, round(fence.time_to_live * 1000))
    return (
        f"f={NAME}._f({fence.store!r},{fence.token},{holder!r})\n"
        'if f:raise RuntimeError("fence "+f[2])\ndel f\n'
    )


async def _directory(
    paths: Paths, operation: Directory, pretence: Pretence, *, check: bool, diff: bool
) -> dict[str, Any]:
    path = paths.full(operation.path)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    if kind == "file":
        raise Failure(f"{path} already exists as a file", path=path)
    result: dict[str, Any] = {"changed": kind == "absent", "path": path, "state": "directory"}
    if diff:
        after = {"path": path, "state": "directory"}
        result["diff"] = {"before": {**after, "state": kind}, "after": after}
    if kind == "absent":
        await paths.make_directory(path, pretence, check=check)
    return result


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
    if path == "/":
        raise Failure("the root of a board's file system cannot be removed", path=path)
    if check:
        pretence.would(path, "absent")
    else:
        await paths.files.remove(path)
        paths.forget(path)
    return result


async def _touch(
    paths: Paths, operation: Touch, pretence: Pretence, *, check: bool, diff: bool
) -> dict[str, Any]:
    path = paths.full(operation.path)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    result: dict[str, Any] = {"changed": False, "path": path, "dest": path}
    if kind == "absent" and not operation.make:
        raise Failure(f"file ({path}) is absent, cannot continue", path=path, state="absent")
    if operation.regular and kind == "directory":
        raise Failure(f"file ({path}) is directory, cannot continue", path=path, state="directory")
    if kind == "absent":
        result |= {"changed": True, "state": "file", "size": 0}
        if diff:
            after = {"path": path, "state": "touch"}
            result["diff"] = {"before": {**after, "state": "absent"}, "after": after}
        if check:
            pretence.would(path, "file")
        else:
            await paths.files.put(path, b"", force=True)
            paths.forget(path)
        return result
    times = (operation.access_time, operation.modification_time)
    if any(wanted not in (None, "preserve") for wanted in times) or (operation.make and None in times):
        raise Failure(
            "a board cannot set the times of its files: write `access_time: preserve` and "
            "`modification_time: preserve`",
            path=path,
        )
    if diff:
        result["diff"] = {"before": {"path": path}, "after": {"path": path}}
    return {**result, **await paths.describe(path)}
