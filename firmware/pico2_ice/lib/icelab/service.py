"""What the board does with frames: one bitstream is measured while the next one comes in."""

import io
import json
import struct
from binascii import crc32

try:
    import deflate
except ImportError:
    # firmware before 1.21, or a port without it
    deflate = None

from icelab import frames

VERSION = "1.0.0"
PROTOCOL = 1
# what a COUNT or SAMPLE begins with: the circuit goes on, the staged one is put first, the present one is put anew
GO_ON, TAKE, AGAIN = 0, 1, 2
# what a LOAD begins with: how the bitstream is packed, and its bytes when it is not
HEAD = 5
PLAIN, ZLIB = 0, 1


class Service:
    """Answers frames.

    Args:
        port: bytes both ways: `readinto(view)`, `write(data)`, `ready(milliseconds)`.
        parts: what the board has: `fpga`, `counter`, `sampler` (None: it has none), `clock_hz`, `board`, `identity`,
            `feed()` (of the watchdog), `ticks()` (milliseconds since the start).
        largest: bytes of the largest bitstream.
    """

    def __init__(self, port, parts, largest=112 * 1024):
        self._port = port
        self._parts = parts
        self._largest = largest
        self._reader = frames.Reader(port, largest + HEAD, self._between)
        # three buffers: what comes in, what waits, what runs
        self._room = bytearray(largest + HEAD)
        self._staged = None
        self._loaded = None
        self._spare = []
        self._running = None
        self._waiting = None
        self._taken = 0
        self._error = None
        self._done = False
        self._load_us = 0

    def serve(self):
        """Answer until somebody presses Ctrl-C on a quiet line."""
        ticks = self._parts.ticks
        while True:
            since = ticks()
            # between frames there is time to look after a measurement
            while not self._port.ready(1 if self._running else 20):
                self._between()
            self._between()
            self._once(quiet=ticks() - since >= 20)

    def _once(self, quiet):
        verb, sequence, length, status = self._reader.read(self._room, quiet)
        if status == frames.OK and not verb:
            return
        if status == frames.BAD_FRAME:
            self._refuse(verb, sequence, status, "the frame was damaged on its way")
        elif status == frames.TOO_LARGE:
            self._refuse(verb, sequence, status, f"more than {self._largest} bytes")
        else:
            self._taken += 1
            try:
                self._act(verb, sequence, length)
            except (OSError, MemoryError, ValueError) as error:
                self._error = repr(error)
                self._refuse(verb, sequence, frames.FAULT, str(error) or self._error)

    def _act(self, verb, sequence, length):
        if verb == frames.HELLO:
            self._answer(verb, sequence, json.dumps(self._hello()).encode())
        elif verb == frames.STATUS:
            self._answer(verb, sequence, json.dumps(self._status()).encode())
        elif verb == frames.LOAD:
            self._load(sequence, length)
        elif verb in (frames.COUNT, frames.SAMPLE):
            self._ask(verb, sequence, bytes(memoryview(self._room)[:length]))
        else:
            self._refuse(verb, sequence, frames.UNKNOWN_VERB, f"there is no verb {verb}")

    def _hello(self):
        parts = self._parts
        return {
            "protocol": PROTOCOL,
            "firmware": "icelab",
            "version": VERSION,
            "board": parts.board,
            "id": parts.identity,
            "clock_hz": parts.clock_hz,
            "largest": self._largest,
            "zlib": deflate is not None,
            "longest": parts.counter.LONGEST,
            "samples": parts.sampler.MOST if parts.sampler else 0,
        }

    def _status(self):
        return {
            "state": "measuring" if self._running else "idle",
            "cdone": self._parts.fpga.done,
            "staged": self._staged and self._staged[2],
            "loaded": self._loaded and self._loaded[2],
            "frames": self._taken,
            "bad_frames": self._reader.bad,
            "uptime_ms": self._parts.ticks(),
            "error": self._error,
        }

    # ---- bitstreams

    def _load(self, sequence, length):
        if self._waiting and self._waiting[2] == TAKE:
            # the one that is staged belongs to a measurement that has not begun
            self._refuse(frames.LOAD, sequence, frames.BUSY, "two bitstreams wait already")
            return
        if length < HEAD:
            self._refuse(frames.LOAD, sequence, frames.BAD_ARGUMENT, "the payload has no head")
            return
        packing, size = struct.unpack_from("<BI", self._room)
        if size > self._largest:
            self._refuse(frames.LOAD, sequence, frames.TOO_LARGE, f"more than {self._largest} bytes")
            return
        if self._staged:
            self._spare.append(self._staged[0])
            self._staged = None
        room = self._spare.pop() if self._spare else bytearray(self._largest)
        try:
            self._unpack(packing, memoryview(self._room)[HEAD:length], memoryview(room)[:size])
        except (OSError, ValueError, EOFError) as error:
            self._spare.append(room)
            self._refuse(frames.LOAD, sequence, frames.BAD_ARGUMENT, f"cannot be unpacked: {error!r}")
            return
        check = crc32(memoryview(room)[:size])
        self._staged = (room, size, check)
        self._answer(frames.LOAD, sequence, struct.pack("<I", check))

    def _unpack(self, packing, source, target):
        if packing == PLAIN and len(source) == len(target):
            target[:] = source
            return
        if packing != ZLIB or deflate is None:
            raise ValueError(packing)
        stream = deflate.DeflateIO(io.BytesIO(source), deflate.ZLIB)
        have = 0
        while have < len(target):
            more = stream.readinto(target[have:])
            if not more:
                raise ValueError(have)
            have += more

    def _put(self, mode):
        """Configure the FPGA as asked; return None, or the status and the text of a refusal."""
        if mode == TAKE:
            if not self._staged:
                return frames.NOTHING_LOADED, "no bitstream waits: LOAD one first"
            if self._loaded:
                self._spare.append(self._loaded[0])
            self._loaded, self._staged = self._staged, None
        elif not self._loaded:
            return frames.NOTHING_LOADED, "no bitstream was loaded: LOAD one first"
        if mode != GO_ON:
            room, length, _ = self._loaded
            self._done, self._load_us = self._parts.fpga.load(memoryview(room)[:length])
        if not self._done:
            return frames.REFUSED, "CDONE stayed low: the FPGA refused the bitstream"
        return None

    # ---- measurements

    def _ask(self, verb, sequence, payload):
        form = "<BQ" if verb == frames.COUNT else "<BHIH"
        if len(payload) != struct.calcsize(form) or payload[0] > AGAIN:
            self._refuse(verb, sequence, frames.BAD_ARGUMENT, f"the payload is not {form}")
            return
        numbers = struct.unpack(form, payload)
        fault = self._fault(verb, numbers)
        if fault:
            self._refuse(verb, sequence, frames.BAD_ARGUMENT, fault)
        elif self._waiting:
            self._refuse(verb, sequence, frames.BUSY, "a measurement waits already")
        else:
            self._waiting = (verb, sequence) + numbers
            self._between()

    def _fault(self, verb, numbers):
        if verb == frames.COUNT:
            if not 1 <= numbers[1] <= self._parts.counter.LONGEST:
                return f"a window has 1 to {self._parts.counter.LONGEST} cycles"
            return None
        sampler = self._parts.sampler
        if sampler is None:
            return "this board samples nothing"
        if not 1 <= numbers[1] <= sampler.MOST or not 1 <= numbers[2] <= 100000:
            return f"1 to {sampler.MOST} samples, 1 to 100000 a second"
        return None

    def _between(self):
        """Look after the measurement: end the one that is over, begin the one that waits."""
        self._parts.feed()
        if self._running and self._parts.counter.ended():
            sequence, window = self._running
            self._running = None
            pulses = self._parts.counter.read()
            self._answer(
                frames.COUNT, sequence, struct.pack("<IIQQ", self._loaded[2], self._load_us, window, pulses)
            )
        if self._waiting and not self._running:
            asked, self._waiting = self._waiting, None
            try:
                self._begin(*asked)
            except (OSError, MemoryError, ValueError) as error:
                # whatever frame comes in meanwhile has no part in it
                self._error = repr(error)
                self._refuse(asked[0], asked[1], frames.FAULT, str(error) or self._error)

    def _begin(self, verb, sequence, mode, *numbers):
        refusal = self._put(mode)
        if refusal:
            self._refuse(verb, sequence, *refusal)
        elif verb == frames.COUNT:
            self._parts.counter.start(numbers[0])
            self._running = (sequence, numbers[0])
        else:
            count, rate_hz, settle_ms = numbers
            self._parts.pause(settle_ms)
            samples = self._parts.sampler.take(count, rate_hz, self._parts.feed)
            self._answer(
                verb, sequence, struct.pack("<IIH", self._loaded[2], self._load_us, count) + bytes(samples)
            )

    # ---- answers

    def _answer(self, verb, sequence, payload):
        self._port.write(frames.reply(verb, sequence, payload))

    def _refuse(self, verb, sequence, status, text):
        self._port.write(frames.reply(verb, sequence, text.encode(), status))
