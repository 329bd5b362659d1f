"""The files of a role: `tasks/main.yml` and its like, variables, and what `meta/main.yml` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.origin import Origin
from hivectl.model.records import record
from hivectl.model.suggestions import nearest
from hivectl.model.yaml import YamlList, YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hivectl.model.playbook_reader import Reader

META = ("dependencies", "allow_duplicates", "argument_specs", "galaxy_info", "collections")
ENDINGS = (".yml", ".yaml", ".json", "")
META_ENDINGS = (".yml", ".yaml", ".json")


@record
class Meta:
    """What a role says of itself; dependencies with their places."""

    dependencies: tuple[tuple[Any, Origin], ...] = ()
    allow_duplicates: bool = False
    argument_specs: Any = None


def role_file(
    reader: Reader, role: Path, folder: str, name: str | None, origin: Origin | None
) -> Path | None:
    """Return one of a role's files; None where it has none, or after a complaint when it was asked for by name."""
    for path in _candidates(role / folder, name):
        if path.is_file() and path.resolve().is_relative_to((role / folder).resolve()):
            return path.resolve()
    if name is not None:
        there = sorted(one.stem for one in (role / folder).iterdir()) if (role / folder).is_dir() else []
        best = nearest(name.removesuffix(".yml"), there)
        hint = f"did you mean `{best}`?" if best else f"there is {', '.join(there) or 'nothing'}"
        reader.complain(f"the role {role.name} has no {folder}/{name}", origin, hint)
    return None


def _candidates(folder: Path, name: str | None) -> list[Path]:
    if name is None:
        return [folder / f"main{ending}" for ending in ENDINGS]
    return [folder / f"{name}{ending}" for ending in ("", ".yml", ".yaml", ".json")]


def variables_of(
    reader: Reader, role: Path, folder: str, name: str | None, origin: Origin | None
) -> Mapping[str, Any]:
    """Return the variables of `defaults` or `vars`: of a file, or of all files of a folder `main/`."""
    whole = role / folder / (name or "main")
    if whole.is_dir():
        paths = sorted(path for path in whole.rglob("*") if path.suffix in (".yml", ".yaml", ".json"))
        own = next((path for path in _candidates(role / folder, name) if path.is_file()), None)
        paths = [*paths] if own is None else [own, *paths]
    else:
        path = role_file(reader, role, folder, name, origin)
        paths = [] if path is None else [path]
    return merged(*(_mapping(reader, path) for path in paths))


def _mapping(reader: Reader, path: Path) -> Mapping[str, Any]:
    values = reader.load(path)
    if values is None:
        return {}
    if not isinstance(values, YamlMapping):
        reader.complain(
            "a file of variables is a mapping", Origin(str(path), 1, 1), "write `name: value` lines"
        )
        return {}
    return values


def merged(*parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return variables put together, later ones winning, each with its place."""
    filled = [part for part in parts if part]
    if len(filled) <= 1:
        return filled[0] if filled else {}
    result = YamlMapping()
    for part in filled:
        result.update(part)
        if isinstance(part, YamlMapping):
            result.key_origins.update(part.key_origins)
            result.value_origins.update(part.value_origins)
    return result


def read_meta(reader: Reader, role: Path) -> Meta:
    """Return what a role says of itself."""
    path = role_file(reader, role, "meta", None, None)
    raw = reader.load(path) if path is not None else None
    if raw is None:
        return Meta()
    place = Origin(str(path), 1, 1)
    if not isinstance(raw, YamlMapping):
        reader.complain("what a role says of itself is a mapping", place, "write `dependencies: [other]`")
        return Meta()
    for key in raw:
        if key not in META:
            best = nearest(str(key), META)
            hint = f"did you mean `{best}`?" if best else f"there are {', '.join(META)}"
            reader.complain(f"a role's meta/main.yml has no `{key}`", raw.key_origins.get(key), hint)
    duplicates = raw.get("allow_duplicates", False)
    if not isinstance(duplicates, bool):
        reader.complain("`allow_duplicates` is true or false", origin_of(raw, "allow_duplicates"))
    listed = raw.get("dependencies")
    if listed is not None and not isinstance(listed, YamlList):
        reader.complain("`dependencies` is a list of roles", origin_of(raw, "dependencies"))
        listed = None
    dependencies = tuple(zip(listed, listed.item_origins, strict=True)) if listed else ()
    return Meta(dependencies, duplicates is True, raw.get("argument_specs"))
