"""`power`: a node's socket, relay or hub port, on, off, cycled or read."""

from __future__ import annotations

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, NodeContext, Result


@record(kw_only=True)
class Parameters:
    """What `power` takes."""

    state: str = parameter(
        "`on` and `off` switch where it is not so; `cycle` turns it off and on again; `read` only looks.",
        choices=["on", "off", "cycle", "read"],
    )
    off_for: float = parameter("Time without power in a `cycle`.", default=5.0, kind="duration")


WORDS = {True: "on", False: "off", None: "unknown"}


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Look, switch where it differs, look again.

    Raises:
        PowerError: it cannot be switched or read.
    """
    power = context.power()
    was = await power.read()
    if parameters.state == "read":
        return {"changed": False, "power": WORDS[was]}
    if parameters.state == "cycle":
        if not context.check:
            context.say(f"power off for {parameters.off_for:g} s")
            await power.cycle(parameters.off_for)
            await context.disconnect()
        return {"changed": True, "power": "on", "was": WORDS[was]}
    wanted = parameters.state == "on"
    # what cannot be read is switched, and counts as changed
    changed = was is not wanted
    if changed and not context.check:
        await power.switch(on=wanted)
        if not wanted:
            await context.disconnect()
    result: Result = {"changed": changed, "power": parameters.state, "was": WORDS[was]}
    if context.diff and changed:
        result["diff"] = {"before": f"power {WORDS[was]}\n", "after": f"power {parameters.state}\n"}
    return result


MODULE = Module(
    name="power",
    summary="A node's power: on, off, cycle, read",
    parameters=Parameters,
    procedure=procedure,
    example="""\
- name: Off and on again
  power: {state: cycle, off_for: 10s}
""",
    returns={"power": "on, off or unknown", "was": "what it was before"},
    # a second cycle would hurt who has come up meanwhile
    repeatable=False,
)
