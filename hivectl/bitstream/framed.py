"""A board with `firmware/pico2_ice`, measured over its line: the next bitstream goes there while one is measured."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from hivectl.bitstream import frames, icefarm
from hivectl.bitstream.frames import Decoder, Frame, Mode, Packing, Verb
from hivectl.bitstream.frames import Status as Said
from hivectl.bitstream.measuring import (
    PULSES,
    VARIANCE,
    BoardLostError,
    BoardSilentError,
    CircuitRefusedError,
    Counted,
    Identity,
    MeasuringError,
    NotMeasurableError,
    Sampled,
    Status,
)
from hivectl.model.node_errors import NodeError
from hivectl.model.records import record

if TYPE_CHECKING:
    from hivectl.bitstream.measuring import ByteStream
    from hivectl.bitstream.reading import Bitstream

# seconds until an answer that needs no work must be there
ANSWER = 2.0
# bytes a second of the slowest line
SLOWEST = 50_000
# times that a question is asked whose answer is lost
TRIES = 6
# seconds that a circuit runs before it is sampled
SETTLE = 0.1
# bits of the window that a board unpacks with: 4 KB of its memory
WINDOW_BITS = 12
PROMPT = b">>> "
FARMED = "write `protocol: icefarm`, or `auto`"
PUT = "put `firmware/pico2_ice` on the board (module `sync`), and reset it"


class NotAMeterError(BoardSilentError):
    """Something answers, but it is no firmware that measures."""


class NoFirmwareError(NotAMeterError):
    """The board shows MicroPython's prompt: the firmware is not on it, or somebody interrupted it."""


class IcefarmFirmwareError(NotAMeterError):
    """iCEFARM's firmware answers."""


class DamagedLineError(BoardSilentError):
    """The line to the board loses or changes bytes, more than repeating helps against."""


@record
class _Held:
    """A circuit that was handed over."""

    image: bytes
    check: int


class FramedMeter:
    """Implements `hivectl.bitstream.measuring.Meter`.

    The board has one buffer for what waits and one for what runs. A circuit that finds the first one free goes there
    at once; any other goes when its measurement is asked for, and the one before it runs.

    Args:
        line: to the board, ours alone.
        node: for messages.
        answer: seconds until an answer that needs no work must be there.
    """

    def __init__(self, line: ByteStream, *, node: str, answer: float = ANSWER) -> None:
        self._line = line
        self._node = node
        self._patience = answer
        self._decoder = Decoder()
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._sequence = 0
        self._held: dict[int, _Held] = {}
        self._next = 0
        # the board takes one measurement beside the one that runs
        self._places = asyncio.Semaphore(2)
        self._busy = 0
        # what waits in the board for its measurement
        self._staged: int | None = None
        # what was measured last, where nothing was asked for since
        self._ran: int | None = None
        # loading and asking stand together
        self._turn = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._lost: MeasuringError | None = None
        # zeros that end a frame which lost bytes
        self._zeros = 0
        # seconds of all windows that are open or wait
        self._seconds = 0.0
        self._packs = False
        self._identity: Identity | None = None

    @classmethod
    async def open(cls, line: ByteStream, *, node: str, answer: float = ANSWER) -> Self:
        """Say hello; the line is closed when that fails.

        Raises:
            NotAMeterError: something answers, but not in frames.
            BoardSilentError, BoardLostError: nothing answers.
        """
        meter = cls(line, node=node, answer=answer)
        meter._reading = asyncio.create_task(meter._read())
        try:
            await meter._hello()
        except BaseException:
            await meter.close()
            raise
        return meter

    @property
    def identity(self) -> Identity:
        """What the board said."""
        assert self._identity is not None
        return self._identity

    async def load(self, bitstream: Bitstream) -> int:
        """Take a circuit, and send it if the board has room before its measurement is asked for."""
        buffer, self._next = self._next, self._next + 1
        held = self._held[buffer] = _Held(bitstream.packed, zlib.crc32(bitstream.packed))
        if not self._turn.locked() and self._staged is None and self._busy < 2:
            async with self._turn:
                await self._stage(buffer, held)
        return buffer

    async def count(self, buffer: int, cycles: int) -> Counted:
        """Put a circuit into the FPGA and count its pulses."""
        answer = await self._measured(
            buffer, Verb.COUNT, frames.COUNT, (cycles,), cycles / self.identity.clock
        )
        _, _, counted, pulses = frames.COUNTED.unpack(answer.payload)
        return Counted(pulses=pulses, cycles=counted)

    async def sample(self, buffer: int, samples: int, rate: float) -> Sampled:
        """Put a circuit into the FPGA, let it settle, and sample it."""
        whole = max(1, round(rate))
        answer = await self._measured(
            buffer,
            Verb.SAMPLE,
            frames.SAMPLE,
            (samples, whole, round(SETTLE * 1000)),
            samples / whole + SETTLE,
        )
        _, _, taken = frames.SAMPLED.unpack_from(answer.payload)
        values = memoryview(answer.payload)[frames.SAMPLED.size :].cast("H")
        return Sampled(samples=tuple(values[:taken]), rate=float(whole))

    def free(self, buffer: int) -> None:
        """Forget a circuit."""
        self._held.pop(buffer, None)
        if self._staged == buffer:
            self._staged = None

    async def status(self) -> Status:
        """Ask how the board is."""
        said = await self._state()
        errors = {"frames": int(said["bad_frames"])} if said["bad_frames"] else {}
        return Status(
            state=str(said["state"]),
            cdone=bool(said["cdone"]),
            errors=errors,
            uptime=int(said["uptime_ms"]) / 1000,
        )

    async def close(self) -> None:
        """Close the line."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._line.close()

    # ---- a measurement

    async def _measured(
        self, buffer: int, verb: Verb, form: Any, numbers: tuple[int, ...], seconds: float
    ) -> Frame:
        held = self._held[buffer]
        try:
            request = form.pack(Mode.TAKE, *numbers)[1:]
        except struct.error as error:
            raise NotMeasurableError(f"{self._node}: {numbers} cannot be asked of a board") from error
        async with self._places:
            self._busy += 1
            self._seconds += seconds
            try:
                return await self._sure(buffer, held, verb, request)
            finally:
                self._busy -= 1
                self._seconds -= seconds

    async def _sure(self, buffer: int, held: _Held, verb: Verb, request: bytes) -> Frame:
        """Ask until there is an answer, and one for this very bitstream."""
        async with self._turn:
            mode = Mode.TAKE
            if self._ran == buffer and self._busy == 1:
                # it is in the FPGA, and nothing else is asked for
                mode = Mode.AGAIN
            else:
                if self._staged != buffer:
                    await self._stage(buffer, held)
                self._staged = None
            self._ran = None
            asked = await self._send(verb, bytes([mode]) + request)
        for _ in range(TRIES):
            # the one before it may still be measured
            answer = await self._answer(asked, self._seconds + self._patience)
            if answer is not None and answer.status not in (Said.BAD_FRAME, Said.BUSY, Said.NOTHING_LOADED):
                checked = self._checked(answer)
                if frames.CHECK.unpack_from(checked.payload)[0] == held.check:
                    self._ran = buffer if self._busy == 1 else None
                    return checked
            async with self._turn:
                mode = await self._mode(held)
                asked = await self._send(verb, bytes([mode]) + request)
        raise self._silent()

    async def _stage(self, buffer: int, held: _Held) -> None:
        await self._load(held)
        self._staged = buffer

    async def _load(self, held: _Held) -> None:
        size = len(held.image)
        if size > frames.LARGEST_IMAGE:
            raise NotMeasurableError(f"{self._node}: {size:,} bytes are too many for the board")
        packing = Packing.ZLIB if self._packs else Packing.PLAIN
        travels = _packed(held.image) if self._packs else held.image
        payload = frames.LOAD.pack(packing, size) + travels
        for _ in range(TRIES):
            answer = await self._ask(Verb.LOAD, payload, size / SLOWEST)
            if frames.CHECK.unpack(answer.payload)[0] == held.check:
                return
        raise DamagedLineError(f"{self._node}: the board got another bitstream than was sent")

    async def _mode(self, held: _Held) -> Mode:
        """Find out how far a measurement came whose answer is lost, and load what is not there."""
        state = await self._state()
        if state["loaded"] == held.check:
            return Mode.AGAIN
        if state["staged"] != held.check:
            await self._load(held)
        # whichever waited there waits no more
        self._staged = None
        return Mode.TAKE

    def _checked(self, answer: Frame) -> Frame:
        if answer.status == Said.OK:
            return answer
        text = answer.payload.decode("utf-8", "replace")
        if answer.status == Said.REFUSED:
            raise CircuitRefusedError(f"{self._node}: {text}")
        raise NotMeasurableError(f"{self._node}: the board refuses: {text}")

    # ---- questions and answers

    async def _hello(self) -> None:
        for attempt in range(TRIES):
            answer = await self._answer(await self._send(Verb.HELLO, b""), self._patience)
            if answer is not None and answer.status == Said.OK:
                break
            # once it may be on its way to the firmware
            if attempt and PROMPT in self._decoder.printed:
                raise NoFirmwareError(
                    f"{self._node}: MicroPython's prompt answers, not the measuring firmware", hint=PUT
                )
        else:
            raise self._no_hello()
        self._identity, self._packs = _identity(answer.payload, self._node)

    def _no_hello(self) -> BoardSilentError:
        printed = self._decoder.printed.decode("utf-8", "replace").strip()
        if not printed:
            return self._silent()
        return NotAMeterError(
            f"{self._node}: what answers is not the measuring firmware: {printed[-60:]!r}", hint=PUT
        )

    async def _state(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((await self._ask(Verb.STATUS)).payload)
        return said

    async def _ask(self, verb: Verb, payload: bytes = b"", seconds: float = 0.0) -> Frame:
        """Ask what may be asked twice."""
        for _ in range(TRIES):
            answer = await self._answer(await self._send(verb, payload), self._patience + seconds)
            if answer is not None and answer.status != Said.BAD_FRAME:
                return self._checked(answer)
            self._zeros = max(self._zeros, len(payload) + 64)
        raise self._silent()

    async def _send(self, verb: Verb, payload: bytes) -> int:
        if self._lost is not None:
            raise self._lost
        async with self._sending:
            # a frame that lost bytes takes those that come next
            zeros, self._zeros = bytes(self._zeros), 0
            self._sequence = sequence = (self._sequence + 1) & 0xFFFF
            self._waiting[sequence] = asyncio.get_running_loop().create_future()
            try:
                await self._line.write(zeros + frames.encode(verb, sequence, payload))
            except NodeError as error:
                self._waiting.pop(sequence).cancel()
                raise BoardLostError(str(error)) from error
            return sequence

    async def _answer(self, sequence: int, seconds: float) -> Frame | None:
        """Return the answer; None when it does not come in time."""
        waiting = self._waiting[sequence]
        try:
            async with asyncio.timeout(seconds):
                return await waiting
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(sequence, None)

    async def _read(self) -> None:
        error: MeasuringError = BoardLostError(f"{self._node}: the board's line ended")
        try:
            while data := await self._line.read():
                for frame in self._decoder.feed(data):
                    self._take(frame)
                if self._identity is None and icefarm.WORDS in self._decoder.printed:
                    error = IcefarmFirmwareError(f"{self._node}: it has iCEFARM's firmware", hint=FARMED)
                    break
        except NodeError as lost:
            error = BoardLostError(str(lost))
        self._lost = error
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error)
                # whoever asked may have gone
                waiting.exception()

    def _take(self, frame: Frame) -> None:
        waiting = self._waiting.get(frame.sequence)
        if waiting is not None and not waiting.done() and frame.verb & frames.REPLY:
            waiting.set_result(frame)

    def _silent(self) -> BoardSilentError:
        if self._decoder.damaged:
            return DamagedLineError(
                f"{self._node}: {self._decoder.damaged} answers came damaged, and none whole"
            )
        return BoardSilentError(f"{self._node}: the board does not answer", hint="reset it")


# the same circuits go to many boards, and packing is most of the work of sending one
@lru_cache(maxsize=64)
def _packed(image: bytes) -> bytes:
    """Return a bitstream as a board unpacks it: most of it is zeros."""
    packer = zlib.compressobj(1, zlib.DEFLATED, WINDOW_BITS)
    return packer.compress(image) + packer.flush()


def _identity(payload: bytes, node: str) -> tuple[Identity, bool]:
    """Return what a board says of itself, and whether it unpacks."""
    try:
        said = json.loads(payload)
        version = said["protocol"]
        measures = {PULSES} | ({VARIANCE} if said["samples"] else set())
        identity = Identity(
            firmware="hivectl",
            version=str(said["version"]),
            device=str(said.get("device", "up5k")),
            clock=int(said["clock_hz"]),
            measures=frozenset(measures),
            buffers=2,
            serial=str(said["id"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NotAMeterError(f"{node}: the board's greeting is none: {payload[:80]!r}") from error
    if version != 1:
        raise NotAMeterError(
            f"{node}: the board's firmware speaks version {version} of the protocol, and hivectl version 1",
            hint="put this hivectl's `firmware/pico2_ice` on the board",
        )
    return identity, bool(said.get("zlib"))
