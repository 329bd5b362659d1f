"""Ansible's other ways to name a task's module: `action: copy src=a dest=b` and `local_action:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.model.origin import Origin

FORMS = ("action", "local_action")


def written_out(
    raw: YamlMapping, complain: Callable[[str, Origin | None, str | None], None]
) -> YamlMapping | None:
    """Return a task with its module's name as a key; None, and a complaint, where no module is named.

    Args:
        raw: a task as written; returned as it is where it has none of these forms.
        complain: takes what happened, where, and what to do.
    """
    form = next((key for key in FORMS if key in raw), None)
    if form is None:
        return raw
    value, place = raw[form], origin_of(raw, form) or raw.origin
    rest: object
    if isinstance(value, str):
        name, _, rest = value.strip().partition(" ")
        rest = rest.strip() or None
    elif isinstance(value, YamlMapping) and isinstance(value.get("module"), str):
        name = value["module"]
        rest = YamlMapping(
            ((key, part) for key, part in value.items() if key != "module"),
            origin=value.origin,
            key_origins=value.key_origins,
            value_origins=value.value_origins,
        )
    else:
        name, rest = "", None
    if not name or "{{" in name:
        complain(f"`{form}` names no module", place, "write the module's name as the key: `copy: {src: …}`")
        return None
    if name in raw or all(key in raw for key in FORMS):
        complain(f"`{form}` names a second module for this task", place, "make two tasks")
        return None
    result = YamlMapping(
        {**{key: part for key, part in raw.items() if key != form}, name: rest},
        origin=raw.origin,
        key_origins={**raw.key_origins, name: place},
        value_origins={**raw.value_origins, name: place},
    )
    if form == "local_action":
        if "delegate_to" in raw:
            complain("`local_action` says who acts already", raw.key_origins.get("delegate_to"), None)
        result["delegate_to"] = "localhost"
        result.key_origins["delegate_to"] = result.value_origins["delegate_to"] = place
    return result
