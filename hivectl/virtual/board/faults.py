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
        rate: bytes a second that the line carries, in each direction; None: as fast as can be.
        loss: the part of all bytes of the terminal that is lost, in each direction; over Wi-Fi those towards the
            board alone, whose input buffer is small.
        drop_after: bytes towards the board until the line is cut.
        drop_back_after: bytes from the board until the line is cut.
        reboot_after: bytes towards the board until it loses its power for a moment.
        start: seconds that the board takes to start, besides the interpreter's own time.
        seed: of what is lost by chance.
    """

    hang: bool = False
    delay: float = 0.0
    rate: float | None = None
    loss: float = 0.0
    drop_after: int | None = None
    drop_back_after: int | None = None
    reboot_after: int | None = None
    start: float = 0.0
    seed: int = 1
    _random: random.Random | None = field(default=None, repr=False)

    def arriving(self, data: bytes, *, lossy: bool = True) -> tuple[bytes, str]:
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
        return self._lossy(data) if lossy else data, happens

    def leaving(self, data: bytes, *, lossy: bool = True) -> tuple[bytes, bool]:
        """Return what of `data` gets through from the board, and whether the line is cut behind it."""
        dropped = False
        if self.drop_back_after is not None:
            dropped = len(data) >= self.drop_back_after
            data = data[: self.drop_back_after]
            self.drop_back_after = None if dropped else self.drop_back_after - len(data)
        return self._lossy(data) if lossy else data, dropped

    def _lossy(self, data: bytes) -> bytes:
        if not self.loss:
            return data
        if self._random is None:
            self._random = random.Random(self.seed)  # noqa: S311 - chance for tests
        chance = self._random.random
        return bytes(byte for byte in data if chance() >= self.loss)
