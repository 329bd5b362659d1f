"""Finding modules by the names that playbooks use."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hivectl.model.errors import InputError
from hivectl.model.plugins import built_in, built_in_names, installed, load_as
from hivectl.modules.base import Module

if TYPE_CHECKING:
    from typing import Any

    from hivectl.model.origin import Origin

GROUP = "hivectl.modules"
PACKAGE = "hivectl.modules"
PREFIXES = ("ansible.builtin.", "ansible.legacy.")


class UnknownModuleError(InputError):
    """No module has this name."""


def plain_name(name: str) -> str:
    """Return the name without Ansible's namespace: `ansible.builtin.copy` is `copy`."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def find_module(name: str, *, origin: Origin | None = None) -> Module[Any]:
    """Return the module of a name; our own are found without a look at installed packages.

    Args:
        name: as written in a playbook, with or without `ansible.builtin.`.
        origin: where it is written.

    Raises:
        UnknownModuleError: nothing has this name; the nearest right name is in the hint.
        BrokenPluginError: another package's module cannot be loaded.
    """
    module = known_module(name)
    if module is not None:
        return module
    from hivectl.model.suggestions import nearest

    near = nearest(plain_name(name), module_names())
    raise UnknownModuleError(
        f"there is no module {name!r}",
        origin=origin,
        hint=f"did you mean {near!r}?" if near else "`hivectl modules` lists them",
    )


def known_module(name: str) -> Module[Any] | None:
    """Return the module of a name, or None.

    Raises:
        BrokenPluginError: another package's module cannot be loaded.
    """
    plain = plain_name(name)
    module = built_in(PACKAGE, "MODULE", plain) if plain.isidentifier() else None
    if isinstance(module, Module):
        return module
    return _load(plain) if plain in _installed() else None


def module_names() -> tuple[str, ...]:
    """Return every module's name, ours and those of installed packages, sorted."""
    return tuple(sorted({*built_in_names(PACKAGE), *_installed()}))


@cache
def _installed() -> dict[str, Any]:
    return dict(installed(GROUP))


@cache
def _load(name: str) -> Module[Any]:
    return load_as(_installed()[name], "module", Module)
