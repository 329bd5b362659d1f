"""Operations carried out on this machine, by the real helper in a child process."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.local import LocalAttributes, LocalConnection
from hivectl.helper.operations import Batch, Become, Fence, Item, ItemResult, Operation
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence


def items_of(operations: Sequence[Operation], *, check: bool = False, diff: bool = False) -> tuple[Item, ...]:
    """Return one item and step for each operation."""
    return tuple(
        Item(key=str(number), step=number, chain=0, operation=operation, check=check, diff=diff)
        for number, operation in enumerate(operations)
    )


def local(python: str | None = None) -> LocalConnection:
    """Return a connection to this machine, by the helper that the fixture `helper` chose, or by a Python."""
    attributes = LocalAttributes(python=python) if python is not None else chosen()
    return LocalConnection("here", attributes)


def chosen() -> LocalAttributes:
    """Return the helper that the running test is to be done with."""
    shell = os.environ.get("HIVECTL_TEST_SHELL")
    if shell is None:
        return LocalAttributes(python=sys.executable)
    return LocalAttributes(python="none", sh=shell)


async def results_of(
    connection: LocalConnection, batch: Batch, become: Become | None = None
) -> list[ItemResult]:
    """Return every result of a batch."""
    async with aclosing(connection.operate(batch, become)) as results:
        return [result async for result in results]


def with_connection(
    work: Callable[[LocalConnection], Coroutine[Any, Any, Any]], *, python: str | None = None
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
    python: str | None = None,
) -> list[ItemResult]:
    """Carry out operations in one batch."""
    batch = Batch(run="run-1", items=items_of(operations, check=check, diff=diff), fence=fence)
    return list(with_connection(lambda connection: results_of(connection, batch, become), python=python))


def carry_out_one(operation: Operation, **options: Any) -> dict[str, Any]:
    """Carry out one operation and return its result."""
    (result,) = carry_out(operation, **options)
    return result.result


def is_gone(pid: int) -> bool:
    """Say whether a process has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(pid: int) -> None:
    """Wait for a process to end; fails if it does not."""
    wait_until(lambda: is_gone(pid))


def _text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def pid_in(path: Path) -> int:
    """Wait until another program has written its number to a file, and return that."""
    for _ in range(1000):
        if text := _text_of(path):
            return int(text)
        await asyncio.sleep(0.01)
    raise AssertionError(f"{path} was not written")


async def indexes_until(
    error: type[BaseException], match: str, results: AsyncIterator[ItemResult]
) -> list[int]:
    """Return which items were answered before `error` came."""
    seen: list[int] = []

    async def take() -> None:
        async for result in results:
            seen.append(result.index)  # noqa: PERF401 - what came before the exception counts

    with pytest.raises(error, match=match):
        await take()
    return seen
