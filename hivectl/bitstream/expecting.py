"""What a measurement must say: a number, and how far from it is still right."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import InputError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NUMBER = r"[0-9][0-9_]*(?:\.[0-9]+)?(?:e[0-9]+)?"
WRITTEN = re.compile(rf"\s*({NUMBER})\s*(?:(?:\+-|±)\s*({NUMBER})\s*(%?))?\s*", re.IGNORECASE)
PERCENT = re.compile(rf"\s*({NUMBER})\s*%\s*", re.IGNORECASE)
KEYS = {"value", "tolerance", "minimum", "maximum"}
HINT = 'write 46875, "46875 +- 2", "46875 +- 1%", or {minimum: 40000, maximum: 50000}'


class ExpectationError(InputError):
    """An expectation that says nothing clear."""


@record(kw_only=True)
class Expectation:
    """What is right: any value from `minimum` to `maximum`.

    Attributes:
        text: as people say it.
    """

    minimum: float
    maximum: float
    text: str

    def complaint(self, values: Sequence[float]) -> str:
        """Return how values differ; empty when every one is right."""
        wrong = [value for value in values if not self.minimum <= value <= self.maximum]
        if not wrong:
            return ""
        shown = ", ".join(f"{value:.12g}" for value in wrong[:5]) + (", …" if len(wrong) > 5 else "")
        times = f" in {len(wrong)} of {len(values)} repeats" if len(values) > 1 else ""
        return f"{shown} instead of {self.text}{times}"


def expectation_of(given: Any, tolerance: Any = None) -> Expectation:
    """Return what a user wrote: a number, a text like "46875 +- 1%", or a mapping.

    Args:
        given: as written.
        tolerance: a number or "1%", for those that have none of their own.

    Raises:
        ExpectationError: it is not clear.
    """
    if isinstance(given, dict) or hasattr(given, "keys"):
        return _of_mapping(given, tolerance)
    value, own = _number(given)
    return _around(value, own if own is not None else _width(tolerance, value))


def _of_mapping(given: Mapping[str, Any], tolerance: Any) -> Expectation:
    unknown = set(given) - KEYS
    if unknown or not set(given) & {"value", "minimum", "maximum"}:
        what = f"unknown keys {', '.join(sorted(map(str, unknown)))}" if unknown else "no value"
        raise ExpectationError(f"an expectation with {what}", hint=HINT)
    if "value" in given:
        value, own = _number(given["value"])
        wide = given.get("tolerance", tolerance)
        return _around(value, own if own is not None else _width(wide, value))
    low = _number(given["minimum"])[0] if "minimum" in given else float("-inf")
    high = _number(given["maximum"])[0] if "maximum" in given else float("inf")
    if low > high:
        raise ExpectationError(f"the minimum {low:g} is above the maximum {high:g}", hint=HINT)
    text = " to ".join(
        part
        for part in (
            f"{low:.12g}" if low > float("-inf") else "anything",
            f"{high:.12g}" if high < float("inf") else "more",
        )
    )
    return Expectation(minimum=low, maximum=high, text=text)


def _number(given: Any) -> tuple[float, float | None]:
    """Return a number, and the tolerance that is written with it."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        if given < 0 or given != given:  # noqa: PLR0124  # NaN is not itself
            raise ExpectationError(f"{given} cannot be measured", hint=HINT)
        return float(given), None
    match = WRITTEN.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        raise ExpectationError(f"{given!r} is no value that can be expected", hint=HINT)
    value = float(match[1].replace("_", ""))
    if match[2] is None:
        return value, None
    wide = float(match[2].replace("_", ""))
    return value, value * wide / 100 if match[3] else wide


def _width(tolerance: Any, value: float) -> float:
    """Return how far from a value is still right."""
    if tolerance is None:
        return 0.0
    if isinstance(tolerance, int | float) and not isinstance(tolerance, bool) and tolerance >= 0:
        return float(tolerance)
    if isinstance(tolerance, str) and (match := PERCENT.fullmatch(tolerance)):
        return value * float(match[1]) / 100
    if isinstance(tolerance, str) and (match := WRITTEN.fullmatch(tolerance)) and match[2] is None:
        return float(match[1])
    raise ExpectationError(f"{tolerance!r} is no tolerance", hint='write 2 or "1%"')


def _around(value: float, wide: float) -> Expectation:
    text = f"{value:.12g}" + (f" +- {wide:.12g}" if wide else "")
    return Expectation(minimum=value - wide, maximum=value + wide, text=text)


def match_expectations(
    names: Sequence[str], given: Mapping[str, Any], tolerance: Any = None
) -> dict[str, Expectation]:
    """Return what is expected of each file.

    Args:
        names: of files, as results name them.
        given: file, its base name, its stem or a glob -> what is expected; the first that fits holds.
        tolerance: for those that have none of their own.

    Raises:
        ExpectationError: one is not clear, or fits no file.
    """
    wanted = {str(pattern): expectation_of(value, tolerance) for pattern, value in given.items()}
    fitted: dict[str, Expectation] = {}
    used: set[str] = set()
    for name in names:
        path = PurePath(name)
        for pattern, expectation in wanted.items():
            if any(pattern == one or fnmatchcase(one, pattern) for one in (name, path.name, path.stem)):
                used.add(pattern)
                fitted.setdefault(name, expectation)
    if unused := [pattern for pattern in wanted if pattern not in used]:
        raise ExpectationError(f"something is expected of {unused[0]!r}, which is none of the files")
    return fitted
