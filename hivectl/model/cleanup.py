"""`on_release:` of a node or hive: the playbook that puts nodes back in order when they are given back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.model.paths import user_path
from hivectl.model.records import record
from hivectl.model.scalars import DURATION, UnfitError, to_duration
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.model.origin import Origin

# seconds for a clean-up that does not say how long it may take
WITHIN = 300.0
SCHEMA: dict[str, Any] = {
    "type": ["string", "object"],
    "minLength": 1,
    "description": "The playbook that cleans nodes up when they are given back.",
    "properties": {
        "playbook": {
            "type": "string",
            "minLength": 1,
            "description": "Its file, from this file's folder.",
            "x-expected": "the path of a playbook",
        },
        "within": {
            "type": ["number", "string"],
            "exclusiveMinimum": 0,
            "pattern": DURATION,
            "default": "5m",
            "description": "Then it is stopped, and the nodes are quarantined.",
            "x-expected": "a duration such as 2m",
        },
    },
    "required": ["playbook"],
    "additionalProperties": False,
    "x-expected": "the path of a playbook, or a mapping: playbook, within",
}


@record(kw_only=True)
class CleanUp:
    """What is done when nodes are given back.

    Attributes:
        playbook: its file.
        within: seconds that it may take.
    """

    playbook: Path
    within: float = WITHIN
    origin: Origin | None = None


def clean_up_of(
    values: YamlMapping, complain: Callable[[str, Origin | None, str | None], None]
) -> CleanUp | None:
    """Return what `on_release:` of a node or hive says; None where it says nothing, or what the schema complains of.

    Args:
        values: the node or hive as written.
        complain: takes message, place and hint: found now, and not when nodes are given back and quarantined for it.
    """
    value, origin = values.get("on_release"), origin_of(values, "on_release")
    within: Any = WITHIN
    if isinstance(value, YamlMapping):
        within = value.get("within", WITHIN)
        value = value.get("playbook")
    if not isinstance(value, str) or not value:
        return None
    try:
        seconds = to_duration(within)
    except UnfitError:
        return None
    folder = Path(origin.path).absolute().parent if origin is not None else Path()
    path = folder / user_path(value)
    if not path.is_file():
        complain(f"on_release: there is no playbook {path}", origin, "it counts from this file's folder")
    return CleanUp(playbook=path, within=seconds, origin=origin)
