"""What a board's profile says."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from hivectl.bitstream.uf2 import FAMILIES
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

# kinds of images
UF2, ELF, ESPRESSIF, ICE40, DFU, RAW, FOLDER = "uf2", "elf", "esp", "ice40", "dfu", "bin", "folder"


@record(kw_only=True)
class Way:
    """One way to put an image on a board.

    Attributes:
        flasher: its name, as `hivectl.flash` has it.
        takes: kinds of images: UF2, ELF, ESPRESSIF, ICE40, DFU, RAW, FOLDER.
        options: what the flasher must know of this board, by the flasher's names.
    """

    flasher: str
    takes: frozenset[str]
    options: Mapping[str, str] = field(default_factory=dict)


@record(kw_only=True)
class Board:
    """One kind of board; found by the entry point group `hivectl.boards`.

    Attributes:
        name: as `board:` says in the inventory.
        summary: one line for people.
        chip: its microcontroller, as `hivectl.bitstream` names chips, or its FPGA.
        ways: how it is flashed, the best first.
        board_ids: what INFO_UF2.TXT may say in `Board-ID` where its boot loader is a volume.
        boot_ids: USB vendor:product of its boot loader.
        flash_size: bytes of its flash; 0 where boards differ.
        fpga: the iCE40 device on it, as `hivectl.bitstream.devices` names them; None without one.
        measures: what an evaluation can measure on it.
        firmware: where its default firmware is found.
        reports: how it tells which firmware it runs: "micropython" (by its REPL), or None: it does not.
    """

    name: str
    summary: str
    chip: str
    ways: tuple[Way, ...]
    board_ids: frozenset[str] = frozenset()
    boot_ids: frozenset[str] = frozenset()
    flash_size: int = 0
    fpga: str | None = None
    measures: frozenset[str] = frozenset()
    firmware: str = ""
    reports: str | None = None

    def ways_for(self, kind: str) -> tuple[Way, ...]:
        """Return how a kind of image gets onto it, the best way first."""
        return tuple(way for way in self.ways if kind in way.takes)

    @property
    def families(self) -> frozenset[int]:
        """The UF2 families that its chip takes."""
        return frozenset(number for number, family in FAMILIES.items() if self.chip in family.chips)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of images that it takes, the usual one first."""
        return tuple(dict.fromkeys(kind for way in self.ways for kind in sorted(way.takes, reverse=True)))
