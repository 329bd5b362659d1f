"""One request to a relay that speaks HTTP and answers in JSON."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from hivectl.model.secret import Secret, reveal
from hivectl.power.base import PowerError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = 10.0  # seconds: a small microcontroller behind Wi-Fi
LARGEST = 64 * 1024  # bytes of an answer
UNAUTHORISED = 401


async def ask(
    host: str, path: str, query: Mapping[str, str | Secret], *, login: tuple[str, Secret] | None = None
) -> dict[str, Any]:
    """Send one GET and return the JSON object that comes back.

    Args:
        host: name or address, with `:port` where it is not 80; with `https://` before it for TLS.
        path: begins with a slash.
        query: parameters; secrets are revealed to the device and nobody else.
        login: user and password: digest (RFC 7616) where the device asks for that, else basic.

    Raises:
        PowerError: it cannot be reached, refuses, or answers something else.
    """
    import aiohttp

    base = host if host.startswith(("http://", "https://")) else f"http://{host}"
    user, password = login or ("", None)
    # the first request goes without a password: only who asks for one is shown it, in the way that it asks for
    digest = aiohttp.DigestAuthMiddleware(user, password.reveal(), preemptive=False) if password else None
    try:
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT), middlewares=(digest,) if digest else ()
        ) as session:
            address = f"{base}{path}"
            asked = {name: reveal(value) for name, value in query.items()}
            async with session.get(address, params=asked, allow_redirects=False) as response:
                basic = response.headers.get("WWW-Authenticate", "").lower().startswith("basic")
                if response.status != UNAUTHORISED or password is None or not basic:
                    return await _answer(host, response, known=password is not None)
            known = aiohttp.BasicAuth(user, password.reveal())
            async with session.get(address, params=asked, auth=known, allow_redirects=False) as response:
                return await _answer(host, response, known=True)
    except TimeoutError:
        raise PowerError(f"{host} did not answer within {TIMEOUT:g} s") from None
    except aiohttp.InvalidURL:
        raise PowerError(
            f"{host!r} is not a host", hint="write its name or address, such as 10.0.0.30"
        ) from None
    except aiohttp.ClientError as error:
        # its own text may hold the address, and the password in that
        cause = getattr(error, "os_error", None)
        number = getattr(cause, "errno", None)
        # asyncio says no more than "Connect call failed"; numbers below 1 are of name resolution
        told = os.strerror(number) if number and number > 0 else getattr(cause, "strerror", None)
        reason = told or type(error).__name__
        raise PowerError(f"{host} cannot be asked: {reason}") from None


def refused_login(*, known: bool) -> str:
    """Return what helps where a device refuses a login; `known`: a password was given."""
    return f"{'correct' if known else 'give'} `password:` in the node's `power:`"


async def _answer(host: str, response: Any, *, known: bool) -> dict[str, Any]:
    if response.status == UNAUTHORISED:
        raise PowerError(f"{host} refuses the login", hint=refused_login(known=known))
    if response.status != 200:
        raise PowerError(f"{host} answers {response.status} {response.reason}")
    data = await response.content.read(LARGEST)
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise PowerError(f"{host} answers no JSON object", hint="is that the right device?")
    return answer
