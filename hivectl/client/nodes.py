"""A node, asynchronously: shells, commands, files, programs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hivectl.client.calls import Remote, call_text, check_name, value_of
from hivectl.client.carry_out import carry_out
from hivectl.client.kinds import kind_of
from hivectl.client.lab import only_node, open_reach

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from hivectl.client.kinds import Shell
    from hivectl.client.lab import Inventories
    from hivectl.client.output import Output
    from hivectl.client.reach import Reach
    from hivectl.client.tasks import AsyncTask
    from hivectl.modules.base import Result

__all__ = ["AsyncNode"]


class AsyncNode:
    """One node.

    Made by itself it takes the node for each call, or for a block: `async with Node("m1") as m1`. Names that it does
    not have are forwarded: `await node.beacon.on()` sends `beacon.on()` to the Python prompt of its default shell.

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
        _reach: Reach | None = None,
    ) -> None:
        self._own = _reach is None
        self._reach = _reach or open_reach(
            inventory, reason=reason or "Node", wait=wait, timeout=timeout, duration=None, priority=None
        )
        self._name = only_node(self._reach.lab, name)
        self._kind = kind_of(self._reach.lab, self._name, self._reach)

    @property
    def name(self) -> str:
        """As in the inventory."""
        return self._name

    @property
    def closed(self) -> bool:
        """Whether it was given back."""
        return self._reach.closed

    @property
    def remote(self) -> Remote:
        """What forwards every name, also those that a node has itself: `node.remote.exec("...")`."""
        return Remote(self._name, self.forward)

    def __repr__(self) -> str:
        """Return how it was made, and whether it is open."""
        return f"Node({self._name!r}{', closed' if self.closed else ''})"

    def __getattr__(self, name: str) -> Remote:
        """Begin a dotted call; nothing is sent before it is called."""
        check_name(name)
        return Remote(self._name, self.forward, name)

    async def __aenter__(self) -> Self:
        """Hold the node for a block."""
        if self._own:
            await self._reach.take((self._name,))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        await self.close()

    async def close(self) -> None:
        """Close what is open to it, and give it back if it was taken by itself; what runs there goes on."""
        await self._kind.close()
        if self._own:
            await self._reach.close()

    async def connect(self) -> None:
        """Connect, and have the node know who holds it; raises NodeError."""
        async with self._reach.holding(self._name) as session:
            await session.connection()

    # -- shells

    async def __call__(self, command: str, *, timeout: float | None = None, check: bool = False) -> Output:
        """Run a command in the default shell; see `defshell`."""
        return await self.defshell(command, timeout=timeout, check=check)

    async def defshell(self, command: str, *, timeout: float | None = None, check: bool = False) -> Output:
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
        return await self._kind.default(command, timeout=timeout, check=check)

    async def shell(self, name: str = "") -> Shell:
        """Return another shell, a window of the same tmux session; the same one for the same name.

        Raises:
            CapabilityError: the node is a board, which has one.
        """
        return self._kind.named(name)

    @property
    def shells(self) -> Sequence[Shell]:
        """The shells that were made here, the default one first."""
        return self._kind.known()

    @property
    def status_command(self) -> str:
        """What `exec` takes to print the host's name, and on a second line how long it is up."""
        return self._kind.status

    async def exec(
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
        data = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
        output = await self._kind.exec(command, seconds=timeout, stdin=data, environment=environment or {})
        return output.check(command, self._name) if check else output

    async def forward(self, dotted: str, *arguments: Any, **named: Any) -> Any:
        """Call a name at the Python prompt of the default shell; returns the value of what it shows.

        Raises:
            NotLiteralError: an argument is no literal.
            RemoteCallError: it raised an exception there (on boards a leaf of `hivectl.micropython.errors`, with the
                board's traceback), or there is no Python prompt.
        """
        text = call_text(dotted, arguments, named)
        output = await self._kind.default(text, python=True)
        return value_of(output, text, self._name)

    # -- files

    async def put(self, local: str | Path, remote: str) -> bool:
        """Send a file or a folder; returns whether anything differed. Only what differs is sent.

        While a program runs on a board, a file goes beside it where WebREPL is the way, in place and in any case; over
        USB the board is busy.
        """
        if await self._kind.put_beside(Path(local), remote):
            return True
        return bool((await self._files("copy", src=str(Path(local).absolute()), dest=remote))["changed"])

    async def get(self, remote: str, local: str | Path) -> Path:
        """Fetch a file; into a folder if `local` is one. Returns where it is."""
        target = Path(local)
        if target.is_dir():
            target = target / remote.rstrip("/").rpartition("/")[2]
        if await self._kind.get_beside(remote, target):
            return target
        await self._files("fetch", src=remote, dest=str(target.absolute()), flat=True)
        return target

    async def sync(self, folder: str | Path, remote: str) -> bool:
        """Have a folder on the node hold what is in ours; hashes tell what is sent. Returns whether that was anything."""
        result = await self._files("copy", src=f"{Path(folder).absolute()}/", dest=remote)
        return bool(result["changed"])

    # -- programs

    async def set_task(
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
    ) -> AsyncTask:
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
        arguments: dict[str, Any] = {
            "args": [str(arg) for arg in args],
            "directory": directory,
            "environment": dict(environment or {}),
        }
        if script is not None:
            arguments["script"] = str(Path(script).absolute())
        if command is not None:
            arguments["command"] = command if isinstance(command, str) else list(command)
        if interpreter is not None:
            arguments["interpreter"] = interpreter
        task = self._kind.task(name)
        await task.carry_out("restarted" if restart else "started", **arguments)
        return await task.refresh()

    async def tasks(self) -> dict[str, AsyncTask]:
        """Return the programs that the node runs or has run, by their names."""
        found = {name: self._kind.task(name) for name in await self._kind.task_names()}
        await asyncio.gather(*(task.refresh() for task in found.values()))
        return found

    async def task(self) -> AsyncTask | None:
        """Return the program that was started last; None when there is none."""
        tasks = await self.tasks()
        return max(tasks.values(), key=lambda task: task.since, default=None)

    async def _files(self, module: str, **arguments: Any) -> Result:
        await self._kind.free()
        return await carry_out(self._reach, self._name, module, **arguments)
