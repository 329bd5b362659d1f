"""File operations on a board: the same results as the helper's on Linux, as far as a board has the thing.

A batch begins with one round trip that looks at every path in it; only what differs costs another, and small changes
go several in one. What boards do
not have (modes, owners, links, times that can be set) is a failed item that says so. The fence is kept in the
board's memory: flash would wear out, and whoever resets a board has it in his hands.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from hivectl.drivers.boards.changes import directory, refuse_attributes, remove, touch
from hivectl.drivers.boards.contents import edit, read, write
from hivectl.drivers.boards.convoy import Convoy, Course, Done
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
    from collections.abc import AsyncGenerator, Coroutine

    from hivectl.drivers.boards.changes import Change
    from hivectl.helper.operations import Batch, Fence, Item
    from hivectl.micropython.files import Files

# of an item: its result, what it has read, and what is still to be done
Outcome: TypeAlias = "tuple[dict[str, Any], bytes | None, Change | None]"
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
        course, convoy = Course(batch), Convoy(self._files, self._node)
        kept: Done | None = None
        while True:
            for one in convoy.arrived:
                yield course.note(one)
            convoy.arrived = []
            if convoy.failure is not None:
                raise convoy.failure
            item, index = course.next(), course.index
            if item is None and not convoy.waiting:
                return
            if item is None or (convoy.waiting and not paths.knows(item)):
                await convoy.send(course, paths)
                continue
            touched = course.touched | convoy.touched if item.seen is not None else course.touched
            done = kept or await self._item(index, item, paths, touched)
            kept = None
            alone = done.change is not None and (done.change.code is None or index == course.alone)
            if convoy.waiting and (alone or not convoy.takes(done)):
                await convoy.send(course, paths)
                kept = done if course.index == index else None
                continue
            course.index += 1
            if alone:
                yield course.note(await self._alone(done, paths))
                continue
            convoy.add(done)
            if done.ends or not convoy.moving:
                await convoy.send(course, paths)

    async def _prepare(self, batch: Batch, paths: Paths) -> None:
        """Show the fence and look at everything at once."""
        first = _fence_code(batch.fence) if batch.fence is not None else ""
        try:
            await paths.foresee(batch.items, first)
        except RemoteError as error:
            if error.kind == "RuntimeError" and error.said.startswith("fence "):
                raise FenceError(
                    f"{error.said.removeprefix('fence ')} holds the board", node=self._node
                ) from error
            if batch.fence is not None:
                await self._files.run(first)
            # a path that cannot be looked at fails the item that has it

    async def _item(self, index: int, item: Item, paths: Paths, touched: set[str]) -> Done:
        """Carry out what an item asks for, but for the change that it comes to."""
        acting = self._carry_out(item, paths) if item.seen is None else self._watched(item, paths, touched)
        return await self._guarded(Done(index, item, {}), acting)

    async def _alone(self, done: Done, paths: Paths) -> Done:
        """Carry out an item's change by itself."""
        change = done.change
        assert change is not None

        async def act() -> Outcome:
            await change.alone()
            change.effect()
            paths.settle()
            return done.result, done.content, None

        return await self._guarded(done, act())

    async def _guarded(self, done: Done, acting: Coroutine[Any, Any, Outcome]) -> Done:
        """Await what is done for an item, within its time; its errors are the item's but for a lost way."""
        deadline = done.item.deadline
        began = time.monotonic()
        change = None
        content = None
        result: dict[str, Any]
        try:
            async with asyncio.timeout(None if deadline is None else deadline - done.seconds):
                result, content, change = await acting
        except TimeoutError as error:
            raise OperationTimeoutError(
                f"the board did not finish in {deadline:g} s", node=self._node
            ) from error
        except Failure as failure:
            result = {"changed": False, **failure.result}
        except UnreachableError:
            raise
        except RemoteOSError as error:
            path = getattr(done.item.operation, "path", None)
            said = error.message if path is None else f"{path}: {error.message}"
            result = {"changed": False, "failed": True, "msg": said, "errno": error.errno}
        except RemoteError as error:
            result = {"changed": False, "failed": True, "msg": error.message, "exception": error.traceback}
        except NodeError as error:
            result = {"changed": False, "failed": True, "msg": error.message}
        return Done(done.index, done.item, result, content, change, done.seconds + time.monotonic() - began)

    async def _watched(self, item: Item, paths: Paths, touched: set[str]) -> Outcome:
        """Carry an item out after a look, if what is found is what a saved plan has found."""
        assert item.seen is not None
        found = await look_first(paths, item.operation, item.seen, touched)
        if found is None:
            return await self._carry_out(item, paths)
        if set(item.seen) - {"private"} and item.seen != found:
            raise Failure("the plan is stale", stale=True, stopped=True, seen=found)
        result, content, change = await self._carry_out(item, paths)
        return {**result, "seen": found}, content, change

    async def _carry_out(self, item: Item, paths: Paths) -> Outcome:
        how = {"check": item.check, "diff": item.diff}
        content = change = None
        match item.operation:
            case Stat() as operation:
                result = await paths.look(operation)
            case Read() as operation:
                result, content = await read(paths, operation)
            case Write() as operation:
                refuse_attributes(operation.attributes, operation.path)
                result, change = await write(paths, operation, self._pretence, **how)
            case Edit() as operation:
                refuse_attributes(operation.attributes, operation.path)
                result, change = await edit(paths, operation, self._pretence, **how)
            case Directory() as operation:
                refuse_attributes(operation.attributes, operation.path)
                result, change = await directory(paths, operation, self._pretence, **how)
            case Remove() as operation:
                result, change = await remove(paths, operation, self._pretence, **how)
            case Touch() as operation:
                refuse_attributes(operation.attributes, operation.path)
                result = await touch(paths, operation, self._pretence, **how)
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
        return result, content, change


def _fence_code(fence: Fence) -> str:
    holder = (fence.owner, round(fence.time_to_live * 1000))
    return (
        f"f={NAME}._f({fence.store!r},{fence.token},{holder!r})\n"
        'if f:raise RuntimeError("fence "+f[2])\ndel f\n'
    )
