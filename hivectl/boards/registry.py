"""Finding boards by the names that inventories use: our own by family, other packages' by entry point."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from hivectl.boards.base import Board
from hivectl.model.errors import InputError
from hivectl.model.plugins import installed, load_as
from hivectl.model.suggestions import did_you_mean, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP = "hivectl.boards"
# how much of two names is the same where one is taken for the other, misspelt
ALIKE = 0.8


class UnknownBoardError(InputError):
    """No profile has this name."""


def find_board(name: str) -> Board:
    """Return the board called `name`.

    Raises:
        UnknownBoardError: nothing has this name; the nearest right name is in the hint.
        BrokenPluginError: another package's board cannot be loaded.
    """
    found = known_board(name)
    if found is None:
        names = board_names()
        raise UnknownBoardError(
            f'there is no board "{name}"', hint=did_you_mean(name, names) or f"there are {listed(names, 40)}"
        )
    return found


def known_board(name: str) -> Board | None:
    """Return the board called `name`, or None; our own are found without a look at installed packages.

    Raises:
        BrokenPluginError: another package's board cannot be loaded.
    """
    found = built_in_boards().get(name)
    if found is not None:
        return found
    point = installed(GROUP).get(name)
    if point is None:
        return None
    return load_as(point, "board", Board)


def meant(name: str) -> str | None:
    """Return the board that was meant by a name that is none but looks like one, as `pico2ice` or `icestik`.

    Names with other digits are other boards (`pico3`), and so are those that add a word (`esp32-wrover`).
    """
    if known_board(name) is not None:
        return None
    from difflib import SequenceMatcher

    def squeezed(text: str) -> str:
        return re.sub(r"[\W_]", "", text.casefold())

    def likeness(one: str) -> float:
        other = squeezed(one)
        same_digits = re.findall(r"\d", wanted) == re.findall(r"\d", other)
        return SequenceMatcher(None, wanted, other).ratio() if same_digits else 0.0

    wanted = squeezed(name)
    best = max(board_names(), key=likeness)
    return best if likeness(best) >= ALIKE else None


def board_names() -> tuple[str, ...]:
    """Return the names of all boards, sorted."""
    return tuple(sorted({*built_in_boards(), *installed(GROUP)}))


@cache
def built_in_boards() -> Mapping[str, Board]:
    """Return our own boards by their names."""
    from hivectl.boards import esp32, ice40, rp2

    return {board.name: board for family in (rp2, esp32, ice40) for board in family.BOARDS}
