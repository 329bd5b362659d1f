"""The way through a batch: which item is next, which wait to travel with others, and what became of each."""

from __future__ import annotations

import asyncio
import time
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from hivectl.drivers.errors import NodeError, OperationTimeoutError, UnreachableError
from hivectl.helper.operations import ItemResult
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.drivers.boards.changes import Change
    from hivectl.drivers.boards.paths import Paths
    from hivectl.helper.operations import Batch, Item
    from hivectl.micropython.files import Files


@record
class Done:
    """What an item comes to.

    Attributes:
        index: its place in the batch.
        item: itself.
        result: as it will be once `change` is carried out.
        content: bytes that it has read.
        change: what is still to be done.
        seconds: how long it took so far.
    """

    index: int
    item: Item
    result: dict[str, Any]
    content: bytes | None = None
    change: Change | None = None
    seconds: float = field(default=0.0)

    @property
    def ends(self) -> bool:
        """Whether what comes behind it may have to be left."""
        return bool(self.result.get("failed") or self.result.get("stale"))


class Course:
    """Where in a batch we are.

    Args:
        batch: all of it.

    Attributes:
        index: of the item that is next.
        alone: index of the item that is done by itself, since it failed among others, which hides why.
        touched: paths that were changed.
    """

    def __init__(self, batch: Batch) -> None:
        self._items = batch.items
        self.index = 0
        self.alone = -1
        self.touched = set(batch.touched)
        self._failed_step: int | None = None
        self._failed_chains: set[tuple[int, int]] = set()

    def next(self) -> Item | None:
        """Return the item that is next; None: the batch has ended."""
        while self.index < len(self._items):
            item = self._items[self.index]
            if self._failed_step is not None and item.step != self._failed_step:
                self.index = len(self._items)
            elif (item.step, item.chain) not in self._failed_chains:
                return item
            else:
                self.index += 1
        return None

    def back_to(self, index: int) -> None:
        """Go on with an item that failed among others, by itself."""
        self.index = self.alone = index

    def note(self, done: Done) -> ItemResult:
        """Take in what became of an item and return it for the batch's owner."""
        item, result = done.item, done.result
        if result.get("stale"):
            self.index = len(self._items)
        elif result.get("failed"):
            self._failed_chains.add((item.step, item.chain))
            self._failed_step = self._failed_step if item.ignore_failure else item.step
        if "seen" in result and result.get("changed"):
            self.touched.add(result["seen"]["path"])
        return ItemResult(index=done.index, result=result, content=done.content, seconds=done.seconds)


class Convoy:
    """Items that wait for others to travel with, in their order; those that change nothing wait behind them.

    Args:
        files: of the board.
        node: for messages.

    Attributes:
        waiting: those items.
        moving: how many of them change something.
        arrived: those that are done.
        failure: what makes it senseless to go on, once `arrived` is taken care of.
    """

    def __init__(self, files: Files, node: str) -> None:
        self._files = files
        self._node = node
        self._pack = files.pack()
        self.waiting: list[Done] = []
        self.moving = 0
        self.arrived: list[Done] = []
        self.failure: NodeError | None = None

    def takes(self, done: Done) -> bool:
        """Whether there is room for an item's change."""
        return done.change is None or (done.change.code is not None and self._pack.takes(done.change.code))

    def add(self, done: Done) -> None:
        """Let an item wait."""
        self.waiting.append(done)
        if done.change is not None and done.change.code is not None:
            self.moving += 1
            self._pack.add(done.change.code)
            done.change.effect()

    @property
    def touched(self) -> set[str]:
        """Paths that will have been changed."""
        return {one.result["seen"]["path"] for one in self.waiting if one.change and "seen" in one.result}

    async def send(self, course: Course, paths: Paths) -> None:
        """Carry out what waits; where one fails, the course goes back to it."""
        waiting, self.waiting, self.moving = self.waiting, [], 0
        moving = [one for one in waiting if one.change is not None]
        seconds = 0.0
        if moving:
            began = time.monotonic()
            failure = await self._send(moving)
            seconds = (time.monotonic() - began) / len(moving)
            paths.settle()
            if failure is not None:
                # what was expected of paths is wrong
                paths.forget("/")
                first = moving[min(self._pack.done, len(moving) - 1)].index
                waiting = [one for one in waiting if one.index < first]
                if isinstance(failure, UnreachableError | OperationTimeoutError):
                    self.failure = failure
                else:
                    course.back_to(first)
        self.arrived = [
            one if one.change is None else replace(one, change=None, seconds=one.seconds + seconds)
            for one in waiting
        ]

    async def _send(self, moving: Sequence[Done]) -> NodeError | None:
        limits = [one.item.deadline for one in moving]
        deadline = None if None in limits else sum(limit for limit in limits if limit is not None)
        try:
            async with asyncio.timeout(deadline):
                await self._pack.send()
        except TimeoutError as error:
            late = OperationTimeoutError(f"the board did not finish in {deadline:g} s", node=self._node)
            late.__cause__ = error
            return late
        except NodeError as error:
            return error
        return None
