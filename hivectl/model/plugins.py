"""Finding what is found by name: our own by file, other packages' by entry point."""

from __future__ import annotations

import keyword
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class BrokenPluginError(InputError):
    """An installed package offers something that cannot be imported, or that is not what it should be."""


@cache
def built_in(package: str, attribute: str, name: str) -> Any | None:
    """Return `attribute` of our own `package.name`, or None; costs no look at installed packages.

    A name that Python keeps for itself (`assert`) lives in a file with an underscore behind it.
    """
    if name not in built_in_names(package):
        return None
    file = f"{name}_" if keyword.iskeyword(name) else name
    return getattr(import_module(f"{package}.{file}"), attribute)


@cache
def built_in_names(package: str) -> frozenset[str]:
    """Return the names of our own plugins in `package`: its files and folders, less its own machinery."""
    folder = Path(next(iter(import_module(package).__path__)))
    machinery = import_module(package).MACHINERY
    return frozenset(
        path.stem.rstrip("_")
        for path in folder.iterdir()
        if not path.name.startswith(("_", "."))
        and (path.suffix == ".py" or path.is_dir())
        and path.stem not in machinery
    )


def installed(group: str) -> Mapping[str, EntryPoint]:
    """Return name -> entry point of everything that installed packages offer in `group`, ours included (60 ms)."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


def load(point: EntryPoint, kind: str) -> Any:
    """Import what another package offers.

    Args:
        point: its entry point.
        kind: what it should be, for the message.

    Raises:
        BrokenPluginError: the import failed, for whatever reason.
    """
    try:
        return point.load()
    except Exception as error:  # another author's code runs at import and may raise anything
        said = str(error).strip() or "no more is known"
        raise BrokenPluginError(
            f"the {kind} {point.name!r} of the package {package_of(point)!r} cannot be loaded: "
            f"{type(error).__name__}: {said}",
            hint=f"update the package, install what it needs, or remove it: `pip uninstall {package_of(point)}`",
        ) from error


def load_as(point: EntryPoint, kind: str, wanted: type[T]) -> T:
    """Import what another package offers, which must be a `wanted`.

    Args:
        point: its entry point.
        kind: what it should be, for the message.
        wanted: the class that it must be of.

    Raises:
        BrokenPluginError: the import failed, or it is something else.
    """
    plugin = load(point, kind)
    if isinstance(plugin, wanted):
        return plugin
    raise BrokenPluginError(
        f"the package {package_of(point)!r} offers {point.value!r} as the {kind} {point.name!r}, but that is no "
        f"{wanted.__name__}",
        hint=f"its author must point the entry point at a {wanted.__module__}.{wanted.__name__}",
    )


def package_of(point: EntryPoint) -> str:
    """Return the package that an entry point comes from, as pip calls it."""
    return point.dist.name if point.dist is not None else point.module
