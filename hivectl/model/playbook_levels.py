"""What outer levels of a playbook hand down to inner ones: conditions and the like add up, other keywords replace."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from hivectl.model.records import record
from hivectl.model.yaml import YamlList, YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hivectl.model.module_defaults import ModuleDefaults
    from hivectl.model.origin import Origin
    from hivectl.model.playbook import Role


@record
class Level:
    """What an outer level hands down.

    Attributes:
        role: the role around.
        includers: that role, and those whose tasks have taken it in, outermost first.
        folders: where files are looked for, first of all.
        given: variables that includes around give.
        files: the files of tasks around, outermost first.
        imported: those of them that one static import after the other has led to.
        handler: these are handlers.
        certain: all nodes come here, where conditions and tags let them.
        base: the folder of the playbook that this is in, which may be an imported one.
    """

    when: tuple[Any, ...] = ()
    variables: tuple[Mapping[str, Any], ...] = ()
    environment: tuple[Any, ...] = ()
    tags: frozenset[str] = frozenset()
    notify: tuple[str, ...] = ()
    keywords: tuple[tuple[str, Any], ...] = ()
    defaults: tuple[ModuleDefaults, ...] = ()
    role: Role | None = None
    includers: tuple[Role, ...] = ()
    folders: tuple[Path, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    imported: tuple[Path, ...] = ()
    handler: bool = False
    base: Path | None = None
    certain: bool = False


# keywords whose values add up from outer to inner, or that name the entry itself
OWN = frozenset(
    {
        *("name", "when", "vars", "environment", "tags", "notify", "listen", "needs", "uses", "args"),
        "module_defaults",
    }
)
HANDED_DOWN = frozenset(
    {
        "become",
        "become_user",
        "become_method",
        "any_errors_fatal",
        "check_mode",
        "diff",
        "ignore_errors",
        "no_log",
        "timeout",
        "run_once",
        "delegate_to",
        "delegate_facts",
        "ignore_unreachable",
        "throttle",
        "connection",
    }
)


def hand_down(
    outer: Level, raw: YamlMapping, defaults: tuple[ModuleDefaults, ...] = (), *, variables: bool = True
) -> Level:
    """Return what the level of `raw` hands down: conditions and the like add up, other keywords replace.

    Args:
        outer: the level around it.
        raw: a play, block or task.
        defaults: what its `module_defaults` say.
        variables: whether its `vars` are handed down; a play's are a layer of their own.
    """
    when = raw.get("when")
    environment = raw.get("environment")
    own = {name: raw[name] for name in HANDED_DOWN if raw.get(name) is not None}
    if own.pop("connection", None) is not None:
        # there is only `local`: this machine acts
        own.setdefault("delegate_to", "localhost")
    return replace(
        outer,
        when=outer.when + (() if when is None else tuple(conditions(when, origin_of(raw, "when")))),
        variables=outer.variables + ((raw["vars"],) if variables and raw.get("vars") else ()),
        environment=outer.environment + ((environment,) if environment else ()),
        tags=outer.tags | frozenset(texts(raw.get("tags"))),
        notify=outer.notify + texts(raw.get("notify")),
        keywords=tuple((dict(outer.keywords) | own).items()),
        defaults=outer.defaults + defaults,
    )


@record
class Condition:
    """One condition of `when` and the like, with its place."""

    text: Any
    origin: Origin | None


def conditions(value: Any, origin: Origin | None) -> list[Condition]:
    """Return the conditions of a `when`, `until`, `changed_when` or `failed_when`, each with its place."""
    if isinstance(value, YamlList):
        return [Condition(item, value.item_origins[index]) for index, item in enumerate(value)]
    return [Condition(value, origin)]


def texts(value: Any) -> tuple[str, ...]:
    """Return what a keyword lists: a list, or texts with commas between them."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(str(part) for part in value) if isinstance(value, list) else (str(value),)
