"""Finding drivers by name: our own and those of installed packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hivectl.model.errors import InputError
from hivectl.model.plugins import built_in, built_in_names, installed
from hivectl.model.suggestions import nearest

if TYPE_CHECKING:
    from hivectl.drivers.base import Driver

PACKAGE = "hivectl.drivers"


def find_driver(name: str) -> Driver:
    """Return the driver called `name`.

    Raises:
        InputError: there is none, or its package cannot be imported.
    """
    found = built_in(PACKAGE, "DRIVER", name)
    if found is not None:
        return cast("Driver", found)
    point = installed(PACKAGE).get(name)
    if point is None:
        names = driver_names()
        close = nearest(name, names)
        hint = f"did you mean `{close}`?" if close else f"there are: {', '.join(names)}"
        raise InputError(f"there is no driver `{name}`", hint=hint)
    try:
        return cast("Driver", point.load())
    except (ImportError, AttributeError) as error:
        raise InputError(f"driver `{name}` ({point.value}) cannot be loaded: {error}") from error


def driver_names() -> tuple[str, ...]:
    """Return the names of all drivers, sorted."""
    return tuple(sorted(built_in_names(PACKAGE) | set(installed(PACKAGE))))
