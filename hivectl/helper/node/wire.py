"""Frames between controller and node: a line of JSON, then as many bytes as its `bytes` says.

The json package would cost a third of the whole start (it imports re), so its C parts are used by themselves.
"""

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# longest header line that is taken, in bytes: a batch of many items, each with a script
LONGEST_HEADER = 64 << 20
# results of quick operations travel together: held back at most so long, in seconds
PATIENCE = 0.1
# held back for less is not worth a word, in seconds
UNTOLD = 0.002
PIECE = 65536
# between two looks at the clock, in seconds
LONGEST_INTERVAL = 3600.0


class EndOfInput(Exception):  # noqa: N818 - no error: the controller closed its side, or vanished
    """Nothing more will come."""


class Stopped(Exception):  # noqa: N818 - no error: the controller asked for it
    """The controller wants the operation in hand to end."""


class _Decoding:
    """What json's C scanner reads its settings from."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def _refuse(value: "Any") -> "Any":
    raise TypeError("cannot be sent: " + repr(value))


def make_codec() -> "tuple[Any, Any]":
    """Return (value -> JSON text in ASCII, JSON text -> value)."""
    sample = {"a": [1, None, True, "\udc80\n"], "b": {}}
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner

        sort_keys = skip_keys = allow_nan = False
        encoder = make_encoder(
            {}, _refuse, encode_basestring_ascii, None, ":", ",", sort_keys, skip_keys, allow_nan
        )
        scanner = make_scanner(_Decoding)  # type: ignore[arg-type]  # any object with these attributes

        def encode(value: "Any") -> str:
            return "".join(encoder(value, 0))

        def decode(text: str) -> "Any":
            try:
                return scanner(text, 0)[0]
            except (StopIteration, SystemError):
                # it looks for json.decoder's exception, which nobody has imported
                raise ValueError("not JSON") from None

        if decode(encode(sample)) == sample:
            return encode, decode
    except (ImportError, TypeError, AttributeError, StopIteration):
        pass  # another Python has other insides: its json package does the same, only slower
    import json

    return json.dumps, json.loads


def _frame(held: float, header: str, data: bytes) -> bytes:
    """Return a frame's bytes; one that was held back says for how long, so that nothing seems to have taken longer."""
    if held > UNTOLD:
        header = '{"h":%.4f,%s' % (held, header[1:])
    return header.encode() + b"\n" + data


class Wire:
    """Both directions of the helper's channel, on file descriptors of its own."""

    def __init__(self, source: int, sink: int) -> None:
        self.source = source
        self.sink = sink
        self.encode, self.decode = make_codec()
        self._input = bytearray()
        self._output: "list[tuple[float, str, bytes]]" = []
        self._since = 0.0
        self.ended = False
        self.broken = False
        self._beat: "Any" = None
        self.interval = LONGEST_INTERVAL
        self._next = 0.0

    def keep(self, beat: "Any", interval: float = LONGEST_INTERVAL) -> None:
        """Call `beat` every `interval` seconds while something is done for a controller that is there; None: no more."""
        self._beat = beat
        self.interval = interval
        self._next = time.monotonic() + interval

    def beat(self) -> None:
        """Give what is kept its chance."""
        if self._beat is not None and not self.ended and not self.broken and time.monotonic() >= self._next:
            self._next = time.monotonic() + self.interval
            self._beat()

    def send(self, header: "dict[str, Any]", data: bytes = b"", *, now: bool = True) -> None:
        """Send a frame; without `now` it waits shortly for others to travel with."""
        if data:
            header["bytes"] = len(data)
        when = time.monotonic()
        if not self._output:
            self._since = when
        self._output.append((when, self.encode(header), data))
        if now or self.hold() <= 0:
            self.flush()

    def flush(self) -> None:
        """Send what waits; when nobody listens any more that is remembered and all is dropped."""
        self.beat()
        now = time.monotonic()
        data = memoryview(b"".join([_frame(now - when, line, data) for when, line, data in self._output]))
        self._output = []
        while data and not self.broken:
            try:
                data = data[os.write(self.sink, data) :]
            except OSError:  # EPIPE: the operation in hand is finished all the same
                self.broken = True

    def receive(self) -> "tuple[dict[str, Any], bytes]":
        """Return the next frame; raises EndOfInput."""
        self.flush()
        while True:
            end = self._input.find(b"\n")
            if end >= 0:
                break
            if len(self._input) > LONGEST_HEADER:
                raise EndOfInput
            self._fill()
        header = self.decode(self._input[:end].decode())
        del self._input[: end + 1]
        wanted = header.get("bytes", 0)
        while len(self._input) < wanted:
            self._fill()
        data = bytes(self._input[:wanted])
        del self._input[:wanted]
        return header, data

    def _fill(self) -> None:
        data = b"" if self.ended else os.read(self.source, PIECE)
        if not data:
            self.ended = True
            raise EndOfInput
        self._input += data

    def stop_asked(self) -> bool:
        """Take what has come while an operation runs; say whether it is a stop. EOF only sets `ended`."""
        try:
            self._fill()
        except EndOfInput:
            return False
        if b"\n" not in self._input:
            return False
        # while an operation runs nothing else than a stop is sent
        header, _data = self.receive()
        return bool(header.get("t") == "stop")

    def pause(self, seconds: float) -> None:
        """Sleep; raises Stopped or EndOfInput when the controller wants no more."""
        self.flush()
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if self.ended:
                raise EndOfInput
            if left <= 0:
                return
            self.beat()
            if select.select([self.source], [], [], min(left, self.interval))[0] and self.stop_asked():
                raise Stopped

    def tick(self) -> None:
        """Keep what is kept, in the middle of something long; raises Stopped when the controller wants no more."""
        self.beat()
        if not self.ended and select.select([self.source], [], [], 0)[0] and self.stop_asked():
            raise Stopped

    def hold(self) -> float:
        """Return for how many seconds what waits to be sent may wait on; for long where nothing does."""
        return self._since + PATIENCE - time.monotonic() if self._output else self.interval
