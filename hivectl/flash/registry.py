"""Finding flashers by name, and the one for a board and an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.boards.base import Way
from hivectl.flash.base import Flasher, FlashError
from hivectl.flash.programs import find_program, missing
from hivectl.model.errors import InputError
from hivectl.model.plugins import built_in, built_in_names, installed, load_as
from hivectl.model.suggestions import did_you_mean, listed

if TYPE_CHECKING:
    from hivectl.boards.base import Board

PACKAGE = "hivectl.flash"


class UnknownFlasherError(InputError):
    """No flasher has this name."""


class UnfitImageError(FlashError):
    """The board does not take such an image, or not by the way that is asked for."""


def find_flasher(name: str) -> Flasher:
    """Return the flasher called `name`.

    Raises:
        UnknownFlasherError: nothing has this name; the nearest right name is in the hint.
        BrokenPluginError: another package's flasher cannot be loaded.
    """
    found = built_in(PACKAGE, "FLASHER", name.replace("-", "_"))
    if isinstance(found, Flasher) and found.name == name:
        return found
    point = installed(PACKAGE).get(name)
    if point is None:
        names = flasher_names()
        hint = did_you_mean(name, names) or f"there are {listed(names)}"
        raise UnknownFlasherError(f'there is no flasher "{name}"', hint=hint)
    return load_as(point, "flasher", Flasher)


def flasher_names() -> tuple[str, ...]:
    """Return the names of all flashers, sorted."""
    ours = {name.replace("_", "-") for name in built_in_names(PACKAGE)}
    return tuple(sorted(ours | set(installed(PACKAGE))))


def choose(board: Board, kind: str, wanted: str | None, *, node: str) -> tuple[Flasher, Way]:
    """Return how an image gets onto a board: the way that is asked for, else the first whose program is here.

    Args:
        board: its kind.
        kind: of the image.
        wanted: a flasher's name; None: the board's best.
        node: for messages.

    Raises:
        UnknownFlasherError: there is no such flasher.
        UnfitImageError: the board takes no such image.
        MissingProgramError: what it needs is not installed.
    """
    ways = board.ways_for(kind)
    if wanted is not None and kind in (flasher := find_flasher(wanted)).takes:
        ways = (*ways, Way(flasher=wanted, takes=flasher.takes))
    if not ways:
        raise UnfitImageError(
            f"a board {board.name} takes no image of the kind {kind}",
            node=node,
            hint=f"it takes: {', '.join(board.kinds)}",
        )
    if wanted is not None:
        flasher = find_flasher(wanted)
        ways = tuple(way for way in ways if way.flasher == wanted)
        if not ways:
            able = ", ".join(way.flasher for way in board.ways_for(kind))
            raise UnfitImageError(
                f"{flasher.name} does not put images of the kind {kind} on a board {board.name}",
                node=node,
                hint=f"these do: {able}",
            )
    for way in ways:
        flasher = find_flasher(way.flasher)
        if flasher.program is None or find_program(flasher.program) is not None:
            return flasher, way
    raise missing([find_flasher(way.flasher) for way in ways], node=node)
