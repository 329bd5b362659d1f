from __future__ import annotations

import time

from hypothesis import example, given
from hypothesis import strategies as st

from hivectl.model.ranges import expand
from hivectl.report.names import compress, listing

NAMES = st.from_regex(r"[a-z][a-z0-9.-]{0,6}", fullmatch=True)
FAMILIES = st.builds(
    lambda prefix, numbers, width, suffix: [f"{prefix}{number:0{width}d}{suffix}" for number in numbers],
    st.sampled_from(["m", "rack1-m", "n0", ""]),
    st.lists(st.integers(0, 120), max_size=30),
    st.integers(0, 3),
    st.sampled_from(["", ".lab", "-usb"]),
)


def expanded(text: str) -> list[str]:
    return [name for word in text.split(",") if word for name, _ in expand(word)]


@given(st.lists(NAMES), st.lists(FAMILIES, max_size=3))
@example(["m1", "m01", "m2", "m02", "m3", "m03"], [])
@example(["m09", "m10", "m11", "m99", "m098", "m099", "m100"], [])
@example(["m99999999999999999999999", "m00000000000000", "m\u0663", "m\u0664", "m\u0665"], [])
def test_compressed_names_are_the_same_names(names: list[str], families: list[list[str]]) -> None:
    every = names + [name for family in families for name in family if name]
    assert sorted(expanded(compress(every))) == sorted(set(every))


def test_what_people_see() -> None:
    assert compress(["m1", "m2", "m3", "m7", "pico1"]) == "m[1:3],m7,pico1"
    assert compress([f"m{number:02d}" for number in range(8, 13)]) == "m[08:12]"
    assert compress(["b", "a", "b"]) == "a,b"
    assert compress([]) == ""


def test_many_odd_names_are_cut_and_counted() -> None:
    assert listing([f"m{number}" for number in range(0, 100, 2)], 30) == "m0,m2,m4,m6,m8,… (50 nodes)"
    assert listing(["m1", "m2"]) == "m1,m2"


def test_one_long_name_is_cut_and_not_counted() -> None:
    assert listing(["n" * 300], 40) == "n" * 39 + "…"


def test_a_thousand_names_take_no_time() -> None:
    names = [f"m{number}" for number in range(1000)]
    began = time.process_time()
    for _ in range(10):
        compress(names)
    # 20 ms here; a quadratic way would take a hundred times as long
    assert time.process_time() - began < 2
