"""`firmware/pico2_ice`, played: its frames, its buffers, and what it says to damaged ones."""

from __future__ import annotations

import asyncio
import json
import threading
import zlib
from binascii import crc32
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING

from hivectl.bitstream import frames
from hivectl.bitstream.frames import CHECK, HEADER, MAGIC, REPLY, Mode, Packing, Status, Verb
from hivectl.model.records import record
from hivectl.virtual.fpga.circuit import StoppedError
from hivectl.virtual.ice.fpga import UnknownCountError, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.virtual.ice.board import NativeDevice

LARGEST, LONGEST, MOST, FASTEST = 112 * 1024, 1 << 32, 4096, 100_000
VERSION = "1.0.0"
# seconds without a byte, after which a frame's beginning is expected again
QUIET = 0.05
# of a sample of 16 bits, where the pin is high
HIGH = 0xFFFF


@record
class Circuit:
    """A bitstream in one of the board's buffers, and what stands for it."""

    image: bytes
    check: int
    key: bytes


@record
class Asked:
    """A measurement that waits, and since when."""

    verb: int
    sequence: int
    mode: int
    numbers: tuple[int, ...]
    at: float


class FramedFirmware:
    """Answers frames; `hivectl.virtual.ice.board.Firmware`.

    Args:
        board: that it runs on.
        send: takes what goes to the host.
    """

    def __init__(self, board: NativeDevice, send: Callable[[bytes], None]) -> None:
        self._board = board
        self._send = send
        self._began = 0.0
        self._buffer = bytearray()
        self._draining: tuple[int, int, int, str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._staged: Circuit | None = None
        self._loaded: Circuit | None = None
        self._waiting: deque[Asked] = deque()
        self._running: asyncio.Task[None] | None = None
        self._stop = threading.Event()
        # when the last window was over, or will be
        self._until = 0.0
        self._taken = self._bad = 0
        self._error: str | None = None

    def start(self) -> None:
        """Begin."""
        self._began = asyncio.get_running_loop().time()

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not whole yet do not keep others from coming."""
        return 0

    async def end(self) -> None:
        """Stop."""
        self._stop.set()
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    # ---- frames

    def feed(self, data: bytes) -> None:
        """Take what came over USB."""
        if self._draining is not None:
            self._drain(*self._draining)
            return
        self._buffer += data
        while self._buffer and self._one():
            pass

    def _one(self) -> bool:
        """Take a frame from the buffer; False: it is not whole yet."""
        buffer = self._buffer
        first = len(buffer) - len(buffer.lstrip(b"\0\r\n"))
        if first:
            # what a host ends a frame with that lost bytes
            del buffer[:first]
            return True
        if buffer[0] == MAGIC[0] and len(buffer) < HEADER.size:
            return False
        if buffer[0] != MAGIC[0] or crc32(bytes(buffer[:12])) != CHECK.unpack_from(buffer, 12)[0]:
            self._bad += 1
            self._drain(0, 0, Status.BAD_FRAME, "the frame was damaged on its way")
            return False
        _, verb, _, sequence, length, _ = HEADER.unpack_from(buffer)
        if length > LARGEST + frames.LOAD.size:
            self._drain(verb, sequence, Status.TOO_LARGE, f"more than {LARGEST} bytes")
            return False
        whole = HEADER.size + length + CHECK.size
        if len(buffer) < whole:
            return False
        payload = bytes(buffer[HEADER.size : HEADER.size + length])
        (expected,) = CHECK.unpack_from(buffer, HEADER.size + length)
        del buffer[:whole]
        if crc32(payload) != expected:
            self._bad += 1
            self._refuse(verb, sequence, Status.BAD_FRAME, "the frame was damaged on its way")
        else:
            self._taken += 1
            self._act(verb, sequence, payload)
        return True

    def _drain(self, verb: int, sequence: int, status: int, text: str) -> None:
        """Wait until the host has said all that it had to say, then refuse."""
        self._buffer.clear()
        self._draining = (verb, sequence, status, text)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(QUIET, self._drained)

    def _drained(self) -> None:
        assert self._draining is not None
        said, self._draining = self._draining, None
        self._refuse(*said)

    def _answer(self, verb: int, sequence: int, payload: bytes) -> None:
        self._send(frames.encode(verb | REPLY, sequence, payload))

    def _refuse(self, verb: int, sequence: int, status: int, text: str) -> None:
        self._send(frames.encode(verb | REPLY, sequence, text.encode(), status))

    # ---- questions

    def _act(self, verb: int, sequence: int, payload: bytes) -> None:
        if verb == Verb.HELLO:
            self._answer(verb, sequence, json.dumps(self._hello()).encode())
        elif verb == Verb.STATUS:
            self._answer(verb, sequence, json.dumps(self._status()).encode())
        elif verb == Verb.LOAD:
            self._load(sequence, payload)
        elif verb in (Verb.COUNT, Verb.SAMPLE):
            self._ask(verb, sequence, payload)
        else:
            self._refuse(verb, sequence, Status.UNKNOWN_VERB, f"there is no verb {verb}")

    def _hello(self) -> dict[str, object]:
        return {
            "protocol": 1,
            "firmware": "icelab",
            "version": VERSION,
            "board": "pico2-ice",
            "id": f"{self._board.name}virtual!"[:8].encode().hex(),
            "clock_hz": 48_000_000,
            "largest": LARGEST,
            "zlib": True,
            "longest": LONGEST,
            "samples": MOST,
        }

    def _status(self) -> dict[str, object]:
        now = asyncio.get_running_loop().time()
        return {
            "state": "measuring" if self._running else "idle",
            "cdone": self._board.fpga.done,
            "staged": self._staged.check if self._staged else None,
            "loaded": self._loaded.check if self._loaded else None,
            "frames": self._taken,
            "bad_frames": self._bad,
            "uptime_ms": round(1000 * (now - self._began)),
            "error": self._error,
        }

    def _load(self, sequence: int, payload: bytes) -> None:
        refuse = self._refuse
        if any(asked.mode == Mode.TAKE for asked in self._waiting):
            refuse(Verb.LOAD, sequence, Status.BUSY, "two bitstreams wait already")
            return
        if len(payload) < frames.LOAD.size:
            refuse(Verb.LOAD, sequence, Status.BAD_ARGUMENT, "the payload has no head")
            return
        packing, size = frames.LOAD.unpack_from(payload)
        if size > LARGEST:
            refuse(Verb.LOAD, sequence, Status.TOO_LARGE, f"more than {LARGEST} bytes")
            return
        self._staged = _unpacked(packing, payload[frames.LOAD.size :], size)
        if self._staged is None:
            refuse(Verb.LOAD, sequence, Status.BAD_ARGUMENT, "cannot be unpacked")
            return
        self._answer(Verb.LOAD, sequence, CHECK.pack(self._staged.check))

    def _ask(self, verb: int, sequence: int, payload: bytes) -> None:
        form = frames.COUNT if verb == Verb.COUNT else frames.SAMPLE
        if len(payload) != form.size or payload[0] > Mode.AGAIN:
            self._refuse(verb, sequence, Status.BAD_ARGUMENT, f"the payload is not {form.format}")
            return
        mode, *numbers = form.unpack(payload)
        if verb == Verb.COUNT and not 1 <= numbers[0] <= LONGEST:
            self._refuse(verb, sequence, Status.BAD_ARGUMENT, f"a window has 1 to {LONGEST} cycles")
        elif verb == Verb.SAMPLE and not (1 <= numbers[0] <= MOST and 1 <= numbers[1] <= FASTEST):
            self._refuse(verb, sequence, Status.BAD_ARGUMENT, f"1 to {MOST} samples, 1 to {FASTEST} a second")
        elif self._waiting:
            self._refuse(verb, sequence, Status.BUSY, "a measurement waits already")
        else:
            now = asyncio.get_running_loop().time()
            self._waiting.append(Asked(verb, sequence, mode, tuple(numbers), now))
            self._next()

    # ---- measurements

    def _next(self) -> None:
        """Begin the measurement that waits, with the bitstream that is there now: another may come right behind."""
        while self._running is None and self._waiting:
            asked = self._waiting.popleft()
            if self._take(asked):
                self._running = asyncio.get_running_loop().create_task(self._run(asked))
                self._running.add_done_callback(self._ended)

    def _take(self, asked: Asked) -> bool:
        """Take the bitstream that a measurement is for; False: there is none, which was said."""
        if asked.mode == Mode.TAKE and self._staged is not None:
            self._loaded, self._staged = self._staged, None
        elif asked.mode == Mode.TAKE:
            self._refuse(
                asked.verb, asked.sequence, Status.NOTHING_LOADED, "no bitstream waits: LOAD one first"
            )
            return False
        if self._loaded is None:
            self._refuse(
                asked.verb, asked.sequence, Status.NOTHING_LOADED, "no bitstream was loaded: LOAD one first"
            )
            return False
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running = None
        if not task.cancelled():
            task.result()
            self._next()

    async def _run(self, asked: Asked) -> None:
        # what waited begins when the one before it was over, however late this machine comes to it
        began = max(asked.at, self._until)
        configures = asyncio.get_running_loop().time()
        fpga = self._board.fpga
        try:
            if not await self._put(asked):
                return
            assert self._loaded is not None
            load_us = round(1e6 * (asyncio.get_running_loop().time() - configures)) & 0xFFFFFFFF
            if asked.verb == Verb.COUNT:
                (window,) = asked.numbers
                pulses = await fpga.count(window, self._stop)
                payload = frames.COUNTED.pack(self._loaded.check, load_us, window, pulses)
                await self._pass(began, window / 48_000_000)
            else:
                count, rate, settle = asked.numbers
                levels = await fpga.levels(count, rate, settle / 1000, self._stop)
                payload = frames.SAMPLED.pack(self._loaded.check, load_us, count)
                payload += b"".join((HIGH * level).to_bytes(2, "little") for level in levels)
                await self._pass(began, count / rate + settle / 1000)
            self._answer(asked.verb, asked.sequence, payload)
        except UnknownCountError as error:
            self._error = error.message
            self._refuse(asked.verb, asked.sequence, Status.FAULT, error.message)
        except StoppedError:
            return

    async def _pass(self, began: float, seconds: float) -> None:
        """Let the time of a measurement pass, if it shall."""
        self._until = began + self._board.pace * seconds
        left = self._until - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)

    async def _put(self, asked: Asked) -> bool:
        """Configure the FPGA as asked; False: it refused."""
        assert self._loaded is not None
        if asked.mode != Mode.GO_ON:
            await self._board.fpga.configure(self._loaded.image, self._loaded.key)
        if not self._board.fpga.done:
            self._refuse(
                asked.verb,
                asked.sequence,
                Status.REFUSED,
                "CDONE stayed low: the FPGA refused the bitstream",
            )
        return self._board.fpga.done


# many boards get the same ones, again and again
@lru_cache(maxsize=256)
def _unpacked(packing: int, data: bytes, size: int) -> Circuit | None:
    image = data
    if packing == Packing.ZLIB:
        try:
            # as the firmware: what is behind is not looked at
            image = zlib.decompressobj().decompress(data, size or 1)
        except zlib.error:
            return None
    elif packing != Packing.PLAIN:
        return None
    return Circuit(image, crc32(image), key_of(image)) if len(image) == size else None
