"""Finding drivers by name: our own and those of installed packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hivectl.model.errors import InputError
from hivectl.model.plugins import BrokenPluginError, built_in, built_in_names, installed, load, package_of
from hivectl.model.suggestions import nearest

if TYPE_CHECKING:
    from hivectl.drivers.base import Driver

PACKAGE = "hivectl.drivers"


# what the engine asks every driver for (hivectl.drivers.base.Driver)
PARTS = ("name", "summary", "attributes", "capabilities", "connect")


class UnknownDriverError(InputError):
    """No driver has this name."""


def find_driver(name: str) -> Driver:
    """Return the driver called `name`.

    Raises:
        UnknownDriverError: nothing has this name; the nearest right name is in the hint.
        BrokenPluginError: another package's driver cannot be loaded.
    """
    found = built_in(PACKAGE, "DRIVER", name)
    if found is not None:
        return cast("Driver", found)
    point = installed(PACKAGE).get(name)
    if point is None:
        names = driver_names()
        close = nearest(name, names)
        hint = f"did you mean `{close}`?" if close else f"there are: {', '.join(names)}"
        raise UnknownDriverError(f"there is no driver `{name}`", hint=hint)
    driver = load(point, "driver")
    lacking = [part for part in PARTS if not hasattr(driver, part)]
    if lacking:
        raise BrokenPluginError(
            f"the package {package_of(point)!r} offers {point.value!r} as the driver {name!r}, but that has no "
            f"{', '.join(f'`{part}`' for part in lacking)}",
            hint="its author must point the entry point at a hivectl.drivers.base.Driver",
        )
    return cast("Driver", driver)


def driver_names() -> tuple[str, ...]:
    """Return the names of all drivers, sorted."""
    return tuple(sorted(built_in_names(PACKAGE) | set(installed(PACKAGE))))
