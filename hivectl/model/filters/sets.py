"""Filters on lists."""

from __future__ import annotations

import itertools
import math
import random as chance
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from jinja2.filters import do_max, do_min, do_unique, make_attrgetter
from jinja2.runtime import Undefined
from jinja2.utils import pass_environment

from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.limits import ITEMS, check_items, step


@pass_environment
def unique(
    environment: Any, values: Iterable[Any], case_sensitive: bool | None = None, attribute: Any = None
) -> list[Any]:
    """Return the values without repetition, in the order of their first appearance."""
    items = list(values)
    if all(map(_hashable, items)) or attribute is not None:
        return list(do_unique(environment, items, case_sensitive=bool(case_sensitive), attribute=attribute))
    return _distinct(items)


def _distinct(values: Iterable[Any]) -> list[Any]:
    seen: set[Any] = set()
    odd: list[Any] = []
    kept: list[Any] = []
    for value in values:
        if _hashable(value):
            if value not in seen:
                seen.add(value)
                kept.append(value)
        elif not _among(value, odd):
            odd.append(value)
            kept.append(value)
    return kept


def _hashable(value: Any) -> bool:
    return isinstance(value, Hashable) and not isinstance(value, tuple)


def _among(value: Any, values: Sequence[Any]) -> bool:
    step(len(values))
    return value in values


def membership(values: Sequence[Any]) -> Callable[[Any], bool]:
    """Return a function that says quickly whether a value is among `values`."""
    quick = {value for value in values if _hashable(value)}
    odd = [value for value in values if not _hashable(value)]
    return lambda value: value in quick if _hashable(value) else _among(value, odd)


def union(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    """Return the values of both lists, each once."""
    return _distinct([*_items(left), *_items(right)])


def intersect(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    """Return the values that are in both lists."""
    inside = membership(_items(right))
    return _distinct(value for value in _items(left) if inside(value))


def difference(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    """Return the values of the first list that are not in the second."""
    inside = membership(_items(right))
    return _distinct(value for value in _items(left) if not inside(value))


def symmetric_difference(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    """Return the values that are in one of the lists only."""
    first, second = _items(left), _items(right)
    return [*difference(first, second), *difference(second, first)]


def _items(values: Iterable[Any]) -> list[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TemplateValueError(f"a list is needed, not a value of type {type(values).__name__}")
    return list(values)


@pass_environment
def smallest(environment: Any, values: Iterable[Any], **options: Any) -> Any:
    """Return the smallest value."""
    return do_min(environment, values, **({"case_sensitive": True} | options))


@pass_environment
def largest(environment: Any, values: Iterable[Any], **options: Any) -> Any:
    """Return the largest value."""
    return do_max(environment, values, **({"case_sensitive": True} | options))


def flatten(
    values: Iterable[Any], levels: int | None = None, skip_nulls: bool = True
) -> list[Any]:  # Ansible's parameter
    """Return a list with the items of the lists inside it, down to `levels`."""
    flat: list[Any] = []
    for value in values:
        step()
        if skip_nulls and (value is None or (isinstance(value, str) and value in {"None", "null"})):
            continue
        if isinstance(value, list | tuple) and (levels is None or levels >= 1):
            flat.extend(flatten(value, None if levels is None else levels - 1, skip_nulls))
        else:
            flat.append(value)
        check_items(len(flat))
    return flat


def subelements(
    values: Any, subelements: str | Sequence[str], skip_missing: bool = False
) -> list[list[Any]]:  # Ansible's parameter
    """Return each mapping paired with each item of a list inside it."""
    path = subelements.split(".") if isinstance(subelements, str) else list(subelements)
    pairs: list[list[Any]] = []
    for element in list(values.values()) if isinstance(values, Mapping) else _items(values):
        inner: Any = element
        for key in path:
            try:
                inner = inner[key]
            except (KeyError, TypeError):
                if not skip_missing:
                    raise TemplateValueError(
                        f"an element has no {'.'.join(path)}", hint="skip_missing=true"
                    ) from None
                inner = []
                break
        if not isinstance(inner, list):
            raise TemplateValueError(f"{'.'.join(path)} is no list")
        pairs.extend([element, item] for item in inner)
        check_items(len(pairs))
    return pairs


def zipped(*lists: Iterable[Any]) -> list[list[Any]]:
    """Return the first items of every list, then the second ones, until the shortest ends."""
    return [list(items) for items in zip(*lists, strict=False)]


def zip_longest(*lists: Iterable[Any], fillvalue: Any = None) -> list[list[Any]]:
    """Return the first items of every list, then the second ones, until the longest ends."""
    return [list(items) for items in itertools.zip_longest(*lists, fillvalue=fillvalue)]


def product(*lists: Iterable[Any], repeat: int = 1) -> list[list[Any]]:
    """Return every way to take one item of each list."""
    pools = [list(one) for one in lists]
    _check_count(math.prod(max(len(pool), 1) for pool in pools), repeat)
    check_items(math.prod(len(pool) for pool in pools) ** repeat * max(len(pools) * repeat, 1))
    return [list(items) for items in itertools.product(*pools, repeat=repeat)]


def permutations(values: Iterable[Any], length: int | None = None) -> list[list[Any]]:
    """Return every order of `length` of the values."""
    pool = list(values)
    size = len(pool) if length is None else length
    _check_orders(len(pool), size)
    return [list(items) for items in itertools.permutations(pool, size)]


def combinations(values: Iterable[Any], length: int) -> list[list[Any]]:
    """Return every choice of `length` of the values."""
    pool = list(values)
    check_items(_bounded_choices(len(pool), length))
    return [list(items) for items in itertools.combinations(pool, length)]


def _check_count(base: int, exponent: int) -> None:
    if base > 1 and exponent * math.log2(base) > 40:
        check_items(ITEMS + 1)
    check_items(exponent)


def _check_orders(total: int, size: int) -> None:
    count = max(size, 1)
    for left in range(total, max(total - size, 0), -1):
        count *= left
        check_items(count)


def _bounded_choices(total: int, size: int) -> int:
    count = 1
    for taken in range(min(size, total - size) if total >= size else 0):
        count = count * (total - taken) // (taken + 1)
        check_items(count)
    return count * max(size, 1)


def random_item(value: Any, start: int = 0, step: int = 1, seed: Any = None) -> Any:  # Ansible's parameter
    """Return a number below `value` or an item of it; the same one each time for the same seed."""
    source = chance.Random(seed) if seed is not None else chance.SystemRandom()  # noqa: S311  # the same for the same seed
    if isinstance(value, int):
        return source.randrange(start, value, step)
    return source.choice(list(value))


def shuffle(values: Iterable[Any], seed: Any = None) -> list[Any]:
    """Return the values in a random order; the same one each time for the same seed."""
    items = list(values)
    source = chance.Random(seed) if seed is not None else chance.SystemRandom()  # noqa: S311  # the same for the same seed
    source.shuffle(items)
    return items


@pass_environment
def extract(environment: Any, item: Any, container: Any, morekeys: Any = None) -> Any:
    """Return `container[item]`, and what further keys lead to; for use with `map`."""
    keys = [] if morekeys is None else list(morekeys) if isinstance(morekeys, list | tuple) else [morekeys]
    value = container
    for key in (item, *keys):
        value = environment.getitem(value, key)
    return value


@pass_environment
def total(environment: Any, values: Iterable[Any], attribute: Any = None, start: Any = 0) -> Any:
    """Return the sum of numbers, or of lists with `start=[]`."""
    getter = make_attrgetter(environment, attribute) if attribute is not None else None
    result = start
    for value in values:
        part = getter(value) if getter else value
        if isinstance(part, Undefined):
            str(part)
        if isinstance(part, str):
            raise TemplateValueError("sum adds numbers or lists", hint="join makes one text of several")
        result = result + part
        if isinstance(result, list | tuple):
            step(len(result) >> 4)
            check_items(len(result))
    return result


@pass_environment
def batch(environment: Any, values: Iterable[Any], linecount: int, fill_with: Any = None) -> list[list[Any]]:  # noqa: ARG001  # as the others
    """Return the values in lists of `linecount`."""
    check_items(linecount)
    items = list(values)
    rows = [items[index : index + linecount] for index in range(0, len(items), linecount)]
    if rows and fill_with is not None:
        rows[-1] += [fill_with] * (linecount - len(rows[-1]))
    return rows


def sliced(values: Iterable[Any], slices: int, fill_with: Any = None) -> list[list[Any]]:
    """Return the values in `slices` lists of about the same length."""
    check_items(slices)
    items = list(values)
    size, more = divmod(len(items), slices)
    rows: list[list[Any]] = []
    taken = 0
    for number in range(slices):
        end = taken + size + (number < more)
        row = items[taken:end]
        if fill_with is not None and number >= more:
            row.append(fill_with)
        rows.append(row)
        taken = end
    return rows


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "unique": unique,
        "union": union,
        "intersect": intersect,
        "difference": difference,
        "symmetric_difference": symmetric_difference,
        "min": smallest,
        "max": largest,
        "flatten": flatten,
        "subelements": subelements,
        "zip": zipped,
        "zip_longest": zip_longest,
        "product": product,
        "permutations": permutations,
        "combinations": combinations,
        "random": random_item,
        "shuffle": shuffle,
        "extract": extract,
        "sum": total,
        "batch": batch,
        "slice": sliced,
    }
)
