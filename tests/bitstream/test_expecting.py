"""What a measurement must say, as people write it."""

from __future__ import annotations

from typing import Any

import pytest

from hivectl.bitstream.expecting import ExpectationError, expectation_of, match_expectations


@pytest.mark.parametrize(
    ("given", "tolerance", "low", "high", "text"),
    [
        (46875, None, 46875, 46875, "46875"),
        ("46_875", 2, 46873, 46877, "46875 +- 2"),
        ("1000 +- 1%", 500, 990, 1010, "1000 +- 10"),
        ("1000 ± 3", None, 997, 1003, "1000 +- 3"),
        ("1e3+-1", None, 999, 1001, "1000 +- 1"),
        (1000, "0.5%", 995, 1005, "1000 +- 5"),
        (1000, "5", 995, 1005, "1000 +- 5"),
        ({"value": 10, "tolerance": 1}, 5, 9, 11, "10 +- 1"),
        ({"value": 10}, 5, 5, 15, "10 +- 5"),
        ({"minimum": 4, "maximum": 5}, None, 4, 5, "4 to 5"),
        ({"minimum": 4}, None, 4, float("inf"), "4 to more"),
        (0, "10%", 0, 0, "0"),
        (2.5, None, 2.5, 2.5, "2.5"),
    ],
)
def test_what_is_right(given: Any, tolerance: Any, low: float, high: float, text: str) -> None:
    expectation = expectation_of(given, tolerance)
    assert (expectation.minimum, expectation.maximum, expectation.text) == (low, high, text)
    assert expectation.complaint([low]) == ""
    assert expectation.complaint([low - 1]) == f"{low - 1:.12g} instead of {text}"


@pytest.mark.parametrize(
    ("given", "tolerance"),
    [
        ("many", None), (True, None), (None, None), (-1, None), (float("nan"), None), ([1], None), ("1 +- 2 +- 3", None),
        ({}, None), ({"values": 1}, None), ({"value": 1, "spread": 2}, None), ({"minimum": 5, "maximum": 4}, None),
        (1, "wide"), (1, -1), (1, True), (1, "1 +- 2"),
    ],
)  # fmt: skip  # a table
def test_what_is_not_clear(given: Any, tolerance: Any) -> None:
    with pytest.raises(ExpectationError):
        expectation_of(given, tolerance)


def test_several_repeats() -> None:
    expectation = expectation_of(10, 1)
    assert expectation.complaint([9, 10, 11]) == ""
    assert expectation.complaint([9, 12, 7]) == "12, 7 instead of 10 +- 1 in 2 of 3 repeats"


def test_files_and_what_is_expected_of_them() -> None:
    names = ["circuits/div.bin", "circuits/div2.asc", "rom.bin"]
    fitted = match_expectations(names, {"div": 1, "div2.asc": 2, "*.bin": 3}, 0)
    assert {name: one.minimum for name, one in fitted.items()} == dict(zip(names, (1, 2, 3), strict=True))
    assert match_expectations(names, {"circuits/*": 5}).keys() == {"circuits/div.bin", "circuits/div2.asc"}
    with pytest.raises(ExpectationError, match="something is expected of 'dv', which is none of the files"):
        match_expectations(names, {"dv": 1})
