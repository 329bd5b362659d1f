"""`uhubctl`: ports of USB hubs that switch their power one by one (github.com/mvp/uhubctl, run as a program)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.power.base import PowerBackend, PowerError

if TYPE_CHECKING:
    from hivectl.power.base import Reach

NO_COMMAND = 127


@record(kw_only=True)
class Attributes:
    """What `backend: uhubctl` takes."""

    hub: str = parameter("Location of the hub, as `uhubctl` lists it.", example="1-1.4")
    port: int = parameter("Number of the hub's port.", example=2)
    on: str | None = parameter("The node that the hub is plugged into; absent: this machine.", default=None)
    sudo: bool = parameter("Run it by sudo, where udev does not let the login switch.", default=False)
    timeout: float = parameter("Seconds that it may take.", default=30.0, kind="duration")


async def _uhubctl(attributes: Attributes, reach: Reach, *action: str) -> str:
    argv = [*(("sudo", "-n") if attributes.sudo else ()), "uhubctl", "-l", attributes.hub]
    argv += ["-p", str(attributes.port), *action]
    done = await reach.run(argv, on=attributes.on, seconds=attributes.timeout)
    text = done.stdout.decode(errors="replace")
    if done.rc == NO_COMMAND:
        where = attributes.on or "this machine"
        raise PowerError(f"there is no uhubctl on {where}", hint="sudo apt-get install uhubctl there")
    if done.rc != 0:
        said = (done.stderr.decode(errors="replace") or text).strip()
        raise PowerError(f"uhubctl ended with {done.rc}: {said[-300:]}")
    return text


async def switch(attributes: Attributes, reach: Reach, on: bool) -> None:  # noqa: FBT001  # PowerBackend.switch
    """Switch the port; some devices need to be told twice (`-r`, its README)."""
    await _uhubctl(attributes, reach, "-a", "on" if on else "off", *(() if on else ("-r", "2")))


async def read(attributes: Attributes, reach: Reach) -> bool | None:
    """Read the port's status line, `  Port 2: 0103 power enable connect [2e8a:0005 ...]` or `0000 off`."""
    text = await _uhubctl(attributes, reach)
    found = re.search(rf"^\s*Port {attributes.port}: [0-9a-f]{{4}} (.*)$", text, re.MULTILINE)
    if found is None:
        raise PowerError(
            f"uhubctl does not show port {attributes.port} of hub {attributes.hub}",
            hint="run `uhubctl` alone to see what there is",
        )
    return "power" in found[1].partition("[")[0].split()


BACKEND = PowerBackend(
    name="uhubctl",
    summary="ports of USB hubs that switch one by one",
    attributes=Attributes,
    switch=switch,
    read=read,
    example="power: {backend: uhubctl, hub: 1-1.4, port: 2, on: bench1}",
)
