"""Finding boards by the names that inventories use: our own by family, other packages' by entry point."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hivectl.boards.base import Board
from hivectl.model.errors import InputError
from hivectl.model.plugins import BrokenPluginError, installed, load, package_of
from hivectl.model.suggestions import did_you_mean, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP = "hivectl.boards"


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
    board = load(point, "board")
    if not isinstance(board, Board):
        raise BrokenPluginError(
            f"the package {package_of(point)!r} offers {point.value!r} as the board {name!r}, but that is no Board",
            hint="its author must point the entry point at a hivectl.boards.base.Board",
        )
    return board


def board_names() -> tuple[str, ...]:
    """Return the names of all boards, sorted."""
    return tuple(sorted({*built_in_boards(), *installed(GROUP)}))


@cache
def built_in_boards() -> Mapping[str, Board]:
    """Return our own boards by their names."""
    from hivectl.boards import esp32, ice40, rp2

    return {board.name: board for family in (rp2, esp32, ice40) for board in family.BOARDS}
