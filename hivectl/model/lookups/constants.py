"""What of a lookup's call can be known to be wrong before it is rendered."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from hivectl.model.lookups.base import Lookup, NoOptions, Request
from hivectl.model.lookups.calls import ERRORS, options_of
from hivectl.model.lookups.registry import find_lookup
from hivectl.model.parameters import parameters_of
from hivectl.model.suggestions import did_you_mean
from hivectl.model.templates import Templates
from hivectl.model.templating.errors import TemplateSyntaxError, TemplateValueError

UNKNOWN = object()


def check_call(call: nodes.Call) -> None:
    """Check a call of `lookup`, `query` or `q`.

    Raises:
        TemplateSyntaxError: no lookup has its name, or an option is unknown or wrong.
        BrokenPluginError: another package's lookup cannot be loaded.
    """
    name = _constant(call.args[0])
    if not isinstance(name, str):
        return
    lookup = find_lookup(name)
    where = f" on line {call.lineno} of the template" if call.lineno > 1 else ""
    for one in call.kwargs:
        _check_option(lookup, one.key, _constant(one.value), where)


def _check_option(lookup: Lookup, name: str, value: Any, where: str) -> None:
    what = f"the lookup {lookup.name}"
    if name == "wantlist":
        return
    if name == "errors":
        if value is not UNKNOWN and value not in ERRORS:
            raise TemplateSyntaxError(f'{what}: there is no errors="{value}"{where}', hint=", ".join(ERRORS))
        return
    names = [known for one in parameters_of(lookup.options) for known in (one.name, *one.aliases)]
    if name not in names:
        hint = did_you_mean(name, [*names, "errors", "wantlist"])
        listed = f"there are {', '.join([*names, 'errors', 'wantlist'])}"
        raise TemplateSyntaxError(f'{what}: there is no option "{name}"{where}', hint=hint or listed)
    if value is UNKNOWN or value is None:
        return
    try:
        options_of(lookup.options, {name: value}, what)
    except TemplateValueError as error:
        if f": {name}: " in error.message:
            raise TemplateSyntaxError(f"{error.message}{where}", hint=error.hint) from None


def check_terms(name: str, terms: Any) -> None:
    """Try a `with_…` loop whose terms are no templates and whose lookup needs nothing else.

    Raises:
        TemplateError: it cannot work with them.
    """
    lookup = find_lookup(name)
    if lookup.constant and lookup.package is None:
        given = terms if isinstance(terms, list | tuple) else [terms]
        options = options_of(lookup.options, {}, name) if lookup.options is not NoOptions else NoOptions()
        lookup.find(Request(terms=given, options=options, variables={}, host=Templates()))


def _constant(node: nodes.Expr) -> Any:
    """Return the value of an expression that is constant; UNKNOWN of any other."""
    if isinstance(node, nodes.Const):
        return node.value
    if isinstance(node, nodes.List | nodes.Tuple):
        items = [_constant(item) for item in node.items]
        return UNKNOWN if UNKNOWN in items else items
    return UNKNOWN
