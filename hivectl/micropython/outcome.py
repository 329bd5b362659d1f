"""What programs on a board did, and who those are that are not waited for."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable


@record
class Outcome:
    """What a program on the board did.

    Attributes:
        output: what it printed, in the board's bytes.
        failure: what it printed of its exception, empty without one.
    """

    output: bytes
    failure: bytes


@record
class Background:
    """A program that was started and is not waited for.

    Attributes:
        label: its name.
        since: when it was started (UTC).
        log: the file on the board with what it printed.
        fingerprint: of what was started.
        boot: the board starts it, too.
        output: the last that it has printed since, as far as it was watched.
        sinks: take all of that as it comes.
    """

    label: str
    since: str
    log: str
    fingerprint: str
    boot: bool
    output: bytearray = field(default_factory=bytearray)
    sinks: list[Callable[[bytes], None]] = field(default_factory=list)
