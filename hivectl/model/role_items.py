"""One item of a play's `roles:` or of a role's `dependencies:`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.keywords import ELSEWHERE, RoleKeywords, keyword_schemas
from hivectl.model.roles import RoleWish
from hivectl.model.templates import is_template
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from hivectl.model.origin import Origin
    from hivectl.model.playbook_reader import Reader

# keywords of Ansible that are not ours: as a role's parameters they would mean something else
NO_PARAMETERS = frozenset(
    {"port", "remote_user", "become_flags", "become_exe", "debugger", "collections", "async", "poll"}
)


def role_of_item(reader: Reader, item: Any, origin: Origin) -> tuple[RoleWish, YamlMapping] | None:
    """Return which role an item asks for, and its keywords; None after a complaint."""
    if isinstance(item, str | int) and not isinstance(item, bool):
        item = YamlMapping({"role": str(item)}, origin=origin, value_origins={"role": origin})
    if not isinstance(item, YamlMapping):
        reader.complain("a role is a name, or a mapping with `role:`", origin, "write `- role: common`")
        return None
    key = "role" if "role" in item else "name"
    name = item.get(key)
    if not isinstance(name, str) or not name:
        what = (
            "a role from elsewhere (`src`) must be in `roles/`" if "src" in item else "this role has no name"
        )
        reader.complain(what, origin_of(item, key) or item.origin, "write `role: common`")
        return None
    if is_template(name):
        reader.complain(
            "roles are read before the run, so their names cannot be templates",
            origin_of(item, key),
            "write `include_role` under `tasks:`",
        )
        return None
    known = keyword_schemas(RoleKeywords)
    for word in item:
        if word in NO_PARAMETERS and word in ELSEWHERE:
            reader.unknown(item, word, known, "a role")
    keywords = YamlMapping({one: item[one] for one in item if one in known and one not in ("role", "name")})
    keywords.origin, keywords.key_origins, keywords.value_origins = (
        item.origin,
        item.key_origins,
        item.value_origins,
    )
    if not reader.keywords(keywords, RoleKeywords, "a role"):
        return None
    parameters = YamlMapping(
        {one: item[one] for one in item if one not in known and one not in NO_PARAMETERS}
    )
    parameters.origin, parameters.key_origins, parameters.value_origins = (
        item.origin,
        item.key_origins,
        item.value_origins,
    )
    attributes = str([(one, keywords[one]) for one in sorted(keywords) if one in ("when", "tags")])
    return (
        RoleWish(
            name=name,
            origin=origin_of(item, key) or item.origin,
            parameters=parameters,
            variables=keywords.get("vars") or {},
            attributes=attributes,
        ),
        keywords,
    )
