"""Tasks that their nodes can certainly not do: a service on a MicroPython board, a REPL's code on a Linux node.

Only what is certain is refused before a run: conditions, rescues and the like may have provided for it, and then the
node says at its turn what it lacks.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import Capability
from hivectl.drivers.errors import CapabilityError
from hivectl.drivers.registry import find_driver
from hivectl.model.errors import InputError
from hivectl.model.playbook import Block, RoleTasks, Task
from hivectl.model.templates import is_template
from hivectl.modules.registry import find_module

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from hivectl.engine.plan import PlannedPlay, Tags
    from hivectl.model.errors import HivectlError
    from hivectl.model.inventory import Inventory
    from hivectl.model.playbook import Entry
    from hivectl.modules.base import Module

# what a board has in place of a Linux node's
INSTEAD = {
    "apt": "`mip` installs MicroPython packages",
    "command": "`repl` runs MicroPython code, `script` a file of it",
    "cron": "`program` runs something long, which may wait for its time",
    "get_url": "`copy` sends a file of this machine, `mip` fetches packages",
    "git": "`sync` sends a folder of this machine",
    "hostname": "`copy` sends a file of settings",
    "package": "`mip` installs MicroPython packages",
    "pip": "`mip` installs MicroPython packages",
    "raw": "`repl` runs MicroPython code",
    "reboot": "`reset` starts a board anew",
    "service": "`program` runs something long, and starts it at boot",
    "shell": "`repl` runs MicroPython code, `script` a file of it",
    "systemd_service": "`program` runs something long, and starts it at boot",
    "tempfile": "`copy` to a path of your own",
    "unarchive": "`sync` sends a folder of this machine",
    "wait_for": "`repl` with `until` asks the board itself, `wait_for_connection` waits for it",
}
# what a Linux node has in place of a board's
ON_LINUX = {
    "mip": "`pip` installs Python packages",
    "repl": "`command` or `script` runs a program",
    "reset": "`reboot` starts it anew",
}
# these work on files, and not on those of a board
NO_FILES = frozenset({"get_url", "tempfile", "unarchive"})
ATTRIBUTES = ("mode", "owner", "group")
# modules whose files get a mode and owners
WRITING = frozenset({"assemble", "blockinfile", "copy", "file", "lineinfile", "replace", "sync", "template"})
# with these nobody can tell whether the task is done there, or whether its failure counts
UNCERTAIN = ("delegate_to", "connection", "ignore_errors", "ignore_unreachable", "run_once")
# of `meta`: what ends nobody's play
STAYING = frozenset({"noop", "flush_handlers", "refresh_inventory", "reset_connection", "clear_facts"})
NAMED = 3


def unfit_tasks(plays: Iterable[PlannedPlay], inventory: Inventory, tags: Tags) -> list[InputError]:
    """Find what some of the nodes that it is for can certainly not do.

    Args:
        plays: with their nodes.
        inventory: says how these are reached.
        tags: which tasks are wanted.
    """

    @cache
    def offered(drivers: tuple[str, ...]) -> tuple[frozenset[Capability], ...]:
        return tuple(find_driver(name).capabilities for name in drivers)

    errors: list[InputError] = []
    for planned in plays:
        kinds: dict[tuple[str, ...], list[str]] = {}
        for name in planned.nodes:
            if (node := inventory.nodes.get(name)) is not None:
                kinds.setdefault(tuple(one.driver for one in node.connections), []).append(name)
        known = {drivers: offered(drivers) for drivers in kinds if drivers}
        for task in certain_tasks(planned.play.sections):
            if not tags.wants(task):
                continue
            if task.module == "pip" and (bare := _without_python(planned.nodes, inventory)):
                errors.append(_no_pip(task, bare))
            if task.module == "power" and (dark := _without_power(planned.nodes, inventory)):
                errors.append(_no_power(task, dark))
            if task.module == "flash":
                errors += _no_flash(task, planned.nodes, inventory)
            for drivers, ways in known.items():
                fault = _fault(task, find_module(task.module), ways)
                if fault is not None:
                    errors.append(_error(task, fault, kinds[drivers], drivers))
    return errors


def _without_python(names: Iterable[str], inventory: Inventory) -> list[str]:
    """Return the nodes whose Python is never used, because the inventory says so."""
    nodes = [inventory.nodes[name] for name in names if name in inventory.nodes]
    return [
        node.name
        for node in nodes
        if node.connections and all(one.attributes.get("python") == "none" for one in node.connections)
    ]


def _no_pip(task: Task, nodes: Sequence[str]) -> InputError:
    return InputError(
        f"{_named(nodes)}: `pip` needs Python on the node, and the inventory says `python: none`",
        origin=task.origin,
        hint="take `python: none` out where the node has python3, or install packages by `package` or `command`",
    )


def _without_power(names: Iterable[str], inventory: Inventory) -> list[str]:
    """Return the nodes whose power nothing switches, as far as the inventory says."""
    return [name for name in names if name in inventory.nodes and inventory.nodes[name].power is None]


def _no_power(task: Task, nodes: Sequence[str]) -> InputError:
    return InputError(
        f"{_named(nodes)}: the inventory does not say how power is switched",
        origin=task.origin,
        hint="write `power: {backend: ...}` at the node; `hivectl drivers` lists the backends",
    )


def _no_flash(task: Task, names: Iterable[str], inventory: Inventory) -> list[InputError]:
    """Return why nodes can certainly not be flashed, those with the same reason together."""
    from hivectl.engine.plugs import why_not

    reasons: dict[tuple[str, str | None], list[str]] = {}
    for name in names:
        if name in inventory.nodes and (error := why_not(inventory, name)) is not None:
            reasons.setdefault((error.message, error.hint), []).append(name)
    return [
        InputError(f"{_named(nodes)} cannot be flashed: {message}", origin=task.origin, hint=hint)
        for (message, hint), nodes in reasons.items()
    ]


def _named(nodes: Sequence[str]) -> str:
    return ", ".join(nodes[:NAMED]) + (f" and {len(nodes) - NAMED} more" if len(nodes) > NAMED else "")


def hinted(error: HivectlError, module: Module[Any]) -> HivectlError:
    """Return an error with what to write instead, where a node cannot do what a module needs."""
    if isinstance(error, CapabilityError) and error.hint is None:
        board = Capability.REPL not in module.capabilities and f"{Capability.REPL}" in error.message
        error.hint = (INSTEAD if board else ON_LINUX).get(module.name)
    return error


def certain_tasks(sections: Iterable[Sequence[Entry]]) -> Generator[Task, None, bool]:
    """Yield tasks that every node of the play comes to, and whose failure nobody has provided for.

    Returns:
        Whether nodes may have left the play by then.
    """
    for section in sections:
        for entry in section:
            left = False
            if isinstance(entry, Task):
                left = entry.module == "meta" and entry.arguments.get("free_form") not in STAYING
                if not _depends(entry):
                    yield entry
            elif isinstance(entry, Block):
                left = yield from certain_tasks(
                    (entry.always,) if entry.rescue else (entry.body, entry.always)
                )
            elif isinstance(entry, RoleTasks):
                left = yield from certain_tasks((entry.body,))
            elif entry.body is None:
                left = True
            elif not _depends(entry.task):
                left = yield from certain_tasks((entry.body,))
            if left:
                return True
    return False


def _depends(task: Task) -> bool:
    if task.when or "failed_when" in task.keywords or any(task.keywords.get(name) for name in UNCERTAIN):
        return True
    loop = task.keywords.get("loop")
    # a loop over nothing does nothing
    return task.has_loop and (not isinstance(loop, list) or not loop)


def _fault(
    task: Task, module: Module[Any], ways: Sequence[frozenset[Capability]]
) -> tuple[str, str | None] | None:
    """Return what is wrong and what helps, where a node with these connections can not do a task."""
    board = all(Capability.REPL in one and Capability.RUN not in one for one in ways)
    needed = [module.capabilities] + ([module.alternative] if module.alternative else [])
    if not any(wanted <= one for wanted in needed for one in ways):
        lacking = ", ".join(sorted(module.capabilities - frozenset[Capability]().union(*ways)))
        instead = INSTEAD if board else ON_LINUX
        return (
            f"cannot do `{task.module}`, which needs {lacking or 'one way that does all of it'}",
            instead.get(task.module),
        )
    if not board:
        return None
    if task.module in NO_FILES:
        return f"cannot do `{task.module}`", INSTEAD[task.module]
    if task.keywords.get("become") is True and module.capabilities:
        return "has no users: `become` has no meaning there", "write `become: false`"
    if task.module in WRITING:
        given = [name for name in ATTRIBUTES if _given(task.arguments, name)]
        if given:
            names = " and ".join(f"`{name}`" for name in given)
            return f"has files without {names}", "leave that out"
    return None


def _given(arguments: Mapping[str, Any], name: str) -> bool:
    value = arguments.get(name)
    return value is not None and not is_template(value)


def _error(
    task: Task, fault: tuple[str, str | None], nodes: Sequence[str], drivers: Sequence[str]
) -> InputError:
    message, instead = fault
    kind = "a board" if len(nodes) == 1 else "boards"
    reached = " and ".join(dict.fromkeys(drivers))
    what = f"{kind} " if _board(drivers) else ""
    without = f"where only some nodes can: `when: ansible_connection != '{drivers[0]}'`"
    return InputError(
        f"{_named(nodes)} ({what}reached by {reached}) {message}",
        origin=task.origin,
        hint="; ".join(part for part in (instead, without) if part),
    )


def _board(drivers: Sequence[str]) -> bool:
    return all(Capability.REPL in find_driver(name).capabilities for name in drivers)
