"""The keyboard of whoever started us, where there is one: keys one by one, Ctrl-C among them."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# fields of termios(3) attributes as Python numbers them
LOCAL = 3
ENTER, INTERRUPT, ERASE = "\r\n", "\x03", "\x7f\x08"


class Keyboard:
    """A terminal whose keys come one by one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._keys: asyncio.Queue[str] = asyncio.Queue()

    def take(self) -> None:
        """Take what was typed."""
        try:
            data = os.read(self._descriptor, 1024)
        except OSError:
            data = b""
        # a terminal that is gone is as good as Ctrl-C
        for key in data.decode("utf-8", "replace") or INTERRUPT:
            self._keys.put_nowait(key)

    async def line(self, seconds: float | None) -> str | None:
        """Return what was typed up to Enter; None: Ctrl-C.

        Args:
            seconds: then "" is returned, and Enter ends nothing; None waits for Enter for ever.
        """
        typed = ""
        try:
            async with asyncio.timeout(seconds):
                while (key := await self._keys.get()) != INTERRUPT:
                    if key in ENTER and seconds is None:
                        return typed
                    typed = typed[:-1] if key in ERASE else typed + key
                return None
        except TimeoutError:
            return ""

    async def choice(self, keys: str) -> str:
        """Return the first key that is one of `keys`, in lower case."""
        while (key := (await self._keys.get()).lower()) not in keys:
            pass
        return key


@contextmanager
def keyboard(*, echo: bool) -> Iterator[Keyboard | None]:
    """Yield the keyboard of standard input, None where there is no terminal, or it is another job's.

    Args:
        echo: whether the terminal shows what is typed.
    """
    try:
        descriptor = sys.stdin.fileno()
        ours = os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        ours, descriptor = False, -1
    if not ours:
        yield None
        return
    before = termios.tcgetattr(descriptor)
    changed = termios.tcgetattr(descriptor)
    changed[LOCAL] &= ~(termios.ICANON | termios.ISIG | (0 if echo else termios.ECHO))
    keys = Keyboard(descriptor)
    loop = asyncio.get_running_loop()
    termios.tcsetattr(descriptor, termios.TCSADRAIN, changed)
    loop.add_reader(descriptor, keys.take)
    try:
        yield keys
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
