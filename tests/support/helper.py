"""Operations carried out on this machine, by the real helper in a child process."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from hivectl.drivers.local import LocalAttributes, LocalConnection
from hivectl.helper.operations import Batch, Become, Fence, Item, ItemResult, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence


def items_of(operations: Sequence[Operation], *, check: bool = False, diff: bool = False) -> tuple[Item, ...]:
    """Return one item and step for each operation."""
    return tuple(
        Item(key=str(number), step=number, chain=0, operation=operation, check=check, diff=diff)
        for number, operation in enumerate(operations)
    )


def local(python: str = sys.executable) -> LocalConnection:
    """Return a connection to this machine."""
    return LocalConnection("here", LocalAttributes(python=python))


async def results_of(
    connection: LocalConnection, batch: Batch, become: Become | None = None
) -> list[ItemResult]:
    """Return every result of a batch."""
    async with aclosing(connection.operate(batch, become)) as results:
        return [result async for result in results]


def with_connection(
    work: Callable[[LocalConnection], Coroutine[Any, Any, Any]], *, python: str = sys.executable
) -> Any:
    """Run `work` with a connection, which is closed behind it."""

    async def run() -> Any:
        connection = local(python)
        try:
            async with asyncio.timeout(30):
                return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def carry_out(
    *operations: Operation,
    check: bool = False,
    diff: bool = False,
    fence: Fence | None = None,
    become: Become | None = None,
    python: str = sys.executable,
) -> list[ItemResult]:
    """Carry out operations in one batch."""
    batch = Batch(run="run-1", items=items_of(operations, check=check, diff=diff), fence=fence)
    return list(with_connection(lambda connection: results_of(connection, batch, become), python=python))


def carry_out_one(operation: Operation, **options: Any) -> dict[str, Any]:
    """Carry out one operation and return its result."""
    (result,) = carry_out(operation, **options)
    return result.result
