"""What includes stand for: known before the run, or read as it goes on; made once for all nodes of a run."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import Complaints, InputError
from hivectl.model.playbook import Block, Entry, Handler, Include, Role, RoleTasks, Task, flatten
from hivectl.model.playbook_files import find_tasks_file
from hivectl.model.playbook_includes import role_inside, role_wish, tasks_inside
from hivectl.model.playbook_reader import Reader
from hivectl.model.records import record
from hivectl.model.yaml import YamlMapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from hivectl.engine.steps import Iteration
    from hivectl.model.errors import HivectlError
    from hivectl.model.playbook import Playbook
    from hivectl.model.playbook_reader import ModuleShape

# files that include one another: this many deep is taken for without end
DEEPEST = 50


@record
class Expanded:
    """What one include takes in for one item.

    Attributes:
        number: tells it from others, where its tasks were not known before; None: the plan has them.
        imported: roles that its tasks import, whose variables all that follows sees.
    """

    entries: tuple[Entry, ...]
    handlers: tuple[Handler, ...] = ()
    role: Role | None = None
    number: int | None = None
    imported: tuple[Role, ...] = ()


class Expansions:
    """The includes of one run.

    Args:
        playbook: the run's.
        tasks: of the plan; what is read as the run goes on is added.
        find_module: returns a module by the name in the playbook, or None.
        module_names: all names, for suggestions.
        check: finds what is wrong with tasks that are new to the run.
        learn: is shown all that is read, for the secrets in it.
    """

    def __init__(
        self,
        playbook: Playbook,
        tasks: dict[int, Task],
        *,
        find_module: Callable[[str], ModuleShape | None],
        module_names: Callable[[], Iterable[str]],
        check: Callable[[Sequence[Task]], list[HivectlError]],
        learn: Callable[[Any], None],
    ) -> None:
        self._playbook = playbook
        self._tasks = tasks
        self._find_module = find_module
        self._module_names = module_names
        self._check = check
        self._learn = learn
        self._next = max(tasks, default=0)
        self._made: dict[tuple[int, int, str], Expanded] = {}

    def of(self, include: Include, iteration: Iteration, *, looped: bool) -> Expanded:
        """Return what an include takes in for one item of its loop.

        Raises:
            Complaints, InputError: the file or role is not there, or something in it is wrong.
        """
        if include.body is not None and not looped:
            return Expanded(include.body, include.handlers, include.role)
        target = _target(iteration.parameters)
        key = (include.task.number, iteration.index, target)
        if key not in self._made:
            self._made[key] = self._make(include, iteration)
        return self._made[key]

    def _make(self, include: Include, iteration: Iteration) -> Expanded:
        prefix = (*include.task.order, iteration.index)
        body, handlers, role = include.body, include.handlers, include.role
        imported: tuple[Role, ...] = ()
        if body is None:
            if len(include.level.files) > DEEPEST:
                names = " -> ".join(path.name for path in include.level.files[-3:])
                raise InputError(
                    f"files include each other {DEEPEST} deep: … {names}",
                    origin=include.task.origin,
                    hint="a file that includes itself needs a `when` that ends it",
                )
            body, handlers, role, imported, mark = self._read(include, iteration.parameters)
            prefix = (*prefix, mark)
        entries = tuple(self._clone(one, prefix) for one in body)
        handlers = tuple(self._clone_handler(one, prefix) for one in handlers)
        self._next += 1
        new = [*flatten(entries), *flatten(handlers)]
        if include.body is None:
            if errors := self._check(new):
                raise Complaints(errors)
            self._learn([part for task in new for part in (task.arguments, *task.variables)])
            if role is not None:
                self._learn([role.defaults, role.variables])
            self._learn([part for one in imported for part in (one.defaults, one.variables)])
        self._tasks.update({task.number: task for task in new})
        return Expanded(entries, handlers, role, self._next, imported)

    def _read(
        self, include: Include, parameters: Any
    ) -> tuple[tuple[Entry, ...], tuple[Handler, ...], Role | None, tuple[Role, ...], int]:
        reader = Reader(self._playbook.path, self._find_module, self._module_names, self._playbook.allowed)
        task = include.task
        found: tuple[tuple[Entry, ...], Role | None, tuple[Handler, ...]] = ((), None, ())
        if task.module == "include_tasks":
            path = find_tasks_file(reader, parameters.file, include.level, task.origin)
            if path is not None:
                found = (tasks_inside(reader, include.level, path), None, ())
        else:
            wish = role_wish(reader, task.module, _written(parameters, task), task)
            if wish is not None:
                found = role_inside(reader, include, wish, again=True) or found
        if reader.errors:
            raise Complaints(reader.errors)
        handlers = (*found[2], *reader.handlers)
        return found[0], handlers, found[1], tuple(reader.roles), self._mark(reader.files)

    def _mark(self, files: Mapping[Path, Any]) -> int:
        """Return a number for files and what is in them, so that a resumed run takes no other tasks for these."""
        mark = 0
        for path in files:
            mark = zlib.crc32(path.name.encode() + path.read_bytes(), mark)
        return mark

    def _clone(self, entry: Entry, prefix: tuple[int, ...]) -> Entry:
        """Return an entry as its own: the same tasks may be taken in several times."""

        def inside(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
            return tuple(self._clone(one, prefix) for one in entries)

        if isinstance(entry, Task):
            self._next += 1
            return replace(entry, number=self._next, order=(*prefix, *entry.order))
        if isinstance(entry, Block):
            return replace(
                entry, body=inside(entry.body), rescue=inside(entry.rescue), always=inside(entry.always)
            )
        if isinstance(entry, RoleTasks):
            return replace(entry, body=inside(entry.body))
        return self._clone_include(entry, prefix)

    def _clone_include(self, entry: Include, prefix: tuple[int, ...]) -> Include:
        task = self._clone(entry.task, prefix)
        assert isinstance(task, Task)
        return replace(
            entry,
            task=task,
            body=None if entry.body is None else tuple(self._clone(one, prefix) for one in entry.body),
            handlers=tuple(self._clone_handler(one, prefix) for one in entry.handlers),
        )

    def _clone_handler(self, entry: Handler, prefix: tuple[int, ...]) -> Handler:
        if isinstance(entry, Include):
            return self._clone_include(entry, prefix)
        task = self._clone(entry, prefix)
        assert isinstance(task, Task)
        return task


def _target(parameters: Any) -> str:
    if hasattr(parameters, "file"):
        return str(parameters.file)
    parts = (
        parameters.name,
        parameters.tasks_from,
        parameters.vars_from,
        parameters.defaults_from,
        parameters.handlers_from,
    )
    return "\0".join(str(part) for part in parts)


def _written(parameters: Any, task: Task) -> YamlMapping:
    """Return what an include_role asks for, rendered, as its mapping would be written."""
    names = (
        *("name", "tasks_from", "vars_from", "defaults_from", "handlers_from"),
        *("public", "allow_duplicates", "rolespec_validate"),
    )
    values = YamlMapping({name: getattr(parameters, name) for name in names}, origin=task.origin)
    if isinstance(task.arguments, YamlMapping):
        values.value_origins = task.arguments.value_origins
    return values
