"""What `reboot` and `wait_for_connection` share: trying to reach a node that is not there yet."""

import asyncio
from collections.abc import Awaitable, Callable

from hivectl.helper.operations import Operation
from hivectl.model.node_errors import CapabilityError, FenceError, HostKeyError, NodeError
from hivectl.modules.base import NodeContext, Result

# seconds that one try may take in all: a system that goes down may leave a connection open and never answer
LONGEST_TRY = 60.0


class NotYetError(Exception):
    """The node is not as it shall be; the message says what it lacks."""


async def look(context: NodeContext, operation: Operation) -> Result:
    """Carry out one operation and return its result.

    Raises:
        NotYetError: it failed, with its message.
    """
    result = (await context.operate(operation))[0].result
    if result.get("failed"):
        said = str(result.get("stderr") or result.get("stdout") or "").strip()
        raise NotYetError(": ".join(word for word in (str(result.get("msg", "it failed")), said) if word))
    return result


async def keep_trying(
    context: NodeContext,
    attempt: Callable[[], Awaitable[None]],
    *,
    seconds: float,
    pauses: tuple[float, float],
    connect_timeout: float | None = None,
) -> str | None:
    """Connect anew and try, again and again; return None at the first success, else why the last try failed.

    Args:
        context: of the node.
        attempt: raises NotYetError, or what the connection raises.
        seconds: in all.
        pauses: the first pause between two tries, and the longest; each is twice the one before.
        connect_timeout: seconds that connecting may take in one try; None is the connection's own.

    Raises:
        HostKeyError, FenceError, CapabilityError: no further try would help.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    pause, longest = pauses
    while True:
        try:
            async with asyncio.timeout(LONGEST_TRY):
                async with asyncio.timeout(connect_timeout):
                    await context.reconnect(deadline=0)
                await attempt()
        except (HostKeyError, FenceError, CapabilityError):
            raise
        except TimeoutError:
            reason = "it does not answer in time"
        except NotYetError as error:
            reason = str(error)
        except NodeError as error:
            reason = error.message
        else:
            return None
        left = end - loop.time()
        if left <= 0:
            return reason
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, longest)
