"""Getting in: from a started program to the point where it runs as the user that it shall be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.model.node_errors import BecomeError, ConnectionLostError, HelperError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.helper.channel import Channel
    from hivectl.helper.launch import Launch

# bytes of banners before the marker, and of standard error that is kept for messages
LONGEST_BANNER = 256 << 10
TAIL = 8 << 10
# seconds for the last words on standard error after the output has ended
LAST_WORDS = 2.0


class Errors:
    """Standard error: sudo's prompt is answered, the rest is kept for messages; read all the time, never in the way."""

    def __init__(self, channel: Channel, launch: Launch) -> None:
        self._channel = channel
        self._launch = launch
        self._tail = b""
        self._asked = 0
        self.wrong_password = False

    @property
    def tail(self) -> str:
        """The last that was said, without our prompts."""
        text = self._tail
        if self._launch.prompt:
            text = text.replace(self._launch.prompt, b"")
        return text.decode("utf-8", "replace").strip()

    async def follow(self, keep: Callable[[bytes], None] | None = None) -> None:
        """Read to the end.

        Args:
            keep: takes everything too.
        """
        while data := await self._channel.read_errors():
            self._tail = (self._tail + data)[-TAIL:]
            if keep is not None:
                keep(data)
            await self._answer()

    async def _answer(self) -> None:
        prompt, password = self._launch.prompt, self._launch.password
        if not prompt or password is None or self._tail.count(prompt) <= self._asked:
            return
        self._asked += 1
        if self._asked > 1:
            # sudo asks again: it did not take the first answer, and more of them may lock the user out
            self.wrong_password = True
            await self._channel.close()
            return
        await self._channel.write(password.reveal().encode() + b"\n")


def start_failure(
    node: str, launch: Launch, errors: Errors, status: int | None, *, helper: bool
) -> Exception:
    """Say why a program never came to its marker, by what it said and how it ended."""
    said = errors.tail
    sudo = launch.argv[0] == "sudo"
    if errors.wrong_password:
        return BecomeError(
            "sudo refused the password", node=node, hint="become_password is that of the login"
        )
    if status is None:
        words = f": {said}" if said else ""
        return ConnectionLostError(f"the connection broke before anything was started{words}", node=node)
    missing = status in {126, 127} or "not found" in said
    if (sudo and ("sudo:" in said and "python" not in said)) or (sudo and missing and "python" not in said):
        return _sudo_failure(node, said, missing=missing)
    if helper and missing:
        words = f"the node has no python3: {said}" if said else "the node has no python3"
        return HelperError(
            words, node=node, hint="install python3 (3.7 or newer), or set `python:` in the inventory"
        )
    if sudo and said:
        return _sudo_failure(node, said, missing=False)
    what = "the helper" if helper else "the command"
    return HelperError(
        f"{what} could not be started (status {status}): {said or 'it said nothing'}", node=node
    )


def _sudo_failure(node: str, said: str, *, missing: bool) -> BecomeError:
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [""]
    # sudo's first complaint is the cause, what follows is its consequence; a lecture may come before
    words = next((line for line in lines if line.startswith("sudo:")), None)
    words = words or next((line for line in reversed(lines) if " not " in line), lines[-1])
    if missing:
        return BecomeError(
            f"the node has no sudo: {words}", node=node, hint="install sudo, or log in as that user"
        )
    if "a password is required" in said:
        return BecomeError(f"sudo wants a password: {words}", node=node, hint="set become_password")
    if "tty" in said:
        return BecomeError(
            f"sudo wants a terminal: {words}", node=node, hint="take `requiretty` out of the node's sudoers"
        )
    return BecomeError(f"sudo did not let us: {words}", node=node)


async def until_marker(read: Callable[[int], Awaitable[bytes]], marker: bytes) -> tuple[bytes, bytes] | None:
    """Read to the line that begins with `marker`.

    Returns:
        The rest of that line and what came behind it; None when the output ended before.

    Raises:
        HelperError: more than LONGEST_BANNER bytes came before it.
    """
    seen = b""
    while True:
        place = seen.find(marker)
        if place >= 0 and (end := seen.find(b"\n", place)) >= 0:
            return seen[place + len(marker) : end].strip(), seen[end + 1 :]
        if len(seen) > LONGEST_BANNER:
            raise HelperError(f"the node sent {len(seen)} bytes in place of the helper's first word")
        data = await read(65536)
        if not data:
            return None
        seen += data


async def last_words(follower: asyncio.Task[None]) -> None:
    """Give standard error a moment to end, so that messages can quote it."""
    await asyncio.wait({follower}, timeout=LAST_WORDS)
