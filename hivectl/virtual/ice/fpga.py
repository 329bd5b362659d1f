"""The FPGA of a virtual board: configured by a bitstream's bytes, as over its SPI lines, and counted on its pin."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import OrderedDict
from functools import cache
from typing import TYPE_CHECKING

from hivectl.bitstream.errors import ImageError
from hivectl.model.errors import HivectlError
from hivectl.model.records import record
from hivectl.virtual.fpga.circuit import StoppedError
from hivectl.virtual.fpga.errors import CircuitError, IceboxMissingError, WrongDeviceError
from hivectl.virtual.fpga.target import PICO2_ICE
from hivectl.virtual.fpga.twin import Twin

if TYPE_CHECKING:
    from hivectl.virtual.fpga.circuit import Circuit

# outcomes of configurations that are kept
KEPT = 1024
# seconds that a count may take: hosts ask a board that says nothing four times before they give it up
PATIENCE = 8.0


@record
class Configured:
    """What became of a bitstream.

    Attributes:
        circuit: what runs; None: nothing, or what the twin cannot count.
        error: why it cannot.
        done: CDONE is high: a real FPGA takes it.
    """

    circuit: Circuit | None
    error: HivectlError | None
    done: bool


class Configurations:
    """What bitstreams become, for all boards of a process: each is looked at once.

    Args:
        twin: the FPGA of these boards.
    """

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self._kept: OrderedDict[bytes, Configured] = OrderedDict()
        self._lock = threading.Lock()
        # counts that take too long: circuit, window, begin; the circuit is held so that its id stays its own
        self.slow: dict[tuple[int, int, int], Circuit] = {}

    def known(self, key: bytes) -> Configured | None:
        """Return what became of a bitstream, by `key_of` it; None: nobody has looked yet."""
        with self._lock:
            return self._kept.get(key)

    def find(self, image: bytes, key: bytes) -> Configured:
        """Return what becomes of a bitstream whose `key_of` is `key`; a new one costs up to a second."""
        found = self.known(key)
        if found is None:
            found = self._look(image)
            with self._lock:
                self._kept[key] = found
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return found

    def _look(self, image: bytes) -> Configured:
        try:
            return Configured(self.twin.load(image), None, done=True)
        except (ImageError, WrongDeviceError) as error:
            # the FPGA checks the CRC and its banks' sizes
            return Configured(None, error, done=False)
        except (CircuitError, IceboxMissingError) as error:
            # a real one takes it, and nobody can tell here what it does
            return Configured(None, error, done=True)


@cache
def shared() -> Configurations:
    """Return what bitstreams become, for all boards of this process."""
    return Configurations(Twin(PICO2_ICE))


def key_of(image: bytes) -> bytes:
    """Return what stands for a bitstream."""
    return hashlib.sha256(image).digest()


class Patience:
    """Lets a simulation go on for some time; `hivectl.virtual.fpga.circuit.Stop`.

    Args:
        stop: ends it sooner.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._end = time.monotonic() + PATIENCE

    def is_set(self) -> bool:
        """Return whether it shall end."""
        return self._stop.is_set() or time.monotonic() > self._end


class UnknownCountError(HivectlError):
    """The twin cannot tell what a real FPGA would do with a circuit."""


class VirtualFpga:
    """One FPGA.

    Args:
        configurations: shared by all boards of its kind.
    """

    def __init__(self, configurations: Configurations) -> None:
        self._configurations = configurations
        self._now: Configured | None = None
        # clock cycles since it was configured, as far as anybody has looked
        self._elapsed = 0

    @property
    def done(self) -> bool:
        """CDONE."""
        return self._now is not None and self._now.done

    def stop(self) -> None:
        """Hold it in reset."""
        self._now = None

    async def configure(self, image: bytes, key: bytes | None = None) -> bool:
        """Take a bitstream, whose `key_of` somebody may know; returns CDONE."""
        key = key or key_of(image)
        found = self._configurations.known(key)
        if found is None:
            # a second, for the first one
            found = await asyncio.to_thread(self._configurations.find, image, key)
        self._now, self._elapsed = found, 0
        return found.done

    async def count(self, cycles: int, stop: threading.Event) -> int:
        """Return the rising edges of the next so many clock cycles.

        Raises:
            UnknownCountError: nobody can tell.
            StoppedError: `stop` was set meanwhile.
        """
        circuit, after = self._circuit(), self._elapsed
        if not circuit.remembers(cycles, after=after):
            await self._patiently(circuit, cycles, after, stop)
        self._elapsed = after + cycles
        return circuit.count(cycles, after=after).pulses

    async def _patiently(self, circuit: Circuit, cycles: int, after: int, stop: threading.Event) -> None:
        """Let a circuit count, but not for ever: hosts take a board that says nothing for a dead one."""
        slow = self._configurations.slow
        asked = (id(circuit), cycles, after)
        if asked not in slow:
            try:
                await asyncio.to_thread(circuit.count, cycles, after=after, stop=Patience(stop))
            except StoppedError:
                if stop.is_set():
                    raise
                # whoever asks again shall not wait as long again
                slow[asked] = circuit
            else:
                return
        raise UnknownCountError(
            f"the virtual FPGA does not get through {after + cycles:,} cycles of this circuit in {PATIENCE:g} s: "
            "ask for a shorter window"
        )

    async def levels(self, samples: int, rate: int, settle: float, stop: threading.Event) -> list[int]:
        """Return the pin's level at so many moments, `rate` a second, from `settle` seconds on; raises as `count`."""
        hertz = self._configurations.twin.target.clock_hertz
        start = self._elapsed + round(settle * hertz)
        moments = [start + number * hertz // rate for number in range(samples)]
        levels = await asyncio.to_thread(self._circuit().levels, moments, stop)
        self._elapsed = moments[-1] if moments else start
        return levels

    async def level(self, microseconds: int, stop: threading.Event) -> int:
        """Return the pin's level at some time after the configuration; raises as `count`."""
        moment = microseconds * self._configurations.twin.target.clock_hertz // 1_000_000
        levels = await asyncio.to_thread(self._circuit().levels, [moment], stop)
        return levels[0]

    def _circuit(self) -> Circuit:
        if self._now is None or not self._now.done:
            raise UnknownCountError("the FPGA is not configured")
        if self._now.circuit is None:
            assert self._now.error is not None
            raise UnknownCountError(f"the virtual FPGA cannot tell: {self._now.error}")
        return self._now.circuit
