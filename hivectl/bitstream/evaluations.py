"""What is asked of circuits, and what came of it: records alone."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from hivectl.bitstream.measuring import PULSES, VARIANCE
from hivectl.model.errors import HivectlError, InputError
from hivectl.model.records import record

if TYPE_CHECKING:
    from hivectl.bitstream.expecting import Expectation
    from hivectl.bitstream.measuring import Identity
    from hivectl.bitstream.reading import Bitstream

LONGEST = 3600.0  # seconds of a window


class WindowError(InputError):
    """A window that no board could measure."""


@record(kw_only=True)
class Measurement:
    """What is measured of each circuit.

    Attributes:
        measure: "pulses" or "variance".
        seconds: of the window; not with `cycles`.
        cycles: of the FPGA's clock that the window has.
        samples: of a variance.
        rate: samples a second.
        repeats: how often, on the same board.
    """

    measure: str = PULSES
    seconds: float | None = None
    cycles: int | None = None
    samples: int = 500
    rate: float = 10_000.0
    repeats: int = 1

    def check(self) -> None:
        """Refuse what cannot be measured; raises WindowError."""
        if self.seconds is not None and self.cycles is not None:
            raise WindowError("a window is given in seconds or in cycles, not in both")
        for number, unit in ((self.seconds, "s"), (self.cycles, "cycles")):
            if number is not None and number <= 0:
                raise WindowError(
                    f"a window of {number:g} {unit} holds nothing", hint="it must be longer than 0"
                )
        if self.seconds is not None and self.seconds > LONGEST:
            raise WindowError(f"a window of {self.seconds:g} s is too long", hint=f"up to {LONGEST:g} s")
        if not 1 <= self.repeats <= 10_000:
            raise WindowError(f"{self.repeats} repeats: 1 to 10,000 are possible")
        if self.measure == VARIANCE and (not 2 <= self.samples <= 100_000 or not 0 < self.rate <= 1e6):
            raise WindowError(
                f"{self.samples} samples at {self.rate:g} a second cannot be taken",
                hint="2 to 100,000 samples, at up to 1,000,000 a second",
            )

    def window(self, clock: int) -> int:
        """Return the window in cycles of a clock of so many Hz; one second when nothing else was said."""
        if self.cycles is not None:
            return self.cycles
        return max(1, round((1.0 if self.seconds is None else self.seconds) * clock))

    def time(self, identity: Identity) -> float:
        """Return the seconds that one measurement takes on a board."""
        if self.measure == VARIANCE:
            return self.samples / self.rate
        return self.window(identity.clock) / identity.clock


@record(kw_only=True)
class Circuit:
    """One circuit that is asked for.

    Attributes:
        name: as results name it.
        bitstream: checked and packed; None where the file is none.
        error: why it is none.
        boards: that it shall be measured on; None: any.
        expected: what the measurement must say; None: anything goes.
    """

    name: str
    bitstream: Bitstream | None = None
    error: HivectlError | None = None
    boards: frozenset[str] | None = None
    expected: Expectation | None = None


@record(kw_only=True)
class Evaluation:
    """What came of one circuit on one board: values, or the reason why there are none.

    Attributes:
        circuit: its number in the order asked for, from 0.
        name: of the circuit.
        sha256: of its bitstream; empty when it is none.
        board: that measured it, or for which it was asked; empty when there was none.
        measure: "pulses" or "variance".
        values: one for each repeat; none when it failed.
        cycles: of the window, as the board measured it; 0 for a variance.
        samples: of a variance, one row for each repeat.
        error: why it failed; empty when it did not.
        unexpected: how the values differ from what was expected; empty when they do not.
        cached: it was measured before.
        attempts: boards that fell silent over it, and one.
        seconds: from the start of its sending to its result.
        warnings: what is odd about it.
    """

    circuit: int
    name: str
    sha256: str = ""
    board: str = ""
    measure: str = PULSES
    values: tuple[float, ...] = ()
    cycles: int = 0
    samples: tuple[tuple[int, ...], ...] = ()
    error: str = ""
    unexpected: str = ""
    cached: bool = False
    attempts: int = 1
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it was measured, and as expected."""
        return not self.error and not self.unexpected

    @property
    def value(self) -> float | None:
        """The only value, or the mean of all; None when it failed."""
        if not self.values:
            return None
        return self.values[0] if len(set(self.values)) == 1 else fmean(self.values)

    @property
    def deviation(self) -> float:
        """The standard deviation of the repeats."""
        return stdev(self.values) if len(self.values) > 1 else 0.0

    def judged(self, expected: Expectation | None) -> Evaluation:
        """Return it with what an expectation says to it."""
        if expected is None or self.error:
            return self
        return replace(self, unexpected=expected.complaint(self.values))

    def plain(self, *, samples: bool = True) -> dict[str, Any]:
        """Return it as JSON has it: keys are stable, those without a meaning here are left out."""
        said: dict[str, Any] = {
            "file": self.name,
            "board": self.board,
            "measure": self.measure,
            "ok": self.ok,
            "value": self.value,
        }
        if self.values:
            said["values"] = list(self.values)
        if len(self.values) > 1:
            said |= {
                "deviation": self.deviation,
                "minimum": min(self.values),
                "maximum": max(self.values),
            }
        if self.cycles:
            said["cycles"] = self.cycles
        if samples and self.samples:
            said["samples"] = [list(row) for row in self.samples]
        said |= {key: value for key in ("error", "unexpected") if (value := getattr(self, key))}
        if self.warnings:
            said["warnings"] = list(self.warnings)
        return said | {
            "sha256": self.sha256,
            "cached": self.cached,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 6),
        }
