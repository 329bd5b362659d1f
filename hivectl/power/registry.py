"""Finding power backends by name: our own and those of installed packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.errors import InputError
from hivectl.model.plugins import built_in, built_in_names, installed, load_as
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
    return load_as(point, "power backend", PowerBackend)


def backend_names() -> tuple[str, ...]:
    """Return the names of all power backends, sorted."""
    return tuple(sorted(built_in_names(PACKAGE) | set(installed(PACKAGE))))
