"""What becomes of each circuit of an evaluation: told as it comes, and kept for later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.bitstream.evaluations import Evaluation
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hivectl.bitstream.cache import Cache
    from hivectl.bitstream.evaluations import Circuit, Measurement


@record(kw_only=True)
class Outcome:
    """What a board says of a circuit; fields as those of `Evaluation`."""

    values: tuple[float, ...] = ()
    cycles: int = 0
    samples: tuple[tuple[int, ...], ...] = ()
    error: str = ""
    warnings: tuple[str, ...] = ()


class Outcomes:
    """What became of circuits; they are named by their place.

    Args:
        circuits: all of them.
        measurement: of each.
        cache: of results that are known already; None: nothing is kept.
        emit: hears each result as it comes.
    """

    def __init__(
        self,
        circuits: Sequence[Circuit],
        measurement: Measurement,
        cache: Cache | None,
        emit: Callable[[Evaluation], None],
    ) -> None:
        self._circuits = circuits
        self._measurement = measurement
        self._cache = cache
        self._emit = emit

    def known(self, number: int, boards: frozenset[str]) -> bool:
        """Emit what the cache knows of a circuit on one of some boards."""
        circuit, cache = self._circuits[number], self._cache
        assert circuit.bitstream is not None
        for node in sorted(boards) if cache is not None else ():
            assert cache is not None
            known = cache.look_up(circuit.bitstream.sha256, node, self._measurement)
            if known is not None:
                values, samples, cycles = known
                outcome = Outcome(values=values, samples=samples, cycles=cycles)
                self.add(number, node, outcome, cached=True)
                return True
        return False

    def add(
        self,
        number: int,
        node: str,
        outcome: Outcome,
        *,
        cached: bool = False,
        attempts: int = 1,
        seconds: float = 0.0,
    ) -> None:
        """Emit what a board said of a circuit, and let the cache keep it; `seconds`: that it took."""
        circuit = self._circuits[number]
        assert circuit.bitstream is not None
        evaluation = Evaluation(
            circuit=number,
            name=circuit.name,
            sha256=circuit.bitstream.sha256,
            board=node,
            measure=self._measurement.measure,
            values=outcome.values,
            cycles=outcome.cycles,
            samples=outcome.samples,
            error=outcome.error,
            warnings=(*circuit.bitstream.warnings, *outcome.warnings),
            cached=cached,
            attempts=attempts,
            seconds=seconds,
        )
        cache = self._cache
        if cache is not None and not cached and not evaluation.error:
            cache.keep(circuit.bitstream.sha256, node, self._measurement, evaluation)
        self._emit(evaluation.judged(circuit.expected))

    def fail(self, number: int, reason: str, *, board: str = "", attempts: int = 1) -> None:
        """Emit that nobody measured a circuit, and why; `board`: the only one that might have."""
        circuit = self._circuits[number]
        self._emit(
            Evaluation(
                circuit=number,
                name=circuit.name,
                sha256=circuit.bitstream.sha256 if circuit.bitstream else "",
                board=board,
                measure=self._measurement.measure,
                error=reason,
                attempts=attempts,
            )
        )
