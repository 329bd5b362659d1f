"""What a module is: typed parameters, and one way to act on them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from hivectl.model.errors import HivectlError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from hivectl.drivers.base import Capability, Connection, Stream
    from hivectl.flash.base import Plug
    from hivectl.helper.operations import Become, ItemResult, Operation
    from hivectl.model.origin import Origin
    from hivectl.model.secret import Secret
    from hivectl.power.base import Power

Result: TypeAlias = dict[str, Any]
P = TypeVar("P")


class ModuleError(HivectlError):
    """A task cannot be done as it is written: becomes the failed result of the task, with its message."""


def contradictions(complaint: Callable[[P], str | None]) -> Callable[[P], Mapping[str, HivectlError]]:
    """Make a module's `faults` of a function that says what contradicts itself or is missing, or None."""

    def faults(parameters: P) -> Mapping[str, HivectlError]:
        message = complaint(parameters)
        return {} if message is None else {"": ModuleError(message)}

    return faults


class TaskContext(Protocol):
    """What an operation or controller module may know of its task."""

    @property
    def node(self) -> str:
        """The node's name."""
        ...

    @property
    def variables(self) -> Mapping[str, Any]:
        """Every variable of the node, rendered as it is looked up."""
        ...

    @property
    def origin(self) -> Origin:
        """Where the task is written."""
        ...

    @property
    def check(self) -> bool:
        """Only say what would change."""
        ...

    @property
    def diff(self) -> bool:
        """Show what changes."""
        ...

    @property
    def environment(self) -> Mapping[str, Any]:
        """The task's `environment:`, rendered."""
        ...

    def render(self, template: str, *, origin: Origin | None = None, **extra: Any) -> Any:
        """Render a template of the user's with the node's variables and `extra`; natives keep their type."""
        ...

    def render_text(self, text: str, *, path: Path, options: Mapping[str, Any], **extra: Any) -> str | Secret:
        """Render a template file to text.

        Args:
            text: what the file holds.
            path: of the file, for complaints, and the folder that `include` and `import` look in first.
            options: fields of `hivectl.model.templates.TemplateOptions` by their names.
            **extra: variables of this template alone.
        """
        ...

    def load_yaml(self, path: Path) -> Any:
        """Return what a YAML file of the user's holds; raises InputError, Complaints."""
        ...

    def evaluate(self, condition: Any) -> bool:
        """Evaluate a condition as `when` does; raises InputError when it is not a bool."""
        ...

    def find_file(self, name: str, folder: str = "files") -> Path:
        """Return the file or folder `name` beside the playbook or in its `folder`; raises ModuleError."""
        ...


class NodeContext(TaskContext, Protocol):
    """What a procedure module may do with its node."""

    @property
    def run(self) -> str:
        """The run's identity."""
        ...

    @property
    def become(self) -> Become | None:
        """The user that the task asks for."""
        ...

    async def operate(self, *operations: Operation) -> list[ItemResult]:
        """Carry out operations in one batch; a failed one is in its result, not raised."""
        ...

    async def connection(self, *needed: Capability) -> Connection:
        """Return the node's first open connection that can do all that is needed, opening one if need be."""
        ...

    async def reconnect(self, *, deadline: float) -> None:
        """Drop every connection and open one anew with backoff, within `deadline` seconds."""
        ...

    async def disconnect(self) -> None:
        """Drop every connection; the next one that is needed is opened anew."""
        ...

    @property
    def board(self) -> str | None:
        """What kind of board the node is, by the name of its profile; None where the inventory does not say."""
        ...

    async def line(self) -> Stream:
        """Open the node's own serial line, for whoever speaks with its program; its REPL is closed first."""
        ...

    def partial(self, data: Mapping[str, Any]) -> None:
        """Tell people a part of the result, as it comes: the reports have it before the step ends."""
        ...

    def power(self) -> Power:
        """Return the node's power; raises NoPowerError where the inventory says nothing of it."""
        ...

    async def plug(self) -> Plug:
        """Return where the node's board is plugged in; raises NoPlaceError where the inventory does not say that."""
        ...

    def quarantine(self, reason: str) -> None:
        """Keep the node from being granted again until somebody has looked at it: nobody knows how it is."""
        ...

    def say(self, message: str) -> None:
        """Tell people what is waited for."""
        ...


@record
class Source:
    """A file of this machine that a task names.

    Attributes:
        parameter: that names it.
        name: as `TaskContext.find_file` takes it, or a glob.
        folder: beside the playbook, where it is looked for first.
        kind: "file", "folder", or "any" of both.
    """

    parameter: str
    name: str
    folder: str = field(default="files")
    kind: str = field(default="any")


def named_source(
    parameter: str, *unless: str, folder: str = "files", kind: str = "any"
) -> Callable[[Mapping[str, Any]], Iterable[Source]]:
    """Return a module's `sources`: one parameter names a file, unless others are given, which say otherwise."""

    def sources(arguments: Mapping[str, Any]) -> Iterable[Source]:
        name = arguments.get(parameter)
        if isinstance(name, str) and name and not any(other in arguments for other in unless):
            yield Source(parameter, name, folder, kind)

    return sources


@record(kw_only=True)
class Module(Generic[P]):
    """A module: exactly one of `operations`, `procedure`, `group` and `decide` is given.

    Attributes:
        name: as written in playbooks.
        summary: one line for `hivectl modules`.
        parameters: a frozen dataclass whose fields are made with `hivectl.model.parameters.parameter`.
        operations: pure: parameters -> operations, which travel in the node's batch.
        result: makes the task's result of its operations' results; the default merges them, the last one winning,
            `changed` when any changed.
        procedure: for what needs several turns with the node.
        group: one step on all nodes of the play; node -> context in, node -> result out.
        decide: on the controller alone, no connection at all.
        capabilities: what a connection must be able to do.
        alternative: what does as well, where no connection has `capabilities`: boards.
        free_form: the parameter that a plain text fills (`command: uptime`); None: a mapping only.
        example: YAML of one task, shown by `hivectl modules NAME` and validated by the tests.
        check_mode: "full", "none" (skipped in check mode, as Ansible's) or "always" (runs as ever: only looks).
        returns: name -> meaning of what the result adds.
        repeatable: a procedure that may simply be done again when nobody knows whether it ended.
        verify: finds out what became of such a procedure that is not repeatable: its result, or None where it may be
            done again since the node's state is known. Absent: nobody can tell.
        once: one node does it for all nodes of the play, as if the task said `run_once`.
        sources: which files of this machine a task needs, by its arguments as they are written; what `arguments` does
            not say for certain is left out. They are looked for before any node is touched.
        faults: parameter -> what surely makes no sense in it, whatever the node: said before any run, where no
            template can change it.
        written: likewise, of the arguments as they are written, some of which may be templates.
    """

    name: str
    summary: str
    parameters: type[P]
    operations: Callable[[P, TaskContext], Sequence[Operation]] | None = None
    result: Callable[[P, Sequence[ItemResult], TaskContext], Result] | None = None
    procedure: Callable[[P, NodeContext], Awaitable[Result]] | None = None
    group: Callable[[P, Mapping[str, NodeContext]], Awaitable[Mapping[str, Result]]] | None = None
    decide: Callable[[P, TaskContext], Result] | None = None
    capabilities: frozenset[Capability] = frozenset()
    alternative: frozenset[Capability] = frozenset()
    free_form: str | None = None
    example: str = ""
    check_mode: str = "full"
    returns: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    verify: Callable[[P, NodeContext], Awaitable[Result | None]] | None = None
    once: bool = False
    sources: Callable[[Mapping[str, Any]], Iterable[Source]] | None = None
    faults: Callable[[P], Mapping[str, HivectlError]] | None = None
    written: Callable[[Mapping[str, Any]], Mapping[str, HivectlError]] | None = None


def merge_results(results: Sequence[ItemResult]) -> Result:
    """Merge the results of a task's operations: the last one wins, `changed` and `failed` when any did."""
    merged: Result
    if len(results) == 1:
        merged = dict(results[0].result)
        merged["changed"] = bool(merged.get("changed", False))
        if merged.get("failed", False):
            merged["failed"] = True
        return merged
    merged = {}
    for item in results:
        merged.update(item.result)
    merged["changed"] = any(item.result.get("changed", False) for item in results)
    if any(item.result.get("failed", False) for item in results):
        merged["failed"] = True
    return merged
