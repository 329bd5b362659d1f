"""Virtual devices by the kind that an inventory names: `virtual: linux`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from hivectl.model.errors import InputError
from hivectl.model.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from hivectl.model.origin import Origin

# where a board is plugged in unless something else is said
HUB_PORT = "1-1"
PICO_KINDS = ("pico", "pico-w", "pico2", "pico2-w", "pico2-ice")
ICE_KINDS = ("pico2-ice-native", "pico2-ice-icefarm", "pico2-ice-icefarm-variance")
# kind -> the drivers that lead to it; those without Wi-Fi have no WebREPL
DRIVERS = {
    "linux": ("ssh",),
    **dict.fromkeys((*PICO_KINDS, *ICE_KINDS), ("serial",)),
    **dict.fromkeys(("pico-w", "pico2-w"), ("webrepl", "serial")),
}


class VirtualDevice(Protocol):
    """A stand-in that was started for a node."""

    async def reach(self, driver: str, *, origin: Origin | None = None) -> Mapping[str, Any]:
        """Return attributes that point a driver at it.

        Raises:
            InputError: that driver does not lead to such a device; `origin` is where the inventory asks for it.
        """
        ...

    @property
    def refusal(self) -> str | None:
        """Why it does less than the driver can on this machine, and what helps."""
        ...

    def plug(self) -> tuple[Path, str] | None:
        """Return where it can be flashed: the root of a machine that shows it (sys, dev, proc) and its USB port there.

        None: it is nothing that is flashed.
        """
        ...

    async def close(self) -> None:
        """End it."""
        ...


def need_kind(kind: str, driver: str | None = None, *, origin: Origin | None = None) -> None:
    """Refuse a kind of device that there is not, and a driver that does not lead to it.

    Args:
        kind: as the inventory names it.
        driver: by which it shall be reached; None: it does not matter.
        origin: where the inventory asks for it.

    Raises:
        InputError: with what to write instead.
    """
    drivers = DRIVERS.get(kind)
    if drivers is None:
        best = nearest(kind, DRIVERS)
        hint = f"did you mean `{best}`?" if best else f"there is: {', '.join(DRIVERS)}"
        raise InputError(f"there is no virtual device `{kind}`", origin=origin, hint=hint)
    if driver is not None and driver not in drivers:
        raise InputError(
            f"a virtual `{kind}` is not reached by the driver {driver}",
            origin=origin,
            hint=f"write `driver: {' or '.join(drivers)}`",
        )


async def start_virtual(
    kind: str,
    node: str,
    folder: Path,
    *,
    origin: Origin | None = None,
    drivers: Collection[str] = (),
    hub_port: str = HUB_PORT,
) -> VirtualDevice:
    """Start a virtual device for a node.

    Args:
        kind: one of DRIVERS.
        node: its name.
        folder: where it keeps its files from run to run.
        origin: where the inventory asks for it.
        drivers: by which the node is reached; a board that is plugged in, too, has no WebREPL before its own program
            starts one.
        hub_port: the USB port that a board is plugged into, so that people can tell several apart.

    Raises:
        InputError: there is no such kind.
        VirtualError: its folder or its programs cannot be had.
    """
    need_kind(kind, origin=origin)
    try:
        return await _start(kind, node, folder, drivers, hub_port)
    except OSError as error:
        from hivectl.virtual.namespace import VirtualError

        raise VirtualError(
            f"the virtual `{kind}` cannot be started in {folder}: {error.strerror or error}",
            hint="the folder is beside the lab's store: is there room, and may you write there?",
        ) from error


async def _start(
    kind: str, node: str, folder: Path, drivers: Collection[str], hub_port: str
) -> VirtualDevice:
    if kind == "linux":
        from hivectl.virtual.linux import start

        return await start(node, folder)
    if kind in ICE_KINDS:
        from hivectl.virtual.ice.start import start_native

        return await start_native(node, folder, kind, hub_port=hub_port)
    from hivectl.virtual.board.start import start_board

    # with a cable it is a board as it is unpacked
    new = {"serial", "webrepl"} <= set(drivers)
    return await start_board(node, folder, kind, new=new, hub_port=hub_port)
