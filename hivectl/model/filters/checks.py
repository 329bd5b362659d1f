"""The tests of templates: what may stand behind `is`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from hivectl.model.filters.paths import VAULT
from hivectl.model.filters.sets import membership
from hivectl.model.filters.text import to_bool
from hivectl.model.templating.errors import TemplateValueError

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "==": operator.eq, "=": operator.eq, "eq": operator.eq,
        "<": operator.lt, "lt": operator.lt,
        "<=": operator.le, "le": operator.le,
        ">": operator.gt, "gt": operator.gt,
        ">=": operator.ge, "ge": operator.ge,
        "!=": operator.ne, "<>": operator.ne, "ne": operator.ne,
    }
)  # fmt: skip
SEMANTIC = re.compile(
    r"(?P<core>\d+\.\d+\.\d+)(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
STRICT = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?")
KINDS = ("loose", "strict", "semver", "semantic", "pep440")


def version(
    value: Any, other: Any, operator: str = "eq", strict: bool | None = None, version_type: str | None = None
) -> bool:
    """Compare versions: 1.10 is newer than 1.9.

    Args:
        value: a version.
        other: the version that it is compared with.
        operator: ==, !=, <, <=, >, >=, or eq, ne, lt, le, gt, ge.
        strict: only numbers with at most two points, as Ansible's `strict=true`.
        version_type: loose (default), strict, semver or semantic (Semantic Versioning 2.0.0), pep440 (Python packages).
    """
    if operator not in OPERATORS:
        raise TemplateValueError(f'there is no operator "{operator}"', hint=" ".join(OPERATORS))
    kind = version_type or ("strict" if strict else "loose")
    if kind not in KINDS:
        raise TemplateValueError(f'there is no version_type "{kind}"', hint=", ".join(KINDS))
    if not str(value) or not str(other):
        raise TemplateValueError("a version is empty")
    left, right = _parts(str(value), kind), _parts(str(other), kind)
    return OPERATORS[operator](_order(left, right), 0)


def _parts(text: str, kind: str) -> tuple[Any, ...]:
    if kind == "loose":
        return tuple(
            int(part) if part.isdigit() else part for part in re.findall(r"\d+|[a-z]+|[^\d.a-z]+", text)
        )
    if kind == "strict":
        found = STRICT.fullmatch(text)
        if found is None:
            raise TemplateValueError(f'"{text}" is no strict version', hint="such as 1.2 or 1.2.3")
        return (*(int(part or 0) for part in found.groups()[:3]), found[4] or "~", int(found[5] or 0))
    if kind == "pep440":
        # hardly anybody asks, and its pattern takes a millisecond to compile
        from hivectl.model.filters.python_versions import python_version

        return python_version(text)
    found = SEMANTIC.fullmatch(text)
    if found is None:
        raise TemplateValueError(f'"{text}" is no semantic version', hint="such as 1.2.3 or 1.2.3-rc.1")
    core = tuple(int(part) for part in found["core"].split("."))
    if found["pre"] is None:
        return (*core, (1,))
    return (
        *core,
        (0, *((0, int(part), "") if part.isdigit() else (1, 0, part) for part in found["pre"].split("."))),
    )


def _order(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
    for one, other in zip_longest(left, right):
        if one == other:
            continue
        if one is None or other is None:
            return -1 if one is None else 1
        return -1 if one < other else 1
    return 0


def contains(container: Any, item: Any) -> bool:
    """Say whether a list, mapping or text holds something."""
    return item in container


def subset(part: Iterable[Any], whole: Iterable[Any]) -> bool:
    """Say whether every item of the first list is in the second."""
    inside = membership(list(whole))
    return all(inside(item) for item in part)


def superset(whole: Iterable[Any], part: Iterable[Any]) -> bool:
    """Say whether every item of the second list is in the first."""
    return subset(part, whole)


def truthy(value: Any, convert_bool: bool = False) -> bool:  # Ansible's parameter
    """Say whether a value counts as true in Python; `convert_bool` reads "no" as false."""
    if convert_bool:
        try:
            return bool(to_bool(value))
        except TemplateValueError:
            return bool(value)
    return bool(value)


def falsy(value: Any, convert_bool: bool = False) -> bool:  # Ansible's parameter
    """Say whether a value counts as false in Python."""
    return not truthy(value, convert_bool)


def failed(result: Any) -> bool:
    """Say whether a registered result is a failure."""
    return bool(_result(result).get("failed", False))


def succeeded(result: Any) -> bool:
    """Say whether a registered result is no failure."""
    return not failed(result)


def changed(result: Any) -> bool:
    """Say whether a registered result, or one of a loop's, changed something."""
    known = _result(result)
    if "changed" not in known and isinstance(known.get("results"), list):
        return any(item.get("changed", False) for item in known["results"] if isinstance(item, Mapping))
    return bool(known.get("changed", False))


def skipped(result: Any) -> bool:
    """Say whether a registered result was skipped."""
    return bool(_result(result).get("skipped", False))


def unreachable(result: Any) -> bool:
    """Say whether the node of a registered result could not be reached."""
    return bool(_result(result).get("unreachable", False))


def reachable(result: Any) -> bool:
    """Say whether the node of a registered result could be reached."""
    return not unreachable(result)


def started(result: Any) -> bool:
    """Say whether a registered result's job was started."""
    return bool(_result(result).get("started", True))


def finished(result: Any) -> bool:
    """Say whether a registered result's job has ended."""
    return bool(_result(result).get("finished", True))


def timedout(result: Any) -> bool:
    """Say whether a registered result ran out of time."""
    period = _result(result).get("timedout", False)
    return bool(period.get("period", False)) if isinstance(period, Mapping) else bool(period)


def _result(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TemplateValueError(
            f"a registered result is needed, not a value of type {type(value).__name__}",
            hint="name the variable of `register:` itself",
        )
    return value


def nan(value: Any) -> bool:
    """Say whether a value is the number that is none."""
    return math.isnan(value)


def uri(value: Any, schemes: Iterable[str] | None = None) -> bool:
    """Say whether a text is a URI (RFC 3986), of one of the schemes."""
    parts = urlsplit(str(value))
    known = True if schemes is None else parts.scheme in schemes
    return bool(parts.scheme and (parts.netloc or parts.path) and known)


def url(value: Any, schemes: Iterable[str] | None = None) -> bool:
    """Say whether a text is a URL: a URI with a host."""
    return uri(value, schemes) and bool(urlsplit(str(value)).netloc or urlsplit(str(value)).scheme == "file")


def vault_encrypted(value: Any) -> bool:
    """Say whether a text is encrypted by ansible-vault."""
    return isinstance(value, str) and value.startswith(VAULT)


def urn(value: Any) -> bool:
    """Say whether a text is a URN (RFC 8141)."""
    return uri(value, ["urn"])


TESTS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "version": version, "version_compare": version,
        "contains": contains,
        "subset": subset, "issubset": subset,
        "superset": superset, "issuperset": superset,
        "any": any, "all": all,
        "truthy": truthy, "falsy": falsy,
        "failed": failed, "failure": failed,
        "succeeded": succeeded, "success": succeeded, "successful": succeeded,
        "changed": changed, "change": changed,
        "skipped": skipped, "skip": skipped,
        "unreachable": unreachable, "reachable": reachable,
        "started": started, "finished": finished, "timedout": timedout,
        "nan": nan, "isnan": nan,
        "uri": uri, "url": url, "urn": urn,
        "vault_encrypted": vault_encrypted,
    }
)  # fmt: skip
