"""Things that several connections share while any of them needs them: an agent, a jump host."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Generic, TypeVar

from hivectl.model.errors import HivectlError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable

Shared = TypeVar("Shared")


@record(frozen=False)
class _Entry(Generic[Shared]):
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    value: Shared | None = None
    failures: int = 0
    error: HivectlError | None = None


class Pool(Generic[Shared]):
    """Opens a thing for its first user, closes it after its last.

    Args:
        close: ends a thing.
        alive: whether it can still be used; a dead one is opened anew.
    """

    def __init__(self, close: Callable[[Shared], Awaitable[None]], alive: Callable[[Shared], bool]) -> None:
        self._close = close
        self._alive = alive
        self._entries: dict[Hashable, _Entry[Shared]] = {}

    async def acquire(self, key: Hashable, make: Callable[[], Awaitable[Shared]]) -> Shared:
        """Return the thing called `key`, made by `make` if nobody has it; `release` gives it back.

        Those who wait while an attempt fails share its error, so that a dead jump host costs one timeout.
        """
        entry = self._entries.setdefault(key, _Entry())
        entry.users += 1
        failures = entry.failures
        try:
            async with entry.lock:
                if entry.failures > failures and entry.error is not None:
                    raise again(entry.error)  # noqa: TRY301  the release below is meant for this too
                if entry.value is None or not self._alive(entry.value):
                    try:
                        entry.value = await make()
                    except HivectlError as error:
                        entry.failures += 1
                        entry.error = error
                        raise
                return entry.value
        except BaseException:
            await self.release(key)
            raise

    async def release(self, key: Hashable) -> None:
        """Give a thing back; the last user closes it."""
        entry = self._entries[key]
        entry.users -= 1
        if entry.users == 0:
            del self._entries[key]
            if entry.value is not None:
                await self._close(entry.value)

    @asynccontextmanager
    async def held(self, key: Hashable, make: Callable[[], Awaitable[Shared]]) -> AsyncIterator[Shared]:
        """Hold the thing called `key` inside the context."""
        value = await self.acquire(key, make)
        try:
            yield value
        finally:
            await self.release(key)


def again(error: HivectlError) -> HivectlError:
    """Return an error of the same kind and words, to be raised in another task."""
    return type(error)(error.message, node=error.node, hint=error.hint)
