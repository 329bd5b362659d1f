"""Where a value was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

# folder of a lab's state with the playbooks that commands write: `hivectl flash`, `hivectl evaluate`
BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A place in a file.

    Attributes:
        path: of the file, as it was named.
        line: from 1.
        column: from 1, in characters.
    """

    path: str
    line: int
    column: int

    @property
    def by_hand(self) -> bool:
        """Whether nobody wrote this but a command: people are not sent there."""
        return PurePath(self.path).parent.name == BY_HAND

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"
