"""Lookups among the variables, and of environment variables of the controller."""

from __future__ import annotations

import os
from typing import Any

from hivectl.model.filters.regex import compiled
from hivectl.model.lookups.base import Lookup, Request
from hivectl.model.parameters import parameter
from hivectl.model.permissions import Permission
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.model.templating.environment import look_up
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.guard import Care
from hivectl.model.templating.limits import PATTERN_SECONDS, alarm
from hivectl.model.templating.taint import taint
from hivectl.model.templating.undefined import UndefinedName, kind_of

NOTHING = object()


@record(kw_only=True)
class Default:
    """Options of `vars` and `env`."""

    default: Any = parameter("What an absent one stands for.", default=NOTHING, kind="raw")


def _name(term: Any) -> str:
    if isinstance(term, str | Secret):
        return term.reveal() if isinstance(term, Secret) else term
    raise TemplateValueError(f"a name is needed, not a value of type {kind_of(term)}")


def _vars(request: Request) -> list[Any]:
    found = []
    for term in request.terms:
        value = look_up(request.variables, _name(term), request.options.default)
        value = UndefinedName(name=term) if value is NOTHING else value
        found.append(taint(value) if isinstance(term, Secret) else value)
    return found


def _varnames(request: Request) -> list[Any]:
    found: list[str] = []
    names = list(request.variables)
    for term in request.texts():
        expression = compiled(term, text="")
        with alarm(PATTERN_SECONDS):
            found += [name for name in names if expression.search(str(name))]
    return found


def _env(request: Request) -> list[Any]:
    default = "" if request.options.default is NOTHING else request.options.default
    return [os.environ.get(_name(term).strip(), default) for term in request.terms]


LOOKUPS = (
    Lookup(name="vars", summary="variables by their names", find=_vars, options=Default, care=Care.BLIND),
    Lookup(name="varnames", summary="names of variables that match expressions", find=_varnames),
    Lookup(
        name="env",
        summary="environment variables of the controller",
        find=_env,
        options=Default,
        needs=Permission.LOOK,
        takes_undefined=True,
    ),
)
