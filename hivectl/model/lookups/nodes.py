"""The lookup `inventory_hostnames`: nodes that a selector means."""

from __future__ import annotations

from typing import Any

from hivectl.model.lookups.base import Lookup, Request


def _hostnames(request: Request) -> list[Any]:
    expression = ",".join(str(term) for term in request.terms)
    return list(request.host.select(expression))


LOOKUPS = (Lookup(name="inventory_hostnames", summary="the nodes that a selector means", find=_hostnames),)
