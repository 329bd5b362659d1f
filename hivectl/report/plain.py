"""Lines without colour, for files, pipes and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.report.base import text_of
from hivectl.report.folding import Folding

if TYPE_CHECKING:
    from hivectl.engine.events import Event
    from hivectl.report.base import Destination, Line

# how long a line waits for more nodes that did the same; a log is read later, so folding well matters more
PATIENCE = 2.0


class Plain:
    """Prints what `Folding` makes of the events; when a step begins is nothing to it."""

    begins = False

    def __init__(self, destination: Destination) -> None:
        self._output = destination.output
        self._folding = Folding(PATIENCE, destination.wishes)

    def __call__(self, event: Event) -> None:
        """Print what the event completes."""
        self._print(self._folding.take(event))

    def tick(self, now: float) -> None:
        """Print what has waited long enough."""
        self._print(self._folding.due(now))

    def close(self) -> None:
        """Print what is left; raises ReportError when something could not be written."""
        self._print(self._folding.rest())
        self._output.close()

    def _print(self, lines: list[Line]) -> None:
        if lines:
            self._output.write(text_of(lines))
