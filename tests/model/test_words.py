from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.model.words import pairs, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path=/etc/x state=directory", {"path": "/etc/x", "state": "directory"}),
        ("  msg='two words'\n  var=\"a 'b'\" ", {"msg": "two words", "var": "a 'b'"}),
        ("msg={{ 'a b' | replace(' ', '=') }}c", {"msg": "{{ 'a b' | replace(' ', '=') }}c"}),
        ("mode=u=rw,g=r", {"mode": "u=rw,g=r"}),
        ("line=", {"line": ""}),
        ("path=/x state", None),
        ("echo a=1", None),
        ("a=1 a=2", None),
        ("=x", None),
        ("", None),
        ("two words", None),
    ],
)
def test_pairs(text: str, expected: dict[str, str] | None) -> None:
    assert pairs(text) == expected


@given(st.text(alphabet="ab= '\"{}%\\\n", max_size=30))
def test_words_are_in_the_text_and_nothing_else_is(text: str) -> None:
    found = list(words(text))
    place = 0
    for begin, end in found:
        assert begin < end
        assert not text[place:begin].strip()
        place = end
    assert not text[place:].strip()


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text("ab =", max_size=8), min_size=1)
)
def test_quoted_values_come_back(values: dict[str, str]) -> None:
    assert pairs(" ".join(f"{name}='{value}'" for name, value in values.items())) == values
