"""What arguments a role takes: `meta/argument_specs.yml`, or `argument_specs` in `meta/main.yml`.

Source: docs.ansible.com, "Role argument validation": the format, and the types of AnsibleModule's argument_spec.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from hivectl.model.argument_types import TYPES, converted
from hivectl.model.errors import InputError
from hivectl.model.origin import Origin
from hivectl.model.role_files import META_ENDINGS
from hivectl.model.scalars import UnfitError, shown
from hivectl.model.schema import check
from hivectl.model.secret import Secret
from hivectl.model.suggestions import did_you_mean, listed
from hivectl.model.templates import is_template
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hivectl.model.playbook_reader import Reader

Schema = dict[str, Any]
TEXTS: Schema = {"type": ["string", "array"], "items": {"type": "string"}}
NAMES: Schema = {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}


class ArgumentError(InputError):
    """A role is used with an argument that it does not take so."""


@cache
def specs_schema() -> Schema:
    """Return the JSON Schema of `meta/argument_specs.yml`."""
    option: Schema = {
        "type": ["object", "null"],
        "properties": {
            "type": {"enum": sorted(TYPES), "description": "The type; str if absent."},
            "elements": {"enum": sorted(TYPES), "description": "The type of a list's items."},
            "required": {"type": "boolean", "description": "Whether it must be given."},
            "default": {"description": "For readers; defaults/main.yml says what holds."},
            "choices": {"type": "array", "description": "The values that are allowed."},
            "options": {"$ref": "#/$defs/options", "description": "The keys of a mapping, or of a list's."},
            "description": TEXTS | {"description": "What it is for."},
            "version_added": {"description": "Since when there is it."},
            "no_log": {"type": "boolean", "description": "Never shown."},
            "aliases": {"type": "array", "items": {"type": "string"}},
            "apply_defaults": {"type": "boolean"},
            "mutually_exclusive": {"type": "array", "description": "Keys of which one may be given."},
            "required_together": NAMES | {"description": "Keys that go together."},
            "required_one_of": NAMES | {"description": "Keys of which one must be given."},
            "required_if": {"type": "array", "description": "[key, value, keys needed then, any of them]."},
            "required_by": {"type": "object", "description": "Key to keys that it needs."},
        },
        "additionalProperties": False,
        "x-expected": "what is known of an argument: type, required, default, choices, options …",
    }
    entry: Schema = {
        "type": ["object", "null"],
        "properties": {
            "short_description": {"type": "string", "description": "One line."},
            "description": TEXTS | {"description": "What the entry point does."},
            "author": TEXTS,
            "version_added": {},
            "options": {"$ref": "#/$defs/options", "description": "The arguments."},
            "seealso": {"type": "array"},
            "notes": TEXTS,
            "examples": {"type": "string"},
            "attributes": {"type": "object"},
        },
        "additionalProperties": False,
        "x-expected": "an entry point: short_description, options",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hivectl argument_specs of a role",
        "type": ["object", "null"],
        "properties": {
            "argument_specs": {
                "type": ["object", "null"],
                "additionalProperties": entry,
                "description": "Entry point (main, or what `tasks_from` names) to its arguments.",
            }
        },
        "additionalProperties": False,
        "$defs": {
            "options": {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/option"}},
            "option": option,
        },
    }


def read_specs(reader: Reader, role: Path, in_meta: Any) -> Mapping[str, Any]:
    """Return entry point -> arguments of a role; faults in them are complained of."""
    raw: Any = None if in_meta is None else YamlMapping({"argument_specs": in_meta})
    paths = [role / "meta" / f"argument_specs{ending}" for ending in META_ENDINGS]
    if (path := next((one for one in paths if one.is_file()), None)) is not None:
        raw = reader.load(path)
        if raw is not None and not isinstance(raw, YamlMapping):
            hint = "write `argument_specs: {main: …}`"
            reader.complain("arguments are a mapping", Origin(str(path), 1, 1), hint)
            return {}
    if raw is None:
        return {}
    faults = check(specs_schema(), raw)
    reader.errors += faults
    return {} if faults else raw.get("argument_specs") or {}


def argument_faults(
    options: Mapping[str, Any],
    values: Callable[[str], tuple[bool, Any, Origin | None]],
    *,
    what: str,
    origin: Origin | None,
    missing: bool = True,
) -> Iterator[ArgumentError]:
    """Yield what is wrong with the arguments of a role.

    Args:
        options: argument -> what is known of it.
        values: tells of a name whether it is given, its value, and where it was written.
        what: the role, for the complaints.
        origin: where the role is used.
        missing: whether what is missing is a fault.
    """
    for name, option in options.items():
        names = (name, *((option or {}).get("aliases") or ()))
        found = next((one for one in map(values, names) if one[0]), None)
        if found is None or (found[1] is None and (option or {}).get("required")):
            if missing and (option or {}).get("required"):
                hint = _text((option or {}).get("description"))
                yield ArgumentError(f"{what}: `{name}` is missing", origin=origin, hint=hint)
            continue
        _given, value, place = found
        for path, message, spot, hint in _wrong(option or {}, value, missing=missing):
            where = spot or place or origin
            yield ArgumentError(f"{what}: {name}{path}: {message}", origin=where, hint=hint)


def _text(value: Any) -> str | None:
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) else None


def _wrong(
    option: Mapping[str, Any], value: Any, *, missing: bool
) -> Iterator[tuple[str, str, Origin | None, str | None]]:
    """Yield the path to a wrong value, what is wrong, where, and a hint."""
    if value is None or (isinstance(value, str) and is_template(value)):
        return
    kind = option.get("type") or "str"
    try:
        made = converted(kind, value)
    except UnfitError as error:
        yield "", error.message, None, error.hint
        return
    choices = option.get("choices")
    if choices:
        for one in made if isinstance(made, list) else [made]:
            plain = one.reveal() if isinstance(one, Secret) else one
            if not is_template(plain) and plain not in choices:
                hint = did_you_mean(str(plain), [str(choice) for choice in choices])
                message = f"expected one of {listed(map(str, choices))}, not {shown(one)}"
                yield "", message, None, hint
    if kind == "list" and isinstance(made, list):
        inner = {**option, "type": option.get("elements") or "raw", "choices": None}
        for index, item in enumerate(made):
            for path, message, place, hint in _wrong(inner, item, missing=missing):
                yield f"[{index}]{path}", message, place or origin_of(value, index), hint
    elif kind == "dict" and isinstance(made, dict) and option.get("options"):
        yield from _wrong_keys(option, made, missing=missing)


def _wrong_keys(
    option: Mapping[str, Any], value: Mapping[str, Any], *, missing: bool
) -> Iterator[tuple[str, str, Origin | None, str | None]]:
    options: Mapping[str, Any] = option["options"]
    own = value.origin if isinstance(value, YamlMapping) and value.origin.path else None
    names = {
        alias: name for name, one in options.items() for alias in (name, *((one or {}).get("aliases") or ()))
    }
    for key, item in value.items():
        if key not in names:
            place = value.key_origins.get(key) if isinstance(value, YamlMapping) else None
            near = did_you_mean(str(key), names) or f"there are {listed(names)}"
            yield "", f"there is no key `{key}`", place, near
            continue
        for path, message, place, hint in _wrong(options[names[key]] or {}, item, missing=missing):
            yield f".{key}{path}", message, place or origin_of(value, key), hint
    present = {names[key] for key in value if key in names}
    for name, one in options.items():
        if (one or {}).get("required") and name not in present:
            yield "", f"`{name}` is missing", own, _text((one or {}).get("description"))
    for message in _wrong_together(option, value, present):
        yield "", message, own, None


def _wrong_together(option: Mapping[str, Any], value: Mapping[str, Any], present: set[str]) -> Iterator[str]:
    """Yield what is wrong about keys that are given with or without each other."""
    exclusive: Sequence[Any] = option.get("mutually_exclusive") or ()
    for group in [exclusive] if exclusive and isinstance(exclusive[0], str) else exclusive:
        if len(present & set(group)) > 1:
            yield f"only one of {', '.join(group)} may be given"
    for group in option.get("required_together") or ():
        if 0 < len(present & set(group)) < len(group):
            yield f"{', '.join(group)} go together"
    for group in option.get("required_one_of") or ():
        if not present & set(group):
            yield f"one of {', '.join(group)} is needed"
    for key, needed in (option.get("required_by") or {}).items():
        lacking = set([needed] if isinstance(needed, str) else needed or ()) - present
        if key in present and lacking:
            yield f"`{key}` needs {', '.join(sorted(lacking))}"
    for key, wanted, needed, *more in option.get("required_if") or ():
        absent = [name for name in needed if name not in present]
        one_is_enough = bool(more and more[0])
        if value.get(key) == wanted and (len(absent) == len(needed) if one_is_enough else absent):
            yield f"{key} {wanted} needs {' or '.join(needed) if one_is_enough else ', '.join(absent)}"
