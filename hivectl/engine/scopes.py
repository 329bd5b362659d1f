"""Each node's variables during a run: inventory, facts, play, task, what was registered, and the magic ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hivectl.engine.pending import (
    AllFacts,
    FactsNeeded,
    LazyFacts,
    NotKnownYet,
    OtherFactsNeeded,
    OtherNodeNeeded,
    ResultNeeded,
    UnobservedNeeded,
)
from hivectl.engine.plan import LOCALHOST
from hivectl.engine.role_scopes import ROLE_DEFAULTS, exposed_layers, play_magic, role_layers
from hivectl.model.errors import HivectlError, InputError
from hivectl.model.inventory import connection_variables, group_names, node_layers
from hivectl.model.paths import user_path
from hivectl.model.templating.omit import OMIT
from hivectl.model.variables import Layer, Scope
from hivectl.model.yaml import load_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.engine.group import Group
    from hivectl.engine.options import RunOptions
    from hivectl.model.inventory import Inventory
    from hivectl.model.playbook import Playbook, Role, Task
    from hivectl.model.templates import Templates
    from hivectl.modules.base import Result


# the release that playbooks are compared with in the tests
COMPATIBLE = {"full": "2.19.0", "string": "2.19.0", "major": 2, "minor": 19, "revision": 0}
FROM_PLAYBOOK = "`vars_files` count from the playbook"


class Registered(Mapping[str, Any]):
    """What `set_fact` and `register` gave a node; a result that has not come yet must be waited for.

    What held secrets is `lost` to a run that is resumed: the journal has asterisks in their place.

    Attributes:
        known: what tasks see.
        sure: the same without what tasks give that are queued behind others, which may still fail.
        expected: what queued tasks will register.
        unobserved: what a plan cannot know, with the task that would give it.
    """

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.sure: dict[str, Any] = {}
        self.expected: set[str] = set()
        self.lost: set[str] = set()
        self.unobserved: dict[str, str] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self.lost:
            raise InputError(
                f"`{name}` held secrets, which no journal keeps, so a run that is resumed cannot use it",
                hint="apply afresh",
            )
        if name in self.unobserved:
            raise UnobservedNeeded(name, self.unobserved[name])
        if name in self.expected:
            raise ResultNeeded(name)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.known
        yield from self.expected - set(self.known)

    def __len__(self) -> int:
        return len(self.known) + len(self.expected - set(self.known))

    def __contains__(self, name: object) -> bool:
        return name in self.known or name in self.expected


class Magic(Mapping[str, Any]):
    """The magic variables of one node in one play; who still takes part is asked anew each time."""

    _changing = ("ansible_play_hosts", "ansible_play_batch", "play_hosts")

    def __init__(self, values: Mapping[str, Any], group: Group) -> None:
        self._values = values
        self._group = group

    def __getitem__(self, name: str) -> Any:
        if name not in self._changing:
            return self._values[name]
        nodes = self._group.alive if name == "ansible_play_hosts" else self._group.nodes
        return [node for node in nodes if node not in self._group.failed]

    @property
    def lasting(self) -> Mapping[str, Any]:
        """Those that are not asked anew."""
        return self._values

    def get(self, name: str, default: Any = None) -> Any:
        """Return a variable; most names that are asked for are none of these."""
        if name in self._changing:
            return self[name]
        return self._values.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._values or name in self._changing

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        yield from self._changing

    def __len__(self) -> int:
        return len(self._values) + len(self._changing)


class NodeMemory:
    """What is learned of a node during a run; it lasts from play to play.

    Attributes:
        included: the variables of `include_vars`, which are below what was set and registered.
        surely_included: those of tasks that are not queued behind others.
    """

    def __init__(self) -> None:
        self.facts = LazyFacts()
        self.registered = Registered()
        self.included: Mapping[str, Any] = {}
        self.surely_included: Mapping[str, Any] = {}


class Scopes:
    """The variables of all nodes."""

    def __init__(
        self,
        inventory: Inventory,
        playbook: Playbook,
        options: RunOptions,
        templates: Templates,
        run: str,
        learn: Callable[[Any], None],
    ) -> None:
        self.inventory = inventory
        self.templates = templates
        self._playbook = playbook
        self.learn = learn
        self._options = options
        self._memory: dict[str, NodeMemory] = {}
        self._views: dict[str, NodeVariables] = {}
        self.answers: Mapping[int, Mapping[str, Any]] = options.answers
        self._files: dict[Path, Mapping[str, Any]] = {}
        self._groups: dict[str, list[str]] = {
            "all": list(inventory.nodes),
            "ungrouped": [node.name for node in inventory.nodes.values() if not node.hives],
            **{name: list(hive.nodes) for name, hive in inventory.hives.items()},
        }
        self._magic = {
            "ansible_search_path": [str(playbook.path.resolve().parent)],
            "playbook_dir": str(playbook.path.resolve().parent),
            "inventory_dir": str(_folder(inventory.paths[0])) if inventory.paths else "",
            "inventory_file": str(inventory.paths[0].resolve()) if inventory.paths else "",
            "ansible_check_mode": options.check,
            "ansible_diff_mode": options.diff,
            "ansible_run_tags": sorted(options.tags) or ["all"],
            "ansible_skip_tags": sorted(options.skip_tags),
            "ansible_forks": options.forks,
            **({"ansible_limit": options.limit} if options.limit else {}),
            "ansible_verbosity": 0,
            "ansible_version": COMPATIBLE,
            "ansible_inventory_sources": [str(path.resolve()) for path in inventory.paths],
            "ansible_playbook_python": sys.executable,
            "hivectl_run": run,
            "groups": self._groups,
            "omit": OMIT,
        }

    def memory(self, node: str) -> NodeMemory:
        """Return what is known of a node."""
        return self._memory.setdefault(node, NodeMemory())

    def of(self, node: str, group: Group) -> NodeVariables:
        """Return a node's variables in a play."""
        view = self._views[node] = NodeVariables(self, node, group)
        return view

    def title_of(self, task: Task, node: str) -> str:
        """Return a task's title with a node's values; as it is written where they are not known."""
        return self.known_title_of(task, node) or task.title

    def known_title_of(self, task: Task, node: str) -> str | None:
        """Return a task's title with a node's values, if they are known."""
        view = self._views.get(node)
        try:
            made = None if view is None else self.templates.render(task.title, view.for_task(task))
        except (NotKnownYet, HivectlError):
            made = None
        return None if made is None else str(made)

    def give(self, node: str, values: Mapping[str, Any], *, as_facts: bool = False) -> None:
        """Give a node what another node's task has found out, with `delegate_facts`."""
        memory = self.memory(node)
        if as_facts:
            memory.facts.add(values)
        else:
            memory.registered.known.update(values)
            memory.registered.sure.update(values)
        if (view := self._views.get(node)) is not None:
            view.changed()

    def inventory_layers(self, node: str) -> list[Layer]:
        """Return what the inventory says of a node, lowest precedence first."""
        found = self.inventory.nodes.get(node)
        if found is None:
            local = {"ansible_connection": "local", "ansible_host": node}
            return [Layer("connection", local), Layer("inventory", self.inventory.variables)]
        layers = [Layer(name, values) for name, values in node_layers(self.inventory, found)]
        return [Layer("connection", connection_variables(found)), *layers]

    def magic(self, node: str, group: Group) -> Magic:
        """Return the variables that Ansible calls magic."""
        values = {
            **self.magic_of(node),
            "ansible_play_hosts_all": list(group.planned.nodes),
            "ansible_play_name": group.play.name,
            **play_magic(group.play),
            "hostvars": HostVars(self, node, group),
        }
        return Magic(values, group)

    def magic_of(self, node: str) -> dict[str, Any]:
        """Return those that are a node's in every play, as `hostvars` of others shows them too."""
        found = self.inventory.nodes.get(node)
        return {
            **self._magic,
            "inventory_hostname": node,
            "inventory_hostname_short": node.partition(".")[0],
            "group_names": group_names(found) if found else [],
        }

    def file(self, path: Path) -> Mapping[str, Any]:
        """Return the variables of a file, read once."""
        if path not in self._files:
            values = load_yaml(path, allowed=self._playbook.allowed)
            if values is None:
                values = {}
            if not isinstance(values, dict):
                raise InputError(f"{path} is no mapping of variables", hint="write `name: value` lines")
            self.learn(values)
            self._files[path] = values
        return self._files[path]

    @property
    def folder(self) -> Path:
        """The playbook's folder."""
        return self._playbook.path.resolve().parent

    @property
    def extra(self) -> Layer:
        """The command line's variables."""
        return Layer("-e", self._options.extra_variables)


class NodeVariables:
    """One node's variables in one play."""

    def __init__(self, scopes: Scopes, node: str, group: Group) -> None:
        self._memory = scopes.memory(node)
        self._templates = scopes.templates
        self._extra = scopes.extra
        self._magic = Layer("magic", scopes.magic(node, group), data=True)
        self._shown = list(group.play.roles)
        layers = [
            # the layers of roles have their place above these two
            Layer(ROLE_DEFAULTS, {}),
            *scopes.inventory_layers(node),
            Layer("facts", self._memory.facts, data=True),
            Layer(f"play {group.play.name}", group.play.variables),
        ]
        if group.play.prompts:
            layers.append(
                Layer(f"asked by {group.play.name}", scopes.answers.get(group.play.number, {}), data=True)
            )
        self._base = Scope(scopes.templates, layers)
        self._scopes = scopes
        self._origin = group.play.origin
        self._files = list(group.play.vars_files)
        self._plain: dict[tuple[Role | None, int], Scope] = {}
        self.frames: tuple[Layer, ...] = ()
        self._with_roles: Scope | None = None

    def read_files(self) -> tuple[str, ...]:
        """Read the play's `vars_files`; return the groups of facts that their names need first, if any.

        Raises:
            InputError: none of the files that may be meant is there, or it is no mapping.
        """
        while self._files:
            try:
                layer = self._file(self._files[0])
            except FactsNeeded as needed:
                return needed.groups
            self._base = self._base.child(layer)
            self.changed()
            del self._files[0]
        return ()

    def _file(self, names: str | tuple[str, ...]) -> Layer:
        above = self._base.child(*self._above())
        tried = []
        for name in (names,) if isinstance(names, str) else names:
            path = user_path(str(self._templates.render(name, above, origin=self._origin)))
            path = path if path.is_absolute() else self._scopes.folder / path
            if path.is_file():
                return Layer(f"file {name}", self._scopes.file(path))
            tried.append(str(path))
        raise InputError(f"there is no file {', nor '.join(tried)}", origin=self._origin, hint=FROM_PLAYBOOK)

    def for_task(self, task: Task) -> Scope:
        """Return the variables as a task sees them."""
        if task.variables:
            return self._made(task)
        key = (task.role, id(task.folders))
        if (scope := self._plain.get(key)) is None:
            scope = self._plain[key] = self._made(task)
        return scope

    def _made(self, task: Task) -> Scope:
        if self._with_roles is None:
            shown = self._shown
            self._with_roles = self._base.child(*exposed_layers(shown)) if shown else self._base
        own = [Layer(f"task {task.name}", values) for values in task.variables]
        below, parameters, magic = role_layers(task)
        return self._with_roles.child(*below, *own, *self._above(*parameters, *self.frames), *magic)

    def _above(self, *given: Layer) -> tuple[Layer, ...]:
        registered = Layer("registered", self._memory.registered, data=True)
        return (Layer("include_vars", self._memory.included), registered, *given, self._extra, self._magic)

    @contextmanager
    def inside(self, frame: tuple[Layer, ...], *, anew: bool = False) -> Iterator[None]:
        """Give what follows the variables of an include around it; `anew`: and of no other."""
        outer = self.frames
        self.frames = frame if anew else (*outer, *frame)
        if self.frames != outer:
            self._plain = {}
        try:
            yield
        finally:
            if self.frames != outer:
                self._plain = {}
            self.frames = outer

    def include(self, values: Mapping[str, Any], *, queued: bool = False) -> None:
        """Take in the variables of files, as `include_vars` does: they may be templates; `queued`: as for `put`."""
        self._scopes.learn(values)
        self._memory.included = {**self._memory.included, **values}
        if not queued:
            self._memory.surely_included = {**self._memory.surely_included, **values}
        self.changed()

    def publish(self, role: Role) -> None:
        """Let all tasks that follow see the variables of a role."""
        self._shown.append(role)
        self.changed()

    def put(self, values: Mapping[str, Any], *, queued: bool = False) -> None:
        """Set variables, as `set_fact` does; `queued`: tasks before that one may still fail."""
        registered = self._memory.registered
        registered.known.update(values)
        if not queued:
            registered.sure.update(values)
        registered.lost.difference_update(values)
        for name in values:
            registered.unobserved.pop(name, None)
        self._plain = {}

    def take_back(self) -> None:
        """Forget what queued tasks gave or were to give: they will not be done."""
        registered = self._memory.registered
        registered.known = dict(registered.sure)
        self._memory.included = self._memory.surely_included
        registered.expected.clear()
        self._plain = {}

    def add_facts(self, facts: Mapping[str, Any], groups: tuple[str, ...]) -> None:
        """Take facts in."""
        self._memory.facts.add(facts, groups)
        self.changed()

    def changed(self) -> None:
        """Forget what was looked up: something is known that was not."""
        self._plain = {}
        self._with_roles = None

    def clear_facts(self) -> None:
        """Forget the facts."""
        self._memory.facts.known.clear()
        self._memory.facts.groups.clear()
        self._plain = {}

    def expect(self, task: Task) -> None:
        """Say that a queued task will register a result."""
        if task.register:
            self._memory.registered.expected.add(task.register)
            self._plain = {}

    def arrived(self, task: Task, result: Result, *, queued: bool = False) -> None:
        """Take in the result of a task."""
        if task.register:
            self._memory.registered.expected.discard(task.register)
            self.put({task.register: result}, queued=queued)

    def unobserve(self, *names: str, since: str) -> None:
        """Say that a plan cannot know what these hold; `since`: the task that would give it."""
        registered = self._memory.registered
        registered.unobserved.update(dict.fromkeys(names, since))
        # a mapping that has them, so that they are not undefined
        registered.known.update(dict.fromkeys(names))
        registered.sure.update(dict.fromkeys(names))
        self._plain = {}

    def lose(self, *names: str) -> None:
        """Say that what was registered under names cannot be used."""
        self._memory.registered.lost.update(names)
        self._plain = {}


class HostVars(Mapping[str, Any]):
    """`hostvars`: the variables of every node, waiting for what another node is about to register."""

    def __init__(self, scopes: Scopes, node: str, group: Group) -> None:
        self._scopes = scopes
        self._node = node
        self._group = group

    def __getitem__(self, node: str) -> Mapping[str, Any]:
        if node not in self._scopes.inventory.nodes and node != LOCALHOST:
            raise KeyError(node)
        return _HostView(self._scopes, self._group, node, asker=self._node)

    def __iter__(self) -> Iterator[str]:
        return iter(self._scopes.inventory.nodes)

    def __len__(self) -> int:
        return len(self._scopes.inventory.nodes)


class _HostView(Mapping[str, Any]):
    """The variables of one node, as another one sees them."""

    def __init__(self, scopes: Scopes, group: Group, node: str, *, asker: str) -> None:
        self._group = group
        self._node = node
        self._asker = asker
        memory = scopes.memory(node)
        self._unobserved = memory.registered.unobserved
        own = node == asker
        # a node that takes part is asked for facts that are wanted; of others what they have said before must do
        may_ask = node in group.alive
        layers = [
            *scopes.inventory_layers(node),
            Layer("facts", memory.facts if own else _OtherFacts(memory.facts, node, may_ask), data=True),
            Layer("include_vars", memory.included),
            Layer("registered", memory.registered if own else memory.registered.sure, data=True),
            scopes.extra,
            Layer("magic", scopes.magic_of(node), data=True),
        ]
        self._scope = Scope(scopes.templates, layers)

    def __getitem__(self, name: str) -> Any:
        if self._node != self._asker:
            at = self._group.at.get(self._asker)
            here = at.order if at is not None else (0,)
            for task in self._group.registers.get(name, ()):
                if task < here and self._group.positions.of(self._node) <= task:
                    raise OtherNodeNeeded(self._node, task)
            if (since := self._unobserved.get(name)) is not None:
                raise UnobservedNeeded(name, since)
        return self._scope[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope)

    def __len__(self) -> int:
        return len(self._scope)


class _OtherFacts(Mapping[str, Any]):
    """Another node's facts; it is asked for what is wanted, if it may be."""

    def __init__(self, facts: LazyFacts, node: str, may_ask: bool) -> None:  # noqa: FBT001  # of this file alone
        self._facts = facts
        self._node = node
        self._may_ask = may_ask

    def __getitem__(self, name: str) -> Any:
        if name == "ansible_facts":
            return AllFacts(self, self._need_all)
        try:
            return self._facts[name]
        except FactsNeeded as needed:
            if self._may_ask:
                raise OtherFactsNeeded(self._node, needed.groups) from None
            raise KeyError(name) from None

    def _need_all(self) -> None:
        try:
            self._facts.need_all()
        except FactsNeeded as needed:
            if self._may_ask:
                raise OtherFactsNeeded(self._node, needed.groups) from None

    def __iter__(self) -> Iterator[str]:
        if self._may_ask:
            yield from self._facts
            return
        yield "ansible_facts"
        yield from (f"ansible_{name}" for name in self._facts.known)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _folder(path: Path) -> Path:
    return path.resolve() if path.is_dir() else path.resolve().parent
