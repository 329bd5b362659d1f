"""Many names as few characters: m1 m2 m3 m7 is m[1:3],m7."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# nine digits: more are no range of the inventory
_LAST_NUMBER = re.compile(r"(|.*\D)(\d{1,9})(\D*)", re.DOTALL | re.ASCII)
# two names are shorter, and easier to read, one by one
SHORTEST_RANGE = 3


def _split(name: str) -> tuple[str, str, str]:
    match = _LAST_NUMBER.fullmatch(name)
    return (match[1], match[2], match[3]) if match else (name, "", "")


def _follows(first: str, last: str, number: str) -> bool:
    """Whether `number` continues a range that was begun with `first` and has come to `last`."""
    expected = str(int(last) + 1)
    return number == (expected.zfill(len(first)) if first.startswith("0") else expected)


def _range(prefix: str, numbers: list[str], suffix: str) -> list[str]:
    if len(numbers) < SHORTEST_RANGE:
        return [f"{prefix}{number}{suffix}" for number in numbers]
    return [f"{prefix}[{numbers[0]}:{numbers[-1]}]{suffix}"]


def compressed(names: Iterable[str]) -> list[str]:
    """Return the names, each once, in natural order, with runs of three and more as inventory ranges."""
    families: dict[tuple[str, str], list[str]] = {}
    for name in set(names):
        prefix, number, suffix = _split(name)
        families.setdefault((prefix, suffix), []).append(number)
    words: list[str] = []
    for (prefix, suffix), numbers in sorted(families.items()):
        numbers.sort(key=lambda number: (int(number or 0), len(number), number))
        run: list[str] = []
        for number in numbers:
            if run and number and run[-1] and _follows(run[0], run[-1], number):
                run.append(number)
                continue
            words += _range(prefix, run, suffix)
            run = [number]
        words += _range(prefix, run, suffix)
    return words


def compress(names: Iterable[str]) -> str:
    """Return names as a selector of the same nodes: `m[1:20],pico1`."""
    return ",".join(compressed(names))


def listing(names: Iterable[str], width: int = 60) -> str:
    """Return names for people: compressed, and cut to `width` characters with the count of all."""
    every = tuple(names)
    words = compressed(every)
    text = ",".join(words)
    if len(text) <= width:
        return text
    if len(set(every)) == 1:
        return f"{text[: width - 1]}…"
    end = f",… ({len(set(every))} nodes)"
    room = max(width - len(end), 8)
    kept: list[str] = []
    length = 0
    for word in words:
        length += len(word) + 1
        if length > room and kept:
            break
        kept.append(word)
    return ",".join(kept)[:room] + end
