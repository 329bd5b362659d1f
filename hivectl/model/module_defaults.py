"""`module_defaults`: parameters that every task with a module takes, unless it says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.parameters import parameters_of
from hivectl.model.records import record
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hivectl.model.origin import Origin


@record
class ModuleDefaults:
    """The defaults that one level gives one module; `module`: its short name."""

    module: str
    parameters: YamlMapping


def read_defaults(
    raw: YamlMapping,
    name_of: Callable[[str, Origin | None], str | None],
    complain: Callable[[str, Origin | None, str | None], None],
) -> tuple[ModuleDefaults, ...]:
    """Return what `module_defaults` of a play, block or task says.

    Args:
        raw: the play, block or task.
        name_of: returns a module's short name; None, and a complaint of its own, for no module.
        complain: takes what happened, where, and what to do.
    """
    value = raw.get("module_defaults")
    place = origin_of(raw, "module_defaults") or raw.origin
    if value is None:
        return ()
    found: list[ModuleDefaults] = []
    for level in value if isinstance(value, list) else [value]:
        if not isinstance(level, YamlMapping):
            complain(
                "`module_defaults` is a mapping: module to parameters",
                place,
                "`copy: {mode: '0644'}` below it",
            )
            continue
        for key, parameters in level.items():
            origin = level.key_origins.get(key) or place
            if str(key).startswith("group/"):
                complain(f"`{key}`: groups of modules are not supported", origin, "name each module")
            elif parameters is not None and not isinstance(parameters, YamlMapping):
                complain(
                    f"module_defaults.{key}: parameters are given by name", origin, "`copy: {mode: '0644'}`"
                )
            elif (name := name_of(str(key), origin)) is not None and parameters is not None:
                found.append(ModuleDefaults(name, parameters))
    return tuple(found)


def with_defaults(
    arguments: Mapping[str, Any], defaults: Iterable[ModuleDefaults], module: str, parameters: type[Any]
) -> Mapping[str, Any]:
    """Return a task's arguments above the defaults that hold for its module.

    What an inner level says of a module takes the place of all that outer ones say of it, as Ansible has it.

    Args:
        arguments: as written in the task.
        defaults: the outermost level first.
        module: short name.
        parameters: its parameter class, which knows the other names of a parameter.
    """
    mine = [one.parameters for one in defaults if one.module == module]
    if not mine:
        return arguments
    same: dict[str, str] = {}
    for one in parameters_of(parameters):
        same.update(dict.fromkeys((one.name, *one.aliases), one.name))
    return _over([mine[-1], arguments], same)


def _over(levels: Sequence[Mapping[str, Any]], same: Mapping[str, str]) -> YamlMapping:
    result = YamlMapping()
    for level in levels:
        for key, value in level.items():
            # another name of the same parameter is no second one
            for other in [one for one in result if same.get(one, one) == same.get(key, key)]:
                del result[other]
            result[key] = value
            if isinstance(level, YamlMapping):
                result.origin = level.origin
                if key in level.key_origins:
                    result.key_origins[key] = level.key_origins[key]
                if key in level.value_origins:
                    result.value_origins[key] = level.value_origins[key]
    return result
