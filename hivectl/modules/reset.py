"""`reset`: start a board anew, and wait until it is there again."""

import asyncio
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.model.node_errors import NodeError
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, NodeContext, Result
from hivectl.modules.board_repl import attempt
from hivectl.modules.connecting import NotYetError, keep_trying

# in the board's globals until its interpreter is started anew
MARK = "_hivectl_not_reset"
# firmware of ours counts starts that nobody asked for as crashes
NOTE = f"{MARK} = True\n"
ANNOUNCE = f"""\
{NOTE}try:
 from hivelab import boots
 boots.announce("hivectl")
except ImportError:
 pass
"""
COMMANDS = {"soft": "import machine\nmachine.soft_reset()\n", "hard": "import machine\nmachine.reset()\n"}
# seconds that the command may take: a board that is reset has no answer left
COMMAND_SECONDS = 0.5
ANSWER_SECONDS = 10.0
# between two looks whether it is there
PAUSES = (0.2, 2.0)


@record(kw_only=True)
class Parameters:
    """What `reset` takes."""

    how: str = parameter(
        "`soft` starts the interpreter anew, `hard` the board (by its power where it does not answer and the "
        "inventory says how), `power` takes its power away for a while.",
        default="hard",
        choices=("soft", "hard", "power"),
    )
    off_for: float = parameter("Time without power.", default=5.0, kind="duration")
    timeout: float = parameter("Time that it has to be there again.", default=60.0, kind="duration")


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Reset and wait.

    Raises:
        NodeError: it does not answer, and its power cannot be switched.
        ModuleError: its firmware cannot reset it.
    """
    if context.check:
        return {"changed": True, "how": parameters.how, "elapsed": 0}
    loop = asyncio.get_running_loop()
    begin = loop.time()
    how = await _reset(parameters, context)
    context.say("was reset; waiting until it is back")

    async def started() -> None:
        answer = await attempt(context, f"print({MARK!r} in globals())", seconds=ANSWER_SECONDS)
        if answer.output.strip() != b"False":
            raise NotYetError("it has not been reset yet")

    reason = await keep_trying(context, started, seconds=parameters.timeout, pauses=PAUSES)
    result: dict[str, Any] = {"changed": True, "how": how, "elapsed": int(loop.time() - begin)}
    if reason is not None:
        result.update(failed=True, msg=f"it is not back after {parameters.timeout:g} s: {reason}")
    return result


async def _reset(parameters: Parameters, context: NodeContext) -> str:
    """Reset it; return how."""
    how = parameters.how
    try:
        await attempt(context, NOTE if how == "soft" else ANNOUNCE, seconds=ANSWER_SECONDS)
    except NodeError as error:
        if how == "soft":
            raise
        if how == "hard":
            _need_power(context, error)
            context.say(f"does not answer, so its power is switched: {error.message}")
        how = "power"
    else:
        if how != "power":
            await _command(COMMANDS[how], context)
    if how == "power":
        await context.power().cycle(parameters.off_for)
        await context.disconnect()
    return how


def _need_power(context: NodeContext, silent: NodeError) -> None:
    """See that a board which does not answer can be reset at all; raises what says both."""
    try:
        context.power()
    except NodeError as error:
        error.message = f"it does not answer ({silent.message}), and {error.message}"
        error.args = (error.message,)
        raise error from silent


async def _command(code: str, context: NodeContext) -> None:
    try:
        answer = await attempt(context, code, seconds=COMMAND_SECONDS)
    except NodeError:
        # it has gone with the line, or fell silent: whether it was reset is looked at afterwards
        return
    if answer.failure:
        raise ModuleError(
            f"the board cannot reset itself: {answer.failure.decode(errors='replace').strip()}",
            origin=context.origin,
            hint="write `how: power`",
        )


MODULE = Module(
    name="reset",
    summary="Start a board anew and wait until it is back",
    parameters=Parameters,
    procedure=procedure,
    capabilities=frozenset({Capability.REPL}),
    example="""\
- name: With the new settings
  reset: {how: hard, timeout: 30s}
""",
    returns={"how": "how it was reset in the end", "elapsed": "seconds until it was back"},
    repeatable=False,
)
