"""Typed parameters: one dataclass gives the JSON Schema, the conversion of values, and the docs."""

from __future__ import annotations

from dataclasses import MISSING, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.model.origin import Origin

T = TypeVar("T")


def parameter(
    description: str,
    *,
    default: Any = MISSING,
    choices: Sequence[Any] | None = None,
    aliases: Sequence[str] = (),
    kind: str | None = None,
    example: Any = None,
) -> Any:
    """Describe one field of a parameter dataclass.

    Args:
        description: one sentence for docs and editors.
        default: what an absent key means; MISSING makes the key required.
        choices: the allowed values.
        aliases: other names that are accepted.
        kind: a meaning finer than the type: "path", "mode" (octal text or number, or symbolic), "duration"
            (number of seconds, or text such as 90s, 2h), "raw" (any value, kept as it is), "template"
            (not rendered before the module sees it), "rest" (a mapping that takes every key that is not named
            otherwise, as set_fact has it).
        example: a value for the docs.
    """
    metadata = {"description": description, "choices": choices, "aliases": tuple(aliases), "kind": kind, "example": example}
    if default is MISSING:
        return field(metadata=metadata)
    if isinstance(default, dict | list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def schema_of(cls: type[Any], *, templates: bool = True) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a parameter dataclass; with `templates` a "{{ }}" text fits anywhere."""
    raise NotImplementedError


def convert(cls: type[T], values: Mapping[str, Any], *, origin: Origin | None = None, what: str = "") -> T:
    """Make an instance of `cls` of rendered values, as Ansible converts ("yes" -> True, 644 is refused as a mode...).

    Args:
        cls: a parameter dataclass.
        values: by name or alias; the origins of a YamlMapping are used in complaints.
        origin: of the whole, for values without origins of their own.
        what: the module's or driver's name, for complaints.

    Raises:
        Complaints: every value that cannot be converted, every unknown or missing key, with the nearest right name.
    """
    raise NotImplementedError
