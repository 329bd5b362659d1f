"""Playbooks: plays, tasks and blocks as frozen data, with what blocks and plays hand down already applied."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hivectl.model.module_defaults import ModuleDefaults
    from hivectl.model.origin import Origin
    from hivectl.model.prompts import Prompt


@record(kw_only=True)
class Task:
    """One task; values may still be templates.

    Attributes:
        number: its place in the playbook, from 1; names it in the journal.
        module: short name (`copy`).
        arguments: as written, free form already under its parameter's name.
        when: conditions of the enclosing blocks first.
        variables: of the enclosing blocks first, its own last.
        environment: likewise.
        keywords: every other keyword that applies, innermost value.
    """

    number: int
    name: str
    module: str
    arguments: Mapping[str, Any]
    origin: Origin
    when: tuple[Any, ...] = ()
    variables: tuple[Mapping[str, Any], ...] = ()
    environment: tuple[Any, ...] = ()
    tags: frozenset[str] = frozenset()
    notify: tuple[str, ...] = ()
    listen: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    uses: Mapping[str, int] = field(default_factory=dict)
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str | None:
        """Its name for `needs`."""
        return self.keywords.get("id")

    @property
    def register(self) -> str | None:
        """The variable that takes its result."""
        return self.keywords.get("register")

    @property
    def has_loop(self) -> bool:
        """Whether it is done for each item of a list."""
        return "loop" in self.keywords

    @property
    def run_once(self) -> bool:
        """Whether one node acts for all."""
        return bool(self.keywords.get("run_once"))


@record(kw_only=True)
class Block:
    """Tasks with a rescue or an always section (a block with neither is dissolved into its tasks).

    Attributes:
        first: number of its first task.
    """

    name: str
    origin: Origin
    body: tuple[Entry, ...]
    rescue: tuple[Entry, ...] = ()
    always: tuple[Entry, ...] = ()

    @property
    def sections(self) -> tuple[tuple[Entry, ...], ...]:
        """Body, rescue and always."""
        return (self.body, self.rescue, self.always)


Entry: TypeAlias = "Task | Block"


@record(kw_only=True)
class Play:
    """One play.

    Attributes:
        number: its place in the playbook, from 1.
        sections: pre_tasks, tasks, post_tasks: handlers run after each.
        serial: sizes of batches of nodes, as written: numbers and percentages.
        linear: every task is a barrier.
        vars_files: each a file, or several of which the first that is there is read.
        order: in which nodes are taken.
    """

    number: int
    name: str
    hosts: str
    origin: Origin
    variables: Mapping[str, Any]
    vars_files: tuple[str | tuple[str, ...], ...]
    sections: tuple[tuple[Entry, ...], ...]
    handlers: tuple[Task, ...] = ()
    serial: tuple[int | str, ...] = ()
    linear: bool = False
    gather_facts: bool | None = None
    gather_subset: tuple[str, ...] = ()
    order: str = "inventory"
    force_handlers: bool = False
    ignore_unreachable: bool = False
    prompts: tuple[Prompt, ...] = ()
    any_errors_fatal: bool = False
    max_fail_percentage: float | None = None
    reserve: Mapping[str, Any] = field(default_factory=dict)

    def tasks(self) -> Iterator[Task]:
        """Yield all tasks in file order, those of blocks included, handlers not."""
        for section in self.sections:
            yield from flatten(section)


@record(kw_only=True)
class Playbook:
    """A playbook.

    Attributes:
        files: every file that was read for it.
        module_defaults: of every level of every file, to be checked.
    """

    path: Path
    plays: tuple[Play, ...]
    files: tuple[Path, ...]
    module_defaults: tuple[ModuleDefaults, ...] = ()

    def tasks(self) -> Iterator[Task]:
        """Yield all tasks of all plays, handlers behind their play's tasks."""
        for play in self.plays:
            yield from play.tasks()
            yield from play.handlers


def flatten(entries: tuple[Entry, ...]) -> Iterator[Task]:
    """Yield the tasks of entries, those of blocks included, in file order."""
    for entry in entries:
        if isinstance(entry, Task):
            yield entry
        else:
            for section in entry.sections:
                yield from flatten(section)
