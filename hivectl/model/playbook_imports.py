"""`import_playbook`: the plays of another playbook, with variables, a condition and tags for all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hivectl.model.keywords import ImportKeywords
from hivectl.model.origin import Origin
from hivectl.model.paths import is_there, user_path
from hivectl.model.playbook_levels import conditions, texts
from hivectl.model.records import record
from hivectl.model.suggestions import nearest
from hivectl.model.templates import is_template
from hivectl.model.yaml import YamlList, YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hivectl.model.playbook_reader import Reader

IMPORTS = ("import_playbook", "ansible.builtin.import_playbook")


@record(kw_only=True)
class Around:
    """What the imports around a play hand down to it.

    Attributes:
        folder: of the playbook that the play is in.
        files: the playbooks around, outermost first.
    """

    folder: Path
    files: tuple[Path, ...]
    when: tuple[Any, ...] = ()
    tags: frozenset[str] = frozenset()
    variables: tuple[Mapping[str, Any], ...] = ()


def imported(reader: Reader, raw: YamlMapping, key: str, around: Around) -> tuple[YamlList, Around] | None:
    """Return the plays that an import stands for, and what is handed down to them; None after a complaint."""
    plain = YamlMapping(
        ((one if one != key else "import_playbook", value) for one, value in raw.items()), origin=raw.origin
    )
    plain.key_origins, plain.value_origins = raw.key_origins, raw.value_origins
    if not reader.keywords(plain, ImportKeywords, "`import_playbook`"):
        return None
    path = _found(reader, raw[key], origin_of(raw, key) or raw.origin, around)
    if path is None:
        return None
    document = reader.load(path)
    if document is None:
        return None
    if not isinstance(document, YamlList):
        reader.complain("a playbook is a list of plays", Origin(str(path), 1, 1), "`- hosts: all`")
        return None
    when = raw.get("when")
    return document, replace(
        around,
        folder=path.parent,
        files=(*around.files, path),
        when=around.when + (() if when is None else tuple(conditions(when, origin_of(raw, "when")))),
        tags=around.tags | frozenset(texts(raw.get("tags"))),
        # what is imported from further out wins
        variables=((raw["vars"],) if raw.get("vars") else ()) + around.variables,
    )


def _found(reader: Reader, name: Any, origin: Origin, around: Around) -> Path | None:
    """Return the playbook that an import names; None after a complaint."""
    if not isinstance(name, str) or not name or is_template(name):
        reader.complain("`import_playbook` names a file, without a template", origin, "write `other.yml`")
        return None
    given = user_path(name)
    path = (given if given.is_absolute() else around.folder / given).resolve()
    if not (is_there(path) and path.is_file()):
        there = [one.name for one in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        best = nearest(path.name, sorted(there))
        hint = f"did you mean `{given.parent / best}`?" if best else "it counts from this playbook"
        reader.complain(f"there is no playbook {path}", origin, hint)
        return None
    if path in around.files:
        circle = " -> ".join(one.name for one in (*around.files[around.files.index(path) :], path))
        reader.complain(f"these playbooks import each other: {circle}", origin, "leave one import out")
        return None
    return path
