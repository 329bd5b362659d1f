"""`pause`: for a time, or until somebody presses Enter; once for the whole play."""

import asyncio
import datetime as dt

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, NodeContext, Result
from hivectl.modules.keyboard import Keyboard, keyboard

CHOICE = "Press 'C' to continue the play or 'A' to abort"
TIMED = "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)"


@record(kw_only=True)
class Parameters:
    """What `pause` takes."""

    minutes: float | None = parameter("For how many whole minutes.", default=None)
    seconds: float | None = parameter("For how many seconds, at least 1.", default=None)
    prompt: str | None = parameter("What is asked; without a time it waits for Enter.", default=None)
    echo: bool = parameter("Whether what is typed can be seen.", default=True)


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Pause.

    Raises:
        ModuleError: two times, or somebody has aborted the play.
    """
    if parameters.minutes is not None and parameters.seconds is not None:
        raise ModuleError("only one of `minutes` and `seconds` can be given", origin=context.origin)
    unit = "minutes" if parameters.seconds is None else "seconds"
    seconds = parameters.seconds if parameters.minutes is None else int(parameters.minutes) * 60
    limit = None if seconds is None else max(1.0, float(int(seconds)))
    loop = asyncio.get_running_loop()
    start, began = loop.time(), dt.datetime.now().astimezone()
    typed = ""
    if parameters.minutes is not None and parameters.minutes != int(parameters.minutes):
        context.say(
            f"pause counts whole minutes, as Ansible does: write `seconds: {parameters.minutes * 60:g}`"
        )
    with keyboard(echo=parameters.echo and limit is None) as keys:
        if keys is not None:
            typed = await _ask(parameters, context, keys, limit)
        elif limit is not None:
            await asyncio.sleep(limit)
        else:
            context.say("Not waiting for response to prompt as stdin is not interactive")
    duration = loop.time() - start
    shown = round(duration / 60 if unit == "minutes" else duration, 2)
    return {
        "changed": False,
        "rc": 0,
        "start": str(began.replace(tzinfo=None)),
        "stop": str(dt.datetime.now().astimezone().replace(tzinfo=None)),
        "delta": int(duration),
        "echo": parameters.echo,
        "stdout": f"Paused for {shown} {unit}",
        "stderr": "",
        "user_input": typed,
    }


async def _ask(parameters: Parameters, context: NodeContext, keys: Keyboard, limit: float | None) -> str:
    """Wait at a terminal; return what was typed."""
    hidden = "" if parameters.echo else " (output is hidden)"
    if limit is not None:
        context.say(f"Pausing for {limit:g} seconds{hidden} {TIMED}")
        if parameters.prompt:
            context.say(f"{parameters.prompt}{hidden}:")
    else:
        context.say(f"{parameters.prompt or 'Press enter to continue, Ctrl+C to interrupt'}{hidden}:")
    line = await keys.line(limit)
    if line is not None:
        return line
    context.say(CHOICE)
    if await keys.choice("ca\x03") == "c":
        return ""
    raise ModuleError("user requested abort!", origin=context.origin)


MODULE = Module(
    name="pause",
    summary="Wait for a time, or for somebody to press Enter",
    parameters=Parameters,
    procedure=procedure,
    check_mode="always",
    example="""\
- name: The laser
  pause:
    prompt: Is the laser warm? Press Enter
""",
    returns={
        "user_input": "what was typed",
        "start": "when it began",
        "stop": "when it ended",
        "delta": "seconds that it took",
        "stdout": "how long it took, in words",
        "echo": "as asked for",
    },
    once=True,
)
