"""What measures circuits: the seam between the scheduler of evaluations and whatever a board speaks.

A `MeterSource` stands for one node; its `Meter` is an open conversation with the firmware there. Firmware that
receives the next bitstream while the present one is measured says so (`Identity.buffers`): the scheduler then keeps
that many circuits under way on the board, so that it never waits for the next one.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Protocol

from hivectl.model.errors import HivectlError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.bitstream.reading import Bitstream

PULSES = "pulses"
VARIANCE = "variance"
CLOCK = 48_000_000  # Hz: what the pico2-ice gives its FPGA on pin 35


class MeasuringError(HivectlError):
    """The root of what goes wrong between a board and a circuit."""


class CircuitRefusedError(MeasuringError):
    """The board got all of the image, and its FPGA did not start (CDONE stayed low): the circuit's own fault."""


class NotMeasurableError(MeasuringError):
    """The firmware cannot measure that, or not for so long; another circuit may do."""


class BoardSilentError(MeasuringError):
    """Nothing, or nothing that makes sense, came from the board in time."""


class BoardLostError(MeasuringError):
    """The way to the board is gone: unplugged, or rebooted."""


class BoardAbsentError(BoardLostError):
    """Nothing is plugged in where the board should be."""


class BoardMissingError(MeasuringError):
    """There is no board, and none will come: to wait, to reset or to flash is of no use."""


class BoardInUseError(BoardLostError):
    """Another process holds the board's port."""


@record(kw_only=True)
class Identity:
    """What a board says of itself.

    Attributes:
        firmware: its name: "hivectl", "icefarm".
        version: of the firmware.
        device: of its FPGA: "up5k".
        clock: Hz that its FPGA is given: windows are counted in its cycles.
        measures: any of "pulses" and "variance".
        buffers: circuits that may be under way at once: 2 when the next is received while one is measured.
        windows: the only windows that it can do, in cycles; empty: any.
        serial: its serial number; empty when it has none.
    """

    firmware: str
    version: str
    device: str = "up5k"
    clock: int = CLOCK
    measures: frozenset[str] = frozenset({PULSES})
    buffers: int = 1
    windows: tuple[int, ...] = ()
    serial: str = ""


@record(kw_only=True)
class Counted:
    """Pulses of one circuit in one window.

    Attributes:
        pulses: rising edges.
        cycles: how long the window really was, in cycles of the FPGA's clock.
        warnings: what the board says besides.
    """

    pulses: int
    cycles: int
    warnings: tuple[str, ...] = ()


@record(kw_only=True)
class Sampled:
    """A waveform of one circuit.

    Attributes:
        samples: of the converter, in its own units.
        rate: samples a second.
        warnings: what the board says besides.
    """

    samples: tuple[int, ...]
    rate: float
    warnings: tuple[str, ...] = ()

    @property
    def variance(self) -> float:
        """What iCEFARM and BitstreamEvolution call so: the differences between neighbours, over their number."""
        return mean_difference(self.samples)


@record(kw_only=True)
class Status:
    """How a board is.

    Attributes:
        state: "idle", "loading" or "measuring".
        cdone: whether its FPGA runs a circuit.
        errors: what went wrong since it started, each with how often: {"crc": 2}.
        uptime: seconds since it started.
    """

    state: str
    cdone: bool
    errors: dict[str, int]
    uptime: float


class Meter(Protocol):
    """An open conversation with a board's firmware.

    Every method may be cancelled, which leaves the meter fit for nothing but `close`. Lost and damaged frames are
    sent again within the methods; what they raise is final for this conversation, but for CircuitRefusedError and
    NotMeasurableError, after which the next circuit may be loaded at once.
    """

    @property
    def identity(self) -> Identity:
        """What the board said when the conversation was opened."""
        ...

    async def load(self, bitstream: Bitstream) -> int:
        """Send a circuit into a free buffer, and return the buffer's number.

        Called up to `identity.buffers` times ahead of the measurements, one after another, while measurements of
        circuits that were loaded before go on. A buffer is free again once `free` is called with it.

        Raises:
            BoardSilentError, BoardLostError: the board is in trouble.
        """
        ...

    async def count(self, buffer: int, cycles: int) -> Counted:
        """Start the circuit of a buffer anew and count its pulses for a window.

        May be called while an earlier one is not done yet: the board does them in the order of the calls.

        Args:
            buffer: as `load` returned it.
            cycles: of the FPGA's clock.

        Raises:
            CircuitRefusedError: the FPGA does not take it.
            NotMeasurableError: the board cannot do that.
            BoardSilentError, BoardLostError: the board is in trouble.
        """
        ...

    async def sample(self, buffer: int, samples: int, rate: float) -> Sampled:
        """Start the circuit of a buffer anew and sample its waveform; otherwise as `count`.

        Args:
            buffer: as `load` returned it.
            samples: how many.
            rate: samples a second.
        """
        ...

    def free(self, buffer: int) -> None:
        """Say that nothing more is asked of a buffer's circuit; costs nothing on the wire."""
        ...

    async def status(self) -> Status:
        """Ask how the board is; also while it measures."""
        ...

    async def close(self) -> None:
        """End the conversation; calling it again does nothing."""
        ...


class MeterSource(Protocol):
    """One node that can measure: opened once, and again after each trouble."""

    @property
    def node(self) -> str:
        """The node's name."""
        ...

    @property
    def device(self) -> str:
        """The device of its FPGA, as its profile says: "up5k" or "5k"; empty when it says nothing."""
        ...

    @property
    def firmware(self) -> str | None:
        """What it can be flashed with; None: nothing."""
        ...

    async def open(self) -> Meter:
        """Open a conversation and say hello.

        Raises:
            BoardSilentError, BoardLostError, BoardInUseError: there is none to be had.
        """
        ...

    async def reset(self) -> None:
        """Start the board anew, by whatever way there is; returns when it may be opened again.

        Raises:
            MeasuringError: there is no way, or it did not come back.
        """
        ...

    async def flash(self) -> None:
        """Put the firmware on the board anew; returns when it may be opened again.

        Raises:
            MeasuringError: there is no way, or it did not come back.
        """
        ...


class ByteStream(Protocol):
    """Bytes both ways: a serial port, here or elsewhere."""

    async def read(self, limit: int = 65536) -> bytes:
        """Return what has come, at least one byte; empty at the end. Cancellation loses nothing."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`, waiting while the other side is full."""
        ...

    async def close(self) -> None:
        """Close both ways; calling it again does nothing."""
        ...


def mean_difference(samples: Sequence[int]) -> float:
    """Return the sum of the differences between neighbouring samples, over the number of samples."""
    if not samples:
        return 0.0
    total = sum(abs(after - before) for before, after in itertools.pairwise(samples))
    return total / len(samples)
