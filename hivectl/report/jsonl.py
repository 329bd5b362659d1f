"""One JSON object for each event, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hivectl.engine.events import to_json
from hivectl.report.base import ReporterKind

if TYPE_CHECKING:
    from hivectl.engine.events import Event
    from hivectl.report.base import Destination


class JsonLines:
    """Writes each event as it comes, on a line of its own; ASCII only, so that no terminal is steered."""

    def __init__(self, destination: Destination) -> None:
        self._output = destination.output

    def __call__(self, event: Event) -> None:
        """Write the event."""
        self._output.write(json.dumps(to_json(event), default=str, separators=(",", ":")) + "\n")

    def tick(self, now: float) -> None:
        """Nothing is due."""

    def close(self) -> None:
        """Raise ReportError when an event could not be written."""
        self._output.close()


REPORTER = ReporterKind(name="jsonl", summary="one JSON object for each event", make=JsonLines)
