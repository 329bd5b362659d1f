"""A table that is shown again whenever it has changed, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

# ECMA-48: home, erase from there to the end; and the alternate screen of xterm, which leaves the old one as it was
HOME, ERASE_BELOW, ERASE_LINE = "\x1b[H", "\x1b[J", "\x1b[K"
ALTERNATE, MAIN = "\x1b[?1049h", "\x1b[?1049l"


async def watch_table(show: Callable[[], None], stream: TextIO, seconds: float) -> int:
    """Call `show` every few seconds and put what it prints on the terminal; elsewhere only when it has changed.

    Args:
        show: prints to standard output.
        stream: where it shall go.
        seconds: between two looks.
    """
    terminal = stream.isatty()
    last = ""
    if terminal:
        stream.write(ALTERNATE)
    try:
        while True:
            text = await asyncio.to_thread(_printed, show, terminal=terminal)
            if terminal:
                lines = [
                    f"{line}{ERASE_LINE}"
                    for line in (f"{time.strftime('%H:%M:%S')}  Ctrl-C ends", *text.splitlines())
                ]
                stream.write(HOME + "\r\n".join(lines) + ERASE_BELOW)
            elif text != last:
                stream.write(f"{time.strftime('%H:%M:%S')}\n{text}")
            last = text
            stream.flush()
            await asyncio.sleep(seconds)
    finally:
        if terminal:
            # what was seen last stays to be read
            stream.write(MAIN + last)
            stream.flush()


class _Page(io.StringIO):
    """Takes what is printed, as wide as the terminal is."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def _printed(show: Callable[[], None], *, terminal: bool) -> str:
    taken = _Page(terminal=terminal)
    with contextlib.redirect_stdout(taken):
        show()
    return taken.getvalue()
