from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.report.text import duration, harmless, one_line, tail


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    shown = harmless(text)
    assert all(
        unicodedata.category(character) not in {"Cc", "Cs"} for character in shown if character not in "\n\t"
    )
    shown.encode()


@given(st.binary())
def test_bytes_that_are_no_text_are_shown_as_what_they_are(data: bytes) -> None:
    harmless(data.decode(errors="surrogateescape")).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\r\nb", "a\nb"),
        ("50%\r100%", "50%\\x0d100%"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        (b"\xff\xfe".decode(errors="surrogateescape"), "\\xff\\xfe"),
        ("Zürich 20 µm 日本", "Zürich 20 µm 日本"),
    ],
)
def test_what_is_harmless_stays(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text, 50).splitlines()) <= 1


def test_a_long_output_is_cut_to_its_end() -> None:
    assert tail("\n".join(f"line {number}" for number in range(100)) + "\n", 2) == [
        "… 98 lines before",
        "line 98",
        "line 99",
    ]
    assert tail("") == []


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (12.34, "12.3 s"), (99.99, "1 min 40 s"), (3599.7, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
