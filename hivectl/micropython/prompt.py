"""How to get a prompt of the raw REPL from a board that does something else, and what it is where none comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.micropython.errors import BusyBoardError, NotABoardError, SilentBoardError
from hivectl.model.node_errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.micropython.wire import Input, Wire

INTERRUPT = b"\x03"
RAW_REPL = b"\r\x01"
PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
# seconds that each attempt to get a prompt waits: a program may need a second Ctrl-C, or close its files first
PATIENCE = (0.5, 1.0, 2.0, 4.0)
# seconds that a board has to come back from a reset
RESET_SECONDS = 10.0
# what boards print, but for a few letters of other languages
TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\r\n\t\x1b")


async def interrupt_for_prompt(wire: Wire, answers: Input) -> bool:
    """Interrupt whatever runs, again and again; return whether the prompt came.

    Raises:
        ConnectionLostError: the line ended.
    """
    for patience in PATIENCE:
        # twice: a program may catch the first one
        await wire.write(INTERRUPT + INTERRUPT)
        await wire.write(RAW_REPL)
        try:
            async with asyncio.timeout(patience):
                await answers.find(PROMPT)
                return True
        except TimeoutError:
            continue
    return False


async def interrupt_twice(wire: Wire) -> None:
    """Interrupt what runs; whoever comes next looks for the prompt."""
    try:
        async with asyncio.timeout(1.0):
            await wire.write(INTERRUPT + INTERRUPT)
    except (TimeoutError, NodeError):
        # the line is gone: so is what could be interrupted
        return


async def reset_for_prompt(wire: Wire, answers: Input, hard_reset: Callable[[], Awaitable[None]]) -> bool:
    """Reset the board from outside, then as `interrupt_for_prompt` for as long as it may take to start."""
    await hard_reset()
    answers.drop()
    end = asyncio.get_running_loop().time() + RESET_SECONDS
    while asyncio.get_running_loop().time() < end:
        if await interrupt_for_prompt(wire, answers):
            return True
    return False


def no_prompt(seen: bytes, node: str | None, *, logged_in: bool = False) -> NodeError:
    """Return what is wrong with a board that gave no prompt.

    Args:
        seen: what it said last.
        node: for messages.
        logged_in: it is known to be a board, and there is no cable to it.
    """
    if not seen or seen.rstrip().endswith(b">>>"):
        cable = not logged_in and not seen
        return SilentBoardError(
            f"the board says nothing{' any more' if seen else ''}: it hangs{', is off, or has another speed' if cable else ''}",
            node=node,
            hint=f"reset it{', or check `baud` and the cable' if cable else ''}",
        )
    if sum(byte in TEXT for byte in seen) < len(seen) / 2 and not logged_in:
        return NotABoardError(
            f"what comes is no text, so no MicroPython board's: {_shown(seen[-16:])}",
            node=node,
            hint="is it the right port, and is `baud` its speed?",
        )
    if logged_in or b">>>" in seen or b"MicroPython" in seen or b"Traceback" in seen or len(seen) >= 512:
        return BusyBoardError(
            f"the board's program does not let itself be interrupted; it says {_shown(seen[-60:])}",
            node=node,
            hint="reset the board; does its program catch KeyboardInterrupt, or print without end?",
        )
    return NotABoardError(
        f"what answers is no MicroPython board: {_shown(seen[-60:])}", node=node, hint="is it the right port?"
    )


def _shown(said: bytes) -> str:
    """Return bytes as people can read them."""
    return repr(said)[1:]
