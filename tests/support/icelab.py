"""The pico2-ice's firmware on this machine's Python, behind a line that may lose bytes: for the host's side of it."""

from __future__ import annotations

import asyncio
import importlib
import select
import socket
import sys
import threading
import time
import types
import zlib
from typing import TYPE_CHECKING, Any

from tests.support.board_firmware import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIBRARY = ROOT / "firmware/pico2_ice/lib"


class Gone(BaseException):
    """The board was unplugged."""


class Port:
    """The board's end of the line."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def ready(self, milliseconds: int) -> bool:
        return bool(select.select([self._line], [], [], milliseconds / 1000)[0])

    def readinto(self, view: memoryview) -> None:
        have = 0
        while have < len(view):
            more = self._line.recv_into(view[have:])
            if not more:
                raise Gone
            have += more

    def write(self, data: bytes) -> None:
        self._line.sendall(data)


class Fpga:
    """Takes what does not say `broken`."""

    done = False

    def load(self, image: Any) -> tuple[bool, int]:
        self.done = b"broken" not in bytes(image)
        return self.done, 40_000


class Counter:
    """Counts a pulse every ten cycles, in the time of 48 MHz."""

    LONGEST = 1 << 32

    def start(self, window: int) -> None:
        self._window = window
        self._end = time.monotonic() + window / 48e6

    def ended(self) -> bool:
        return time.monotonic() >= self._end

    def read(self) -> int:
        return self._window // 10


class Sampler:
    """Samples a ramp."""

    MOST = 4096

    def take(self, count: int, rate_hz: int, between: Callable[[], None]) -> Any:
        import array

        assert rate_hz
        between()
        return array.array("H", range(count))


class Parts:
    """The board's parts."""

    board, clock_hz, identity = "pico2-ice", 48_000_000, "c0ffee"

    def __init__(self) -> None:
        self.fpga, self.counter, self.sampler = Fpga(), Counter(), Sampler()

    def feed(self) -> None:
        """There is no watchdog."""

    def ticks(self) -> int:
        return int(time.monotonic() * 1000)

    def pause(self, milliseconds: int) -> None:
        time.sleep(milliseconds / 1000)


class DeflateIO:
    """MicroPython's `deflate`, as far as the firmware uses it."""

    def __init__(self, source: Any, form: int) -> None:
        assert form == 1
        self._data = zlib.decompressobj().decompress(source.read())

    def readinto(self, view: memoryview) -> int:
        count = min(len(view), len(self._data))
        view[:count], self._data = self._data[:count], self._data[count:]
        return count


def serve(line: socket.socket) -> None:
    """Be a board until the line ends."""
    service = _service()
    try:
        service.Service(Port(line), Parts()).serve()
    except (Gone, OSError):
        line.close()


def _service() -> Any:
    if "icelab.service" not in sys.modules:
        deflate: Any = types.ModuleType("deflate")
        deflate.DeflateIO, deflate.ZLIB = DeflateIO, 1
        sys.modules["deflate"] = deflate
        sys.path.insert(0, str(LIBRARY))
        try:
            importlib.import_module("icelab.service")
        finally:
            sys.path.remove(str(LIBRARY))
            del sys.modules["deflate"]
    return sys.modules["icelab.service"]


class Line:
    """The host's end, with faults.

    Attributes:
        harm: is asked for what becomes of each piece that is written or read.
    """

    def __init__(self, harm: Callable[[bytes], bytes] = lambda data: data) -> None:
        ours, theirs = socket.socketpair()
        self._board = threading.Thread(target=serve, args=[theirs], daemon=True)
        self._board.start()
        ours.settimeout(0)
        self._line = ours
        self.harm = harm

    async def read(self, limit: int = 65536) -> bytes:
        data = await asyncio.get_running_loop().sock_recv(self._line, limit)
        # what is lost whole is no end
        return data and (self.harm(data) or b"\0")

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._line, self.harm(data))

    async def close(self) -> None:
        self._line.close()
        await asyncio.to_thread(self._board.join, 30)


def losing(chances: Iterator[float], share: float) -> Callable[[bytes], bytes]:
    """Return what loses, changes or doubles a byte in a share of the pieces; chances are from 0 to 1."""

    def harm(data: bytes) -> bytes:
        if not data or next(chances) >= share:
            return data
        at = int(next(chances) * len(data))
        kind = next(chances)
        if kind < 0.6:
            return data[:at] + data[at + 1 + int(next(chances) * 40) :]
        return data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]

    return harm
