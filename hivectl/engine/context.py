"""What a module is told of its task, and what a procedure may do with its node."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hivectl.helper.operations import Batch, Item
from hivectl.model.paths import is_there, user_path
from hivectl.model.records import record
from hivectl.modules.base import ModuleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from hivectl.drivers.base import Capability, Connection, Stream
    from hivectl.drivers.session import NodeSession
    from hivectl.flash.base import Plug
    from hivectl.helper.operations import Become, Fence, ItemResult, Operation
    from hivectl.model.origin import Origin
    from hivectl.model.secret import Secret
    from hivectl.model.templates import TemplateOptions
    from hivectl.model.variables import Scope
    from hivectl.power.base import Power


@record(kw_only=True)
class NodeAccess:
    """The way to the node that acts.

    Attributes:
        open: returns its session, its virtual device started where it has one.
        fence: returns the proof that the run holds it; raises FenceError once it does not.
        say: tells people what is waited for.
        power: returns its power; raises NoPowerError.
        plug: returns where its board is plugged in; raises NoPlaceError.
        quarantine: keeps it from being granted, with a reason.
        partial: tells people a part of a step's result, as it comes: (key of the step, data).
        touched: returns the paths that this run has changed there, where somebody watches.
        board: what kind it is, by the name of its profile; None where the inventory does not say.
    """

    open: Callable[[], Awaitable[NodeSession]]
    fence: Callable[[], Fence | None]
    say: Callable[[str], None]
    power: Callable[[], Power]
    plug: Callable[[], Awaitable[Plug]]
    quarantine: Callable[[str], None]
    partial: Callable[[str, Mapping[str, Any]], None] | None = None
    touched: Callable[[], tuple[str, ...]] | None = None
    board: str | None = None


@record(kw_only=True)
class Context:
    """Implements `TaskContext` and `NodeContext` of `hivectl.modules.base` for one task on one node."""

    node: str
    variables: Scope
    origin: Origin
    folders: tuple[Path, ...]
    run: str
    key: str
    check: bool = False
    diff: bool = False
    environment: Mapping[str, Any]
    become: Become | None = None
    deadline: float | None = None
    access: NodeAccess
    files: dict[tuple[tuple[Path, ...], str, str], Path]
    silent: bool = False

    def render(self, template: str, *, origin: Origin | None = None, **extra: Any) -> Any:
        """Render a template of the user's with the node's variables and `extra`."""
        from hivectl.model.variables import Layer

        scope = self.variables.child(Layer("extra", extra, data=True)) if extra else self.variables
        return scope.templates.render(template, scope, origin=origin or self.origin)

    def render_text(self, text: str, *, path: Path, options: Mapping[str, Any], **extra: Any) -> str | Secret:
        """Render a template file; it may include files beside it and in the playbook's templates."""
        from hivectl.model.origin import Origin
        from hivectl.model.variables import Layer

        scope = self.variables.child(Layer("template", extra, data=True))
        return scope.templates.render_text(
            text,
            scope,
            options=_options(tuple(options.items())),
            origin=Origin(str(path), 1, 1),
            searchpath=_folders(path, self.folders),
        )

    def load_yaml(self, path: Path) -> Any:
        """Return what a YAML file of the user's holds."""
        from hivectl.model.yaml import load_yaml

        return load_yaml(path, allowed=self.variables.templates.allowed)

    def evaluate(self, condition: Any) -> bool:
        """Evaluate a condition as `when` does."""
        return self.variables.templates.evaluate(condition, self.variables, origin=self.origin)

    def find_file(self, name: str, folder: str = "files") -> Path:
        """Return a file of the role or beside the playbook, or in a `folder` there."""
        if (known := self.files.get((self.folders, name, folder))) is not None:
            return known
        given = user_path(name)
        tried = (
            [given]
            if given.is_absolute()
            else [place for one in self.folders for place in (one / folder / given, one / given)]
        )
        for path in tried:
            if is_there(path):
                self.files[self.folders, name, folder] = path
                return path
        places = " nor ".join(str(path.parent) for path in tried)
        raise ModuleError(f"there is no {given.name} in {places}", origin=self.origin)

    async def operate(self, *operations: Operation) -> list[ItemResult]:
        """Carry out operations in one batch."""
        items = tuple(
            Item(
                key=f"{self.key}.{index}",
                step=0,
                chain=0,
                operation=operation,
                check=self.check,
                diff=self.diff,
                deadline=self.deadline,
            )
            for index, operation in enumerate(operations)
        )
        connection = await (await self.access.open()).connection()
        batch = Batch(run=self.run, items=items, fence=self.access.fence())
        return [result async for result in connection.operate(batch, self.become)]

    async def connection(self, *needed: Capability) -> Connection:
        """Return the node's first connection that can do all that is needed."""
        self.access.fence()
        return await (await self.access.open()).connection(*needed)

    async def reconnect(self, *, deadline: float) -> None:
        """Drop every connection and open one anew."""
        await (await self.access.open()).reconnect(deadline=deadline)

    async def disconnect(self) -> None:
        """Drop every connection."""
        await (await self.access.open()).close()

    @property
    def board(self) -> str | None:
        """What kind of board the node is."""
        return self.access.board

    async def line(self) -> Stream:
        """Open the node's own serial line."""
        self.access.fence()
        return await (await self.access.open()).open_line()

    def partial(self, data: Mapping[str, Any]) -> None:
        """Tell people a part of the result; nothing where `no_log` hides the task."""
        if not self.silent and self.access.partial is not None:
            self.access.partial(self.key, data)

    def power(self) -> Power:
        """Return the node's power."""
        self.access.fence()
        return self.access.power()

    async def plug(self) -> Plug:
        """Return where the node's board is plugged in."""
        self.access.fence()
        return await self.access.plug()

    def quarantine(self, reason: str) -> None:
        """Keep the node from being granted again until somebody has looked at it."""
        self.access.quarantine(reason)

    def say(self, message: str) -> None:
        """Tell people what is waited for; nothing where `no_log` hides the task."""
        if not self.silent:
            self.access.say(message)


@lru_cache(maxsize=64)
def _options(given: tuple[tuple[str, Any], ...]) -> TemplateOptions:
    from hivectl.model.templates import TemplateOptions

    return TemplateOptions(**dict(given))


@lru_cache(maxsize=256)
def _folders(path: Path, folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return where a template file may include others from."""
    return (path.parent, *(place for folder in folders for place in (folder / "templates", folder)))
