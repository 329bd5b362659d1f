"""The boot ROM of a virtual RP2040 or RP2350: a volume that takes UF2 files, and the flash that they go to.

It does what the chips' boot ROMs do (RP2040 datasheet, 2.8.4; RP2350 datasheet, 5.5): a block that is not for the
chip is passed over in silence, and once every block of a file is there the board starts what it has got. What the
flash holds stays from run to run; a file that was cut off leaves a board that comes up in its boot loader.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import struct
from typing import TYPE_CHECKING

from hivectl.model.records import record
from hivectl.virtual.watching import MODIFIED, MOVED_HERE, WRITTEN, Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLOCK = 512
HEADER = struct.Struct("<8I")
MAGIC = (0x0A324655, 0x9E5D5157)
END_MAGIC = struct.pack("<I", 0x0AB16F30)
NOT_FLASH, FAMILY_PRESENT = 0x1, 0x2000
VERSION = re.compile(rb"MicroPython (v\S{1,60} on \d{4}-\d\d-\d\d)")
MACHINE = re.compile(rb"; ([\x20-\x7e]{3,80} with [A-Za-z0-9 -]{3,20})\x00")


@record(kw_only=True)
class Chip:
    """What a boot ROM says of itself, and takes.

    Attributes:
        name: of the chip.
        model: of INFO_UF2.TXT.
        board_id: likewise.
        label: of the volume; users of an RP2350 can change it, so that nothing hangs on it.
        identity: USB vendor:product.
        families: UF2 families that it takes.
        flash: bytes of the flash, which begins at 0x10000000.
    """

    name: str
    model: str
    board_id: str
    label: str
    identity: str
    families: frozenset[int]
    flash: int = 4 << 20


RP2040 = Chip(
    name="RP2040",
    model="Raspberry Pi RP2",
    board_id="RPI-RP2",
    label="RPI-RP2",
    identity="2e8a:0003",
    families=frozenset({0xE48BFF56}),
    flash=2 << 20,
)
RP2350 = Chip(
    name="RP2350",
    model="Raspberry Pi RP2350",
    board_id="RP2350",
    label="RP2350",
    identity="2e8a:000f",
    families=frozenset({0xE48BFF57, 0xE48BFF58, 0xE48BFF59, 0xE48BFF5B}),
)
FLASH_BASE = 0x10000000


@record(kw_only=True)
class Firmware:
    """What the flash holds.

    Attributes:
        whole: every block of the file came.
        version: of the MicroPython in it, as in `v1.27.0 on 2025-12-09`; None: something else.
        machine: what that calls the board.
        digest: SHA-256 of the content.
    """

    whole: bool = True
    version: str | None = None
    machine: str | None = None
    digest: str = ""


class Bootsel:
    """A boot ROM.

    Args:
        folder: of this board alone; `bootsel` in it is the volume, `flash.json` tells what the flash holds.
        chip: which one.
        started: is called with what the flash holds once a file is complete.
        factory: what the flash holds at first.

    Attributes:
        firmware: what the flash holds.
        active: the boot loader runs.
        unplug_after: blocks until somebody pulls the cable: `unplugged` is called then; for tests.
    """

    def __init__(
        self,
        folder: Path,
        chip: Chip,
        started: Callable[[Firmware], None],
        *,
        factory: Firmware,
        unplugged: Callable[[], None] | None = None,
    ) -> None:
        self.chip = chip
        self.volume = folder / "bootsel" / chip.label
        self.active = False
        self.unplug_after: int | None = None
        self._unplugged = unplugged
        self._kept = folder / "flash.json"
        self._started = started
        self._watch: Watch | None = None
        self._read: dict[str, int] = {}
        self._blocks: dict[int, tuple[int, bytes]] = {}
        self.firmware = self._load(factory)

    def enter(self) -> None:
        """Show the volume."""
        if self.active:
            return
        self.active = True
        self._blocks.clear()
        self._read.clear()
        shutil.rmtree(self.volume, ignore_errors=True)
        self.volume.mkdir(parents=True)
        (self.volume / "INDEX.HTM").write_text("<html></html>\n")
        (self.volume / "INFO_UF2.TXT").write_text(
            f"UF2 Bootloader v3.0\r\nModel: {self.chip.model}\r\nBoard-ID: {self.chip.board_id}\r\n"
        )
        self._watch = Watch(self.volume, MODIFIED | WRITTEN | MOVED_HERE, self._changed)

    def leave(self) -> None:
        """Take the volume away; a file that was cut off stays in the flash as it is."""
        if not self.active:
            return
        self.active = False
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        shutil.rmtree(self.volume, ignore_errors=True)

    def _changed(self, name: str) -> None:
        path = self.volume / name
        if not name or name in ("INDEX.HTM", "INFO_UF2.TXT") or not self.active:
            return
        start = self._read.get(name, 0)
        try:
            with path.open("rb") as file:
                if file.seek(0, 2) < start:
                    # begun anew
                    start = 0
                file.seek(start)
                data = file.read()
        except OSError:
            # removed or renamed meanwhile
            return
        whole = len(data) - len(data) % BLOCK
        self._read[name] = start + whole
        for at in range(0, whole, BLOCK):
            self._take(data[at : at + BLOCK])
            if self._watch is None:
                # it has started, or was unplugged
                return

    def _take(self, block: bytes) -> None:
        """Put one block into the flash, if it is one for this chip."""
        first, second, flags, address, size, number, count, family = HEADER.unpack_from(block)
        if (first, second) != MAGIC or block[-4:] != END_MAGIC or flags & NOT_FLASH:
            return
        if not flags & FAMILY_PRESENT or family not in self.chip.families:
            return
        if size != 256 or address % 256 or not FLASH_BASE <= address < FLASH_BASE + self.chip.flash:
            return
        if number >= count:
            return
        if not self._blocks:
            # the flash changes from here on
            self._keep(Firmware(whole=False))
        self._blocks[number] = (address, block[32 : 32 + size])
        if self.unplug_after is not None and len(self._blocks) >= self.unplug_after:
            self.unplug_after = None
            self.leave()
            if self._unplugged is not None:
                self._unplugged()
        elif len(self._blocks) == count:
            self._finish()

    def _finish(self) -> None:
        content = b"".join(data for _, data in sorted(self._blocks.values()))
        version, machine = VERSION.search(content), MACHINE.search(content)
        self._keep(
            Firmware(
                version=version[1].decode("ascii") if version else None,
                machine=machine[1].decode("ascii") if version and machine else None,
                digest=hashlib.sha256(content).hexdigest(),
            )
        )
        self.leave()
        self._started(self.firmware)

    def _keep(self, firmware: Firmware) -> None:
        self.firmware = firmware
        draft = self._kept.with_suffix(".new")
        draft.write_text(
            json.dumps(
                {
                    "whole": firmware.whole,
                    "version": firmware.version,
                    "machine": firmware.machine,
                    "digest": firmware.digest,
                }
            )
        )
        draft.replace(self._kept)

    def _load(self, factory: Firmware) -> Firmware:
        try:
            return Firmware(**json.loads(self._kept.read_text()))
        except (OSError, ValueError, TypeError):
            return factory
