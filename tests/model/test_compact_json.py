"""JSON in one line: whatever Python's own module would send comes back the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.model.compact_json import encode

TEXTS = st.text(st.characters())  # halves of surrogate pairs among them
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES)
def test_a_value_comes_back_as_it_was_in_one_line(value: Any) -> None:
    text = encode(value)
    assert b"\n" not in text
    assert json.loads(text.decode()) == value


@dataclass
class Pump:
    name: str


def test_what_json_has_not_is_refused_or_becomes_its_text() -> None:
    for value in (Pump("p1"), datetime(2026, 1, 2, tzinfo=UTC), {1, 2}, b"bytes"):
        with pytest.raises(TypeError):
            encode({"value": value})
        assert json.loads(encode({"value": value}, texts=True)) == {"value": str(value)}


def test_keys_and_numbers_that_orjson_refuses_go_as_python_sends_them() -> None:
    assert encode({1: 2**80, None: True}) == b'{"1":1208925819614629174706176,"null":true}'
