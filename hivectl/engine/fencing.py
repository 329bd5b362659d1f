"""A node's own lock, `.hivelock`: taken so that the node refuses whoever came before, and given back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from hivectl.drivers.base import Capability, Command
from hivectl.drivers.errors import HelperError, NodeError
from hivectl.helper.operations import Batch, Item, Stat
from hivectl.model.errors import HivectlError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from hivectl.drivers.base import Connection
    from hivectl.helper.operations import Fence

UNLOCK_SECONDS = 5.0
LOOK_SECONDS = 10.0
MARK = "--hivelock--"
# whatever the login's shell; a lock that is no file is not read
LOOK = (
    f"""sh -c 'f="$HOME/.hivelock"; [ ! -e "$f" ] || {{ echo {MARK}; [ -f "$f" ] && head -c 65536 "$f"; }}'"""
)


async def take(connection: Connection, fence: Fence) -> None:
    """Have a node know that it is ours; raises FenceError when somebody else's claim stands there."""
    look = Item(key="fence", step=0, chain=0, operation=Stat(path="/", checksum=None))
    # a board hears of the fence before it looks at anything
    items = (look,) if Capability.RUN in connection.capabilities else ()
    async with contextlib.aclosing(
        connection.operate(Batch(run="client", items=items, fence=fence))
    ) as results:
        async for _ in results:
            pass


async def give_back(connections: Iterable[Connection], fence: Fence) -> str:
    """Say on a node that a claim ends; returns why it could not be said, "" when it was.

    The node's lock ends by itself when its time is over.
    """
    try:
        async with asyncio.timeout(UNLOCK_SECONDS):
            for connection in connections:
                await connection.unlock(fence)
    except HelperError:
        # no helper, no lock
        return ""
    except (HivectlError, TimeoutError) as error:
        return f"the node's lock stands for up to a minute: {str(error) or 'it does not answer'}"
    return ""


async def is_contested(
    connection: Connection, fence: Fence, stands: Callable[[int], Awaitable[bool]]
) -> bool:
    """Tell whether somebody who never gave a node back may still be at it.

    What is done without a helper looks at the node's lock first, and takes it only then: whoever else has a
    reservation that stands holds the same machine under another name, and must not be driven out.

    Args:
        connection: to the node; it runs commands.
        fence: ours.
        stands: tells whether a token of our store is of a reservation that stands.
    """
    try:
        said = await connection.run(Command(command=LOOK, timeout=LOOK_SECONDS))
    except NodeError:
        # whatever it is, the command itself will meet it
        return False
    there, _, text = said.stdout.partition(b"\n")
    if there != MARK.encode():
        # no lock, or no shell that could tell
        return False
    try:
        state = json.loads(text)
        if not state["store"] or state["returned"]:
            return False
        if state["store"] != fence.store or state["token"] > fence.token:
            return True
        return state["token"] < fence.token and not await stands(int(state["token"]))
    except (ValueError, LookupError, TypeError):
        # what it is, and whether it stands in the way, is for the helper to say
        return True
