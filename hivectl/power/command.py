"""`command`: programs that switch; whatever has a command line can be a power switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.power.base import PowerBackend, PowerError

if TYPE_CHECKING:
    from hivectl.helper.commands import Completed
    from hivectl.power.base import Reach

WORDS = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}


@record(kw_only=True)
class Attributes:
    """What `backend: command` takes."""

    turn_on: list[str] = parameter(
        "Program and arguments that turn it on; no shell.", example=["pdu", "on", "3"]
    )
    turn_off: list[str] = parameter("Program and arguments that turn it off.", example=["pdu", "off", "3"])
    read: list[str] | None = parameter(
        "Program that prints `on` or `off` (or 1, 0, true, false) as its first word; absent: nobody can tell.",
        default=None,
        example=["pdu", "read", "3"],
    )
    on: str | None = parameter(
        "The node on which they are run; absent: this machine.", default=None, example="bench1"
    )
    timeout: float = parameter("Seconds that one of them may take.", default=30.0, kind="duration")


async def _run(argv: list[str], attributes: Attributes, reach: Reach) -> Completed:
    done = await reach.run(argv, on=attributes.on, seconds=attributes.timeout)
    if done.rc != 0:
        said = done.stderr.decode(errors="replace").strip() or done.stdout.decode(errors="replace").strip()
        raise PowerError(f"{argv[0]} ended with {done.rc}" + (f": {said[-300:]}" if said else ""))
    return done


async def switch(attributes: Attributes, reach: Reach, on: bool) -> None:  # noqa: FBT001  # PowerBackend.switch
    """Run `turn_on` or `turn_off`."""
    await _run(attributes.turn_on if on else attributes.turn_off, attributes, reach)


async def read(attributes: Attributes, reach: Reach) -> bool | None:
    """Run `read` and take its first word."""
    if attributes.read is None:
        return None
    text = (await _run(attributes.read, attributes, reach)).stdout.decode(errors="replace")
    word = next(iter(text.lower().split()), "")
    if word not in WORDS:
        raise PowerError(f"{attributes.read[0]} printed {text[:80]!r}, which is neither on nor off")
    return WORDS[word]


BACKEND = PowerBackend(
    name="command",
    summary="programs that switch and read",
    attributes=Attributes,
    switch=switch,
    read=read,
    example="power: {backend: command, turn_on: [pdu, on, '3'], turn_off: [pdu, off, '3'], read: [pdu, read, '3']}",
)
