"""Filters on numbers."""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hivectl.model.templating.errors import TemplateValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNITS = "KMGTPEZY"
LARGER = {"B": 0, **{letter: power for power, letter in enumerate(UNITS, 1)}}
# zeta is Ansible's way to write zetta
WORDS = {
    "B": ("",),
    "K": ("kilo",),
    "M": ("mega",),
    "G": ("giga",),
    "T": ("tera",),
    "P": ("peta",),
    "E": ("exa",),
    "Z": ("zeta", "zetta"),
    "Y": ("yotta",),
}
SIZE = re.compile(r"\s*(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(?P<unit>[A-Za-z]*)\s*")


def to_int(value: Any, default: int = 0, base: int = 10) -> int:
    """Return the whole number of a value; `default` where it is none."""
    try:
        return int(value, base) if isinstance(value, str) else int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


def to_float(value: Any, default: float = 0.0) -> float:
    """Return the number of a value; `default` where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return default


def logarithm(value: float, base: float = math.e) -> float:
    """Return the logarithm."""
    return math.log10(value) if base == 10 else math.log(value, base)


def power(value: float, exponent: float) -> float:
    """Return the power."""
    return math.pow(value, exponent)


def root(value: float, base: float = 2) -> float:
    """Return the root."""
    return math.sqrt(value) if base == 2 else math.pow(value, 1.0 / float(base))


def human_readable(size: float, isbits: bool = False, unit: str | None = None) -> str:  # Ansible's parameter
    """Return a size in bytes (or bits) as people write it: 10.00 MB, of 1,024 each."""
    base = "bits" if isbits else "Bytes"
    wanted = unit.upper() if unit else None
    chosen, divisor = "", 1
    for power, letter in sorted(enumerate(UNITS, 1), reverse=True):
        if (wanted is None and size >= 1024**power) or (wanted is not None and letter == wanted[0]):
            chosen, divisor = letter, 1024**power
            break
    suffix = f"{chosen}{base[0]}" if chosen else base
    return f"{size / divisor:.2f} {suffix}"


def human_to_bytes(
    size: Any, default_unit: str | None = None, isbits: bool = False
) -> int:  # Ansible's parameter
    """Return the bytes (or bits) that a size such as 2.5GB stands for."""
    found = SIZE.fullmatch(str(size))
    if found is None:
        raise TemplateValueError("the text is no size", hint="write 512, 2M, 1.5 GB")
    unit = (found["unit"] or default_unit or "").strip()
    letter = unit[:1].upper()
    whole, short = ("bit", "b") if isbits else ("byte", "B")
    if letter and (letter not in LARGER or (len(unit) > 1 and not _is_unit(unit, letter, whole, short))):
        hint = f"K, M, G, T, P, E, Z, Y, alone or before {short}; kilo{whole} and its like"
        raise TemplateValueError(f'there is no unit "{unit}"', hint=hint)
    factor: int = 1024 ** LARGER.get(letter, 0)
    return round(float(found["number"]) * factor)


def _is_unit(unit: str, letter: str, whole: str, short: str) -> bool:
    larger = "" if letter == "B" else letter
    return unit == larger + short or unit.lower() in {word + whole for word in WORDS[letter]}


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "int": to_int,
        "float": to_float,
        "log": logarithm,
        "pow": power,
        "root": root,
        "human_readable": human_readable,
        "human_to_bytes": human_to_bytes,
    }
)
