"""The plan: which tasks are done on which nodes, and what waits for what.

Vertices stand for a task on a group of nodes (one `serial` batch of a play) and are expanded into steps, one for
each node, as they run: 1,000 nodes and 100 tasks are 100 vertices. Along an edge between two vertices of the same
nodes, each node waits only for itself; into or out of a barrier, all wait for all.
"""

from __future__ import annotations

import random
from dataclasses import field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from hivectl.engine.fitting import unfit_tasks
from hivectl.engine.graph import CycleFoundError, Graph
from hivectl.engine.local_files import missing_files
from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.playbook import flatten
from hivectl.model.records import record
from hivectl.model.selectors import select
from hivectl.model.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from hivectl.model.inventory import Inventory
    from hivectl.model.playbook import Play, Playbook, Task

LOCALHOST = "localhost"


class Vertex(NamedTuple):
    """A task, by its number, in one batch of its play."""

    task: int
    batch: int


@record
class Tags:
    """Which tasks are wanted: `--tags` and `--skip-tags`, with Ansible's always, never, tagged, untagged and all.

    Attributes:
        start: the place of `--start-at-task`.
    """

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    start: tuple[int, ...] = ()

    def wants(self, task: Task) -> bool:
        """Tell whether a task is wanted."""
        if task.order < self.start:
            return False
        tags = task.tags or frozenset({"untagged"})
        only = self.only or frozenset({"all"})
        if self._skips(task, tags):
            return False
        if "always" in tags or only & tags:
            return True
        return "never" not in tags and ("all" in only or ("tagged" in only and bool(task.tags)))

    def _skips(self, task: Task, tags: frozenset[str]) -> bool:
        if "all" in self.skip:
            return "always" not in tags or "always" in self.skip
        return bool(self.skip & tags) or ("tagged" in self.skip and bool(task.tags))


@record(kw_only=True)
class PlannedPlay:
    """A play with its nodes.

    Attributes:
        batches: the nodes, split as `serial` asks.
    """

    play: Play
    nodes: tuple[str, ...]
    batches: tuple[tuple[str, ...], ...]


@record(kw_only=True)
class Plan:
    """What a run will do.

    Attributes:
        graph: of vertices.
        tasks: number -> task, those that tags leave out included.
        nodes: every node that it touches, delegates by name included.
    """

    playbook: Playbook
    plays: tuple[PlannedPlay, ...]
    graph: Graph[Vertex]
    tasks: dict[int, Task]
    nodes: tuple[str, ...]
    tags: Tags
    steps: int = 0
    group_of: Mapping[Vertex, tuple[str, ...]] = field(default_factory=dict)

    def nodes_of(self, task: Task) -> tuple[str, ...]:
        """Return the nodes that have a task: none where tags leave it out."""
        return tuple(
            node for vertex, nodes in self.group_of.items() if vertex.task == task.number for node in nodes
        )


def build_plan(
    playbook: Playbook,
    inventory: Inventory,
    *,
    limit: str | None = None,
    tags: Tags | None = None,
    free: Callable[[], Collection[str]] | None = None,
    seed: str = "",
    sources: bool = False,
) -> Plan:
    """Select the nodes and build the graph.

    Args:
        playbook: as loaded.
        inventory: the lab's.
        limit: a selector that every play is cut down to.
        tags: which tasks are wanted.
        free: returns the nodes that nobody holds, for the selector `free`.
        seed: of `order: shuffle`: a run that is resumed has the order it began with.
        sources: whether files of this machine are looked for that tasks are going to need.

    Raises:
        Complaints: unknown nodes, ids or limits, and cycles, all at once.
    """
    if limit is not None and not limit.strip():
        raise InputError(
            "the limit is empty: that would mean no node",
            hint="is a shell variable unset? leave --limit out for all nodes",
        )
    tags = tags or Tags()
    errors: list[HivectlError] = []
    allowed = frozenset(_select(limit, inventory, free, errors)) if limit else None
    plays = []
    for play in playbook.plays:
        nodes = _select(play.hosts, inventory, free, errors, play)
        if allowed is not None:
            nodes = tuple(node for node in nodes if node in allowed)
        nodes = ordered(nodes, play.order, seed=seed)
        plays.append(PlannedPlay(play=play, nodes=nodes, batches=split(nodes, play.serial)))
    tasks = {task.number: task for task in playbook.tasks()}
    errors += unknown_limits(tasks.values(), inventory.limits)
    errors += wrong_ids(tasks)
    errors += unfit_tasks(plays, inventory, tags)
    if sources:
        errors += missing_files(plays, inventory, tags, playbook.path.resolve().parent)
    graph, group_of = _graph(plays, tasks, tags)
    errors += _cycle(graph, tasks)
    if errors:
        raise Complaints(errors)
    return Plan(
        playbook=playbook,
        plays=tuple(plays),
        graph=graph,
        tasks=tasks,
        nodes=_touched(plays, tasks, inventory),
        tags=tags,
        steps=sum(len(group) for group in group_of.values()),
        group_of=group_of,
    )


def start_of(playbook: Playbook, name: str | None) -> tuple[int, ...]:
    """Return the place of the first task of a name, `role : name`, or a glob of them.

    Raises:
        InputError: no task has it; those of includes, which may be done several times, do not count.
    """
    if name is None:
        return ()
    names: list[str] = []
    for play in playbook.plays:
        for section in play.sections:
            for task in flatten(section, into_includes=False):
                if any(one == name or fnmatchcase(one, name) for one in (task.name, task.title)):
                    return task.order
                names += (task.name, task.title)
    best = nearest(name, names)
    hint = f"did you mean `{best}`?" if best else "`--list-tasks` shows them"
    raise InputError(f"no task to begin with is called `{name}`", hint=hint)


def split(nodes: tuple[str, ...], serial: tuple[int | str, ...]) -> tuple[tuple[str, ...], ...]:
    """Split nodes into batches as `serial` asks; the last size is used again until none are left."""
    if not serial or not nodes:
        return (nodes,) if nodes else ()
    batches = []
    start, turn = 0, 0
    while start < len(nodes):
        size = serial[min(turn, len(serial) - 1)]
        # a percentage is rounded down, but never to nothing, as Ansible does
        count = size if isinstance(size, int) else max(1, len(nodes) * int(size[:-1]) // 100)
        batches.append(nodes[start : start + count])
        start += count
        turn += 1
    return tuple(batches)


def ordered(nodes: tuple[str, ...], order: str, *, seed: str = "") -> tuple[str, ...]:
    """Return nodes in the order that a play asks for."""
    if order in ("sorted", "reverse_sorted"):
        return tuple(sorted(nodes, reverse=order == "reverse_sorted"))
    if order == "reverse_inventory":
        return nodes[::-1]
    if order == "shuffle":
        shuffled = list(nodes)
        random.Random(seed).shuffle(shuffled)  # noqa: S311  # no secret hangs on it
        return tuple(shuffled)
    return nodes


def _select(
    selector: str,
    inventory: Inventory,
    free: Callable[[], Collection[str]] | None,
    errors: list[HivectlError],
    play: Play | None = None,
) -> tuple[str, ...]:
    if selector == LOCALHOST and LOCALHOST not in inventory.nodes:
        return (LOCALHOST,)
    try:
        return select(
            selector, inventory, free=free, origin=play.places.get("hosts", play.origin) if play else None
        )
    except InputError as error:
        errors.append(error)
        return ()


def unknown_limits(tasks: Iterable[Task], limits: Mapping[str, int]) -> list[HivectlError]:
    """Find tasks that use limits which there are not, or too much of one."""
    errors: list[HivectlError] = []
    for task in tasks:
        for name, amount in task.uses.items():
            if name not in limits:
                best = nearest(name, limits)
                hint = f"did you mean `{best}`?" if best else "name it under `limits:` in the inventory"
                errors.append(InputError(f"there is no limit `{name}`", origin=task.origin, hint=hint))
            elif amount > limits[name]:
                message = f"this task uses {amount} of `{name}`, of which there are {limits[name]}"
                errors.append(InputError(message, origin=task.origin))
    return errors


def _graph(
    plays: list[PlannedPlay], tasks: Mapping[int, Task], tags: Tags
) -> tuple[Graph[Vertex], dict[Vertex, tuple[str, ...]]]:
    graph: Graph[Vertex] = Graph()
    group_of: dict[Vertex, tuple[str, ...]] = {}
    play_of = {task.number: planned.play.number for planned in plays for task in planned.play.tasks()}
    last: Vertex | None = None
    last_batch: dict[int, int] = {}
    for planned in plays:
        wanted = [task for section in planned.play.sections for task in flatten(section, tags.wants)]
        for number, nodes in enumerate(planned.batches, 1):
            for task in wanted:
                vertex = Vertex(task.number, number)
                graph.add(vertex)
                group_of[vertex] = nodes
                if last is not None:
                    graph.connect(last, vertex)
                last = vertex
                last_batch[task.number] = number
    by_id = {task.id: task.number for task in tasks.values() if task.id}
    for vertex in tuple(graph):
        for needed in tasks[vertex.task].needs:
            first = by_id.get(needed)
            if first is None or first not in last_batch:
                continue
            # within one play a node's step needs that node's step, which is in the same batch; of another play, the
            # last batch stands for all: it waits for those before it
            same = play_of[first] == play_of[vertex.task]
            graph.connect(Vertex(first, vertex.batch if same else last_batch[first]), vertex)
    return graph, group_of


def wrong_ids(tasks: Mapping[int, Task]) -> list[HivectlError]:
    """Find ids that are given twice, and needs of ids that there are not."""
    errors: list[HivectlError] = []
    ids: dict[str, Task] = {}
    for task in tasks.values():
        if task.id and task.id in ids:
            message = f"the id `{task.id}` is given twice, first at {ids[task.id].origin}"
            errors.append(
                InputError(message, origin=task.origin, hint="`needs` must know which one is meant")
            )
        elif task.id:
            ids[task.id] = task
    for task in tasks.values():
        for needed in task.needs:
            if needed not in ids:
                best = nearest(needed, ids)
                hint = f"did you mean `{best}`?" if best else "give the task that is meant an `id:`"
                errors.append(InputError(f"no task has the id `{needed}`", origin=task.origin, hint=hint))
    return errors


def _cycle(graph: Graph[Vertex], tasks: Mapping[int, Task]) -> list[HivectlError]:
    try:
        graph.order()
    except CycleFoundError as error:
        names = []
        for vertex in error.vertices:
            task = tasks[vertex.task]
            names.append(f"`{task.name}` ({task.origin.line}:{task.origin.column})")
        # the task with `needs:` is the one to change
        culprit = next(
            (tasks[vertex.task] for vertex in error.vertices if tasks[vertex.task].needs),
            tasks[error.vertices[0].task],
        )
        shown = names if len(names) <= 6 else [*names[:3], "…", *names[-2:]]
        return [
            InputError(
                f"these tasks wait for each other: {' -> '.join(shown)}",
                origin=culprit.origin,
                hint="a task cannot need one that comes after it",
            )
        ]
    return []


def _touched(plays: list[PlannedPlay], tasks: Mapping[int, Task], inventory: Inventory) -> tuple[str, ...]:
    touched = dict.fromkeys(node for planned in plays for node in planned.nodes)
    for task in tasks.values():
        delegate = task.keywords.get("delegate_to")
        if isinstance(delegate, str) and delegate in inventory.nodes and touched:
            touched[delegate] = None
    return tuple(touched)
