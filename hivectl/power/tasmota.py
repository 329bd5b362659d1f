"""`tasmota`: relays and plugs with Tasmota firmware, over its web requests (tasmota.github.io/docs/Commands).

Its API takes the password in the query of the address: use it in a network of your own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret  # noqa: TC001  the dataclass's types are evaluated for the schema
from hivectl.power.base import PowerBackend, PowerError
from hivectl.power.http import ask, refused_login

if TYPE_CHECKING:
    from hivectl.power.base import Reach


@record(kw_only=True)
class Attributes:
    """What `backend: tasmota` takes."""

    host: str = parameter("Name or address of the device.", example="10.0.0.31")
    outlet: int = parameter("Number of the relay, from 1.", default=1)
    user: str = parameter("Login of its web pages.", default="admin")
    password: Secret | None = parameter("Password of its web pages, where it has one.", default=None)


async def _power(attributes: Attributes, word: str) -> bool:
    query: dict[str, str | Secret] = {"cmnd": f"Power{attributes.outlet} {word}".strip()}
    if attributes.password is not None:
        query |= {"user": attributes.user, "password": attributes.password}
    answer = await ask(attributes.host, "/cm", query)
    if "WARNING" in answer:
        hint = refused_login(known=attributes.password is not None)
        raise PowerError(f"{attributes.host} refuses the login", hint=hint)
    # a device with one relay calls it POWER, others POWER1, POWER2
    names = (f"POWER{attributes.outlet}", *(("POWER",) if attributes.outlet == 1 else ()))
    state = next((answer[name] for name in names if name in answer), None)
    if state not in ("ON", "OFF"):
        raise PowerError(f"{attributes.host} does not say whether relay {attributes.outlet} is on")
    return bool(state == "ON")


async def switch(attributes: Attributes, _reach: Reach, on: bool) -> None:  # noqa: FBT001  # PowerBackend.switch
    """Set the relay."""
    await _power(attributes, "ON" if on else "OFF")


async def read(attributes: Attributes, _reach: Reach) -> bool | None:
    """Ask the relay."""
    return await _power(attributes, "")


BACKEND = PowerBackend(
    name="tasmota",
    summary="relays and plugs with Tasmota firmware",
    attributes=Attributes,
    switch=switch,
    read=read,
    example="power: {backend: tasmota, host: 10.0.0.31, outlet: 2}",
)
