"""All filters, tests and functions, each with the guard around it."""

from __future__ import annotations

from functools import cache, wraps
from pprint import pformat
from typing import TYPE_CHECKING, Any

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import do_round, do_striptags, do_urlize, do_wordwrap, do_xmlattr
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import Cycler, Joiner, Namespace, pass_environment

from hivectl.model.filters import checks, data, hashing, numbers, paths, regex, sets, text, time, vault
from hivectl.model.lookups.calls import lookup_functions
from hivectl.model.permissions import Permission
from hivectl.model.secret import Secret
from hivectl.model.templating.errors import UnsafeTemplateError
from hivectl.model.templating.guard import Care, guarded
from hivectl.model.templating.limits import (
    SECONDS,
    alarm,
    check_items,
    check_text,
    check_width,
    count_deep,
    step,
)
from hivectl.model.templating.omit import OMIT
from hivectl.model.templating.undefined import UndefinedName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hivectl.model.lookups.base import Host

LOOKING = ("expanduser", "expandvars", "fileglob", "realpath", "relpath")  # at this machine
BLIND = frozenset(
    [
        "default",
        "d",
        "mandatory",
        "ternary",
        "type_debug",
        "items",
        "length",
        "count",
        "combine",
        "dict2items",
        "items2dict",
        "zip",
        "zip_longest",
        "product",
        "permutations",
        "combinations",
        "subelements",
        "rekey_on_member",
        "extract",
    ]
)
ITEMS = frozenset(
    [
        "list",
        "first",
        "last",
        "reverse",
        "sort",
        "map",
        "select",
        "reject",
        "selectattr",
        "rejectattr",
        "groupby",
        "dictsort",
        "random",
        "shuffle",
        "unique",
        "union",
        "intersect",
        "difference",
        "symmetric_difference",
        "min",
        "max",
        "sum",
        "flatten",
        "batch",
        "slice",
    ]
)
LENIENT = frozenset(
    ["default", "d", "mandatory", "ternary", "items", "map", "select", "reject", "selectattr", "rejectattr"]
)
BLIND_TESTS = frozenset(
    [
        "defined",
        "undefined",
        "mapping",
        "sequence",
        "iterable",
        "none",
        "boolean",
        "true",
        "false",
        "integer",
        "float",
        "number",
        "callable",
        "sameas",
        "string",
        "filter",
        "test",
        "failed",
        "failure",
        "succeeded",
        "success",
        "successful",
        "changed",
        "change",
        "skipped",
        "skip",
        "unreachable",
        "reachable",
        "started",
        "finished",
        "timedout",
    ]
)


@pass_environment
def attribute(environment: Any, value: Any, name: str) -> Any:
    """Return an attribute that templates may reach."""
    return environment.getattr(value, str(name))


def rounded(value: float, precision: int = 0, method: str = "common") -> float:
    """Return the number rounded; `precision` counts decimals."""
    check_width(abs(precision) * 30)
    return do_round(value, precision, method)  # type: ignore[arg-type]  # Jinja2 checks the method


@pass_environment
def wordwrap(
    environment: Any,
    value: str,
    width: int = 79,
    break_long_words: bool = True,
    wrapstring: str | None = None,
    break_on_hyphens: bool = True,
) -> str:  # Jinja2's parameters
    """Return the text in lines of at most `width` characters."""
    check_text(len(value) * (10 + len(wrapstring or "")))
    with alarm(SECONDS):
        return do_wordwrap(environment, value, width, break_long_words, wrapstring, break_on_hyphens)


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return one of Jinja2's filters for web pages, whose expressions may take long on odd texts, with an alarm."""

    @wraps(function)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        check_text(sum(len(one) for one in args if isinstance(one, str)) * 10)
        with alarm(SECONDS):
            return function(*args, **kwargs)

    return bounded


def pretty(value: Any) -> str:
    """Return the value as Python writes it, over several lines."""
    step(count_deep(value) * 8)  # 20 µs a value
    return pformat(value)


@cache
def filters(*, allowed: Permission) -> Mapping[str, Callable[..., Any]]:
    """Return every filter: ours before Jinja2's; without LOOK templates see nothing of this machine."""
    known: dict[str, Callable[..., Any]] = dict(JINJA_FILTERS)
    for group in (text, data, hashing, numbers, paths, regex, sets, time, vault):
        known.update(group.FILTERS)
    known.update({"attr": attribute, "round": rounded, "wordwrap": wordwrap, "pprint": pretty})
    for name, function in (("striptags", do_striptags), ("urlize", do_urlize), ("xmlattr", do_xmlattr)):
        known[name] = timed(function)
    if Permission.LOOK not in allowed:
        known.update(dict.fromkeys(LOOKING, refused))
    return {
        name: guarded(function, f"the filter {name}", _care(name), takes_undefined=name in LENIENT)
        for name, function in known.items()
    }


def _care(name: str) -> Care:
    if name in {"bool", "vault"}:  # what a vault hides does not show
        return Care.MEASURE
    return Care.BLIND if name in BLIND else Care.ITEMS if name in ITEMS else Care.TEXT


@cache
def tests(*, allowed: Permission) -> Mapping[str, Callable[..., Any]]:
    """Return every test: ours before Jinja2's; without LOOK templates see nothing of this machine."""
    known: dict[str, Any] = dict(JINJA_TESTS) | {"string": _is_text}
    for group in (checks, paths, regex):
        known.update(group.TESTS)
    if Permission.LOOK not in allowed:
        known.update(dict.fromkeys(paths.TESTS, refused))
    return {
        name: guarded(
            function,
            f"the test {name}",
            Care.BLIND if name in BLIND_TESTS else Care.MEASURE,
            takes_undefined=name in {"defined", "undefined"},
        )
        for name, function in known.items()
    }


def refused(*_args: Any, **_kwargs: Any) -> Any:
    """Refuse to look at this machine."""
    raise UnsafeTemplateError("this is refused for a playbook that came over the network")


def functions(host: Host) -> Mapping[str, Any]:
    """Return every function that templates can call, and `omit`; see `lookup_functions` for the parameters."""
    query, lookup = lookup_functions(host)
    return {
        "cycler": Cycler,
        "joiner": Joiner,
        "namespace": Namespace,
        "omit": OMIT,
        "range": guarded(bounded_range, "the function range", Care.TEXT),
        "dict": guarded(dict, "the function dict", Care.BLIND),
        "now": guarded(time.now, "the function now", Care.TEXT),
        "undef": undefined,
        "lookup": guarded(lookup, "the lookup", Care.BLIND, takes_undefined=True),
        "query": guarded(query, "the query", Care.BLIND, takes_undefined=True),
        "q": guarded(query, "the query", Care.BLIND, takes_undefined=True),
    }


def bounded_range(*bounds: int) -> list[int]:
    """Return the numbers of Python's range, if they are not too many."""
    numbers = range(*bounds)
    check_items(max(numbers.stop - numbers.start, numbers.start - numbers.stop, 0) // abs(numbers.step))
    return list(numbers)


def undefined(hint: Any = None) -> UndefinedName:
    """Return an undefined value, with a message of the author's."""
    return UndefinedName(None if hint is None else str(hint))


def _is_text(value: Any) -> bool:
    return isinstance(value, str | Secret)
