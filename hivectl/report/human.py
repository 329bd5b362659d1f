"""For people: live progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.report.base import ReporterKind
from hivectl.report.plain import Plain

if TYPE_CHECKING:
    from hivectl.report.base import Destination, Reporter


def make(destination: Destination) -> Reporter:
    """Return the reporter that fits the destination; rich (60 ms) is only imported for a terminal."""
    if not destination.is_terminal:
        return Plain(destination)
    from hivectl.report.live import Live

    return Live(destination)


REPORTER = ReporterKind(
    name="human", summary="progress on a terminal, lines elsewhere", make=make, people=True
)
