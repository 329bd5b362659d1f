"""The JSON Schemas of inventories and playbooks, from which editors complete and explain.

Loading checks the same rules, but only builds what a file uses; tests hold the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.cleanup import SCHEMA as CLEAN_UP
from hivectl.model.parameters import schema_of
from hivectl.model.scalars import DURATION, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
NODE_NAME = r"^[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]*$"
VARIABLE = "^[A-Za-z_][A-Za-z0-9_]*$"
NODE_WORDS = "a name of letters, digits, - _ . and ranges such as m[1:4]"
NAME_WORDS = "a name of letters, digits, - _ and ."
VARIABLE_WORDS = "letters, digits and _, no digit first"

TEXT: Schema = {"type": "string", "minLength": 1}
VARIABLES: Schema = {
    "type": ["object", "null"],
    "propertyNames": {"pattern": VARIABLE, "x-expected": VARIABLE_WORDS},
    "x-expected": "variables: a mapping of names (letters, digits, _) to values",
}
LABELS: Schema = {
    "type": ["object", "null"],
    "description": "key=value marks that selectors find; driver, board and hive are there by themselves.",
    "propertyNames": {"pattern": NAME, "x-expected": NAME_WORDS},
    "additionalProperties": {"type": ["string", "number", "boolean"], "x-expected": "a text or a number"},
    "properties": {
        name: {"not": {}, "x-expected": f"another key ({name} is a label by itself)"}
        for name in ("driver", "board", "hive")
    },
    "x-expected": "labels: a mapping of keys to texts",
}
WAY: Schema = {
    "virtual": TEXT
    | {"description": "Start a virtual device of this kind and reach it by the node's own driver."},
    "on": TEXT | {"description": "The node or worker that it is plugged into; absent: this machine."},
}
NODE: Schema = {
    "board": TEXT | {"description": "The kind of board: how it is flashed, what it measures."},
    "shell": TEXT | {"description": "What the default shell runs; absent: the login shell."},
    "labels": LABELS,
    "vars": VARIABLES | {"description": "Variables of the node."},
    "on_release": CLEAN_UP,
    "power": {
        "type": "object",
        "description": "How its power is switched.",
        "properties": {"backend": TEXT | {"description": "The kind of switch."}},
        "required": ["backend"],
        "x-expected": "a mapping: backend, and the backend's attributes",
    },
}
HIVE: Schema = {
    "type": ["object", "null"],
    "properties": {
        "nodes": {
            "type": ["array", "string"],
            "items": TEXT | {"x-expected": "the name of a node, or a selector"},
            "description": "The nodes, by name, range or glob.",
            "x-expected": "a list of nodes",
        },
        "select": TEXT | {"description": "A selector, such as board=pico2-ice.", "x-expected": "a selector"},
        "vars": VARIABLES | {"description": "Variables of the hive's nodes."},
        "on_release": CLEAN_UP,
    },
    "additionalProperties": False,
    "x-expected": "a hive: nodes, select, vars, on_release",
}
RESERVATION: Schema = {
    "type": "object",
    "properties": {
        "select": TEXT | {"description": "Which nodes.", "x-expected": "a selector"},
        "count": {"type": "integer", "minimum": 1, "description": "How many of them; absent: all."},
        "for": {
            "type": ["number", "string"],
            "exclusiveMinimum": 0,
            "pattern": DURATION,
            "description": "How long.",
            "x-expected": "a duration such as 2h or 90m",
        },
        "at": TEXT
        | {
            "description": "When: cron fields in UTC, or in `timezone`.",
            "x-expected": 'cron fields such as "0 2 * * *"',
        },
        "timezone": TEXT | {"description": "Of `at`, such as Europe/Zurich.", "default": "UTC"},
        "reason": TEXT | {"description": "What for."},
        "priority": {
            "type": "integer",
            "minimum": 1,
            "maximum": 10,
            "default": 5,
            "description": "10 is served first.",
        },
    },
    "required": ["select", "for"],
    "additionalProperties": False,
    "x-expected": "a reservation: select, count, for, at, reason",
}


def named(item: Schema, pattern: str = NAME, words: str = NAME_WORDS) -> Schema:
    """Return the schema of a mapping from names to `item`."""
    return {
        "type": ["object", "null"],
        "propertyNames": {"pattern": pattern, "x-expected": words},
        "additionalProperties": item,
        "x-expected": f"a mapping; each key is {words}",
    }


def file_schema(node: Schema, defaults: Schema) -> Schema:
    """Return the schema of an inventory file around those of a node and of `defaults`."""
    return {
        "$schema": DIALECT,
        "title": "hivectl inventory",
        "type": ["object", "null"],
        "properties": {
            "version": {
                "const": 1,
                "description": "The version of this format.",
                "x-expected": "1, the version of this format",
            },
            "vars": VARIABLES | {"description": "Variables of every node."},
            "defaults": defaults,
            "nodes": named(node, NODE_NAME, NODE_WORDS),
            "hives": named(HIVE),
            "reservations": named(RESERVATION),
            "limits": {
                "type": ["object", "null"],
                "propertyNames": {"pattern": NAME, "x-expected": NAME_WORDS},
                "additionalProperties": {
                    "type": "integer",
                    "minimum": 1,
                    "x-expected": "a whole number of at least 1",
                },
                "description": "Named resources with counts, for `uses:` in tasks.",
            },
            "longest": {
                "type": ["number", "string"],
                "exclusiveMinimum": 0,
                "pattern": DURATION,
                "default": "7d",
                "description": "For how long anybody may reserve at once.",
                "x-expected": "a duration such as 2d",
            },
            "store": TEXT | {"description": "The lab's database: a file, or a postgresql:// URL."},
        },
        "additionalProperties": False,
        "x-expected": "an inventory: version, vars, defaults, nodes, hives, reservations, limits, longest, store",
    }


def inventory_schema(drivers: Mapping[str, type[Any]], backends: Mapping[str, type[Any]]) -> Schema:
    """Return the JSON Schema of inventory files, for editors.

    Args:
        drivers: name -> attribute class of every driver.
        backends: name -> attribute class of every power backend.
    """
    attributes = {name: schema_of(cls, required=False) for name, cls in sorted(drivers.items())}
    driver: Schema = {"enum": sorted(drivers), "description": "How the node is reached."}
    by_driver = [
        {
            "if": {"properties": {"driver": {"const": name}}, "required": ["driver"]},
            "then": {"properties": schema["properties"]},
        }
        for name, schema in attributes.items()
    ]
    connection: Schema = {
        "type": "object",
        "properties": {"driver": driver, **WAY},
        "required": ["driver"],
        "allOf": by_driver,
        "unevaluatedProperties": False,
        "x-expected": "a connection: driver, and the driver's attributes",
    }
    node: Schema = {
        "type": "object",
        "properties": {
            **NODE,
            **WAY,
            "driver": driver,
            "power": _power(backends),
            "connections": named({"$ref": "#/$defs/connection"})
            | {"description": "Several ways to the node, the best first."},
        },
        "anyOf": [{"required": ["driver"]}, {"required": ["connections"]}],
        "allOf": by_driver,
        "unevaluatedProperties": False,
        "x-expected": "a node: driver (or connections), and the driver's attributes",
    }
    defaults: Schema = {
        "type": ["object", "null"],
        "properties": attributes,
        "additionalProperties": False,
        "description": "Attributes by driver, for nodes that do not give them.",
    }
    return file_schema({"$ref": "#/$defs/node"}, defaults) | {
        "$defs": {"connection": connection, "node": node}
    }


def _power(backends: Mapping[str, type[Any]]) -> Schema:
    """Return the schema of a node's `power:`."""
    known: Schema = {"enum": sorted(backends), "description": "The kind of switch."}
    by_backend = [
        {
            "if": {"properties": {"backend": {"const": name}}, "required": ["backend"]},
            "then": {"properties": schema_of(cls, required=False)["properties"]},
        }
        for name, cls in sorted(backends.items())
    ]
    written: Schema = NODE["power"]
    return {
        **written,
        "properties": {"backend": known},
        **({"allOf": by_backend} if by_backend else {}),
        "unevaluatedProperties": False,
    }


def playbook_schema(
    play_keywords: Mapping[str, Schema],
    task_keywords: Mapping[str, Schema],
    modules: Mapping[str, tuple[type[Any], str | None, str]],
    *,
    block_keywords: Mapping[str, Schema] | None = None,
    imports: tuple[str, ...] = ("import_tasks", "include_tasks", "include_role", "import_role"),
) -> Schema:
    """Return the JSON Schema of playbooks, for editors.

    The keywords' schemas may refer to `#/$defs/tasks` and `#/$defs/task`; where a keyword is a list of tasks
    (`tasks`, `pre_tasks`, `post_tasks`, `handlers`, `block`, `rescue`, `always`) it does so by itself.

    Args:
        play_keywords: keyword -> schema.
        task_keywords: keyword -> schema; those of blocks too, unless `block_keywords` is given.
        modules: name -> parameters, the parameter that a plain text fills, one line about it.
        block_keywords: keyword -> schema, when blocks take others than tasks.
        imports: keywords that stand in a task in place of a module.
    """
    tasks: Schema = {"$ref": "#/$defs/tasks"}
    sections = {
        name: {**schema, **tasks, "type": ["array", "null"]}
        for table in (play_keywords, task_keywords, block_keywords or {})
        for name, schema in table.items()
        if name in {"tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"}
    }
    definitions: dict[str, Schema] = {}
    properties: dict[str, Schema] = {
        name: sections.get(name, schema) for name, schema in task_keywords.items()
    }
    for name, (cls, free_form, summary) in sorted(modules.items()):
        definitions[f"module.{name}"] = _module(cls, free_form, summary)
        for written in (name, f"ansible.builtin.{name}"):
            properties[written] = {"$ref": f"#/$defs/module.{name}", "description": summary}
    names = [name for name in properties if name not in task_keywords]
    actions = [*names, *(name for name in ("block", *imports) if name in task_keywords)]
    task: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "oneOf": [{"required": [name]} for name in actions],
        "x-expected": "a task with exactly one module",
    }
    definitions["task"] = task
    item: Schema = {"$ref": "#/$defs/task"}
    if block_keywords is not None:
        blocks = {name: sections.get(name, schema) for name, schema in block_keywords.items()}
        definitions["block"] = {
            "type": "object",
            "properties": blocks,
            "required": ["block"],
            "additionalProperties": False,
        }
        item = {
            "if": {"type": "object", "required": ["block"]},
            "then": {"$ref": "#/$defs/block"},
            "else": {"$ref": "#/$defs/task"},
        }
    definitions["tasks"] = {"type": ["array", "null"], "items": item}
    starts = [name for name in ("hosts", "import_playbook") if name in play_keywords]
    definitions["play"] = {
        "type": "object",
        "properties": {name: sections.get(name, schema) for name, schema in play_keywords.items()},
        "additionalProperties": False,
        "anyOf": [{"required": [name]} for name in starts],
    }
    return {
        "$schema": DIALECT,
        "title": "hivectl playbook",
        "type": "array",
        "items": {"$ref": "#/$defs/play"},
        "$defs": definitions,
    }


def _module(cls: type[Any], free_form: str | None, summary: str) -> Schema:
    """Return the schema of what follows a module's name."""
    parameters = schema_of(cls)
    forms: list[Schema] = [parameters]
    if free_form is not None:
        # what else the module requires may stand in `args:`
        parameters.pop("required", None)
        parameters.pop("allOf", None)
        forms.append({"type": "string", "description": f"Fills {free_form}."})
    else:
        forms.append({"type": "string", "pattern": TEMPLATE})
    if "required" not in parameters and "allOf" not in parameters:
        forms.append({"type": "null"})
    return {"description": summary, "anyOf": forms}
