"""Circuits over boards: every circuit gets exactly one result or one stated failure, whatever the boards do.

A board that falls silent is reset, then flashed anew, then given up; what it had under way goes to another. While a
board measures one circuit, the next is on its way to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from hivectl.bitstream.asking import check_able, values_of, within
from hivectl.bitstream.errors import WrongDeviceError
from hivectl.bitstream.framed import NotAMeterError
from hivectl.bitstream.measuring import (
    BoardAbsentError,
    BoardInUseError,
    BoardLostError,
    BoardMissingError,
    BoardSilentError,
    CircuitRefusedError,
    MeasuringError,
    NotMeasurableError,
)
from hivectl.bitstream.outcomes import Outcome, Outcomes
from hivectl.bitstream.reading import check_device
from hivectl.bitstream.scheduling import Job, Schedule
from hivectl.model.errors import HivectlError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from typing import TypeVar

    from hivectl.bitstream.cache import Cache
    from hivectl.bitstream.evaluations import Circuit, Evaluation, Measurement
    from hivectl.bitstream.measuring import Meter, MeterSource

    T = TypeVar("T")

PATIENCE = 20.0  # seconds beyond a window in which a board must have answered, transfers and repeats of those included
OPENING = 60.0  # seconds for a board to say hello
# seconds for a board that is not there at the beginning, since it may just start; between two looks
ABSENT, LOOKS_AGAIN = 3.0, 0.25


@record(kw_only=True)
class Options:
    """How circuits are measured.

    Attributes:
        each: every circuit on each of its boards, not on whichever is free.
        patience: seconds beyond a window in which a board must have answered.
        cache: of results that are known already; None: everything is measured.
        say: hears a board's name and what becomes of it.
    """

    each: bool = False
    patience: float = PATIENCE
    cache: Cache | None = None
    say: Callable[[str, str], None] | None = None


@record(kw_only=True)
class UnderWay:
    """A job that a board has, and since when."""

    job: Job
    began: float


class Conversation:
    """What came of one conversation with a board, and whose turn it is to be repeated."""

    def __init__(self) -> None:
        self.opened = False
        self.results = 0
        self.turn = asyncio.Lock()


class Evaluating:
    """One evaluation of many circuits.

    Args:
        circuits: in the order of their wish.
        sources: the boards.
        measurement: what is measured; checked already.
        options: how.
        emit: hears each result as it comes.
    """

    def __init__(
        self,
        circuits: Sequence[Circuit],
        sources: Sequence[MeterSource],
        measurement: Measurement,
        options: Options,
        emit: Callable[[Evaluation], None],
    ) -> None:
        self._circuits = circuits
        self._sources = {source.node: source for source in sources}
        self._measurement = measurement
        self._options = options
        self._outcomes = Outcomes(circuits, measurement, options.cache, emit)
        self._room = {node: asyncio.Event() for node in self._sources}
        self._attempts: dict[int, int] = {}
        self._circuit_of: list[int] = []
        # boards that were given up, those that were left as they were, and those that never were there, with the reason
        self.lost: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.absent: dict[str, str] = {}
        # boards that got their firmware anew
        self.flashed: set[str] = set()
        self._schedule = Schedule(self._jobs(), dict.fromkeys(self._sources, 1))
        # what boards do that nobody waits for once everything is measured
        self._idle: dict[str, asyncio.Task[None]] = {}

    @property
    def given_up(self) -> dict[str, str]:
        """Boards that measure no more, each with the reason."""
        return {**self.lost, **self.refused, **self.absent}

    async def run(self) -> None:
        """Measure everything; ends when every circuit has its result or failure, cancels cleanly."""
        self._settle()
        try:
            async with asyncio.TaskGroup() as boards:
                for source in self._sources.values():
                    boards.create_task(self._serve(source))
        except* HivectlError as errors:
            raise _first(errors) from None

    # ---- what is to be done

    def _jobs(self) -> list[Job]:
        jobs = []
        for number, circuit in enumerate(self._circuits):
            able, reason = self._able(circuit)
            if not able:
                self._outcomes.fail(number, reason)
                continue
            wished = [frozenset({node}) for node in sorted(able)] if self._options.each else [able]
            for boards in wished:
                if not self._outcomes.known(number, boards):
                    jobs.append(Job(number=len(self._circuit_of), boards=boards))
                    self._circuit_of.append(number)
        return jobs

    def _able(self, circuit: Circuit) -> tuple[frozenset[str], str]:
        """Return the boards that may measure a circuit, and why there is none where there is none."""
        if circuit.bitstream is None:
            return frozenset(), str(circuit.error)
        asked = circuit.boards if circuit.boards is not None else frozenset(self._sources)
        able, reason = set(), "none of its boards takes part"
        for node in sorted(asked & self._sources.keys()):
            device = self._sources[node].device
            try:
                if device:
                    check_device(circuit.bitstream, device, node=node)
                able.add(node)
            except WrongDeviceError as error:
                reason = str(error)
        return frozenset(able), reason

    # ---- boards

    async def _serve(self, source: MeterSource) -> None:
        """Let a board work as long as there is work for it."""
        node, level = source.node, 0
        met, began = False, time.monotonic()
        while self._schedule.may_come(node):
            conversation = Conversation()
            try:
                await self._converse(source, conversation)
            except (NotMeasurableError, BoardInUseError) as error:
                self._leave(self.refused, node, error)
                return
            except BoardMissingError as error:
                self._leave(self.absent, node, error)
                return
            except MeasuringError as error:
                met = met or conversation.opened or not isinstance(error, BoardAbsentError)
                if not met:
                    if time.monotonic() - began > ABSENT:
                        self._leave(self.absent, node, error)
                        return
                    with self._dispensable(node):
                        await asyncio.sleep(LOOKS_AGAIN)
                    continue
                reason = _bare(error, node)
                if conversation.results:
                    level = 0
                self._silent(node, reason)
                recovered = await self._recover(source, error, level)
                if recovered is None:
                    return
                level = recovered

    def _leave(self, kept: dict[str, str], node: str, error: MeasuringError) -> None:
        """Give a board up that needs nothing done to it."""
        kept[node] = _bare(error, node)
        self._give_up(node, kept[node])

    @contextlib.contextmanager
    def _dispensable(self, node: str) -> Iterator[None]:
        """Do what ends with the last result, wherever it is by then."""
        task = asyncio.current_task()
        assert task is not None
        self._idle[node] = task
        try:
            yield
        finally:
            del self._idle[node]

    async def _recover(self, source: MeterSource, error: MeasuringError, level: int) -> int | None:
        """Reset a board, flash it, or give it up; return how far that went, None when it was given up."""
        reason = _bare(error, source.node)
        # a board that is not there can be waited for alone
        first = "waited for" if isinstance(error, BoardLostError) else "reset"
        steps = [(first, source.reset), ("flashed anew", source.flash)]
        if isinstance(error, NotAMeterError):
            # what has other firmware than ours is not mended by a reset
            steps.reverse()
        for number, (what, act) in enumerate(steps):
            if number < level:
                continue
            if act == source.flash and source.firmware is None:
                continue
            self._say(source.node, f"{reason}; it is {what}")
            try:
                # a board is not left half written
                with contextlib.nullcontext() if act == source.flash else self._dispensable(source.node):
                    await act()
            except MeasuringError as failed:
                reason = f"{reason}; {_bare(failed, source.node)}"
            else:
                if act == source.flash:
                    self.flashed.add(source.node)
                return number + 1
        # a board that lives, and has other firmware, is in order: the next one may put it there
        kept = self.refused if isinstance(error, NotAMeterError) else self.lost
        kept[source.node] = reason
        self._give_up(source.node, reason)
        return None

    async def _converse(self, source: MeterSource, conversation: Conversation) -> None:
        """Open a board and give it work until there is none; raises the MeasuringError that ended it."""
        try:
            with self._dispensable(source.node):
                async with asyncio.timeout(OPENING):
                    meter = await source.open()
        except TimeoutError:
            raise BoardSilentError(f"{source.node}: it said nothing within {OPENING:g} s") from None
        conversation.opened = True
        try:
            check_able(source, meter.identity, self._measurement)
            self._schedule.allow(source.node, max(1, meter.identity.buffers))
            await self._feed(source.node, meter, conversation)
        finally:
            await meter.close()

    async def _feed(self, node: str, meter: Meter, conversation: Conversation) -> None:
        """Keep a board busy; raises the first MeasuringError of it."""
        room = self._room[node]
        try:
            async with asyncio.TaskGroup() as measurements:
                while True:
                    room.clear()
                    job = self._schedule.take(node)
                    if job is not None:
                        under_way = UnderWay(job=job, began=time.monotonic())
                        buffer = await self._load(node, meter, under_way, conversation)
                        if buffer is not None:
                            work = self._measure(node, meter, under_way, buffer, conversation)
                            measurements.create_task(work)
                    elif self._schedule.may_come(node):
                        await room.wait()
                    else:
                        return
        except* MeasuringError as errors:
            raise _first(errors) from None

    async def _load(
        self, node: str, meter: Meter, under_way: UnderWay, conversation: Conversation
    ) -> int | None:
        """Send a circuit to a board; None: it is none that the board takes, and has been told so."""
        bitstream = self._circuits[self._circuit_of[under_way.job.number]].bitstream
        assert bitstream is not None
        try:
            return await within(node, meter.load(bitstream), self._options.patience)
        except (CircuitRefusedError, NotMeasurableError) as refused:
            self._ended(node, under_way, conversation, Outcome(error=str(refused)))
            return None

    async def _measure(
        self, node: str, meter: Meter, under_way: UnderWay, buffer: int, conversation: Conversation
    ) -> None:
        """Measure one circuit that a board has, and tell what came of it."""
        try:
            if self._measurement.repeats == 1:
                outcome = await values_of(node, meter, buffer, self._measurement, self._options.patience)
            else:
                # one circuit after another, each as it lies in the FPGA: the next one is on the board already
                async with conversation.turn:
                    outcome = await values_of(node, meter, buffer, self._measurement, self._options.patience)
        except (CircuitRefusedError, NotMeasurableError) as refused:
            outcome = Outcome(error=str(refused))
        meter.free(buffer)
        self._ended(node, under_way, conversation, outcome)

    def _ended(self, node: str, under_way: UnderWay, conversation: Conversation, outcome: Outcome) -> None:
        job = under_way.job
        self._schedule.done(node, job.number)
        conversation.results += 1
        self._room[node].set()
        attempts = self._attempts.pop(job.number, 0) + 1
        seconds = time.monotonic() - under_way.began
        self._outcomes.add(self._circuit_of[job.number], node, outcome, attempts=attempts, seconds=seconds)
        if self._schedule.finished:
            self._wake()

    # ---- what became of it

    def _silent(self, node: str, reason: str) -> None:
        for job in self._schedule.under_way(node):
            self._attempts[job.number] = self._attempts.get(job.number, 0) + 1
        self._schedule.silent(node, reason)
        self._settle()

    def _give_up(self, node: str, reason: str) -> None:
        self._say(node, f"{reason}; it is given up")
        self._schedule.give_up(node, reason)
        self._settle()

    def _settle(self) -> None:
        """Emit what nobody will do any more, and let every board look again."""
        for failure in self._schedule.failures():
            number = failure.job.number
            only = next(iter(failure.job.boards)) if len(failure.job.boards) == 1 else ""
            attempts = max(1, self._attempts.pop(number, 0))
            self._outcomes.fail(self._circuit_of[number], failure.reason, board=only, attempts=attempts)
        self._wake()

    def _wake(self) -> None:
        for room in self._room.values():
            room.set()
        if self._schedule.finished:
            for task in self._idle.values():
                task.cancel()

    def _say(self, node: str, message: str) -> None:
        if self._options.say is not None:
            self._options.say(node, message.removeprefix(f"{node}: "))


def _first(errors: BaseExceptionGroup[HivectlError]) -> HivectlError:
    """Return the first error of a group."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    assert isinstance(first, HivectlError)
    return first


async def evaluate(
    circuits: Sequence[Circuit],
    sources: Sequence[MeterSource],
    measurement: Measurement,
    options: Options | None = None,
) -> AsyncIterator[Evaluation]:
    """Measure circuits on boards, and return each result as it comes.

    Leaving the loop early stops all boards and closes them.

    Args:
        circuits: in the order of their wish.
        sources: the boards.
        measurement: what is measured.
        options: how.

    Raises:
        WindowError: no board could measure that.
    """
    measurement.check()
    results: asyncio.Queue[Evaluation | None] = asyncio.Queue()
    evaluating = Evaluating(circuits, sources, measurement, options or Options(), results.put_nowait)
    work = asyncio.create_task(evaluating.run())
    work.add_done_callback(lambda _: results.put_nowait(None))
    try:
        while (evaluation := await results.get()) is not None:
            yield evaluation
        await work
    finally:
        work.cancel()
        await asyncio.wait([work])


def _bare(error: MeasuringError, node: str) -> str:
    """Return what an error says, for where the node is named already."""
    return str(error).removeprefix(f"{node}: ")
