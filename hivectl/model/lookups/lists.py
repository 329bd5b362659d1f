"""Lookups that only rearrange what they are given: most `with_…` loops are one of these."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from itertools import zip_longest
from math import prod
from typing import Any

from hivectl.model.filters.sets import flatten
from hivectl.model.filters.text import to_bool
from hivectl.model.lookups.base import Lookup, Request, opened
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.guard import Care
from hivectl.model.templating.limits import check_items
from hivectl.model.templating.undefined import kind_of


def _items(request: Request) -> list[Any]:
    return opened(request.terms)


def _plain(request: Request) -> list[Any]:
    return list(request.terms)


def _flattened(request: Request) -> list[Any]:
    return flatten(request.terms)


def _indexed(request: Request) -> list[Any]:
    return [list(pair) for pair in enumerate(opened(request.terms))]


def _random_choice(request: Request) -> list[Any]:
    return [secrets.choice(request.terms)] if request.terms else []


def _pairs(request: Request) -> list[Any]:
    found = []
    for term in request.terms:
        if not isinstance(term, Mapping):
            raise TemplateValueError(f"a mapping is needed, not a value of type {kind_of(term)}")
        found += [{"key": key, "value": term[key]} for key in term]
    return found


def _lists(request: Request) -> list[Any]:
    if not request.terms:
        raise TemplateValueError("at least one list is needed")
    for term in request.terms:
        if not isinstance(term, list | tuple):
            raise TemplateValueError(f"lists are needed, not a value of type {kind_of(term)}")
    return list(request.terms)


def _nested(request: Request) -> list[Any]:
    first, *others = _lists(request)
    check_items(prod(max(len(one), 1) for one in request.terms) * len(request.terms))
    rows = list(first)
    for other in others:
        rows = [opened([row, item]) for row in rows for item in other]
    return [opened(row if isinstance(row, list | tuple) else [row]) for row in rows]


def _together(request: Request) -> list[Any]:
    return [opened(row) for row in zip_longest(*_lists(request))]


def _subelements(request: Request) -> list[Any]:
    if len(request.terms) not in {2, 3} or not isinstance(request.terms[1], str):
        raise TemplateValueError(
            "two terms are needed: a list of mappings, and the key of a list inside them",
            hint="with_subelements: ['{{ users }}', keys, {skip_missing: true}]",
        )
    elements, path, *flags = request.terms
    flag = flags[0] if flags else {}
    if not isinstance(flag, Mapping) or flag.keys() - {"skip_missing"}:
        raise TemplateValueError("the third term is a mapping of flags; there is skip_missing")
    if isinstance(elements, Mapping):
        elements = [] if elements.get("skipped", False) is not False else list(elements.values())
    if not isinstance(elements, list | tuple):
        raise TemplateValueError(f"the first term must be a list, not a value of type {kind_of(elements)}")
    skip = to_bool(flag.get("skip_missing", False))
    found: list[Any] = []
    for element in elements:
        if not isinstance(element, Mapping):
            raise TemplateValueError(f"an element is no mapping, but of type {kind_of(element)}")
        if element.get("skipped", False) is not False:
            continue  # a result of a task that was skipped
        outer, inner = _taken_out(element, path.split("."), skip_missing=skip)
        found += [[outer, item] for item in inner]
    return found


def _taken_out(
    element: Mapping[str, Any], path: list[str], *, skip_missing: bool
) -> tuple[Mapping[str, Any], list[Any]]:
    """Return an element without the list that `path` leads to, and the list."""
    key, rest = path[0], path[1:]
    missing = f"an element has no {key}"
    if key not in element:
        if skip_missing:
            return element, []
        raise TemplateValueError(missing, hint="a third term {skip_missing: true} leaves such elements out")
    if not rest:
        if not isinstance(element[key], list | tuple):
            raise TemplateValueError(f"{key} is no list, but of type {kind_of(element[key])}")
        return {name: value for name, value in element.items() if name != key}, list(element[key])
    if not isinstance(element[key], Mapping):
        if skip_missing:
            return element, []
        raise TemplateValueError(f"{key} is no mapping, but of type {kind_of(element[key])}")
    outer, inner = _taken_out(element[key], rest, skip_missing=skip_missing)
    return {**element, key: outer}, inner


def _lookup(name: str, summary: str, find: Any, *, constant: bool = True) -> Lookup:
    return Lookup(name=name, summary=summary, find=find, care=Care.BLIND, constant=constant)


LOOKUPS = (
    _lookup("items", "the terms, lists among them opened", _items),
    _lookup("list", "the terms as they are", _plain),
    _lookup("flattened", "the terms, lists opened at every depth", _flattened),
    _lookup("indexed_items", "each item with its index", _indexed),
    _lookup("random_choice", "one of the terms", _random_choice, constant=False),
    _lookup("dict", "the keys and values of mappings", _pairs),
    _lookup("nested", "every way to take one item of each list", _nested),
    _lookup("cartesian", "every way to take one item of each list", _nested),
    _lookup("together", "the first items of every list, then the second ones", _together),
    _lookup("subelements", "each mapping with each item of a list inside it", _subelements),
)
