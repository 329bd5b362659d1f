"""The program of a MicroPython board: listened to for as long as we are connected, so that it never waits for us."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from hivectl.client.carry_out import carry_out
from hivectl.client.output import decoded
from hivectl.client.tasks import AsyncTask, TaskSeen, texts
from hivectl.drivers.base import Capability
from hivectl.drivers.errors import NodeError
from hivectl.micropython import main_program

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from hivectl.client.reach import Reach
    from hivectl.drivers.session import NodeSession
    from hivectl.micropython.main_program import ProgramSeen
    from hivectl.micropython.outcome import Background

# seconds of one turn at the REPL's line, behind which others get theirs
TURN = 0.2
# seconds for a board whose interpreter was started anew to be reached again
COMING_BACK = 60.0
# bytes of what a program prints that are kept
LONGEST_OUTPUT = 16 << 20


class Listening:
    """What one program prints while we are connected.

    Args:
        board: the connection on which it was started.
        background: the program.
    """

    def __init__(self, board: Any, background: Background) -> None:
        self.background = background
        self.heard = bytearray(background.output)
        self.lost: NodeError | None = None
        self.ended = asyncio.Event()
        self._board = board
        self._changed = asyncio.Event()
        # whoever reads the line, all that comes is heard
        background.sinks.append(self._hear)
        self._task = asyncio.ensure_future(self._listen())

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield what it has printed and prints, until it ends; raises ConnectionLostError."""
        at = 0
        while True:
            self._changed.clear()
            ended = self.ended.is_set()
            if at < len(self.heard):
                piece = bytes(self.heard[at:])
                at += len(piece)
                yield piece
                continue
            if ended:
                break
            await self._changed.wait()
        if self.lost is not None:
            raise self.lost

    async def close(self) -> None:
        """Listen no longer; the program goes on."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self.background.sinks.remove(self._hear)

    async def _listen(self) -> None:
        try:
            while self._board.repl.background is self.background:
                await self._board.repl.watch(TURN)
        except NodeError as error:
            error.hint = "the program may go on; who connects to the board again interrupts it"
            self.lost = error
        finally:
            self.ended.set()
            self._changed.set()

    def _hear(self, data: bytes) -> None:
        if len(self.heard) < LONGEST_OUTPUT:
            self.heard.extend(data)
        self._changed.set()


class Programs:
    """The programs of one board, of which one runs.

    Args:
        node: the board's name.
        reach: the way to it.
        anew: hears that its interpreter was started anew.
    """

    def __init__(self, node: str, reach: Reach, anew: Callable[[], None]) -> None:
        self._node = node
        self._reach = reach
        self._anew = anew
        self._listening: Listening | None = None

    async def look(self, name: str) -> tuple[ProgramSeen | None, Listening | None]:
        """Return how a program stands; and what listens to it, where it runs."""
        async with self._reach.using(self._node) as session:
            return await self._look(name, session)

    async def run(self, name: str) -> Listening | None:
        """Return what listens to a program; one that was interrupted is begun again first."""
        async with self._reach.using(self._node) as session:
            seen, listening = await self._look(name, session)
            if seen is None or seen.state != "started" or not seen.boot:
                return listening

            async def reconnect() -> Any:
                return await session.reconnect(Capability.REPL, deadline=COMING_BACK)

            self._anew()
            board: Any = await session.connection(Capability.REPL)
            await main_program.begin(board, seen, reconnect=reconnect)
            return (await self._look(name, session))[1]

    async def carry_out(self, name: str, **arguments: Any) -> None:
        """Start, stop or remove a program; raises CommandError."""
        result = await carry_out(self._reach, self._node, "program", name=name, **arguments)
        if result["changed"]:
            self._anew()

    async def names(self) -> list[str]:
        """Return the name of the program that is there."""
        seen, listening = await self.look("")
        if listening is not None:
            return [listening.background.label]
        return [seen.other] if seen is not None and seen.other is not None else []

    async def close(self) -> None:
        """Listen no longer."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.close()

    async def _look(self, name: str, session: NodeSession) -> tuple[ProgramSeen | None, Listening | None]:
        board: Any = await session.connection(Capability.REPL)
        background = board.repl.background
        if background is None:
            return await main_program.status(board, name), None
        if self._listening is None or self._listening.background is not background:
            await self.close()
            self._listening = Listening(board, background)
        # another one is there
        return None, self._listening


class BoardTask(AsyncTask):
    """A `hivectl.client.tasks.AsyncTask`.

    Args:
        node: the board's name.
        reach: the way to it.
        title: as given to `set_task`.
        programs: of the board.
    """

    def __init__(self, node: str, reach: Reach, title: str, programs: Programs) -> None:
        super().__init__(node, reach, title)
        self._programs = programs
        self._last: Listening | None = None

    async def output(self) -> str:
        """Return all that was heard of it, else what the board has kept."""
        seen = await self._find()
        if self._last is not None:
            return decoded(bytes(self._last.heard).replace(b"\r\n", b"\n"))
        return seen.output if seen is not None else ""

    async def follow(self) -> AsyncGenerator[str, None]:
        """Yield what is heard of it; of one that does not run, what the board has kept."""
        seen = await self._find()
        if self._last is None:
            if seen is not None and seen.output:
                yield seen.output
            return
        async with aclosing(texts(self._last.pieces())) as parts:
            async for part in parts:
                yield part

    async def carry_out(self, state: str, **arguments: Any) -> None:
        """Start or stop it; a start is in a fresh interpreter."""
        await self._programs.carry_out(self._program, state=state, **arguments)

    async def _find(self) -> ProgramSeen | None:
        seen, listening = await self._programs.look(self._program)
        if listening is not None and listening.background.label == self._program:
            self._last = listening
        return seen

    async def _look(self) -> TaskSeen:
        seen, listening = await self._programs.look(self._program)
        if listening is not None:
            if listening.background.label != self._program:
                return TaskSeen()
            self._last = listening
            return TaskSeen(state="running", since=listening.background.since)
        assert seen is not None
        if seen.state == "absent":
            return TaskSeen()
        if seen.state == "started" and seen.boot:
            return TaskSeen(state="interrupted", since=seen.since)
        status = main_program.INTERRUPTED if seen.state == "started" else seen.exit_status
        return TaskSeen(state="ended", since=seen.since, exit_status=status)

    async def _ends(self, seconds: float | None) -> bool:
        listening = await self._programs.run(self._program)
        if listening is not None and listening.background.label == self._program:
            self._last = listening
            try:
                async with asyncio.timeout(seconds):
                    await listening.ended.wait()
            except TimeoutError:
                return False
            if listening.lost is not None:
                raise listening.lost
        await self.refresh()
        return True
