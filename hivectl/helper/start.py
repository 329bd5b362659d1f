"""Starting a helper: the launch, the way in, what is sent before it says a word."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from hivectl.helper.bundle import OURS, SOURCE, extra, lessons, preamble
from hivectl.helper.encode import Frame, encode_batch
from hivectl.helper.enter import Errors, last_words, start_failure, until_marker
from hivectl.helper.launch import NO_PYTHON, launch_helper
from hivectl.model.node_errors import ConnectionLostError, HelperError, NodeError
from hivectl.model.records import record

if TYPE_CHECKING:
    from hivectl.helper.channel import Channel, OpenChannel
    from hivectl.helper.operations import Batch, Become
    from hivectl.helper.sh.dialect import Dialect

# seconds for a helper to start, sudo and slow boards included
STARTING = 60.0
# of a batch that travels with the helper (bytes): more would be wasted on a node with another Python
LARGEST_AHEAD = 1 << 20


@record
class Started:
    """A helper that has said its first word.

    Attributes:
        errors: its standard error, read by `follower`.
        magic: the kind of modules that it takes.
        rest: what it said behind its first word.
        ahead: the batch that it has already got.
        dialect: what a helper speaks that is a sh program; None for Python.
    """

    channel: Channel
    errors: Errors
    follower: asyncio.Task[None]
    magic: str
    rest: bytes
    ahead: Batch | None
    dialect: Dialect | None = None


class OldPythonError(HelperError):
    """The node's Python knows too little for the helper."""


async def start_helper(
    open_channel: OpenChannel,
    node: str,
    *,
    become: Become | None,
    python: str,
    first: Batch | None,
    shell: str = "/bin/sh",
) -> Started:
    """Start a helper; see `HelperSession.start`."""
    try:
        return await _start(open_channel, node, become=become, python=python, first=first, shell=shell)
    except OldPythonError:
        return await _start(open_channel, node, become=become, python=NO_PYTHON, first=first, shell=shell)


async def _start(
    open_channel: OpenChannel,
    node: str,
    *,
    become: Become | None,
    python: str,
    first: Batch | None,
    shell: str,
) -> Started:
    launch = launch_helper(become, python, shell)
    channel = await open_channel(launch)
    errors = Errors(channel, launch)
    follower = asyncio.create_task(errors.follow())
    # sudo may want to read its password first: then nothing can be sent ahead
    frames = _frames_ahead(first) if become is None and first is not None and python != NO_PYTHON else b""
    try:
        async with asyncio.timeout(STARTING):
            if become is None and python != NO_PYTHON:
                with suppress(ConnectionLostError):  # why is said on standard error
                    await channel.write(preamble(OURS, frames))
            found = await until_marker(channel.read, launch.marker)
            if found is None:
                await last_words(follower)
                raise start_failure(  # noqa: TRY301 - the channel is closed below, whatever failed
                    node, launch, errors, await channel.wait(), helper=True
                )
            said = found[0].decode("ascii", "replace")
            if said == "sh":
                dialect, frames = _sh_program(first)
                await channel.write(frames)
                return Started(channel, errors, follower, said, found[1], first, dialect)
            magic = _magic_of(said)
            if magic != OURS or become is not None:
                frames = b""
                await channel.write(preamble(magic))
    except TimeoutError:
        await discard(channel, follower)
        raise HelperError(f"the helper did not start within {STARTING:g} s", node=node) from None
    except NodeError as error:
        await discard(channel, follower)
        error.node = node
        raise
    except BaseException:
        if frames:
            await _stop_unheard(channel)
        await discard(channel, follower)
        raise
    ahead = first if frames else None
    return Started(channel, errors, follower, magic, found[1], ahead)


def _sh_program(first: Batch | None) -> tuple[Dialect, bytes]:
    """Return the twin's dialect, and the program with the first batch behind it."""
    from hivectl.helper.sh.bundle import preamble as sh_preamble
    from hivectl.helper.sh.dialect import Dialect

    dialect = Dialect()
    return dialect, sh_preamble(dialect.first(first) if first is not None else b"")


def _magic_of(said: str) -> str:
    """Return which bundle the node's Python takes, by what its loader said; raises HelperError."""
    if said.startswith("old"):
        raise OldPythonError(
            f"the node's Python is too old ({said[3:].strip()})", hint="3.7 or newer is needed"
        )
    return OURS if said == OURS else SOURCE


def _frames_ahead(batch: Batch) -> bytes:
    """Return a batch and what it needs as frames that can be sent unasked; b"" if they are many."""
    modules = [module_frame(OURS, name) for name in sorted(lessons(batch))]
    packed = b"".join([*modules, bytes(encode_batch(batch))])
    return packed if len(packed) <= LARGEST_AHEAD else b""


@cache
def module_frame(magic: str, operation: str) -> bytes:
    """Return the frame of what an operation needs besides; b"" when it needs nothing."""
    modules = extra(magic, operation)
    return bytes(Frame({"t": "modules"}, modules)) if modules else b""


async def _stop_unheard(channel: Channel) -> None:
    """Tell a helper, which may not even have started, to leave what was sent ahead."""
    with suppress(TimeoutError, NodeError):
        async with asyncio.timeout(1):
            await channel.write(bytes(Frame({"t": "stop"})))
            await channel.write_end()


async def discard(channel: Channel, follower: asyncio.Task[None]) -> None:
    """Close a channel and end what reads it."""
    try:
        await channel.close()
    finally:
        follower.cancel()
        with suppress(asyncio.CancelledError, NodeError):
            await follower
