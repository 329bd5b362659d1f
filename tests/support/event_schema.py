"""The schema of events at its strictest: nothing may be in a line that it does not tell of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from hivectl.engine.event_schemas import events_schema
from hivectl.report.jsonl import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hivectl.engine.events import Event


def strict_schema() -> dict[str, Any]:
    schema = events_schema()
    for one in schema["$defs"].values():
        if "properties" in one:
            one["additionalProperties"] = False
    return schema


def check_events(events: Iterable[Event]) -> set[str]:
    """Hold every event's line against the schema; returns which events there were."""
    return check_lines(line_of(event) for event in events)


def check_lines(lines: Iterable[str]) -> set[str]:
    """Hold every line against the schema; returns which events there were."""
    schema = strict_schema()
    # one definition at a time: what is wrong is then told, where `oneOf` only says that none fits
    validators = {
        name: jsonschema_rs.validator_for({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})
        for name in schema["$defs"]
    }
    whole = jsonschema_rs.validator_for(schema)
    seen = set()
    for line in lines:
        value = json.loads(line)
        validators[value["event"]].validate(value)
        whole.validate(value)
        seen.add(value["event"])
    return seen
