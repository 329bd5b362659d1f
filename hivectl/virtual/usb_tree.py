"""A machine's USB ports as Linux shows them, in a folder: sys, dev and proc of virtual boards.

The layout is that of sysfs (Documentation/ABI/testing/sysfs-bus-usb) and proc(5), so that whoever looks for a board
finds a virtual one by the same steps, under another root.
"""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    from pathlib import Path


@record(kw_only=True)
class Plugged:
    """What a board shows while it is plugged in.

    Attributes:
        identity: vendor:product.
        product: its name.
        serial_number: of the USB device.
        terminal: the terminal device of its serial port; None without one.
        volume: the folder that stands for its mounted volume; None without one.
    """

    identity: str
    product: str
    serial_number: str
    terminal: str | None = None
    volume: Path | None = None


class UsbTree:
    """The USB ports of a machine that does not exist.

    Args:
        root: an empty folder of ours; what was in it before is gone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._numbers = itertools.count(2)
        self._mounts: dict[str, tuple[str, Path]] = {}
        for name in ("sys", "dev", "proc"):
            shutil.rmtree(root / name, ignore_errors=True)
        self._devices = root / "sys/bus/usb/devices"
        self._devices.mkdir(parents=True)
        (root / "sys/class/tty").mkdir(parents=True)
        (root / "dev").mkdir()
        (root / "proc/self").mkdir(parents=True)
        self._write_mounts()

    def plug(self, hub_port: str, plugged: Plugged) -> None:
        """Plug something into a port that is free."""
        number = next(self._numbers)
        draft = self._devices / f"new:{hub_port}"
        interface = draft / f"{hub_port}:1.0"
        interface.mkdir(parents=True)
        vendor, product = plugged.identity.split(":")
        told = {
            "idVendor": vendor,
            "idProduct": product,
            "serial": plugged.serial_number,
            "product": plugged.product,
            "busnum": hub_port.partition("-")[0],
            "devnum": str(number),
        }
        for name, text in told.items():
            (draft / name).write_text(f"{text}\n")
        if plugged.terminal is not None:
            self._terminal(hub_port, interface, plugged.terminal)
        if plugged.volume is not None:
            self._volume(hub_port, interface, plugged.volume)
        # nobody sees half a device
        draft.rename(self._devices / hub_port)
        self._write_mounts()

    def unplug(self, hub_port: str) -> None:
        """Pull out what is in a port; nothing, where nothing is."""
        place = self._devices / hub_port
        if not place.exists():
            return
        gone = self._devices / f"gone:{hub_port}"
        place.rename(gone)
        for terminal in gone.glob("*/tty/*"):
            (self.root / "dev" / terminal.name).unlink(missing_ok=True)
            (self.root / "sys/class/tty" / terminal.name).unlink(missing_ok=True)
        self._mounts.pop(hub_port, None)
        self._write_mounts()
        shutil.rmtree(gone)

    def _terminal(self, hub_port: str, interface: Path, device: str) -> None:
        name = f"ttyACM{sum(1 for _ in (self.root / 'dev').iterdir())}"
        (interface / "tty" / name).mkdir(parents=True)
        (self.root / "dev" / name).symlink_to(device)
        place = self._devices / hub_port / interface.name / "tty" / name
        (self.root / "sys/class/tty" / name).symlink_to(place)

    def _volume(self, hub_port: str, interface: Path, folder: Path) -> None:
        number = f"8:{16 * len(self._mounts) + 1}"
        name = f"sd{'abcdefghijklmnop'[len(self._mounts)]}"
        part = interface / "host0/target0:0:0/0:0:0:0/block" / name / f"{name}1"
        part.mkdir(parents=True)
        (part / "dev").write_text(f"{number}\n")
        (part / "partition").write_text("1\n")
        self._mounts[hub_port] = (number, folder)

    def _write_mounts(self) -> None:
        lines = ["20 1 0:20 / / rw - rootfs rootfs rw"]
        for place, (number, folder) in enumerate(self._mounts.values(), 21):
            path = str(folder).replace("\\", "\\134").replace(" ", "\\040")
            lines.append(f"{place} 20 {number} / {path} rw,noatime - vfat /dev/sd{place} rw")
        draft = self.root / "proc/self/mountinfo.new"
        draft.write_text("\n".join(lines) + "\n")
        draft.rename(self.root / "proc/self/mountinfo")
