"""What all objects of the synchronous face have: an asynchronous one behind them, and the loop that runs it.

What both do is written once, there: `exec = blocking(AsyncNode.exec)` has its parameters, its types and its words.
"""

from __future__ import annotations

import functools
import os
import weakref
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar

from hivectl.client.errors import ClosedError
from hivectl.client.loop import Runner, runner

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Self

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
R = TypeVar("R")
T = TypeVar("T")
P = ParamSpec("P")


class Face(Generic[A_co]):
    """A synchronous object.

    Args:
        behind: does the work.
        owned: it is closed with this object: by `close`, `with`, the garbage collector, the end of the process.
    """

    def __init__(self, behind: A_co, *, owned: bool) -> None:
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
    def _behind(self) -> A_co:
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

    def __init_subclass__(cls) -> None:
        """Give what `blocking` has made its name here."""
        super().__init_subclass__()
        for name, value in vars(cls).items():
            if hasattr(value, "__wrapped__"):
                value.__module__, value.__qualname__ = cls.__module__, f"{cls.__qualname__}.{name}"

    def __copy__(self) -> Self:
        """Refuse to be copied."""
        raise TypeError(f"a {type(self).__name__} is one: it cannot be copied")

    def __deepcopy__(self, _memo: object) -> Self:
        """Refuse to be copied."""
        return self.__copy__()

    def __reduce__(self) -> Any:
        """Refuse to be sent to another process."""
        raise TypeError(f"a {type(self).__name__} cannot be pickled: make it in the process that uses it")


def blocking(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Face[A], P], T]:
    """Return an asynchronous object's method for its synchronous face: it returns when that is done."""

    @functools.wraps(method)
    def call(self: Face[A], /, *arguments: P.args, **named: P.kwargs) -> T:
        # by its name, for the object behind may have another one
        work: Callable[P, Coroutine[Any, Any, T]] = getattr(self._behind, method.__name__)
        return self._call(work(*arguments, **named))

    return call


def blocking_as(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, R]], face: Callable[[Any, R], T]
) -> Callable[Concatenate[Face[A], P], T]:
    """Return the same of a method that returns an asynchronous object.

    Args:
        method: the asynchronous object's.
        face: makes a synchronous object of ours and of what the method returns.
    """
    plain = blocking(method)

    @functools.wraps(method)
    def call(self: Face[A], /, *arguments: P.args, **named: P.kwargs) -> T:
        return face(self, plain(self, *arguments, **named))

    return call


def _forgotten(process: int, runner: Runner, behind: Any) -> None:
    """Close what nobody can use any more; in a forked child it is not ours."""
    if os.getpid() == process:
        runner.close_soon(behind)
