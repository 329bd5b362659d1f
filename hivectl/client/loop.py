"""One event loop in a thread of its own for each process, on which the synchronous face does its work."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
import weakref
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from hivectl.client.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")
# seconds that a call may take to clean up after Ctrl-C, and everything that is open at the end of the process
CLEANING = 15.0


class Runner:
    """The loop and its thread; `runner()` returns this process's."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self._closing: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="hivectl", daemon=True)
        self._thread.start()
        _at_exit(self._end)

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something on the loop and return its result; Ctrl-C cancels it, and it may clean up.

        Args:
            work: makes the coroutine, on the loop.
        """
        if threading.current_thread() is self._thread:
            raise ClosedError("this is the loop's own thread: use hivectl.aio there")
        done: concurrent.futures.Future[T] = concurrent.futures.Future()
        tasks: list[asyncio.Task[T]] = []
        self._loop.call_soon_threadsafe(self._begin, work, tasks, done)
        try:
            return done.result()
        except KeyboardInterrupt:
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
            with suppress(concurrent.futures.TimeoutError, concurrent.futures.CancelledError, Exception):
                done.result(CLEANING)
            raise

    def keep(self, item: Any) -> None:
        """Close an asynchronous object at the end of the process, unless it is closed or forgotten by then."""
        self._open[id(item)] = item

    def close_soon(self, item: Any) -> None:
        """Close an asynchronous object without waiting: for the garbage collector, in whatever thread it runs."""
        self._open.pop(id(item), None)
        with suppress(RuntimeError):  # the loop has ended: so has all that was open
            self._loop.call_soon_threadsafe(self._close, item)

    def _close(self, item: Any) -> None:
        task = self._loop.create_task(item.close())
        # kept until it is done, or it would be garbage itself
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled():
            task.exception()  # nobody is left to hear of it

    def _begin(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        tasks: list[asyncio.Task[T]],
        done: concurrent.futures.Future[T],
    ) -> None:
        try:
            task = self._loop.create_task(work())
        except Exception as error:  # noqa: BLE001  it is the caller's
            done.set_exception(error)
            return
        tasks.append(task)
        task.add_done_callback(lambda ended: _hand_over(ended, done))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _end(self) -> None:
        items = list(self._open.values())
        if self._thread.is_alive():
            ending = asyncio.run_coroutine_threadsafe(self._close_all(items), self._loop)
            with suppress(concurrent.futures.TimeoutError, KeyboardInterrupt):
                ending.result(CLEANING)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CLEANING)

    async def _close_all(self, items: list[Any]) -> None:
        await asyncio.gather(*(item.close() for item in items), *self._closing, return_exceptions=True)


def _hand_over(ended: asyncio.Task[T], done: concurrent.futures.Future[T]) -> None:
    if ended.cancelled():
        done.cancel()
        done.set_running_or_notify_cancel()
    elif (error := ended.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(ended.result())


def _at_exit(function: Callable[[], None]) -> None:
    """Have a function called at the end of the process, before the pools of threads that it needs are closed."""
    pid = os.getpid()

    def in_this_process() -> None:
        if os.getpid() == pid:
            function()

    # atexit would be too late: by then no thread can be started (concurrent.futures.thread), and nothing given back
    register = getattr(threading, "_register_atexit", atexit.register)
    register(in_this_process)


def runner() -> Runner:
    """Return this process's loop, started if need be."""
    return _runner_of(os.getpid())


@cache
def _runner_of(_process: int) -> Runner:
    # imported first, so that its end comes after ours
    import concurrent.futures.thread  # noqa: F401

    return Runner()
