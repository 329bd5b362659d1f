"""One direction of a board's line: what is sent arrives in order, as late and as slowly as the faults say."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.virtual.board.faults import Faults


class Link:
    """One direction.

    Args:
        faults: of the board; they may change meanwhile.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._under_way: deque[tuple[float, int, Callable[[], None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        # when what was sent last has left
        self._left = 0.0
        self.size = 0

    def send(self, size: int, act: Callable[[], None]) -> None:
        """Do something when so many bytes have arrived; at once on a line without faults."""
        faults = self._faults
        if not self._under_way and not faults.delay and faults.rate is None:
            act()
            return
        now = asyncio.get_running_loop().time()
        self._left = max(now, self._left) + (size / faults.rate if faults.rate else 0.0)
        self._under_way.append((self._left + faults.delay, size, act))
        self.size += size
        self._wait()

    def cut(self) -> None:
        """Lose what is under way."""
        self._under_way.clear()
        self.size = 0
        self._left = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        if self._timer is None and self._under_way:
            self._timer = asyncio.get_running_loop().call_at(self._under_way[0][0], self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._under_way and self._under_way[0][0] <= now:
            _, size, act = self._under_way.popleft()
            self.size -= size
            act()
        self._wait()
