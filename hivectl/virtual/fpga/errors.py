"""Why the twin counts nothing: one class for each cause."""

from __future__ import annotations

from hivectl.model.errors import HivectlError, InputError


class CircuitError(InputError):
    """A bitstream that the twin does not simulate; the leaves say why."""


class ImageError(CircuitError):
    """It is no bitstream, or a damaged one."""


class WrongDeviceError(CircuitError):
    """It is made for another chip than the board's."""


class PinError(CircuitError):
    """The package has no such pin."""


class NotDrivenError(CircuitError):
    """Nothing drives the pin on which pulses are counted."""


class OutputKindError(CircuitError):
    """The pin's cell is of a kind that the twin does not know: double data rate, or switched off at times."""


class InputKindError(CircuitError):
    """The circuit takes a pin's level by a register, a latch, or both edges."""


class CombinationalLoopError(CircuitError):
    """Logic feeds itself without a flip-flop in between: what it does is analogue."""


class HardBlockError(CircuitError):
    """A multiplier, single-port RAM, or another hard block takes part."""


class PllError(CircuitError):
    """A phase-locked loop takes part."""


class ContentionError(CircuitError):
    """Two outputs drive one wire."""


class FloatingError(CircuitError):
    """A wire that matters is driven by nothing."""


class SettingError(CircuitError):
    """The configuration has bits set whose meaning is not known."""


class MissingClockError(CircuitError):
    """A flip-flop has no clock, or one from where the board gives none."""


class SeveralClocksError(CircuitError):
    """Flip-flops are clocked by more than one source."""


class DerivedClockError(SeveralClocksError):
    """A flip-flop is clocked by other logic."""


class AsynchronousResetError(CircuitError):
    """A flip-flop is set or cleared without waiting for the clock."""


class MemoryWriteError(CircuitError):
    """A block RAM is written to."""


class UnknownInputError(CircuitError):
    """The count depends on a pin of which nobody knows the level."""


class WindowError(InputError):
    """The window is no number of clock cycles."""


class IceboxMissingError(HivectlError):
    """Icestorm's icebox is not installed, and the circuit is in no cache."""
