"""The JSON Schema of events, made of their dataclasses, and the table that people read.

A version only grows: fields, events and words of an enumeration may be added to it, and readers skip what they do not
know. What would take something away, or give it another meaning, needs a new EVENTS_VERSION.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from hivectl.engine import events
from hivectl.model.origin import Origin

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# what only type checkers import in events.py
NAMES: Mapping[str, Any] = {"Mapping": Mapping, "Any": Any, "Origin": Origin}
PLAIN: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}
MEANINGS = {
    "version": "of the events; it only changes when something is taken away or means something else",
    "event": "which event it is",
    "time": "seconds since the epoch",
}


def event_classes() -> tuple[type[events.Event], ...]:
    """Return the classes of events, in the order in which a run emits them."""
    return tuple(
        one
        for one in vars(events).values()
        if isinstance(one, type) and issubclass(one, events.Event) and one is not events.Event
    )


def events_schema() -> Schema:
    """Return the JSON Schema of one line of `--report jsonl`."""
    definitions: dict[str, Schema] = {}
    for one in event_classes():
        made = _object(one, definitions)
        made["properties"] = {
            "version": {"const": events.EVENTS_VERSION, "description": MEANINGS["version"]},
            "event": {"const": one.event, "description": MEANINGS["event"]},
            **made["properties"],
        }
        made["required"] = ["version", "event", *made["required"]]
        definitions[one.event] = made
    return {
        "$schema": DIALECT,
        "title": "One line of `hivectl apply --report jsonl`",
        "description": "A version only grows: skip fields, events and words that you do not know.",
        "oneOf": [{"$ref": f"#/$defs/{one.event}"} for one in event_classes()],
        "$defs": dict(sorted(definitions.items())),
    }


def _object(cls: type, definitions: dict[str, Schema]) -> Schema:
    summary, meanings = _documented(cls)
    hints = get_type_hints(cls, localns=dict(NAMES))
    names = [one.name for one in fields(cls)]
    properties = {}
    for name in names:
        properties[name] = _of_type(hints[name], definitions)
        if meaning := meanings.get(name) or MEANINGS.get(name):
            properties[name] = {**properties[name], "description": meaning}
    return {"type": "object", "description": summary, "required": names, "properties": properties}


def _of_type(hint: Any, definitions: dict[str, Schema]) -> Schema:
    if hint is Any:
        return {}
    if hint in PLAIN:
        return {"type": PLAIN[hint]}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return {"type": "array", "items": _of_type(arguments[0], definitions)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of_type(arguments[1], definitions)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of_type(one, definitions) for one in arguments]}
    if issubclass(hint, Enum):
        definitions[hint.__name__] = {
            "description": _documented(hint)[0],
            "enum": [one.value for one in hint],
        }
    elif isinstance(hint, type) and is_dataclass(hint):
        definitions[hint.__name__] = _object(hint, definitions)
    else:
        raise TypeError(f"an event has a field of the type {hint}, which has no JSON")
    return {"$ref": f"#/$defs/{hint.__name__}"}


def _documented(cls: type) -> tuple[str, dict[str, str]]:
    """Return a class's first sentence, and what its docstring says of its fields."""
    text = inspect.cleandoc(cls.__doc__ or "")
    summary, _, rest = text.partition("\n")
    _, _, attributes = rest.partition("Attributes:\n")
    found = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", attributes, re.MULTILINE)
    return summary, {name: " ".join(meaning.split()).rstrip(".") for name, meaning in found}


def events_table() -> str:
    """Return the events and their fields as Markdown."""
    return "".join(_table())


def _table() -> Iterator[str]:
    schema = events_schema()
    yield f"# Events, version {events.EVENTS_VERSION}\n\n"
    yield "One JSON object a line, as `--report jsonl[=FILE]` writes them; `events.schema.json` is their JSON Schema.\n"
    yield "Every field is always there. A version only grows: fields, events and words may be added, so skip what you\n"
    yield "do not know. What would break a reader comes as another `version`.\n"
    definitions = schema["$defs"]
    used = [one.event for one in event_classes()]
    for name in [*used, *(name for name in definitions if name not in used)]:
        one = definitions[name]
        yield f"\n## {name}\n\n{one['description']}\n"
        if "enum" in one:
            yield f"\nOne of {', '.join(f'`{word}`' for word in one['enum'])}.\n"
            continue
        yield "\n| field | type | meaning |\n| --- | --- | --- |\n"
        for field, of in one["properties"].items():
            meaning = of.get("description", "").replace("|", "\\|")
            yield f"| `{field}` | {_type_words(of)} | {meaning} |\n"


def _type_words(schema: Schema) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type_words(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type_words(schema['items'])}"
    if schema.get("type") == "object":
        return f"mapping to {_type_words(schema['additionalProperties'])}"
    return str(schema.get("type", "any"))
