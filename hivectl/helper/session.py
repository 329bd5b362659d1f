"""What a driver needs of the helper: its sessions on one node, one for each user, and single commands without it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from hivectl.helper.commands import Completed
from hivectl.helper.conversation import HelperSession
from hivectl.helper.enter import Errors, start_failure
from hivectl.helper.launch import launch_command
from hivectl.helper.operations import Batch, Progress
from hivectl.model.node_errors import ConnectionLostError, NodeError, OperationTimeoutError, OutputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from hivectl.helper.channel import Channel, OpenChannel
    from hivectl.helper.commands import Command
    from hivectl.helper.launch import Launch
    from hivectl.helper.operations import Become, Fence, Item, ItemResult

__all__ = ["HelperSession", "HelperSessions", "run_command"]

# bytes of each output of a single command
LONGEST_OUTPUT = 64 << 20


class HelperSessions:
    """The helpers of one connection: started when first needed, one for each user.

    Args:
        open_channel: starts a `Launch` on the node.
        node: for messages.
        python: the interpreter there; NO_PYTHON (`hivectl.helper.launch`) to do without.
        shell: what runs the helper's twin where there is no Python.
    """

    def __init__(
        self, open_channel: OpenChannel, *, node: str, python: str = "python3", shell: str = "/bin/sh"
    ) -> None:
        self._open_channel = open_channel
        self._node = node
        self._python = python
        self._shell = shell
        self._sessions: dict[str | None, HelperSession] = {}
        self._starting: dict[str | None, asyncio.Lock] = {}
        self._closed = False

    async def session(self, become: Become | None = None, *, first: Batch | None = None) -> HelperSession:
        """Return the running helper of a user, starting it if need be; `first` and errors as `HelperSession.start`."""
        user = become.user if become is not None else None
        async with self._starting.setdefault(user, asyncio.Lock()):
            if self._closed:
                raise ConnectionLostError("the connection is closed", node=self._node)
            session = self._sessions.get(user)
            if session is None or session.closed:
                if session is not None:
                    await session.close()
                session = await HelperSession.start(
                    self._open_channel,
                    self._node,
                    become=become,
                    python=self._python,
                    first=first,
                    shell=self._shell,
                )
                self._sessions[user] = session
            return session

    async def operate(self, batch: Batch, become: Become | None = None) -> AsyncGenerator[ItemResult]:
        """Carry out a batch as a user; see `HelperSession.operate`."""
        if batch.fence is None or _keeps_lock(become):
            results = (await self.session(become, first=batch)).operate(batch)
        else:
            results = _operate_for(await self.session(become), await self.session(), batch)
        try:
            async for result in results:
                yield result
        finally:
            # what is left of the batch is stopped now, not when the collector comes
            await results.aclose()

    async def progress(self, run: str, become: Become | None = None) -> Progress:
        """Ask what the node remembers of a run; see `HelperSession.progress`."""
        return await (await self._keeper(become)).progress(run)

    async def unlock(self, fence: Fence, become: Become | None = None) -> None:
        """Give the fence back; see `HelperSession.unlock`. Where no helper would start, none was taken."""
        if self._sessions or not self._starting:
            await (await self._keeper(become)).unlock(fence)

    async def renew(self, fence: Fence, become: Become | None = None) -> None:
        """Let the fence stand for another `time_to_live`; raises FenceError when it is lost."""
        await (await self._keeper(become)).accept(fence)

    async def close(self) -> None:
        """End every helper; calling it again does nothing."""
        self._closed = True
        sessions = tuple(self._sessions.values())
        self._sessions.clear()
        if len(sessions) == 1:
            await sessions[0].close()
            return
        async with asyncio.TaskGroup() as group:
            for session in sessions:
                group.create_task(session.close())

    async def _keeper(self, become: Become | None) -> HelperSession:
        """Return a session that may use the login's `.hivelock`, if there is a choice one that runs."""
        for user in (None, "root"):
            running = self._sessions.get(user)
            if running is not None and not running.closed:
                return running
        return await self.session(become if _keeps_lock(become) else None)


def _keeps_lock(become: Become | None) -> bool:
    """Whether a user may write into the login's home: the login itself and root."""
    return become is None or become.user == "root"


async def _operate_for(
    session: HelperSession, keeper: HelperSession, batch: Batch
) -> AsyncGenerator[ItemResult]:
    """Carry out a batch as a user who may not write `.hivelock`: the login's helper keeps it.

    What must not be repeated goes alone, between two words to the keeper: slower, and as safe.
    """
    fence = batch.fence
    assert fence is not None
    left = list(enumerate(batch.items))
    while left:
        part = _part(left)
        left = left[len(part) :]
        first = part[0][1]
        alone = _must_be_recorded(first)
        progress = Progress(run=batch.run, key=first.key)
        if alone:
            await keeper.record(fence, progress)
        else:
            await keeper.accept(fence)
        rc = None
        renewing = asyncio.create_task(_renew(keeper, fence))
        results = session.operate(
            Batch(run=batch.run, items=tuple(item for _, item in part), touched=batch.touched)
        )
        try:
            async for result in results:
                index, item = part[result.index]
                rc = result.result.get("rc")
                if result.result.get("failed"):
                    left = _left_after(item, left)
                yield replace(result, index=index)
        finally:
            renewing.cancel()
            await results.aclose()
            with suppress(asyncio.CancelledError, NodeError):  # a lost fence is met again below
                await renewing
        if alone:
            await keeper.record(fence, replace(progress, ended=True, rc=rc if isinstance(rc, int) else None))


async def _renew(keeper: HelperSession, fence: Fence) -> None:
    """Keep a fence standing for as long as an operation takes."""
    while True:
        await asyncio.sleep(fence.time_to_live / 3)
        await keeper.accept(fence)


def _must_be_recorded(item: Item) -> bool:
    return not item.operation.idempotent and not item.check


def _part(left: list[tuple[int, Item]]) -> list[tuple[int, Item]]:
    """Return the next items that may go together."""
    if _must_be_recorded(left[0][1]):
        return left[:1]
    return list(takewhile(lambda pair: not _must_be_recorded(pair[1]), left))


def _left_after(failed: Item, left: list[tuple[int, Item]]) -> list[tuple[int, Item]]:
    """Return what a failure leaves to be done: as the node decides within a batch."""
    return [
        (index, item)
        for index, item in left
        if (item.step, item.chain) != (failed.step, failed.chain)
        and (failed.ignore_failure or item.step == failed.step)
    ]


async def run_command(
    open_channel: OpenChannel, command: Command, become: Become | None = None, *, node: str, shell: str = ""
) -> Completed:
    """Run one command without the helper.

    Args:
        open_channel: starts a `Launch` on the node.
        command: what to run.
        become: another user.
        node: for messages.
        shell: the interpreter; "" the login's.

    Raises:
        BecomeError: sudo is missing or refuses.
        OperationTimeoutError: it took longer than its timeout, and was ended.
        ConnectionLostError: the transport broke before it ended.
        OutputError: it wrote more than LONGEST_OUTPUT bytes.
    """
    launch = launch_command(command, become, shell)
    channel = await open_channel(launch)
    single = _Single(node, channel, launch)
    try:
        async with asyncio.timeout(command.timeout):
            return await single.complete(command.stdin)
    except TimeoutError:
        raise OperationTimeoutError(
            f"the command took longer than {command.timeout:g} s and was ended", node=node
        ) from None
    finally:
        await channel.close()


class _Single:
    """A single command's three streams."""

    def __init__(self, node: str, channel: Channel, launch: Launch) -> None:
        self._node = node
        self._channel = channel
        self._launch = launch
        self._errors = Errors(channel, launch)
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._entered = asyncio.Event()
        self._begun = False

    async def complete(self, stdin: bytes) -> Completed:
        """Feed it, listen to its end, and say how it ended."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow())
                group.create_task(self._listen())
                group.create_task(self._feed(stdin))
                status = group.create_task(self._channel.wait())
        except* NodeError as errors:
            raise _first(errors) from None
        if not self._begun:
            raise start_failure(self._node, self._launch, self._errors, status.result(), helper=False)
        rc = status.result()
        if rc is None:
            raise ConnectionLostError("the connection broke before the command ended", node=self._node)
        return Completed(rc=rc, stdout=bytes(self._stdout), stderr=bytes(self._stderr))

    async def _follow(self) -> None:
        await self._errors.follow(self._keep)
        self._entered.set()  # or it ended without

    def _keep(self, data: bytes) -> None:
        self._stderr += data
        if not self._begun:
            place = self._stderr.find(self._launch.marker)
            end = self._stderr.find(b"\n", place)
            if place >= 0 and end >= 0:
                # banners and prompts come before
                del self._stderr[: end + 1]
                self._begun = True
                self._entered.set()
        self._bound(self._stderr)

    async def _listen(self) -> None:
        while data := await self._channel.read():
            self._stdout += data
            self._bound(self._stdout)

    async def _feed(self, stdin: bytes) -> None:
        # sudo must not take our input for a password
        await self._entered.wait()
        with suppress(
            ConnectionLostError
        ):  # it did not want to read on: how it ends says whether that is bad
            if self._launch.preamble or stdin:
                await self._channel.write(self._launch.preamble + stdin)
            await self._channel.write_end()

    def _bound(self, output: bytearray) -> None:
        if len(output) > LONGEST_OUTPUT:
            raise OutputError(
                f"the command wrote more than {LONGEST_OUTPUT} bytes and was ended", node=self._node
            )


def _first(errors: BaseExceptionGroup[NodeError]) -> NodeError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
