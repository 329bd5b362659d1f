"""Modules by hand: what `put`, `sync` and `set_task` are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.client.errors import CommandError
from hivectl.client.output import Output
from hivectl.engine.single import run_module
from hivectl.model.node_errors import ConnectionLostError

if TYPE_CHECKING:
    from hivectl.client.reach import Reach
    from hivectl.modules.base import Result


async def carry_out(reach: Reach, node: str, module: str, **arguments: Any) -> Result:
    """Carry out a module on a node and return its result.

    Raises:
        CommandError: it failed.
        NodeError: the node cannot be reached, or is held by somebody else.
    """
    async with reach.using(node) as session:
        access = reach.access(node, session)
        try:
            result = await run_module(module, arguments, node=node, access=access)
        except ConnectionLostError:
            # it was there: all that is done so may be done again
            await session.reconnect()
            result = await run_module(module, arguments, node=node, access=access)
    if result.get("failed"):
        output = Output(str(result.get("output", "")), status=result.get("exit_status", 1))
        raise CommandError(str(result.get("msg") or f"{module} failed"), output, node=node)
    return result
