"""Secrets from other packages' stores: `!NAME text` in YAML, found by the entry point group `hivectl.secrets`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.model.plugins import installed, load_as, package_of
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.model.secret_tags import SecretSourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

    from hivectl.model.origin import Origin

GROUP = "hivectl.secrets"


@record(kw_only=True)
class SecretProvider:
    """A store of secrets.

    Attributes:
        name: the tag without its exclamation mark; not `env`, `file` or `command`.
        summary: one line for people.
        look_up: takes the text behind the tag and the folder of the YAML file; returns the secret. Called when the
            secret is first used. A `SecretSourceError` that it raises is told as it is; of anything else only the
            kind, for nobody knows what is in its text.
    """

    name: str
    summary: str
    look_up: Callable[[str, Path], str]


def provider_names() -> tuple[str, ...]:
    """Return the names of the installed providers, sorted."""
    return tuple(sorted(_installed()))


def from_provider(name: str, text: str, origin: Origin) -> Secret | None:
    """Return the secret that an installed provider will look up; None when there is no such provider.

    Raises:
        BrokenPluginError: the provider cannot be loaded.
    """
    point = _installed().get(name)
    if point is None:
        return None
    provider = find_provider(name)

    def source() -> str:
        try:
            found = provider.look_up(text, Path(origin.path).absolute().parent)
        except SecretSourceError as error:
            error.origin = error.origin or origin
            raise
        except Exception as error:  # noqa: BLE001  # another author's code may raise anything, with the secret in it
            raise SecretSourceError(
                f"!{name} of the package {package_of(point)!r} gave no secret: {type(error).__name__}",
                origin=origin,
                hint="ask its author to raise a SecretSourceError that says why",
            ) from None
        if not isinstance(found, str):
            raise SecretSourceError(
                f"!{name} of the package {package_of(point)!r} gave {type(found).__name__}, not a text",
                origin=origin,
            )
        return found

    return Secret(source)


def find_provider(name: str) -> SecretProvider:
    """Return an installed provider; raises BrokenPluginError."""
    return load_as(_installed()[name], "secret provider", SecretProvider)


@cache
def _installed() -> Mapping[str, EntryPoint]:
    return installed(GROUP)
