"""`lookup`, `query` and `q` as templates call them, and `with_…` loops."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from jinja2.utils import pass_context

from hivectl.model.errors import Complaints, HivectlError
from hivectl.model.lookups.base import Host, Lookup, Request
from hivectl.model.lookups.registry import find_lookup
from hivectl.model.parameters import convert
from hivectl.model.permissions import lacking
from hivectl.model.secret import Secret
from hivectl.model.templating.errors import (
    TemplateLimitError,
    TemplateValueError,
    UndefinedVariableError,
    UnsafeTemplateError,
)
from hivectl.model.templating.guard import Care, guarded
from hivectl.model.templating.values import join

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jinja2.runtime import Context

T = TypeVar("T")
ERRORS = ("strict", "warn", "ignore")


def lookup_functions(host: Host) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `query` (a list) and `lookup` (one value, or several texts joined by commas)."""

    @pass_context
    def query(context: Context, name: str, *terms: Any, **options: Any) -> list[Any]:
        options.pop("wantlist", None)
        found = _found(host, context.get_all(), name, terms, options)
        return [] if found is None else found

    @pass_context
    def lookup(context: Context, name: str, *terms: Any, **options: Any) -> Any:
        if options.pop("wantlist", False):
            return query(context, name, *terms, **options)
        found = _found(host, context.get_all(), name, terms, options)
        return found if found is None else _joined(found)

    return query, lookup


def _joined(found: list[Any]) -> Any:
    if len(found) == 1:
        return found[0]
    if found and all(isinstance(item, str | Secret) for item in found):
        return join([part for item in found for part in (",", item)][1:])
    return found


def _found(
    host: Host, variables: Mapping[str, Any], name: Any, terms: Sequence[Any], options: dict[str, Any]
) -> list[Any] | None:
    """Return what a lookup finds; None where it fails and `errors` says to go on."""
    if isinstance(name, Secret) or not isinstance(name, str):
        raise TemplateValueError("the name of a lookup is a text")
    errors = options.pop("errors", "strict")
    if errors not in ERRORS:
        raise TemplateValueError(f'there is no errors="{errors}"', hint=", ".join(ERRORS))
    found = find_lookup(name)
    try:
        return look(found, host, variables, terms, options)
    except (UndefinedVariableError, UnsafeTemplateError, TemplateLimitError):
        raise
    except HivectlError as error:
        if errors == "strict":
            raise
        if errors == "warn":
            host.warn(f"the lookup {found.name} found nothing: {error.message}")
        return None


def look(
    lookup: Lookup,
    host: Host,
    variables: Mapping[str, Any],
    terms: Sequence[Any],
    options: Mapping[str, Any],
    *,
    action: str | None = None,
) -> list[Any]:
    """Return what a lookup finds.

    Args:
        lookup: of any package.
        host: the templates that ask.
        variables: what they see.
        terms: rendered.
        options: rendered, by name.
        action: the module of the task that has it under `with_…`.

    Raises:
        UnsafeTemplateError: it would do on the controller what is not allowed.
        TemplateError: it finds nothing, or cannot work with what it is given.
    """
    lack = lacking(lookup.needs, host.allowed)
    if lack is not None:
        raise UnsafeTemplateError(
            f"the lookup {lookup.name} {lack}, which is refused for a playbook that came over the network"
        )
    what = f"the lookup {lookup.name}"

    def find(*terms: Any, **options: Any) -> list[Any]:
        request = Request(
            terms=terms,
            options=options_of(lookup.options, options, what),
            variables=variables,
            host=host,
            action=action,
        )
        return _blamed(lookup, request) if lookup.package else lookup.find(request)

    lenient = lookup.takes_undefined or (action is not None and lookup.name == "first_found")
    guard = guarded(find, what, lookup.care, takes_undefined=lenient)
    found = list(guard(*terms, **options))
    if lookup.care is not Care.BLIND:  # the others only hand on what they are given
        host.learn(found)
    return found


def _blamed(lookup: Lookup, request: Request) -> list[Any]:
    """Ask a lookup of another package, which may raise anything."""
    try:
        found = lookup.find(request)
    except HivectlError:
        raise
    except Exception as error:  # another author's code
        raise TemplateValueError(
            f"the lookup {lookup.name} of the package {lookup.package} failed: {type(error).__name__}: {error}",
            hint="tell its author",
        ) from error
    if not isinstance(found, list | tuple):
        raise TemplateValueError(
            f"the lookup {lookup.name} of the package {lookup.package} gives no list", hint="tell its author"
        )
    return list(found)


def options_of(cls: type[T], options: Mapping[str, Any], what: str) -> T:
    """Return options as an instance of their class; raises TemplateValueError."""
    if not options:
        kind: Any = cls  # mypy takes no class for hashable
        return _plain(kind)  # type: ignore[no-any-return]  # it is one of `cls`
    try:
        return convert(cls, options, what=what)
    except Complaints as complaints:
        first = complaints.errors[0]
        raise TemplateValueError(first.message.replace("parameter", "option"), hint=first.hint) from None


@cache
def _plain(cls: Any) -> Any:
    return cls()
