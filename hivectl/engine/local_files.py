"""Files of this machine that tasks name and that are not there: told before any node is touched.

Only what is certain is refused: a name without templates, in a task that every node of its play comes to, and before
anything that runs on this machine, or brings files here, and so may make the file.
"""

from __future__ import annotations

import glob
import re
from typing import TYPE_CHECKING

from hivectl.engine.fitting import certain_tasks
from hivectl.model.errors import InputError
from hivectl.model.lookups.search import places
from hivectl.model.paths import is_folder, is_there, user_path
from hivectl.model.suggestions import did_you_mean
from hivectl.model.templates import is_template
from hivectl.model.yaml import origin_of
from hivectl.modules.registry import find_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from hivectl.engine.plan import PlannedPlay, Tags
    from hivectl.model.inventory import Inventory, Node
    from hivectl.model.playbook import Play, Task
    from hivectl.modules.base import Source

# what runs on this machine, or has people do something on it
HERE = frozenset({"fetch", "evaluate", "pause"})
HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
# a lookup that runs a program of this machine
PIPE = re.compile(r"""['"](?:ansible\.builtin\.)?pipe['"]""")


def missing_files(
    plays: Iterable[PlannedPlay], inventory: Inventory, tags: Tags, folder: Path
) -> list[InputError]:
    """Find tasks whose files are certainly not there.

    Args:
        plays: with their nodes.
        inventory: says how these are reached.
        tags: which tasks are wanted.
        folder: the playbook's.
    """
    here = {node.name for node in inventory.nodes.values() if _is_here(node)} | HOSTS
    errors: list[InputError] = []
    for planned in plays:
        if not planned.nodes:
            continue
        first = _first_that_makes(planned.play, planned.nodes, here, inventory)
        for task in certain_tasks(planned.play.sections):
            if first is not None and task.number > first:
                break
            if tags.wants(task):
                errors += _missing(task, task.folders or (folder,))
        if first is not None:
            break
    return errors


def _is_here(node: Node) -> bool:
    """Whether a node may be this machine."""
    return any(
        entry.driver == "local"
        or (entry.virtual is None and entry.attributes.get("host", node.name) in HOSTS)
        for entry in node.connections
    )


def _first_that_makes(play: Play, nodes: Sequence[str], here: set[str], inventory: Inventory) -> int | None:
    """Return the number of a play's first task that may make files here; None: none does."""
    if here.intersection(nodes) or PIPE.search(repr(play.variables)):
        return 0
    # when a handler runs is not known
    if any(_makes(task, here, inventory) for task in play.handler_tasks()):
        return 0
    numbers = [include.task.number for include in play.includes() if include.body is None]
    numbers += [task.number for task in play.tasks() if _makes(task, here, inventory)]
    return min(numbers, default=None)


def _makes(task: Task, here: set[str], inventory: Inventory) -> bool:
    if task.module in HERE:
        return True
    delegate = task.keywords.get("delegate_to")
    if delegate is not None and (delegate in here or delegate not in inventory.nodes):
        return True
    if task.keywords.get("connection") is not None:
        return True
    texts = (task.arguments, task.keywords, task.variables, task.when)
    return PIPE.search(repr(texts)) is not None


def _missing(task: Task, folders: Sequence[Path]) -> Iterator[InputError]:
    sources = find_module(task.module).sources
    if sources is None:
        return
    for source in sources(task.arguments):
        if not is_template(source.name) and (fault := _fault(source, folders)) is not None:
            fault.origin = origin_of(task.arguments, source.parameter) or task.origin
            yield fault


def _fault(source: Source, folders: Sequence[Path]) -> InputError | None:
    """Return what is wrong with a file; None: it is there."""
    tried = places(source.name.rstrip("/") or "/", folders, source.folder)
    found = next((path for path in tried if is_there(path)), None)
    if found is None:
        return _absent(source, tried, folders)
    if source.kind == "folder" and not is_folder(found):
        return InputError(f"{found} is a file, not a folder", hint="write `copy:`")
    if source.kind == "file" and is_folder(found):
        return InputError(f"{found} is a folder, not a file")
    return None


def _absent(source: Source, tried: Sequence[Path], folders: Sequence[Path]) -> InputError | None:
    """Return the complaint of a file that is in none of its places; None: it is a glob, and fits something."""
    if glob.has_magic(source.name):
        pattern = str(user_path(source.name))
        roots = [place for folder in folders for place in (folder / source.folder, folder)]
        names = (name for root in roots for name in glob.iglob(pattern, root_dir=root, recursive=True))  # noqa: PTH207  # patterns from people: `..` and roots too
        if next(names, None) is not None:
            return None
        where = " nor ".join(str(root) for root in roots)
        return InputError(f"no file fits {source.name!r} in {where}")
    what = {"file": "file ", "folder": "folder "}.get(source.kind, "")
    where = " nor ".join(str(path.parent) for path in tried)
    beside = [one.name for path in tried if is_folder(path.parent) for one in path.parent.iterdir()]
    hint = did_you_mean(tried[0].name, beside)
    return InputError(f"there is no {what}{tried[0].name} in {where}", hint=hint)
