"""Finding lookups by name: ours, then those of installed packages."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from hivectl.model.lookups.base import Lookup
from hivectl.model.lookups.names import OURS, REFUSED
from hivectl.model.plugins import installed, load_as, package_of
from hivectl.model.suggestions import did_you_mean
from hivectl.model.templating.errors import TemplateSyntaxError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

GROUP = "hivectl.lookups"


def plain_name(name: str) -> str:
    """Return a lookup's name without Ansible's namespaces."""
    for prefix in ("ansible.builtin.", "ansible.legacy.", "community.general."):
        if name.startswith(prefix) and name[len(prefix) :] in OURS:
            return name[len(prefix) :]
    return name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")


def known_lookup(name: str) -> Lookup | None:
    """Return the lookup of a name, or None; raises BrokenPluginError for another package's that cannot be loaded."""
    plain = plain_name(name)
    if plain in OURS:
        return _ours(OURS[plain])[plain]
    return _theirs(plain) if plain not in REFUSED and plain in _installed() else None


def find_lookup(name: str) -> Lookup:
    """Return the lookup of a name.

    Raises:
        TemplateSyntaxError: nothing has this name; the nearest right name is in the hint.
        BrokenPluginError: another package's lookup cannot be loaded.
    """
    found = known_lookup(name)
    if found is not None:
        return found
    plain = plain_name(name)
    if plain in REFUSED:
        raise TemplateSyntaxError(f'the lookup "{plain}" is not supported', hint=REFUSED[plain])
    known = lookup_names()
    hint = did_you_mean(plain, known) or f"there are {', '.join(known)}"
    raise TemplateSyntaxError(f'there is no lookup "{name}"', hint=hint)


def lookup_names() -> tuple[str, ...]:
    """Return the names of all lookups, ours and those of installed packages, sorted."""
    return tuple(sorted({*OURS, *_installed()}))


@cache
def _ours(file: str) -> Mapping[str, Lookup]:
    return {one.name: one for one in import_module(f"hivectl.model.lookups.{file}").LOOKUPS}


@cache
def _installed() -> Mapping[str, EntryPoint]:
    return {name: point for name, point in installed(GROUP).items() if name not in OURS}


@cache
def _theirs(name: str) -> Lookup:
    point = _installed()[name]
    found = load_as(point, "lookup", Lookup)
    return replace(found, name=name, package=package_of(point))
