"""Finding what is found by name: our own by file, other packages' by entry point."""

from __future__ import annotations

import keyword
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        if not path.name.startswith(("_", ".")) and (path.suffix == ".py" or path.is_dir()) and path.stem not in machinery
    )


def installed(group: str) -> Mapping[str, Any]:
    """Return name -> entry point of everything that installed packages offer in `group`, ours included (60 ms)."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}
