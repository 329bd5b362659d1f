"""Playbooks: plays, tasks and blocks as frozen data, with what blocks and plays hand down already applied."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias

from hivectl.model.permissions import EVERYTHING, Permission
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from hivectl.model.module_defaults import ModuleDefaults
    from hivectl.model.origin import Origin
    from hivectl.model.prompts import Prompt


@record(kw_only=True, eq=False)
class Role:
    """A role where it is used: by a play, by an import or include, or by a role that depends on it.

    Attributes:
        path: its folder.
        own_defaults, own_variables: of its own files alone.
        call_variables: `vars:` where it is used.
        parameters: other keys where it is used, and those of the roles that it is used by.
        parents: the roles that it is used by, outermost first.
        including: those of them whose tasks import or include it, or what depends on it: no dependants.
        defaults, variables: with those of its parents and dependencies, as its tasks see them.
        exported_defaults, exported_variables: what the rest of the play sees.
    """

    name: str
    path: Path
    origin: Origin
    own_defaults: Mapping[str, Any] = field(default_factory=dict)
    own_variables: Mapping[str, Any] = field(default_factory=dict)
    call_variables: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[Role, ...] = ()
    including: tuple[Role, ...] = ()
    dependencies: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    exported_defaults: Mapping[str, Any] = field(default_factory=dict)
    exported_variables: Mapping[str, Any] = field(default_factory=dict)
    allow_duplicates: bool = False

    def names(self) -> Iterator[str]:
        """Yield the variables that its tasks see through it."""
        yield from self.defaults
        yield from self.variables
        yield from self.parameters


@record(kw_only=True)
class Task:
    """One task; values may still be templates.

    Attributes:
        number: names it within a run.
        order: its place: the number in the playbook, from 1; inside of what is included as the run goes on, the
            place of the include, the loop item, the file, and the number there. Names it in the journal.
        named: its name is written, not made of what it does.
        module: short name (`copy`).
        arguments: as written, free form already under its parameter's name.
        when: conditions of the enclosing blocks first.
        variables: of the enclosing blocks first, its own last.
        environment: likewise.
        keywords: every other keyword that applies, innermost value.
        role: the role that it belongs to.
        folders: where its files are looked for, first of all.
        given: variables that includes around it give, as they are written.
    """

    number: int
    order: tuple[int, ...] = ()
    name: str
    named: bool = True
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
    handler: bool = False
    role: Role | None = None
    folders: tuple[Path, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name in the journal."""
        order = self.order
        return str(order[0]) if len(order) == 1 else ":".join(map(str, order))

    @property
    def title(self) -> str:
        """Its name with that of its role, as Ansible writes it."""
        return self.name if self.role is None else f"{self.role.name} : {self.name}"

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


@record(kw_only=True)
class Include:
    """Tasks of a file or role that are taken in as the run goes on: `include_tasks`, `include_role`.

    Attributes:
        task: the include itself: its conditions, its loop, its tags.
        body: what is taken in, where that is known before; None: it hangs on variables.
        variables: its own `vars`, which what is taken in sees.
        level: what the loader hands down to what is taken in.
        role: the role that is taken in, where that is known before.
        handlers: those of that role.
    """

    task: Task
    body: tuple[Entry, ...] | None
    variables: Mapping[str, Any] = field(default_factory=dict)
    level: Any = None
    role: Role | None = None
    handlers: tuple[Handler, ...] = ()


@record(kw_only=True)
class RoleTasks:
    """A role's tasks, behind those of the roles that it depends on.

    Attributes:
        key: what all uses of a role with the same parameters have in common.
        again: it is done although another of these uses has been.
    """

    key: str
    body: tuple[Entry, ...]
    again: bool = False


Entry: TypeAlias = "Task | Block | Include | RoleTasks"
Handler: TypeAlias = "Task | Include"


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
        listed: what `hosts` lists, where it is a list.
        places: where `hosts` and `serial` are written.
        roles: those whose variables all tasks see.
    """

    number: int
    name: str
    hosts: str
    origin: Origin
    variables: Mapping[str, Any]
    vars_files: tuple[str | tuple[str, ...], ...]
    sections: tuple[tuple[Entry, ...], ...]
    handlers: tuple[Handler, ...] = ()
    roles: tuple[Role, ...] = ()
    serial: tuple[int | str, ...] = ()
    linear: bool = False
    gather_facts: bool | None = None
    gather_subset: tuple[str, ...] = ()
    fact_path: str | None = None
    order: str = "inventory"
    force_handlers: bool = False
    ignore_unreachable: bool = False
    prompts: tuple[Prompt, ...] = ()
    any_errors_fatal: bool = False
    max_fail_percentage: float | None = None
    reserve: Mapping[str, Any] = field(default_factory=dict)
    listed: tuple[str, ...] = ()
    places: Mapping[str, Origin] = field(default_factory=dict)

    def tasks(self) -> Iterator[Task]:
        """Yield all tasks in file order, those of blocks included, handlers not."""
        for section in self.sections:
            yield from flatten(section)

    def handler_tasks(self) -> Iterator[Task]:
        """Yield the tasks of all handlers, those of roles that are included too."""
        yield from flatten(self.handlers)
        for include in self.includes():
            yield from flatten(include.handlers)

    def includes(self) -> Iterator[Include]:
        """Yield all includes, those of handlers too."""
        for section in (*self.sections, self.handlers):
            yield from includes(section)


@record(kw_only=True)
class Playbook:
    """A playbook.

    Attributes:
        files: every file that was read for it.
        module_defaults: of every level of every file, to be checked.
        allowed: what its tags and templates may do on the controller.
    """

    path: Path
    plays: tuple[Play, ...]
    files: tuple[Path, ...]
    module_defaults: tuple[ModuleDefaults, ...] = ()
    allowed: Permission = EVERYTHING

    def tasks(self) -> Iterator[Task]:
        """Yield all tasks of all plays, handlers behind their play's tasks."""
        for play in self.plays:
            yield from play.tasks()
            yield from play.handler_tasks()


def flatten(
    entries: Iterable[Entry], wanted: Callable[[Task], bool] | None = None, *, into_includes: bool = True
) -> Iterator[Task]:
    """Yield the tasks of entries, those of blocks and known includes too, in file order; of those that are wanted."""
    for entry in entries:
        if isinstance(entry, Task):
            if wanted is None or wanted(entry):
                yield entry
        elif isinstance(entry, Include):
            # what is not included is not there, whatever it would be itself
            if wanted is None or wanted(entry.task):
                yield entry.task
                if into_includes:
                    yield from flatten(entry.body or (), wanted)
        else:
            sections = (entry.body,) if isinstance(entry, RoleTasks) else entry.sections
            for section in sections:
                yield from flatten(section, wanted, into_includes=into_includes)


def includes(entries: Iterable[Entry]) -> Iterator[Include]:
    """Yield the includes among entries, those inside of others too."""
    for entry in entries:
        if isinstance(entry, Include):
            yield entry
            yield from includes(entry.body or ())
        elif isinstance(entry, RoleTasks):
            yield from includes(entry.body)
        elif isinstance(entry, Block):
            for section in entry.sections:
                yield from includes(section)


def own_task(handler: Handler) -> Task:
    """Return the task that gives a handler its name."""
    return handler if isinstance(handler, Task) else handler.task


def after(order: tuple[int, ...]) -> tuple[int, ...]:
    """Return the place right behind a task and all that is inside of it."""
    return (*order[:-1], order[-1] + 1)
