"""`with_…` loops: whatever stands behind `with_` is a lookup, and the task is done for each value that it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.lookups.names import OURS
from hivectl.model.plugins import BrokenPluginError
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hivectl.model.origin import Origin

PREFIX = "with_"
# the keyword of a task that names the lookup its `loop` is for; people write `with_…`
LOOKUP = "loop_with"


def plain_loop(
    raw: YamlMapping, complain: Callable[[str, Origin | None, str | None], None]
) -> tuple[YamlMapping, dict[str, str]]:
    """Return a task with `loop` in the place of `with_…`, and the keyword that names the lookup.

    Args:
        raw: a task.
        complain: takes a message, its place and a hint.
    """
    found = [key for key in raw if isinstance(key, str) and key.startswith(PREFIX)]
    if not found:
        return raw, {}
    key = found[0]
    place = raw.key_origins.get(key)
    for other in (*found[1:], *(["loop"] if "loop" in raw else [])):
        complain(f"a task has one loop, this one has `{key}` and `{other}`", place, "leave one of them out")
    name = key.removeprefix(PREFIX)
    plain = YamlMapping(
        (
            (name if name not in found else "loop", value)
            for name, value in raw.items()
            if name not in found[1:]
        ),
        origin=raw.origin,
        key_origins={**raw.key_origins, "loop": raw.key_origins[key]}
        if key in raw.key_origins
        else raw.key_origins,
        value_origins={**raw.value_origins, "loop": origin_of(raw, key) or raw.origin},
    )
    return plain, ({LOOKUP: name} if _is_known(name, place, complain) else {})


def _is_known(
    name: str, place: Origin | None, complain: Callable[[str, Origin | None, str | None], None]
) -> bool:
    if name in OURS:
        return True
    from hivectl.model.lookups.registry import find_lookup
    from hivectl.model.templating.errors import TemplateSyntaxError

    try:
        find_lookup(name)
    except (TemplateSyntaxError, BrokenPluginError) as error:
        complain(f"`{PREFIX}{name}`: {error.message}", place, error.hint)
        return False
    return True


def with_schemas(names: Iterable[str] = OURS) -> dict[str, Any]:
    """Return the schemas of `with_…` keywords, for editors."""
    return {
        f"{PREFIX}{name}": {"description": f"The task is done for each value of lookup('{name}', …)."}
        for name in sorted(names)
    }
