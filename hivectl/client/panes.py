"""The panes of one node's tmux session that its shells live in, behind one control client."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from hivectl.client.tmux import ATTACH, Control, TmuxError, ended_at_once, quoted, read_head
from hivectl.drivers.base import Capability
from hivectl.drivers.errors import NodeError

if TYPE_CHECKING:
    from hivectl.client.reach import Reach


class Panes:
    """Opens what is needed when it is needed, and again when it was lost.

    Args:
        node: the node's name.
        reach: the way to it.
        runs: what its default shell runs; "" for the login shell.
    """

    def __init__(self, node: str, reach: Reach, runs: str) -> None:
        self._node = node
        self._reach = reach
        self._runs = runs
        self._control: Control | None = None
        self._head: dict[str, str] = {}
        self._opening = asyncio.Lock()
        self._named: dict[str, str] = {}

    async def pane(self, name: str) -> tuple[Control, str, str, bool]:
        """Return the control client, a shell's pane, tmux's path, and whether the pane is new.

        Args:
            name: the shell's, whose window is made where it is missing; "" for the default shell.
        """
        return await self._of(name) if name else await self._default()

    async def _default(self) -> tuple[Control, str, str, bool]:
        async with self._opening:
            control, new = await self._open()
            if not new and not await self._alive(self._head["pane"]):
                await self._drop()
                control, new = await self._open()
            return control, self._head["pane"], self._head["tmux"], new

    async def _of(self, name: str) -> tuple[Control, str, str, bool]:
        async with self._opening:
            control, _ = await self._open()
            pane = self._named.get(name) or await self._find(control, name)
            new = pane is None or not await self._alive(pane)
            if pane is None or new:
                session = quoted(f"={self._head['session']}:")
                form = quoted("#{window_id} #{pane_id}")
                [made] = await control.ask(f"new-window -d -t {session} -n {quoted(name)} -P -F {form}")
                window, pane = made.split()
                await control.ask(
                    f"set-option -w -t {window} @hivectl {quoted(f'shell:{name}')}",
                    f"set-option -w -t {window} remain-on-exit off",
                )
            self._named[name] = pane
            return control, pane, self._head["tmux"], new

    async def end(self, name: str) -> None:
        """End a named shell."""
        pane = self._named.pop(name, None)
        if pane is not None and self._control is not None and not self._control.closed:
            with suppress(TmuxError):
                await self._control.ask(f"kill-pane -t {pane}")

    async def close(self) -> None:
        """Detach; the shells go on."""
        async with self._opening:
            await self._drop()

    async def _drop(self) -> None:
        control, self._control = self._control, None
        self._named.clear()
        if control is not None:
            await control.close()

    async def _find(self, control: Control, name: str) -> str | None:
        session = quoted(f"={self._head['session']}")
        [listed] = await control.ask(f"list-panes -s -t {session} -F {quoted('#{pane_id} #{@hivectl}')}")
        wanted = f"shell:{name}"
        found = (line.split(" ", 1) for line in listed.splitlines() if " " in line)
        return next((pane for pane, mark in found if mark == wanted), None)

    async def _alive(self, pane: str) -> bool:
        assert self._control is not None
        try:
            [dead] = await self._control.ask(
                f"display-message -p -t {pane} {quoted('#{pane_id} #{pane_dead}')}"
            )
        except TmuxError:
            return False
        return dead == f"{pane} 0"

    async def _open(self) -> tuple[Control, bool]:
        """Return the control client, and whether the default shell was started with it."""
        if self._control is not None and not self._control.closed:
            return self._control, False
        await self._drop()
        async with self._reach.using(self._node) as session:
            connection = await session.connection(Capability.SHELL)
            process = await connection.open_process(f"set -- {shlex.quote(self._runs)}; {ATTACH}")
            try:
                self._head, rest = await read_head(process, self._node)
                self._control = Control(process, self._node, rest)
                await self._control.attached
            except BaseException as error:
                if self._control is None:
                    await process.close()
                else:
                    with suppress(NodeError):
                        await self._drop()
                if isinstance(error, TmuxError) and self._head.get("made") == "yes":
                    raise ended_at_once(self._node, self._runs) from None
                raise
        return self._control, self._head["made"] == "yes"
