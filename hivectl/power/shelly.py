"""`shelly`: Shelly relays and plugs over their own HTTP API.

Generation 2 and later speak RPC (shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch) with digest
logins of SHA-256; generation 1 has /relay/N (shelly-api-docs.shelly.cloud/gen1) with basic ones. GET /shelly, which
needs no login, tells them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret  # noqa: TC001  the dataclass's types are evaluated for the schema
from hivectl.power.base import PowerBackend, PowerError
from hivectl.power.http import ask

if TYPE_CHECKING:
    from hivectl.power.base import Reach


@record(kw_only=True)
class Attributes:
    """What `backend: shelly` takes."""

    host: str = parameter("Name or address of the device.", example="10.0.0.30")
    outlet: int = parameter("Number of the switch in the device, from 0.", default=0)
    user: str = parameter("Login; generation 2 knows no other than admin.", default="admin")
    password: Secret | None = parameter("Password, where the device has one.", default=None)


async def _relay(attributes: Attributes, *, turn: bool | None = None) -> bool:
    """Return whether the relay is on, switched before if `turn` says so."""
    login = (attributes.user, attributes.password) if attributes.password else None
    identity = await ask(attributes.host, "/shelly", {})
    number = str(attributes.outlet)
    if int(identity.get("gen", 1)) >= 2:
        if turn is not None:
            asked = {"id": number, "on": "true" if turn else "false"}
            await ask(attributes.host, "/rpc/Switch.Set", asked, login=login)
        state = await ask(attributes.host, "/rpc/Switch.GetStatus", {"id": number}, login=login)
        return _bool(attributes, state.get("output"))
    query = {} if turn is None else {"turn": "on" if turn else "off"}
    state = await ask(attributes.host, f"/relay/{number}", query, login=login)
    return _bool(attributes, state.get("ison"))


def _bool(attributes: Attributes, value: Any) -> bool:
    if not isinstance(value, bool):
        raise PowerError(f"{attributes.host} does not say whether switch {attributes.outlet} is on")
    return value


async def switch(attributes: Attributes, _reach: Reach, on: bool) -> None:  # noqa: FBT001  # PowerBackend.switch
    """Set the relay."""
    await _relay(attributes, turn=on)


async def read(attributes: Attributes, _reach: Reach) -> bool | None:
    """Ask the relay."""
    return await _relay(attributes)


BACKEND = PowerBackend(
    name="shelly",
    summary="Shelly relays and plugs, of every generation",
    attributes=Attributes,
    switch=switch,
    read=read,
    example="power: {backend: shelly, host: 10.0.0.30, outlet: 0, password: !env SHELLY_PASSWORD}",
)
