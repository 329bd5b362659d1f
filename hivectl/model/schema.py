"""Checking values against JSON Schemas (draft 2020-12), in words for people.

jsonschema-rs decides; a schema node may say in `x-expected` what people shall read when its value does not
fit. `jsonschema`, the reference, agrees on what is valid (a test compares them).
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hivectl.model.editor_schemas import inventory_schema, playbook_schema
from hivectl.model.errors import FaultError, InputError
from hivectl.model.scalars import shown
from hivectl.model.secret import Secret
from hivectl.model.suggestions import did_you_mean, listed
from hivectl.model.yaml import YamlList, YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jsonschema_rs import Draft202012Validator, ValidationError

    from hivectl.model.origin import Origin

__all__ = ["SchemaError", "Validator", "check", "inventory_schema", "plain", "playbook_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# fits wherever a secret may stand, because a template does
SECRET = "{{ secret }}"  # noqa: S105  # a text that stands for secrets, not one
NO_SPACE = r"^[\w.-]+:\S"
NAMES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


class SchemaError(InputError):
    """A value does not have the form that its place asks for."""


class Validator:
    """A schema, made ready once for many values."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

        from jsonschema_rs import Draft202012Validator as Compiled

        try:
            self._compiled: Draft202012Validator = Compiled(dict(schema))
        except ValueError as error:
            raise FaultError(f"a schema of ours is wrong: {error}") from error

    def check(self, value: Any, *, what: str = "", origin: Origin | None = None) -> list[InputError]:
        """Return every way in which `value` does not fit, in the order of the file.

        Args:
            value: of `load_yaml`, or plain.
            what: put in front of each complaint.
            origin: for values that do not know where they were written.
        """
        instance = value
        try:
            if self._compiled.is_valid(instance):
                return []
        except (ValueError, TypeError):  # secrets, keys that are numbers
            instance = plain(value)
            if self._compiled.is_valid(instance):
                return []
        prefix = f"{what}: " if what else ""
        faults = []
        for error in self._compiled.iter_errors(plain(value)):
            faults += [
                SchemaError(f"{prefix}{message}", origin=place or origin, hint=hint)
                for message, place, hint in _explained(error, self.schema, value)
            ]
        distinct = {(str(fault), fault.origin): fault for fault in faults}
        return sorted(distinct.values(), key=_order)


def check(
    schema: Mapping[str, Any] | Validator, value: Any, *, what: str = "", origin: Origin | None = None
) -> list[InputError]:
    """Return every way in which `value` does not fit `schema`; see `Validator.check`."""
    validator = schema if isinstance(schema, Validator) else _compiled(json.dumps(schema))
    return validator.check(value, what=what, origin=origin)


@lru_cache(maxsize=64)
def _compiled(schema: str) -> Validator:
    return Validator(json.loads(schema))


def plain(value: Any) -> Any:
    """Return `value` as JSON could hold it: keys are texts, and a template stands for each secret."""
    if isinstance(value, Secret):
        return SECRET
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _order(fault: InputError) -> tuple[str, int, int]:
    return (fault.origin.path, fault.origin.line, fault.origin.column) if fault.origin else ("", 0, 0)


def _explained(
    error: ValidationError, schema: Mapping[str, Any], root: Any
) -> list[tuple[str, Origin | None, str | None]]:
    """Return message, place and hint of each mistake in one error."""
    keys = list(error.instance_path)
    name, value, place = _label(root, keys), *_find(root, keys)
    nodes = _nodes(schema, list(error.schema_path))
    keyword = str(error.kind.name)
    expected = nodes[-1].get("x-expected") if nodes else None
    kind: Any = error.kind
    if keyword in {"additionalProperties", "unevaluatedProperties"}:
        return _unknown(kind.unexpected, name, value, nodes)
    if keyword == "required":
        note = nodes[-1].get("properties", {}).get(kind.property, {}) if nodes else {}
        hint = note.get("x-expected") or note.get("description")
        return [(f'{name}"{kind.property}" is missing', _own(value) or place, hint)]
    if keyword == "propertyNames":
        return _names(kind.value, name, value, nodes)
    forms = keyword in {"anyOf", "oneOf"}
    closest = _closest(kind.context, schema, root, len(keys)) if forms and expected is None else []
    words = expected or ("exactly one of its forms" if forms else _words(keyword, kind))
    # "not a mapping" would say nothing of a mapping
    but = "" if forms and isinstance(value, dict) else f", not {shown(value)}"
    return closest or [(f"{name}expected {words}{but}", place, _hint(value, keyword, kind, nodes))]


def _words(keyword: str, kind: Any) -> str:
    """Return what a keyword asks for where the schema does not say it itself."""
    if keyword == "type":
        return " or ".join(NAMES[name] for name in kind.types if name != "null" or len(kind.types) == 1)
    if keyword == "enum":
        return "one of " + ", ".join(str(option) for option in kind.options if option is not None)
    simple: dict[str, Callable[[], str]] = {
        "const": lambda: f"exactly {kind.expected_value}",
        "minLength": lambda: (
            "a text that is not empty" if kind.limit == 1 else f"at least {kind.limit} characters"
        ),
        "maxLength": lambda: f"at most {kind.limit} characters",
        "minimum": lambda: f"at least {kind.limit}",
        "maximum": lambda: f"at most {kind.limit}",
        "exclusiveMinimum": lambda: f"more than {kind.limit}",
        "minItems": lambda: f"at least {kind.limit} item{'s' if kind.limit != 1 else ''}",
        "minProperties": lambda: "at least one key",
        "uniqueItems": lambda: "a list without repetitions",
        "multipleOf": lambda: f"a multiple of {kind.multiple_of:g}",
        "pattern": lambda: f"a text that fits {kind.pattern}",
    }
    return simple[keyword]() if keyword in simple else f"what the schema asks for ({keyword})"


def _hint(value: Any, keyword: str, kind: Any, nodes: Sequence[Mapping[str, Any]]) -> str | None:
    if isinstance(value, str) and keyword == "type" and "object" in kind.types and re.match(NO_SPACE, value):
        return "a space is missing after the colon"
    options = [*getattr(kind, "options", ()), *(part for node in nodes[-1:] for part in _enumerated(node))]
    if isinstance(value, str) and options:
        return did_you_mean(value, [option for option in options if isinstance(option, str)])
    return None


def _enumerated(node: Mapping[str, Any]) -> list[Any]:
    return [
        option for part in node.get("anyOf", ()) if isinstance(part, dict) for option in part.get("enum", ())
    ]


def _unknown(
    unexpected: Sequence[str], name: str, value: Any, nodes: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Origin | None, str | None]]:
    known = sorted(_known(nodes[-1], nodes[0]) if nodes else ())
    refused = nodes[-1].get("x-refused", {}) if nodes else {}
    result = []
    for key in unexpected:
        if key in refused:
            result.append((f"{name}`{key}` is not supported", _key_origin(value, key), refused[key]))
            continue
        hint = did_you_mean(key, known) or (f"there are {listed(known)}" if known else None)
        result.append((f'{name}there is no key "{key}"', _key_origin(value, key), hint))
    return result


def _known(node: Any, root: Mapping[str, Any], depth: int = 0) -> set[str]:
    """Return the keys that a schema node knows, with those that it takes from the nodes which it refers to."""
    if not isinstance(node, dict) or depth > 5:
        return set()
    names = {name for name, schema in node.get("properties", {}).items() if schema is not False}
    parts = [
        node.get("then"),
        node.get("else"),
        *node.get("allOf", ()),
        *node.get("anyOf", ()),
        *node.get("oneOf", ()),
    ]
    if "$ref" in node:
        parts.append(_nodes(root, [*node["$ref"].lstrip("#/").split("/"), ""])[-1])
    return names.union(*(_known(part, root, depth + 1) for part in parts))


def _names(
    inner: ValidationError, name: str, value: Any, nodes: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Origin | None, str | None]]:
    key = str(inner.instance)
    expected = nodes[-1].get("x-expected") or _words(str(inner.kind.name), inner.kind)
    return [(f'{name}"{key[:60]}" is not a name here: expected {expected}', _key_origin(value, key), None)]


def _closest(
    context: Sequence[Sequence[ValidationError]], schema: Mapping[str, Any], root: Any, depth: int
) -> list[tuple[str, Origin | None, str | None]]:
    """Return the mistakes in the form that was probably meant: the one which got furthest into the value."""
    branches = [branch for branch in context if branch]
    if not branches:
        return []
    here = [
        branch
        for branch in branches
        if branch[0].kind.name == "type" and len(branch[0].instance_path) == depth
    ]
    if len(here) == len(branches):
        kinds: list[str] = []
        for branch in branches:
            node = _nodes(schema, list(branch[0].schema_path))[-1]
            own: Any = branch[0].kind
            kinds.append(str(node.get("x-expected") or _words("type", own)))
        name = _label(root, list(branches[0][0].instance_path))
        value, place = _find(root, list(branches[0][0].instance_path))
        return [(f"{name}expected {' or '.join(dict.fromkeys(kinds))}, not {shown(value)}", place, None)]
    fitting = [branch for branch in branches if branch not in here]
    best = max(fitting, key=lambda branch: (max(len(error.instance_path) for error in branch), -len(branch)))
    return [mistake for error in best for mistake in _explained(error, schema, root)]


def _nodes(schema: Mapping[str, Any], path: Sequence[str | int]) -> list[dict[str, Any]]:
    """Return the schema nodes (mappings) on the way to a keyword, outermost first; the keyword's own is last."""
    node: Any = schema
    nodes: list[dict[str, Any]] = [dict(schema)]
    for key in path[:-1]:
        if isinstance(node, list):
            node = node[int(key)]
        elif isinstance(node, dict):
            node = node.get(str(key).replace("~1", "/").replace("~0", "~"))
        if isinstance(node, dict):
            nodes.append(node)
    return nodes


def _label(root: Any, keys: Sequence[str | int]) -> str:
    """Return the way to a value as people write it: `nodes.m1.labels: `."""
    text = ""
    value = root
    for key in keys:
        text += f"[{key}]" if isinstance(value, list) else f".{key}" if text else str(key)
        value = value[_key(value, key)]
    return f"{text}: " if text else ""


def _find(root: Any, keys: Sequence[str | int]) -> tuple[Any, Origin | None]:
    """Return a value and the innermost known place on the way to it."""
    value = root
    place = _own(root)
    for key in keys:
        actual = _key(value, key)
        place = origin_of(value, actual) or place
        value = value[actual]
    return value, place


def _key(container: Any, key: str | int) -> Any:
    """Return the key itself: numbers are texts to JSON, and texts of digits numbers to jsonschema-rs."""
    if isinstance(container, dict) and key not in container:
        return next(known for known in container if str(known) == str(key))
    return key


def _own(value: Any) -> Origin | None:
    return value.origin if isinstance(value, YamlMapping | YamlList) and value.origin.path else None


def _key_origin(value: Any, key: str) -> Origin | None:
    if not isinstance(value, YamlMapping):
        return None
    known = next((origin for name, origin in value.key_origins.items() if str(name) == key), None)
    return known or _own(value)
