"""A board with `firmware/pico2_ice`, measured over its line: the next bitstream goes there while one is measured."""

from __future__ import annotations

import asyncio
import json
from binascii import crc32
from typing import TYPE_CHECKING, Any, Protocol, Self

from hivectl.bitstream import frames
from hivectl.bitstream.frames import Decoder, Frame, Mode, Status, Verb
from hivectl.bitstream.meter_errors import (
    DamagedLineError,
    NoMeterError,
    RefusedCircuitError,
    RefusedRequestError,
    SilentMeterError,
)
from hivectl.model.node_errors import ConnectionLostError, NodeError
from hivectl.model.records import record

if TYPE_CHECKING:
    from types import TracebackType

# seconds until an answer that needs no work must be there
ANSWER = 2.0
# bytes a second of the slowest line, and of the loading
SLOWEST = 50_000
# times that a question is asked whose answer is lost
TRIES = 4


class Line(Protocol):
    """Bytes both ways; `hivectl.drivers.base.Stream` is one."""

    async def read(self, limit: int = 65536) -> bytes:
        """Return what has come; empty at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`."""
        ...

    async def close(self) -> None:
        """Close both ways."""
        ...


@record(kw_only=True)
class Greeting:
    """What a board says of itself.

    Attributes:
        board: the kind, as "pico2-ice".
        identity: its number, as hexadecimal digits.
        version: of the firmware.
        clock_hz: of the FPGA.
        largest: bytes of the largest bitstream.
        longest: clock cycles of the longest window.
        samples: the most samples that it takes at once; 0: it takes none.
    """

    board: str
    identity: str
    version: str
    clock_hz: int
    largest: int
    longest: int
    samples: int


@record(kw_only=True)
class Counted:
    """Pulses of one window.

    Attributes:
        pulses: rising edges.
        window: clock cycles.
        load_seconds: that the FPGA's configuration took.
    """

    pulses: int
    window: int
    load_seconds: float


@record(kw_only=True)
class Sampled:
    """A voltage over time.

    Attributes:
        samples: 16 bits each, equally far apart.
        load_seconds: that the FPGA's configuration took.
    """

    samples: tuple[int, ...]
    load_seconds: float


class FramedMeter:
    """One board. Two measurements may be under way: one is measured, the bitstream of the other is sent.

    Args:
        line: to the board, ours alone.
        node: for messages.
        answer: seconds until an answer that needs no work must be there.
    """

    # measurements that the board takes at once
    depth = 2

    def __init__(self, line: Line, *, node: str | None = None, answer: float = ANSWER) -> None:
        self._line = line
        self._node = node
        self._patience = answer
        self._decoder = Decoder()
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._sequence = 0
        self._places = asyncio.Semaphore(self.depth)
        # LOAD and the COUNT that takes it stand together
        self._pair = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._lost: NodeError | None = None
        # bytes of the last question: where some were lost, so many more end it
        self._unfinished = 0
        self._greeting: Greeting | None = None
        # seconds of all windows that are open or wait
        self._under_way = 0.0

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the line."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._line.close()

    @property
    def printed(self) -> str:
        """The last of what the board printed beside frames."""
        return self._decoder.printed.decode("utf-8", "replace")

    async def hello(self) -> Greeting:
        """Ask the board who it is.

        Raises:
            NoMeterError: something answers, but not in frames.
            SilentMeterError: nothing answers.
            ConnectionLostError: the line ended.
        """
        try:
            answer = await self._ask(Verb.HELLO)
        except SilentMeterError as error:
            if self.printed.strip():
                raise NoMeterError(
                    f"what answers is not the measuring firmware: {self.printed[-80:]!r}",
                    node=self._node,
                    hint="put `firmware/pico2_ice` on the board (module `sync`), and reset it",
                ) from error
            raise
        self._greeting = _greeting(answer.payload, self._node)
        return self._greeting

    async def status(self) -> dict[str, Any]:
        """Return what the board says of its state; raises as `hello`."""
        said: dict[str, Any] = json.loads((await self._ask(Verb.STATUS)).payload)
        return said

    async def count(self, image: bytes, window: int) -> Counted:
        """Put a bitstream into the FPGA and count its pulses.

        Args:
            image: the bitstream, as the FPGA takes it.
            window: in cycles of the FPGA's clock.

        Raises:
            RefusedCircuitError: the FPGA did not take it.
            RefusedRequestError: the board refuses what was asked: its window, its size.
            SilentMeterError: no answer came in time, with every question repeated.
            DamagedLineError: the line loses too much.
            ConnectionLostError: the line ended.
        """
        seconds = window / (self._greeting.clock_hz if self._greeting else 48_000_000)
        answer = await self._measured(Verb.COUNT, image, frames.COUNT, (window,), seconds)
        _, load_us, counted, pulses = frames.COUNTED.unpack(answer.payload)
        return Counted(pulses=pulses, window=counted, load_seconds=load_us / 1e6)

    async def sample(self, image: bytes, count: int, rate_hz: int, settle: float = 0.1) -> Sampled:
        """Put a bitstream into the FPGA, wait `settle` seconds, and sample; raises as `count`.

        Args:
            image: the bitstream, as the FPGA takes it.
            count: samples.
            rate_hz: samples a second.
            settle: seconds.
        """
        numbers = (count, rate_hz, round(settle * 1000))
        answer = await self._measured(
            Verb.SAMPLE, image, frames.SAMPLE, numbers, count / max(rate_hz, 1) + settle
        )
        _, load_us, taken = frames.SAMPLED.unpack_from(answer.payload)
        values = memoryview(answer.payload)[frames.SAMPLED.size :].cast("H")
        return Sampled(samples=tuple(values[:taken]), load_seconds=load_us / 1e6)

    # ---- a measurement

    async def _measured(
        self, verb: Verb, image: bytes, form: Any, numbers: tuple[int, ...], seconds: float
    ) -> Frame:
        async with self._places:
            self._under_way += seconds
            try:
                return await self._sure(verb, image, form, numbers)
            finally:
                self._under_way -= seconds

    async def _sure(self, verb: Verb, image: bytes, form: Any, numbers: tuple[int, ...]) -> Frame:
        """Ask until there is an answer, and one for this very bitstream."""
        ours = crc32(image)
        async with self._pair:
            await self._load(image)
            asked = await self._send(verb, form.pack(Mode.TAKE, *numbers))
        for _ in range(TRIES):
            # the one before it may still be measured
            patience = self._under_way + self._patience + len(image) / SLOWEST
            answer = await self._answer(asked, patience)
            if answer is not None and answer.status not in (Status.BAD_FRAME, Status.BUSY):
                checked = self._checked(answer)
                if frames.CHECK.unpack_from(checked.payload)[0] == ours:
                    return checked
            async with self._pair:
                mode = await self._mode(image, ours)
                asked = await self._send(verb, form.pack(mode, *numbers))
        raise self._silent()

    async def _load(self, image: bytes) -> None:
        for _ in range(TRIES):
            answer = await self._ask(Verb.LOAD, image, len(image) / SLOWEST)
            if frames.CHECK.unpack(answer.payload)[0] == crc32(image):
                return
        raise DamagedLineError("the board got another bitstream than was sent", node=self._node)

    async def _mode(self, image: bytes, ours: int) -> Mode:
        """Find out how far a measurement came whose answer is lost, and load what is not there."""
        state = await self.status()
        if state["loaded"] == ours:
            return Mode.AGAIN
        if state["staged"] != ours:
            await self._load(image)
        return Mode.TAKE

    def _checked(self, answer: Frame) -> Frame:
        if answer.status == Status.OK:
            return answer
        text = answer.payload.decode("utf-8", "replace")
        if answer.status == Status.REFUSED:
            raise RefusedCircuitError(text, node=self._node)
        raise RefusedRequestError(f"the board refuses: {text}", node=self._node)

    # ---- questions and answers

    async def _ask(self, verb: Verb, payload: bytes = b"", seconds: float = 0.0) -> Frame:
        """Ask what may be asked twice."""
        for _ in range(TRIES):
            answer = await self._answer(await self._send(verb, payload), self._patience + seconds)
            if answer is not None and answer.status != Status.BAD_FRAME:
                return self._checked(answer)
        raise self._silent()

    async def _send(self, verb: Verb, payload: bytes) -> int:
        if self._lost is not None:
            raise self._lost
        async with self._sending:
            # a frame that lost bytes takes those that come next: give it zeros to its end
            padding, self._unfinished = bytes(self._unfinished), 0
            self._sequence = sequence = (self._sequence + 1) & 0xFFFF
            self._waiting[sequence] = asyncio.get_running_loop().create_future()
            data = frames.encode(verb, sequence, payload)
            await self._line.write(padding + data)
            return sequence

    async def _answer(self, sequence: int, seconds: float) -> Frame | None:
        """Return the answer; None when it does not come in time."""
        waiting = self._waiting[sequence]
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(waiting)
        except TimeoutError:
            self._unfinished = (self._greeting.largest if self._greeting else 0) + 64
            return None
        finally:
            self._waiting.pop(sequence, None)
            waiting.cancel()

    async def _read(self) -> None:
        try:
            while data := await self._line.read():
                for frame in self._decoder.feed(data):
                    self._take(frame)
            error: NodeError = ConnectionLostError("the board's line ended", node=self._node)
        except NodeError as lost:
            error = lost
        self._lost = error
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error)
                # nobody may be waiting any more
                waiting.exception()

    def _take(self, frame: Frame) -> None:
        if frame.status == Status.BAD_FRAME and frame.sequence not in self._waiting:
            # what was damaged had no readable header: whatever is under way may be it
            return
        waiting = self._waiting.get(frame.sequence)
        if waiting is not None and not waiting.done() and frame.verb & frames.REPLY:
            waiting.set_result(frame)

    def _silent(self) -> NodeError:
        if self._decoder.damaged:
            return DamagedLineError(
                f"{self._decoder.damaged} answers came damaged, and none whole", node=self._node
            )
        return SilentMeterError("the board does not answer", node=self._node, hint="reset it")


def _greeting(payload: bytes, node: str | None) -> Greeting:
    try:
        said = json.loads(payload)
        if said["protocol"] != 1:
            raise NoMeterError(
                f"the board's firmware speaks version {said['protocol']} of the protocol, and hivectl version 1",
                node=node,
                hint="put this hivectl's `firmware/pico2_ice` on the board",
            )
        return Greeting(
            board=str(said["board"]),
            identity=str(said["id"]),
            version=str(said["version"]),
            clock_hz=int(said["clock_hz"]),
            largest=int(said["largest"]),
            longest=int(said["longest"]),
            samples=int(said["samples"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NoMeterError(f"the board's greeting is none: {payload[:80]!r}", node=node) from error
