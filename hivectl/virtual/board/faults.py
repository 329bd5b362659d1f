"""What can go wrong between a board and the world, on demand: for tests of whoever drives boards."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Faults:
    """Faults of a virtual board's lines; they may be changed at any time.

    Attributes:
        hang: the board takes nothing in and says nothing.
        delay: seconds that bytes are under way, in each direction.
        rate: bytes a second that the line carries towards the board; None: as fast as can be.
        loss: the part of all bytes towards the board that is lost.
        drop_after: bytes towards the board until the line is cut.
        reboot_after: bytes towards the board until it loses its power for a moment.
        seed: of what is lost by chance.
    """

    hang: bool = False
    delay: float = 0.0
    rate: float | None = None
    loss: float = 0.0
    drop_after: int | None = None
    reboot_after: int | None = None
    seed: int = 1
    _random: random.Random | None = field(default=None, repr=False)

    def arriving(self, data: bytes) -> tuple[bytes, str]:
        """Return what of `data` reaches the board, and what happens behind it: "", "drop" or "reboot"."""
        if self.hang:
            return b"", ""
        happens = ""
        for name, left in (("drop", self.drop_after), ("reboot", self.reboot_after)):
            if left is None:
                continue
            if len(data) >= left:
                data, happens = data[:left], name
                setattr(self, f"{name}_after", None)
            else:
                setattr(self, f"{name}_after", left - len(data))
        if self.loss:
            if self._random is None:
                self._random = random.Random(self.seed)  # noqa: S311 - chance for tests
            chance = self._random.random
            data = bytes(byte for byte in data if chance() >= self.loss)
        return data, happens
