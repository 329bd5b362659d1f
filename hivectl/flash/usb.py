"""USB devices as Linux shows them in sysfs (Documentation/ABI/testing/sysfs-bus-usb), under any root folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICES = "sys/bus/usb/devices"


@record(kw_only=True)
class UsbDevice:
    """One device.

    Attributes:
        hub_port: where it is plugged in, as in `1-1.4`.
        identity: vendor:product, as `lsusb` writes it.
        serial_number: what it says of itself; "" where it says nothing.
        product: likewise.
        bus: number of the bus, address: the device's number on it; they change when it is plugged in again.
        path: its folder in sysfs.
    """

    hub_port: str
    identity: str
    serial_number: str
    product: str
    bus: int
    address: int
    path: Path


@record(kw_only=True)
class Block:
    """A block device that a USB device offers: a partition where it has any, else the whole.

    Attributes:
        name: in /dev.
        number: major:minor, by which the table of mounts knows it.
    """

    name: str
    number: str


def devices(root: Path) -> tuple[UsbDevice, ...]:
    """Return every device that is plugged in; hubs too, root hubs and interfaces not."""
    folder = root / DEVICES
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return ()
    found = (_device(folder / name) for name in names if ":" not in name and not name.startswith("usb"))
    return tuple(device for device in found if device is not None)


def at(root: Path, hub_port: str) -> UsbDevice | None:
    """Return what is plugged into a port, or None."""
    return _device(root / DEVICES / hub_port)


def of_terminal(root: Path, path: str) -> UsbDevice | None:
    """Return the device that a serial port belongs to, or None: /dev/serial/by-id/… leads there too."""
    name = Path(path).resolve().name
    try:
        place = (root / "sys/class/tty" / name).resolve(strict=True)
    except OSError:
        return None
    for folder in place.parents:
        if (folder / "idVendor").is_file():
            return at(root, folder.name)
    return None


def terminals(root: Path, device: UsbDevice) -> tuple[str, ...]:
    """Return the device's serial ports, in the order of its interfaces."""
    found = []
    for interface in _interfaces(device):
        # CDC ACM: 1-1:1.0/tty/ttyACM0; USB serial converters: 1-1:1.0/ttyUSB0/tty/ttyUSB0
        folders = (*interface.glob("tty/tty*"), *interface.glob("tty*/tty/tty*"))
        found += [str(root / "dev" / folder.name) for folder in folders]
    return tuple(found)


def blocks(device: UsbDevice) -> tuple[Block, ...]:
    """Return the device's block devices."""
    found = []
    for interface in _interfaces(device):
        for disk in sorted(interface.glob("host*/target*/*:*/block/*")):
            parts = sorted(part for part in disk.iterdir() if (part / "partition").exists())
            for place in parts or [disk]:
                number = _text(place / "dev")
                if number:
                    found.append(Block(name=place.name, number=number))
    return tuple(found)


def _interfaces(device: UsbDevice) -> Iterator[Path]:
    yield from sorted(device.path.glob(f"{device.hub_port}:*"))


def _device(path: Path) -> UsbDevice | None:
    vendor, product = _text(path / "idVendor"), _text(path / "idProduct")
    bus, address = _text(path / "busnum"), _text(path / "devnum")
    if not (vendor and product and bus.isdigit() and address.isdigit()):
        # unplugged meanwhile
        return None
    return UsbDevice(
        hub_port=path.name,
        identity=f"{vendor}:{product}".lower(),
        serial_number=_text(path / "serial"),
        product=_text(path / "product"),
        bus=int(bus),
        address=int(address),
        path=path,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
