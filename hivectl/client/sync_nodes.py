"""A node, for scripts and notebooks: what `hivectl.client.nodes` does, without await."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from hivectl.client.calls import check_name
from hivectl.client.face import Face
from hivectl.client.nodes import AsyncNode
from hivectl.client.tasks import AsyncTask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from hivectl.client.kinds import Shell as AsyncShell
    from hivectl.client.lab import Inventories
    from hivectl.client.output import Output


class Node(Face[AsyncNode]):
    """One node: `node("ls")`, `node.exec("ls")`, `node.beacon.on()`.

    Made by itself it takes the node for each call, or for a block: `with Node("m1") as m1`. Names that it does not
    have are forwarded: `node.beacon.on()` sends `beacon.on()` to the Python prompt of its default shell.

    Args:
        name: of the inventory, or the node's address.
        wait: stand in the queue while somebody else holds it.
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
        wait: bool = False,
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
        return Remote(self)

    def __repr__(self) -> str:
        """Return how it was made, and whether it is open."""
        return repr(self._inner)

    def __getattr__(self, name: str) -> Remote:
        """Begin a dotted call; nothing is sent before it is called."""
        check_name(name)
        return Remote(self, name)

    def __enter__(self) -> Self:
        """Hold the node for a block."""
        self._call(self._behind.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self.close()

    def close(self) -> None:
        """Close what is open to it, and give it back if it was taken by itself; what runs there goes on."""
        self._call(self._behind.close())

    def __call__(self, command: str, *, timeout: float | None = None, check: bool = False) -> Output:
        """Run a command in the default shell; see `defshell`."""
        return self._call(self._behind.defshell(command, timeout=timeout, check=check))

    def defshell(self, command: str, *, timeout: float | None = None, check: bool = False) -> Output:
        """Run a command in the default shell, which keeps its state between calls and outlives us.

        On a MicroPython board that is the REPL: it knows what it was told until the board is reset.

        Args:
            command: for the shell, or for the Python prompt that is in it.
            timeout: seconds after which it is stopped by Ctrl-C.
            check: raise CommandError when it fails.

        Raises:
            BusyError: a program runs in the shell's foreground.
            ShellEndedError: the command has ended the shell.
            ShellTimeoutError: it took too long.
            NoTmuxError: the node has no tmux.
            BoardResetError: the board was reset since the last command, whose state is gone.
            NotReservedError: somebody else holds the node.
        """
        return self._call(self._behind.defshell(command, timeout=timeout, check=check))

    def exec(
        self,
        command: str,
        *,
        timeout: float | None = None,
        check: bool = False,
        stdin: str | bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> Output:
        """Run a command in a new shell, which is closed behind it; standard error is kept apart.

        A MicroPython board has no other shell than its REPL, so there it is code in that; its traceback is `stderr`.

        Args:
            command: for the login's shell.
            timeout: seconds after which it is ended.
            check: raise CommandError when it fails.
            stdin: its input.
            environment: more variables.

        Raises:
            NodeError: the node cannot be reached, or the command took too long.
            NotReservedError: somebody else holds the node.
        """
        return self._call(
            self._behind.exec(command, timeout=timeout, check=check, stdin=stdin, environment=environment)
        )

    def shell(self, name: str = "") -> Shell:
        """Return another shell, a window of the same tmux session; the same one for the same name."""
        return Shell(self, self._call(self._behind.shell(name)))

    @property
    def shells(self) -> Sequence[Shell]:
        """The shells that were made here, the default one first."""
        return [Shell(self, shell) for shell in self._behind.shells]

    def put(self, local: str | Path, remote: str) -> bool:
        """Send a file or a folder; returns whether anything differed. Only what differs is sent."""
        return self._call(self._behind.put(local, remote))

    def get(self, remote: str, local: str | Path) -> Path:
        """Fetch a file; into a folder if `local` is one. Returns where it is."""
        return self._call(self._behind.get(remote, local))

    def sync(self, folder: str | Path, remote: str) -> bool:
        """Have a folder on the node hold what is in ours; hashes tell what is sent. Returns whether that was anything."""
        return self._call(self._behind.sync(folder, remote))

    def set_task(
        self,
        name: str,
        *,
        script: str | Path | None = None,
        command: str | Sequence[str] | None = None,
        args: Sequence[Any] = (),
        interpreter: str | None = None,
        directory: str = "~",
        environment: Mapping[str, Any] | None = None,
        restart: bool = False,
    ) -> Task:
        """Let the node run a program that outlives us; one that runs as it shall is left alone.

        A MicroPython board runs one, as its main program, in the place of the one before it, and in a fresh
        interpreter: what the default shell knew is gone. While it runs the default shell is busy.

        Args:
            name: of the task; what cannot stand in a program's name becomes a dash.
            script: file on this machine; it is sent if the node has not got it.
            command: program on the node, in place of a script.
            args: more arguments.
            interpreter: what runs the script.
            directory: where it starts, on the node.
            environment: variables for it.
            restart: start it anew in any case.

        Raises:
            CommandError: it ended at once with a failure, or could not be started.
        """
        started = self._call(
            self._behind.set_task(
                name,
                script=script,
                command=command,
                args=args,
                interpreter=interpreter,
                directory=directory,
                environment=environment,
                restart=restart,
            )
        )
        return Task(self, started)

    @property
    def tasks(self) -> dict[str, Task]:
        """The programs that the node runs or has run, by their names."""
        return {name: Task(self, task) for name, task in self._call(self._behind.tasks()).items()}

    @property
    def task(self) -> Task | None:
        """The program that was started last; None when there is none."""
        found = self._call(self._behind.task())
        return None if found is None else Task(self, found)

    def forward(self, dotted: str, *arguments: Any, **named: Any) -> Any:
        """Call a name at the Python prompt of the default shell; returns the value of what it shows.

        Raises:
            NotLiteralError: an argument is no literal.
            RemoteCallError: it raised an exception there (on boards a leaf of `hivectl.micropython.errors`, with the
                board's traceback), or there is no Python prompt.
        """
        return self._call(self._behind.forward(dotted, *arguments, **named))


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
            self._call(parts.aclose())

    def wait(self, timeout: float | None = None, *, check: bool = False) -> int | None:
        """Wait until it ends and return its exit status.

        Args:
            timeout: seconds; None: as long as it takes.
            check: raise CommandError when that is not 0.

        Raises:
            ShellTimeoutError: it has not ended by then; it goes on.
        """
        return self._call(self._behind.wait(timeout, check=check))

    def stop(self) -> Task:
        """Stop it (SIGTERM, after ten seconds SIGKILL); one that has ended is left as it is. Returns itself."""
        self._call(self._behind.stop())
        return self

    def remove(self) -> None:
        """Stop it, and leave nothing of it on the node."""
        self._call(self._behind.remove())

    def __repr__(self) -> str:
        """Return how it stood at the last look."""
        return repr(self._inner)

    def _fresh(self) -> AsyncTask:
        return self._call(self._behind.refresh())


async def _next(parts: Any) -> str | None:
    found: str | None = await anext(parts, None)
    return found


class Remote:
    """A dotted name on a node; calling it calls that, nothing else sends anything."""

    __slots__ = ("_dotted", "_node")

    def __init__(self, node: Node, dotted: str = "") -> None:
        self._node = node
        self._dotted = dotted

    def __getattr__(self, name: str) -> Remote:
        """Go one name further."""
        check_name(name)
        return Remote(self._node, f"{self._dotted}.{name}" if self._dotted else name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it; see `Node.forward`."""
        if not self._dotted:
            raise TypeError("name what shall be called: node.remote.name(...)")
        return self._node.forward(self._dotted, *arguments, **named)

    def __repr__(self) -> str:
        """Return what would be called."""
        return f"<{self._dotted or 'names'} on {self._node.name}; call it>"
