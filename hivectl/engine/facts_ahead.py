"""Which groups of facts a play is going to use, as far as its text tells: they are asked for in one turn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hivectl.helper.facts_index import FACT_NAMES
from hivectl.model.lookups.search import places
from hivectl.model.templates import is_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from hivectl.engine.group import Group
    from hivectl.model.inventory import Inventory
    from hivectl.model.playbook import Play, Role, Task

# `ansible_hostname`, `ansible_facts.hostname`, `ansible_facts['hostname']`
_FACT = re.compile(r"""\bansible_(?:facts\s*(?:\.\s*|\[\s*['"]))?(?:ansible_)?([a-z0-9_]+)""")
LARGEST = 100_000  # bytes of a template file; what is larger costs more than it may save
MOST = 100  # files of one folder, likewise


class FactsAhead:
    """What the plays of one run use, found when the first of a play's facts is asked for, once for all nodes.

    A fact too many costs a node some milliseconds, one too few a further turn: names in texts are enough.

    Args:
        inventory: whose variables may be made of facts.
        folder: the playbook's.
    """

    def __init__(self, inventory: Inventory, folder: Path) -> None:
        self._inventory = inventory
        self._folder = folder
        self._plays: dict[int, frozenset[str]] = {}
        self._taken_in: dict[int, frozenset[str]] = {}

    def with_those_ahead(
        self, needed: tuple[str, ...], group: Group, known: Iterable[str]
    ) -> tuple[str, ...]:
        """Return the groups to ask for when some are needed.

        Args:
            needed: these surely.
            group: what the play has taken in counts, too.
            known: need not be asked for again.
        """
        play = group.play
        if play.number not in self._plays:
            self._plays[play.number] = self._of_play(play)
        found = set(self._plays[play.number])
        for number, tasks in group.taken_in.items():
            if number not in self._taken_in:
                self._taken_in[number] = groups_in(_texts_of_tasks(tasks, self._folder))
            found |= self._taken_in[number]
        return (*needed, *sorted(found - {*needed, *known}))

    def _of_play(self, play: Play) -> frozenset[str]:
        tasks = [*play.tasks(), *play.handler_tasks()]
        variables = [self._inventory.variables, play.variables]
        variables += [hive.variables for hive in self._inventory.hives.values()]
        texts = [text for values in variables for text in _texts(values)]
        return groups_in([*texts, *_texts_of_tasks(tasks, self._folder, play.roles)])


def groups_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the groups of the facts that are named in texts."""
    names = {f"ansible_{name}" for text in texts if "ansible_" in text for name in _FACT.findall(text)}
    return frozenset(FACT_NAMES[name] for name in names if name in FACT_NAMES)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(name)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _texts_of_tasks(tasks: Iterable[Task], folder: Path, roles: Iterable[Role] = ()) -> Iterator[str]:
    seen: dict[int, Role] = {id(role): role for role in roles}
    levels: dict[int, Mapping[str, Any]] = {}
    for task in tasks:
        yield from _texts([task.arguments, task.keywords, list(task.environment), task.given])
        yield from (str(getattr(condition, "text", "")) for condition in task.when)
        levels.update((id(values), values) for values in task.variables)
        if task.role is not None:
            seen.setdefault(id(task.role), task.role)
        if task.module == "template":
            yield from _template_texts(task, folder)
    for values in levels.values():
        yield from _texts(values)
    for role in seen.values():
        yield from _texts([role.defaults, role.variables, role.parameters])


def _template_texts(task: Task, folder: Path) -> Iterator[str]:
    name = task.arguments.get("src")
    if not isinstance(name, str):
        return
    folders = task.folders or (folder,)
    if is_template(name):
        # any of those beside it
        found = [path for one in folders[:1] for path in sorted((one / "templates").glob("*"))[:MOST]]
    else:
        found = places(name, folders, "templates")
    for path in found:
        try:
            if path.is_file() and path.stat().st_size <= LARGEST:
                yield path.read_text("utf-8", "replace")
                if not is_template(name):
                    return
        except OSError:  # told when it is used
            continue
