"""What all objects of the synchronous face have: an asynchronous one behind them, and the loop that runs it."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hivectl.client.errors import ClosedError
from hivectl.client.loop import Runner, runner

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Self

A = TypeVar("A")
T = TypeVar("T")


class Face(Generic[A]):
    """A synchronous object.

    Args:
        behind: does the work.
        owned: it is closed with this object: by `close`, `with`, the garbage collector, the end of the process.
    """

    def __init__(self, behind: A, *, owned: bool) -> None:
        self._inner = behind
        self._process = os.getpid()
        self._runner: Runner = runner()
        self._finalizer: weakref.finalize[Any, Any] | None = None
        if owned:
            self._runner.keep(behind)
            self._finalizer = weakref.finalize(self, _forgotten, self._process, self._runner, behind)
            # at the end of the process the loop closes what is open, side by side
            self._finalizer.atexit = False

    @property
    def _behind(self) -> A:
        """What does the work; raises ClosedError in a process that was forked since."""
        if os.getpid() != self._process:
            raise ClosedError(
                "connections do not survive a fork",
                hint="make the Hive or Node in the process that uses it (multiprocessing: start method 'spawn')",
            )
        return self._inner

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Have the loop do something."""

        async def begin() -> T:
            return await work

        return self._runner.call(begin)

    def __copy__(self) -> Self:
        """Refuse to be copied."""
        raise TypeError(f"a {type(self).__name__} is one: it cannot be copied")

    def __deepcopy__(self, _memo: object) -> Self:
        """Refuse to be copied."""
        return self.__copy__()

    def __reduce__(self) -> Any:
        """Refuse to be sent to another process."""
        raise TypeError(f"a {type(self).__name__} cannot be pickled: make it in the process that uses it")


def _forgotten(process: int, runner: Runner, behind: Any) -> None:
    """Close what nobody can use any more; in a forked child it is not ours."""
    if os.getpid() == process:
        runner.close_soon(behind)
