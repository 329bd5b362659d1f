"""What every format is read to: a draft of an inventory, and notes on what a person must look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from hivectl.model.records import record

if TYPE_CHECKING:
    from hivectl.model.origin import Origin


@record
class Reference:
    """A secret's place in what is written: `!env NAME` or `!file PATH`, never the secret itself."""

    tag: str
    name: str


@record
class Note:
    """What could not be taken over as it is, and what to do."""

    message: str
    origin: Origin | None = None

    def __str__(self) -> str:
        return f"{self.origin}: {self.message}" if self.origin else self.message


@record(frozen=False)
class DraftNode:
    """A node to be written; `pattern`: the range that it was written in, or its name."""

    name: str
    pattern: str
    attributes: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)


@record(frozen=False)
class DraftHive:
    """A hive to be written; `members`: nodes and other hives."""

    members: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)


@record(frozen=False)
class Draft:
    """An inventory to be written."""

    variables: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    nodes: dict[str, DraftNode] = field(default_factory=dict)
    hives: dict[str, DraftHive] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def note(self, message: str, origin: Origin | None = None) -> None:
        """Note something once."""
        note = Note(message, origin)
        if note not in self.notes:
            self.notes.append(note)


# reads a file or folder of its format; raises InputError or Complaints for what is none
Reader: TypeAlias = Callable[[Path], Draft]
