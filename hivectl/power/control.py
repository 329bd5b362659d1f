"""The power of one node: switched, seen to be switched, cycled without leaving it off."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from hivectl.power.base import PowerError

if TYPE_CHECKING:
    from hivectl.power.base import BackendOf, Reach

# seconds: relays click within one, uhubctl needs some to settle
SETTLES = 5.0
LOOKS_AGAIN = 0.2
# seconds for one word with a backend, its own timeouts included
DEADLINE = 60.0


class NodePower:
    """Implements `hivectl.power.base.Power`.

    Args:
        node: whose power it is, for messages.
        backend: the kind of switch.
        attributes: an instance of the backend's attribute class.
        reach: how it gets at programs.
    """

    def __init__(self, node: str, backend: BackendOf, attributes: Any, reach: Reach) -> None:
        self._node = node
        self._backend = backend
        self._attributes = attributes
        self._reach = reach

    async def read(self) -> bool | None:
        """Return whether it is on; None where that cannot be told."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._backend.read(self._attributes, self._reach)
        except TimeoutError:
            raise self._silent() from None
        except PowerError as error:
            error.node = error.node or self._node
            raise

    async def switch(self, *, on: bool) -> None:
        """Turn it on or off, and see that it is so."""
        try:
            async with asyncio.timeout(DEADLINE):
                await self._backend.switch(self._attributes, self._reach, on)
        except TimeoutError:
            raise self._silent() from None
        except PowerError as error:
            error.node = error.node or self._node
            raise
        end = time.monotonic() + SETTLES
        while (seen := await self.read()) is not None and seen is not on:
            if time.monotonic() >= end:
                raise PowerError(
                    f"{self._backend.name} was told to turn it {_word(on)}, but it is still {_word(seen)}",
                    node=self._node,
                    hint="look at the outlet's number in the inventory, and at the switch itself",
                )
            await asyncio.sleep(LOOKS_AGAIN)

    async def cycle(self, off_for: float) -> None:
        """Turn it off, wait, turn it on; a node is not left off because somebody pressed Ctrl-C."""
        try:
            # within: what is broken off while it turns off may have turned it off
            await self.switch(on=False)
            await asyncio.sleep(off_for)
        finally:
            await self.switch(on=True)

    def _silent(self) -> PowerError:
        return PowerError(f"{self._backend.name} did not answer within {DEADLINE:g} s", node=self._node)


def _word(on: bool) -> str:  # noqa: FBT001  # the state is all it takes
    return "on" if on else "off"
