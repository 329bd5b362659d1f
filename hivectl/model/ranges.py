"""Names with ranges: m[1:4], m[01:12], rack[a:c], m[1:9:2], rack[a:b]-m[1:2]."""

from __future__ import annotations

import re
from itertools import product
from math import prod
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, TypeAlias

from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hivectl.model.origin import Origin

Index: TypeAlias = int | str | tuple[int | str, ...] | None
MOST = 100_000  # names that one pattern may stand for
EXAMPLE = "such as m[1:4], m[01:12], m[a:c] or m[1:9:2]"

_RANGE = re.compile(r"\[([^\[\]]*)\]")
_PARTS = re.compile(r"([0-9]{1,9}|[a-z]|[A-Z]):([0-9]{1,9}|[a-z]|[A-Z])(?::([0-9]{1,9}))?")


class RangeError(InputError):
    """A range in a name cannot be understood."""


def has_range(name: str) -> bool:
    """Whether there is something in brackets with a colon in it."""
    return any(":" in inside for inside in _RANGE.findall(name))


def expand(name: str, *, origin: Origin | None = None) -> Iterator[tuple[str, Index]]:
    """Return an iterator over each name that `name` stands for, with its index.

    The index is the range's value: a number, or the letter; a tuple of them where there are several ranges;
    None where there is none. A first number with leading zeros pads all of them to its width.

    Raises:
        RangeError: at once, before the first name.
    """
    if "[" not in name and "]" not in name:
        return iter([(name, None)])
    pieces = _RANGE.split(name)  # text, range, text, range, ... text
    if any(character in piece for piece in pieces for character in "[]"):
        raise RangeError(
            f'the brackets of "{name}" do not fit together',
            origin=origin,
            hint=f"a range is written {EXAMPLE}",
        )
    ranges = [_values(inside, name, origin) for inside in pieces[1::2]]
    count = prod(len(values) for values in ranges)
    if count > MOST:
        raise RangeError(f'"{name}" stands for {count} names; {MOST} is the most', origin=origin)
    return _combined(pieces[::2], ranges)


def _combined(texts: list[str], ranges: list[list[tuple[str, int | str]]]) -> Iterator[tuple[str, Index]]:
    for values in product(*ranges):
        name = texts[0] + "".join(text + after for (text, _), after in zip(values, texts[1:], strict=True))
        indexes = tuple(index for _, index in values)
        yield name, indexes[0] if len(indexes) == 1 else indexes


def _values(inside: str, name: str, origin: Origin | None) -> list[tuple[str, int | str]]:
    """Return text and index of each value between the brackets; both ends belong to the range."""
    found = _PARTS.fullmatch(inside)
    if found is None:
        raise RangeError(
            f'"[{inside}]" in "{name}" is no range', origin=origin, hint=f"a range is written {EXAMPLE}"
        )
    first, last, step = found.group(1), found.group(2), int(found.group(3) or 1)
    if step == 0:
        raise RangeError(f'the step of "[{inside}]" in "{name}" is 0', origin=origin)
    if first.isdigit() != last.isdigit() or (first.isalpha() and first.isupper() != last.isupper()):
        raise RangeError(
            f'"[{inside}]" in "{name}" mixes two kinds of ends',
            origin=origin,
            hint=f"a range is written {EXAMPLE}",
        )
    padded = first.isdigit() and len(first) > 1 and first.startswith("0")
    if padded and len(last) < len(first):
        message = f'"[{inside}]" in "{name}" pads to {len(first)} digits, but ends with {len(last)}'
        raise RangeError(message, origin=origin, hint=f"write [{first}:{last.zfill(len(first))}]")
    if first.isdigit():
        numbers = range(int(first), int(last) + 1, step)
        if len(numbers) > MOST:
            raise RangeError(f'"{name}" stands for {len(numbers)} names; {MOST} is the most', origin=origin)
        width = len(first) if padded else 0
        values: list[tuple[str, int | str]] = [(f"{number:0{width}d}", number) for number in numbers]
    else:
        letters = ascii_uppercase if first.isupper() else ascii_lowercase
        values = [
            (letter, letter) for letter in letters[letters.index(first) : letters.index(last) + 1 : step]
        ]
    if not values:
        raise RangeError(f'"[{inside}]" in "{name}" ends before it begins', origin=origin)
    return values
