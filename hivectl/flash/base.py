"""What a flasher is, what it is told, and what can go wrong: one class for each cause."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.model.node_errors import NodeError, UnreachableError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from hivectl.boards.base import Board
    from hivectl.flash.images import Image


class FlashError(NodeError):
    """A board could not be flashed."""


class NoPlaceError(FlashError):
    """The inventory does not say where the board is plugged in, or it is not plugged in here."""


class NotPluggedInError(FlashError, UnreachableError):
    """The board is not on USB."""


class WrongBoardError(FlashError):
    """What is plugged in is another kind of board."""


class InUseError(FlashError):
    """Another process has the board."""


class NoVolumeError(FlashError):
    """The boot loader's volume does not appear, or cannot be written."""


class MissingProgramError(FlashError):
    """The program that flashes such a board is not installed."""


class ProgramError(FlashError):
    """The program that flashes ended with a failure."""


class CutOffError(FlashError):
    """The board went away, or a program was stopped, while it was written: nobody knows what it holds."""


class NotBackError(FlashError):
    """The board was written and did not come back."""


@record(kw_only=True)
class Plug:
    """Where a board is plugged in.

    Attributes:
        node: its node's name.
        board: what kind it is.
        serial_number: of its USB device while its own firmware runs; boot loaders may have another.
        hub_port: the USB port that it is plugged into, as in `1-1.4`.
        port: a path of its serial port that keeps its name.
        root: of the machine's file system, under which sys, proc and dev are.
        notes: a file of ours that remembers where it was last.
    """

    node: str
    board: Board
    serial_number: str | None = None
    hub_port: str | None = None
    port: str | None = None
    root: Path = Path("/")
    notes: Path | None = None


@record(kw_only=True)
class Job:
    """One image for one board.

    Attributes:
        plug: where the board is.
        image: what it shall hold.
        way: what the board's profile tells the flasher, by the flasher's names.
        asked: what the task tells it besides.
        timeout: seconds for all of it.
        say: tells people how far it is.
    """

    plug: Plug
    image: Image
    way: Mapping[str, str]
    asked: Mapping[str, str]
    timeout: float
    say: Callable[[str], None]

    @property
    def options(self) -> Mapping[str, str]:
        """Both: the task's words count."""
        return {**self.way, **self.asked}


@record(kw_only=True)
class Program:
    """A program that a flasher runs.

    Attributes:
        names: what it is called, the usual name first.
        install: how it is had.
        package: the Python package that it is, which is run by our interpreter where it is no command; or None.
    """

    names: tuple[str, ...]
    install: str
    package: str | None = None


@record(kw_only=True)
class Flasher:
    """A way to flash; found by the entry point group `hivectl.flash`.

    Attributes:
        name: as `flasher:` says in a task.
        summary: one line for people.
        flash: puts the image on the board and returns when the board runs again, and whether it wrote anything;
            raises FlashError.
        verify: says whether the board holds the image already; None: that cannot be told here. What the board does
            is interrupted for that.
        program: what must be installed; None: nothing.
        options: what a task may tell it: name -> meaning.
        compares: it reads back what it has written.
        takes: kinds of images that it puts on any board, where a task names it; boards' profiles name others.
    """

    name: str
    summary: str
    flash: Callable[[Job], Awaitable[bool]]
    verify: Callable[[Job], Awaitable[bool | None]] | None = None
    program: Program | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    compares: bool = False
    takes: frozenset[str] = frozenset()
