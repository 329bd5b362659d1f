"""What modules for boards share: code in a board's REPL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import Capability

if TYPE_CHECKING:
    from hivectl.micropython.outcome import Outcome
    from hivectl.modules.base import NodeContext


async def attempt(context: NodeContext, code: str, *, seconds: float) -> Outcome:
    """Run code on the board and return what it printed and raised; raises what `Repl.attempt` raises."""
    # every connection with this capability has a REPL
    connection: Any = await context.connection(Capability.REPL)
    outcome: Outcome = await connection.repl.attempt(code, timeout=seconds)
    return outcome
