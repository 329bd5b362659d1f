"""Running asyncio code so that Ctrl-C, SIGTERM and a closed terminal stop it and let it clean up."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from hivectl.cli.errors import say
from hivectl.model.errors import ExitCode, HivectlError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class StoppedError(HivectlError):
    """A signal has stopped the command, which has cleaned up."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERRUPTED


class TerminatedError(StoppedError):
    """SIGTERM or SIGHUP has stopped the command."""

    exit_code: ClassVar[ExitCode] = ExitCode.TERMINATED


STOPS: dict[int, tuple[str, type[StoppedError]]] = {
    signal.SIGINT: ("interrupted", StoppedError),
    signal.SIGTERM: ("terminated", TerminatedError),
    signal.SIGHUP: ("terminated", TerminatedError),  # the terminal was closed
}
# the third signal ends the process at once
PATIENCE = 3


class _Stop:
    """Delivers signals: the first cancels, the second says so, the third exits."""

    def __init__(self, task: asyncio.Task[Any], tell: Callable[[str], None]) -> None:
        self._task = task
        self._tell = tell
        self._times = 0
        self.first: int | None = None

    def deliver(self, number: int) -> None:
        """Act on one signal."""
        self._times += 1
        word, error = STOPS[number]
        if self._times == 1:
            self.first = number
            self._task.cancel(word)
        elif self._times < PATIENCE:
            self._tell(
                f"{word} again: still cleaning up; once more ends at once, and leaves reservations to expire"
            )
        else:
            if sys.stdout is not None and sys.stdout.isatty():
                os.write(1, b"\x1b[?25h\n")  # the progress had hidden the cursor (DECTCEM)
            os._exit(error.exit_code)


def run(main: Coroutine[Any, Any, T], tell: Callable[[str], None] = say) -> T:
    """Run `main` to its end; a signal cancels it, and what it returns or raises then counts.

    Args:
        main: the command's work; cancelled with the message "interrupted" or "terminated".
        tell: takes a word to the user while it cleans up.

    Raises:
        StoppedError: it was cancelled by a signal and has no result of its own.
    """
    return asyncio.run(_supervised(main, tell))


async def _supervised(main: Coroutine[Any, Any, T], tell: Callable[[str], None]) -> T:
    # what has been imported stays; looking for garbage in it again and again costs a tenth of a run
    gc.freeze()
    # a node's share of a run is some 2,000 objects, of which 8 are garbage that only a search finds: it pays rarely
    gc.set_threshold(300_000, 20, 50)
    gc.enable()
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)
    stop = _Stop(task, tell)
    # `nohup` has SIGHUP ignored, and so it stays
    numbers = [number for number in STOPS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, stop.deliver, number)
    try:
        return await task
    except asyncio.CancelledError:
        if stop.first is None:
            raise
        word, error = STOPS[stop.first]
        raise error(f"{word}, and cleaned up") from None
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
