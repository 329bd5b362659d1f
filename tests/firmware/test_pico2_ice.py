"""The pico2-ice's firmware on a real MicroPython: frames, two bitstreams at once, and how the FPGA is configured."""

from __future__ import annotations

import struct
import zlib
from typing import Any
from zlib import crc32

import pytest

from hivectl.bitstream import frames
from hivectl.bitstream.frames import Decoder, Frame, Mode, Packing, Status, Verb
from tests.support.board_firmware import ROOT, Board

FIRMWARE = ROOT / "firmware/pico2_ice"
# `script` has what happens in turn: hexadecimal digits come in, a number is milliseconds of quiet
PARTS = """
from binascii import unhexlify
from icelab import frames, service
from icelab.cram import Fpga

log = []
clock = [0]

class Pin:
    def __init__(self, name, level=0):
        self.name, self.level = name, level
    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        log.append([self.name, level])

class Spi:
    def __init__(self, done):
        self.done, self.sent = done, b""
    def take(self):
        self.sent = b""
        log.append("take")
    def write(self, data):
        self.sent += bytes(data)
        log.append(["spi", len(data)])
        # what no FPGA takes
        self.done.level = int(len(self.sent) > 1 and b"broken" not in self.sent)
    def release(self):
        log.append("release")

class Counter:
    LONGEST = 1 << 32
    def start(self, window):
        self.window, self.end = window, clock[0] + window // 1000
        log.append(["open", window])
    def ended(self):
        return clock[0] >= self.end
    def read(self):
        log.append("read")
        return self.window // 7

class Sampler:
    MOST = 4096
    def take(self, count, rate_hz, between):
        import array
        return array.array("H", range(count))

class Parts:
    board, clock_hz, identity = "pico2-ice", 48000000, "c0ffee"
    def __init__(self):
        done = Pin("done")
        self.fpga = Fpga(Pin("creset"), Pin("select"), done, Spi(done))
        self.counter, self.sampler = Counter(), Sampler()
    def feed(self):
        pass
    def ticks(self):
        return clock[0]
    def pause(self, milliseconds):
        clock[0] += milliseconds

class Port:
    def __init__(self, script):
        self.script = [unhexlify(one) if isinstance(one, str) else one for one in script]
        self.written = b""
    def ready(self, milliseconds):
        while self.script and self.script[0] in (0, b""):
            self.script.pop(0)
        if not self.script:
            raise EOFError
        if isinstance(self.script[0], bytes):
            return True
        passed = min(milliseconds, self.script[0])
        clock[0] += passed
        self.script[0] -= passed
        return False
    def readinto(self, view):
        for at in range(len(view)):
            # a board waits for ever; here the host says nothing more
            while not self.ready(1):
                pass
            view[at] = self.script[0][0]
            self.script[0] = self.script[0][1:]
    def write(self, data):
        self.written += data

port = Port(script)
ended = "?"
try:
    service.Service(port, Parts(), 2048).serve()
except EOFError:
    ended = "quiet"
except KeyboardInterrupt:
    ended = "Ctrl-C"
result = {"answers": port.written.hex(), "log": log, "ended": ended, "clock": clock[0]}
"""


def served(*script: bytes | int) -> tuple[list[Frame], dict[str, Any]]:
    """Let the board hear `script`: bytes, and milliseconds of quiet."""
    board = Board(
        {f"/{path.relative_to(FIRMWARE)}": path.read_text() for path in (FIRMWARE / "lib").rglob("*.py")}
    )
    board.files["/boot.py"] = ""
    board.files["/lib/icelab/__init__.py"] = ""
    heard = [one.hex() if isinstance(one, bytes) else one for one in script]
    start = board.start(f"import sys\nsys.path.append('/lib')\nscript = {heard!r}\n" + PARTS)
    assert start.refused is None
    answers = Decoder().feed(bytes.fromhex(start.result["answers"]))
    return answers, start.result


def ask(verb: int, sequence: int, payload: bytes = b"") -> bytes:
    return frames.encode(verb, sequence, payload)


def load(sequence: int, image: bytes) -> bytes:
    return ask(Verb.LOAD, sequence, frames.LOAD.pack(Packing.PLAIN, len(image)) + image)


def count(sequence: int, window: int, mode: Mode = Mode.TAKE) -> bytes:
    return ask(Verb.COUNT, sequence, frames.COUNT.pack(mode, window))


def test_it_says_who_it_is_and_how() -> None:
    import json

    answers, _ = served(ask(Verb.HELLO, 1), ask(Verb.STATUS, 2))
    hello, status = (json.loads(answer.payload) for answer in answers)
    assert (hello["board"], hello["id"], hello["clock_hz"], hello["protocol"]) == (
        "pico2-ice",
        "c0ffee",
        48000000,
        1,
    )
    assert (status["state"], status["loaded"], status["bad_frames"]) == ("idle", None, 0)


def test_the_fpga_is_configured_as_lattice_demands() -> None:
    image = bytes(range(256)) * 4
    answers, did = served(load(1, image), count(2, 5000), 10)
    assert [answer.status for answer in answers] == [0, 0]
    staged, pulses = answers[0].payload, frames.COUNTED.unpack(answers[1].payload)
    assert staged == struct.pack("<I", crc32(image))
    assert (pulses[0], pulses[2:]) == (crc32(image), (5000, 714))
    assert did["log"] == [
        "take",
        ["select", 0],
        ["creset", 0],
        ["creset", 1],
        ["select", 1],
        ["spi", 1],
        ["select", 0],
        ["spi", 1024],
        ["select", 1],
        ["spi", 7],
        "release",
        ["open", 5000],
        "read",
    ]


def test_the_next_bitstream_comes_in_while_one_is_measured() -> None:
    first, second = b"first " * 50, b"second " * 50
    answers, did = served(load(1, first), count(2, 40_000), 5, load(3, second), count(4, 20_000), 100)
    assert [(answer.sequence, answer.status) for answer in answers] == [(1, 0), (3, 0), (2, 0), (4, 0)]
    assert [frames.COUNTED.unpack(answer.payload)[0] for answer in answers[2:]] == [
        crc32(first),
        crc32(second),
    ]
    assert [one for one in did["log"] if one[0] == "open"] == [["open", 40_000], ["open", 20_000]]


def test_a_third_bitstream_has_to_wait() -> None:
    answers, _ = served(
        load(1, b"one"), count(2, 40_000), load(3, b"two"), count(4, 40_000),
        load(5, b"three"), count(6, 1), 100,
    )  # fmt: skip
    said = {answer.sequence: Status(answer.status).name for answer in answers}
    assert said == {1: "OK", 2: "OK", 3: "OK", 4: "OK", 5: "BUSY", 6: "BUSY"}


def test_a_circuit_that_the_fpga_refuses_is_told_and_the_next_one_is_measured() -> None:
    answers, did = served(load(1, b"a broken one"), count(2, 700), 5, load(3, b"whole"), count(4, 700), 5)
    assert [Status(answer.status).name for answer in answers] == ["OK", "REFUSED", "OK", "OK"]
    assert b"CDONE stayed low" in answers[1].payload
    # nothing half configured is left running
    assert did["log"][did["log"].index("release") - 1] == ["creset", 0]


def test_a_circuit_goes_on_or_is_put_anew() -> None:
    answers, did = served(
        load(1, b"x"),
        count(2, 1000),
        5,
        count(3, 1000, Mode.GO_ON),
        5,
        count(4, 1000, Mode.AGAIN),
        5,
    )
    assert {answer.status for answer in answers} == {0}
    assert did["log"].count("take") == 2


def test_samples_come_as_numbers() -> None:
    answers, _ = served(
        load(1, b"x"), ask(Verb.SAMPLE, 2, frames.SAMPLE.pack(Mode.TAKE, 500, 10_000, 100)), 5
    )
    check, _, taken = frames.SAMPLED.unpack_from(answers[1].payload)
    assert (check, taken) == (crc32(b"x"), 500)
    assert list(memoryview(answers[1].payload)[frames.SAMPLED.size :].cast("H")) == list(range(500))


@pytest.mark.parametrize(
    ("question", "status", "says"),
    [
        (count(1, 0), Status.BAD_ARGUMENT, "1 to 4294967296"),
        (count(1, (1 << 32) + 1), Status.BAD_ARGUMENT, "1 to 4294967296"),
        (ask(Verb.COUNT, 1, b"short"), Status.BAD_ARGUMENT, "<BQ"),
        (count(1, 5), Status.NOTHING_LOADED, "LOAD one first"),
        (count(1, 5, Mode.GO_ON), Status.NOTHING_LOADED, "LOAD one first"),
        (ask(0x55, 1), Status.UNKNOWN_VERB, "no verb 85"),
        (load(1, bytes(3000)), Status.TOO_LARGE, "more than 2048"),
        (ask(Verb.SAMPLE, 1, frames.SAMPLE.pack(1, 5000, 10, 0)), Status.BAD_ARGUMENT, "1 to 4096 samples"),
    ],
    ids=["no-window", "long-window", "cut", "nothing-staged", "nothing-runs", "verb", "large", "samples"],
)
def test_what_cannot_be_is_refused_with_the_reason(question: bytes, status: Status, says: str) -> None:
    answers, _ = served(question, 200, ask(Verb.STATUS, 9), 100)
    assert [answer.sequence for answer in answers] == [1, 9]
    assert answers[0].status == status
    assert says in answers[0].payload.decode()


@pytest.mark.parametrize("at", [0, 3, 9, 13, 20, 600, -1], ids=str)
def test_a_damaged_frame_is_told_and_the_next_one_is_whole(at: int) -> None:
    damaged = bytearray(load(1, bytes(range(256)) * 4))
    damaged[at] ^= 0x40
    answers, _ = served(bytes(damaged), 200, load(2, b"next"), 100)
    assert [(answer.sequence, answer.status) for answer in answers if answer.status == 0] == [(2, 0)]
    assert Status.BAD_FRAME in {answer.status for answer in answers}


@pytest.mark.parametrize("lost", [slice(0, 4), slice(2, 7), slice(100, 101), slice(500, 900)], ids=str)
def test_zeros_end_a_frame_that_lost_bytes(lost: slice) -> None:
    whole = bytearray(load(1, b"\3\x10" * 512))
    del whole[lost]
    answers, did = served(bytes(whole), 300, bytes(2048 + 64), ask(Verb.STATUS, 2), 100)
    assert did["ended"] == "quiet"
    assert (answers[-1].sequence, answers[-1].status) == (2, 0)
    assert not any(answer.sequence == 1 and answer.status == 0 for answer in answers)


def test_ctrl_c_on_a_quiet_line_gives_the_repl_back() -> None:
    _, did = served(load(1, b"\3\3\3"), 100, b"\3", ask(Verb.STATUS, 2))
    assert did["ended"] == "Ctrl-C"


def test_a_packed_bitstream_is_unpacked_and_a_broken_one_refused() -> None:
    image = b"\0" * 1500 + b"circuit"
    packed = zlib.compress(image)
    head = frames.LOAD.pack(Packing.ZLIB, len(image))
    answers, _ = served(
        ask(Verb.LOAD, 1, head + packed), count(2, 1000), 10, ask(Verb.LOAD, 3, head + packed[:-8]), 100,
        ask(Verb.LOAD, 4, frames.LOAD.pack(Packing.ZLIB, 5000) + packed), 100, count(5, 1000), 100,
    )  # fmt: skip
    assert [Status(answer.status).name for answer in answers] == [
        "OK", "OK", "BAD_ARGUMENT", "TOO_LARGE", "NOTHING_LOADED",
    ]  # fmt: skip
    assert frames.CHECK.unpack(answers[0].payload)[0] == crc32(image)
