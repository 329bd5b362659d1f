"""Named limits (`uses: {usb-hub: 1}`) and `forks`: taken together or not at all, first come, first served."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


class Limits:
    """Counts of named resources.

    A step takes all that it uses at once, so that two steps never wait for each other's half. Waiting steps are
    served in order, but one may overtake another whose resources are still taken.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._free = dict(counts)
        self._waiting: deque[tuple[Mapping[str, int], asyncio.Future[None]]] = deque()

    def know(self, name: str, count: int) -> None:
        """Add a limit, unless it is known."""
        self._free.setdefault(name, count)

    @contextlib.asynccontextmanager
    async def use(self, amounts: Mapping[str, int]) -> AsyncIterator[None]:
        """Hold these amounts while the block runs."""
        if not amounts:
            yield
            return
        await self._take(amounts)
        try:
            yield
        finally:
            self._give_back(amounts)

    async def _take(self, amounts: Mapping[str, int]) -> None:
        if self._fits(amounts) and not any(set(amounts) & set(waiting) for waiting, _ in self._waiting):
            self._subtract(amounts)
            return
        future = asyncio.get_running_loop().create_future()
        entry = (amounts, future)
        self._waiting.append(entry)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._give_back(amounts)  # granted in the moment of cancellation
            else:
                self._waiting.remove(entry)
                self._serve()
            raise

    def _give_back(self, amounts: Mapping[str, int]) -> None:
        for name, amount in amounts.items():
            self._free[name] += amount
        self._serve()

    def _serve(self) -> None:
        blocked: set[str] = set()
        for entry in list(self._waiting):
            amounts, future = entry
            if future.done():
                continue  # cancelled, and about to leave the queue
            # one that waits for a resource keeps its place for it
            if not blocked & set(amounts) and self._fits(amounts):
                self._waiting.remove(entry)
                self._subtract(amounts)
                future.set_result(None)
            else:
                blocked |= set(amounts)

    def _fits(self, amounts: Mapping[str, int]) -> bool:
        return all(self._free[name] >= amount for name, amount in amounts.items())

    def _subtract(self, amounts: Mapping[str, int]) -> None:
        for name, amount in amounts.items():
            self._free[name] -= amount
