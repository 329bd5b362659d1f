"""Finding power backends by name: our own and those of installed packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.errors import InputError
from hivectl.model.plugins import BrokenPluginError, built_in, built_in_names, installed, load, package_of
from hivectl.model.suggestions import did_you_mean
from hivectl.power.base import PowerBackend

if TYPE_CHECKING:
    from hivectl.power.base import BackendOf

PACKAGE = "hivectl.power"


class UnknownBackendError(InputError):
    """No power backend has this name."""


def find_backend(name: str) -> BackendOf:
    """Return the power backend called `name`.

    Raises:
        UnknownBackendError: nothing has this name; the nearest right name is in the hint.
        BrokenPluginError: another package's backend cannot be loaded.
    """
    found = built_in(PACKAGE, "BACKEND", name)
    if isinstance(found, PowerBackend):
        return found
    point = installed(PACKAGE).get(name)
    if point is None:
        names = backend_names()
        hint = did_you_mean(name, names) or f"there are: {', '.join(names)}"
        raise UnknownBackendError(f"there is no power backend `{name}`", hint=hint)
    backend = load(point, "power backend")
    if not isinstance(backend, PowerBackend):
        raise BrokenPluginError(
            f"the package {package_of(point)!r} offers {point.value!r} as the power backend {name!r}, but that is "
            "no PowerBackend",
            hint="its author must point the entry point at a hivectl.power.base.PowerBackend",
        )
    return backend


def backend_names() -> tuple[str, ...]:
    """Return the names of all power backends, sorted."""
    return tuple(sorted(built_in_names(PACKAGE) | set(installed(PACKAGE))))
