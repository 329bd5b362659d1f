"""`wait_for_connection`: until a node can be reached and does what it is asked."""

import asyncio

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Stat
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, NodeContext, Result
from hivectl.modules.connecting import keep_trying, look


@record(kw_only=True)
class Parameters:
    """What `wait_for_connection` takes."""

    connect_timeout: int | None = parameter(
        "Seconds that one try to connect may take; absent: as the connection is set.", default=None
    )
    delay: int = parameter("Seconds to wait before the first try.", default=0)
    sleep: int = parameter("Seconds between two tries.", default=1)
    timeout: int = parameter("Seconds after which it fails.", default=600)


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Wait, and say how long it took."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    if parameters.delay:
        await asyncio.sleep(parameters.delay)

    async def attempt() -> None:
        # as `ping` does: to the node and back
        await look(context, Stat(path="/", checksum=None))

    reason = await keep_trying(
        context,
        attempt,
        seconds=parameters.timeout,
        pauses=(parameters.sleep, parameters.sleep),
        connect_timeout=parameters.connect_timeout,
    )
    result: Result = {"changed": False, "elapsed": int(loop.time() - start)}
    if reason is not None:
        result.update(failed=True, msg=f"timed out waiting for a connection: {reason}")
    return result


MODULE = Module(
    name="wait_for_connection",
    summary="Wait until a node can be reached",
    parameters=Parameters,
    procedure=procedure,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: Until the Pi is back
  wait_for_connection:
    timeout: 300
""",
    check_mode="none",
    returns={"elapsed": "seconds that were waited"},
)
