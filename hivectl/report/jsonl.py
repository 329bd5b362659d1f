"""One JSON object for each event, for programs."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from hivectl.engine.events import to_json
from hivectl.report.base import ReporterKind

if TYPE_CHECKING:
    from hivectl.engine.events import Event
    from hivectl.report.base import Destination

_ENCODE = json.JSONEncoder(default=str, separators=(",", ":"), allow_nan=False).encode


class JsonLines:
    """Writes each event as it comes, on a line of its own; ASCII only, so that no terminal is steered."""

    def __init__(self, destination: Destination) -> None:
        self._output = destination.output

    def __call__(self, event: Event) -> None:
        """Write the event."""
        self._output.write(line_of(event) + "\n")

    def tick(self, now: float) -> None:
        """Nothing is due."""

    def close(self) -> None:
        """Raise ReportError when an event could not be written."""
        self._output.close()


def line_of(event: Event) -> str:
    """Return an event as one line of JSON."""
    made = to_json(event)
    try:
        return _ENCODE(made)
    except ValueError:  # RFC 8259 has no infinities and nothing that is no number
        return _ENCODE(_finite(made))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


REPORTER = ReporterKind(name="jsonl", summary="one JSON object for each event", make=JsonLines)
