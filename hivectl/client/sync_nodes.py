"""A node, for scripts and notebooks: what `hivectl.client.nodes` does, without await."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from hivectl.client.calls import Remote, check_name
from hivectl.client.face import Face, blocking, blocking_as
from hivectl.client.nodes import AsyncNode
from hivectl.client.tasks import AsyncTask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from hivectl.client.kinds import Shell as AsyncShell
    from hivectl.client.lab import Inventories
    from hivectl.client.output import Output


class Shell(Face["AsyncShell"]):
    """A shell of a node: `shell("cd /tmp")`; what it knows it keeps."""

    def __init__(self, node: Node, behind: AsyncShell) -> None:
        super().__init__(behind, owned=False)
        self._node = node

    @property
    def name(self) -> str:
        """Its window's; "" for the default shell."""
        return self._behind.name

    def __call__(self, command: str, *, timeout: float | None = None, check: bool = False) -> Output:
        """Run a command in it; see `Node.defshell`."""
        return self._call(self._behind(command, timeout=timeout, check=check))

    def close(self) -> None:
        """End the shell and its window; the default shell stays."""
        self._call(self._behind.close())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    def __repr__(self) -> str:
        """Return whose it is."""
        return repr(self._inner)


class Task(Face[AsyncTask]):
    """A program that a node runs; each property asks the node anew."""

    def __init__(self, node: Node, behind: AsyncTask) -> None:
        super().__init__(behind, owned=False)
        self._node = node

    @property
    def name(self) -> str:
        """As given to `set_task`."""
        return self._behind.name

    @property
    def state(self) -> str:
        """`running`, `ended` (by itself, or stopped), or `absent`."""
        return self._fresh().state

    @property
    def since(self) -> str:
        """When it was started: UTC, as in ISO 8601; "" when it is absent."""
        return self._fresh().since

    @property
    def exit_status(self) -> int | None:
        """How it ended, 128 + signal when a signal ended it; None while it runs."""
        return self._fresh().exit_status

    @property
    def pid(self) -> int | None:
        """Its process on the node, while it runs."""
        return self._fresh().pid

    @property
    def output(self) -> str:
        """All that it has printed since it was started."""
        return self._call(self._behind.output())

    def follow(self) -> Iterator[str]:
        """Yield what it prints, from its beginning, as it comes, until it ends."""
        parts = self._behind.follow()
        try:
            while (part := self._call(_next(parts))) is not None:
                yield part
        finally:
            # the garbage collector may end it, in whatever thread it runs
            self._runner.close_soon(SimpleNamespace(close=parts.aclose))

    wait = blocking(AsyncTask.wait)

    def stop(self) -> Task:
        """Stop it (SIGTERM, after ten seconds SIGKILL); one that has ended is left as it is. Returns itself."""
        self._call(self._behind.stop())
        return self

    remove = blocking(AsyncTask.remove)

    def __repr__(self) -> str:
        """Return how it stood at the last look."""
        return repr(self._inner)

    def _fresh(self) -> AsyncTask:
        return self._call(self._behind.refresh())


async def _next(parts: Any) -> str | None:
    found: str | None = await anext(parts, None)
    return found


class Node(Face[AsyncNode]):
    """One node: `node("ls")`, `node.exec("ls")`, `node.beacon.on()`.

    Made by itself it takes the node for each call, or for a block: `with Node("m1") as m1`. Names that it does not
    have are forwarded: `node.beacon.on()` sends `beacon.on()` to the Python prompt of its default shell.

    Args:
        name: of the inventory, or the node's address.
        wait: stand in the queue while somebody else holds it; or for how long, as `timeout` has it.
        timeout: how long to wait at most: seconds, or "10m".
        reason: for people.
        inventory: files or folders; absent: HIVECTL_INVENTORY, else ./inventory.

    Raises:
        InputError: there is no such node.
    """

    def __init__(
        self,
        name: str,
        *,
        wait: bool | float | str = False,
        timeout: float | str | None = None,
        reason: str = "",
        inventory: Inventories = None,
        _behind: AsyncNode | None = None,
    ) -> None:
        behind = _behind or AsyncNode(name, wait=wait, timeout=timeout, reason=reason, inventory=inventory)
        super().__init__(behind, owned=_behind is None)

    @property
    def name(self) -> str:
        """As in the inventory."""
        return self._behind.name

    @property
    def closed(self) -> bool:
        """Whether it was given back."""
        return self._behind.closed

    @property
    def remote(self) -> Remote:
        """What forwards every name, also those that a node has itself: `node.remote.exec("...")`."""
        return Remote(self.name, self.forward)

    def __repr__(self) -> str:
        """Return how it was made, and whether it is open."""
        return repr(self._inner)

    def __getattr__(self, name: str) -> Remote:
        """Begin a dotted call; nothing is sent before it is called."""
        check_name(name)
        return Remote(self.name, self.forward, name)

    def __enter__(self) -> Self:
        """Hold the node for a block."""
        self._call(self._behind.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self.close()

    close = blocking(AsyncNode.close)
    __call__ = blocking(AsyncNode.__call__)
    defshell = blocking(AsyncNode.defshell)
    exec = blocking(AsyncNode.exec)
    shell = blocking_as(AsyncNode.shell, Shell)

    @property
    def shells(self) -> Sequence[Shell]:
        """The shells that were made here, the default one first."""
        return [Shell(self, shell) for shell in self._behind.shells]

    put = blocking(AsyncNode.put)
    get = blocking(AsyncNode.get)
    sync = blocking(AsyncNode.sync)
    set_task = blocking_as(AsyncNode.set_task, Task)

    @property
    def tasks(self) -> dict[str, Task]:
        """The programs that the node runs or has run, by their names."""
        return {name: Task(self, task) for name, task in self._call(self._behind.tasks()).items()}

    @property
    def task(self) -> Task | None:
        """The program that was started last; None when there is none."""
        found = self._call(self._behind.task())
        return None if found is None else Task(self, found)

    forward = blocking(AsyncNode.forward)
