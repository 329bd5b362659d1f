from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.model.inventory import ConnectionEntry, Hive, Inventory, Node
from hivectl.model.origin import Origin
from hivectl.model.ranges import RangeError, expand
from hivectl.model.selectors import SelectorError, select, split

HIVES = {"hive1": ("m1", "m2", "m3"), "fpga": ("ice2", "ice1"), "mixed": ("m3", "ice1"), "empty": ()}
NAMES = ("m1", "m2", "m3", "m10", "ice1", "ice2", "pico")


def node(name: str) -> Node:
    board = {"ice1": "pico2-ice", "ice2": "pico2-ice", "pico": "pico-w"}.get(name)
    driver = "ssh" if name.startswith("m") else "serial"
    return Node(
        name=name,
        driver=driver,
        board=board,
        labels={"kind": "microscope" if driver == "ssh" else "board", "address": f"10:22:{len(name)}"},
        connections=(
            ConnectionEntry(name=driver, driver=driver),
            *([ConnectionEntry(name="wifi", driver="webrepl")] * (name == "pico")),
        ),
        hives=tuple(hive for hive, nodes in HIVES.items() if name in nodes),
    )


LAB = Inventory(
    nodes={name: node(name) for name in NAMES},
    hives={name: Hive(name=name, nodes=nodes) for name, nodes in HIVES.items()},
)
ICE = ("ice1", "ice2")


@pytest.mark.parametrize(
    ("expression", "nodes"),
    [
        ("all", NAMES),
        ("*", NAMES),
        ("m2", ("m2",)),
        ("m2,m1", ("m1", "m2")),
        ("m2:m1", ("m1", "m2")),
        ("m[1:3]", ("m1", "m2", "m3")),
        ("m[1:3:2]", ("m1", "m3")),
        ("m[1:2]:&m[2:3]", ("m2",)),
        ("ice[1:2],hive1[0:1]", ("m1", "m2", *ICE)),
        ("hive1[0]", ("m1",)),
        ("hive1[-1]", ("m3",)),
        ("hive1[1:]", ("m2", "m3")),
        ("hive1[0-1]", ("m1", "m2")),
        ("fpga[0]", ("ice2",)),
        ("all[0:1]", ("m1", "m2")),
        ("ice*[1]", ("ice2",)),
        ("m?", ("m1", "m2", "m3")),
        ("m[!1]", ("m2", "m3")),
        ("f*", ICE),
        ("~m[12]", ("m1", "m2", "m10")),
        ("~m[12]$", ("m1", "m2")),
        ('~"m(?:1|2)$"', ("m1", "m2")),
        ("~hive", ("m1", "m2", "m3")),
        ("kind=micro*", ("m1", "m2", "m3", "m10")),
        ("board=pico2-ice", ICE),
        ("driver=webrepl", ("pico",)),
        ("driver=serial", (*ICE, "pico")),
        ("hive=fpga", ICE),
        ("hive=*", ("m1", "m2", "m3", *ICE)),
        ('address="10:22:3"', ("m10",)),
        ("address=10*3", ("m10",)),
        ("!m1", NAMES[1:]),
        ("&hive1", ("m1", "m2", "m3")),
        ("all:!hive1:&kind=microscope", ("m10",)),
        ("!mixed:hive1", ("m1", "m2")),
        ("&mixed,hive1,fpga", ("m3", "ice1")),
        (" m1 : m2 ,, ", ("m1", "m2")),
        ("'m1'", ("m1",)),
        ("empty", ()),
        ("zz*", ()),
        ("free", ("m2", "pico")),
        ("free:&hive1", ("m2",)),
    ],
)
def test_expressions(expression: str, nodes: tuple[str, ...]) -> None:
    assert select(expression, LAB, free=lambda: {"pico", "m2"}) == nodes


def test_nodes_in_no_hive() -> None:
    assert select("ungrouped", LAB) == tuple(name for name in NAMES if not LAB.nodes[name].hives)
    assert "pico" in select("ungrouped:m1", LAB)


def test_a_list_is_joined() -> None:
    assert select(["m1", "ice1:m2", "!m2"], LAB) == ("m1", "ice1")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("hiv1", 'there is no node or hive "hiv1" (did you mean "hive1"?)'),
        ("m1:!icee1", 'did you mean "ice1"?'),
        ("m[1:4]", 'there is no node or hive "m4" (of "m[1:4]")'),
        ("kind=microscop", 'no node has kind=microscop (did you mean "microscope"?)'),
        ("knd=microscope", 'no node has a label "knd" (did you mean "kind"?)'),
        ("hive=hiv1", 'did you mean "hive1"?'),
        ("driver=mqtt", "there are serial, ssh, webrepl"),
        ('kind="micro*"', "no node has kind=micro*"),
        ("free", '"free" changes from moment to moment'),
        ("hive1[3]", '"hive1" has 3 nodes; there is no [3]'),
        ("empty[0]", '"empty" has 0 nodes'),
        ("", "a selector is empty"),
        (" : ", "a selector is empty"),
        ("all:!", "without a name behind it"),
        ("m[1:2", "a bracket of the selector is never closed"),
        ('kind="x', "is never closed"),
        ("~(", "is no regular expression"),
        ("m" * 200_000, "longer than"),
        ("m[3:1]", "ends before it begins"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(expression: str, message: str) -> None:
    with pytest.raises((SelectorError, RangeError)) as caught:
        select(expression, LAB, origin=Origin("f.yml", 3, 4))
    assert message in str(caught.value)
    assert str(caught.value).startswith("f.yml:3:4: ")


def naive(terms: list[tuple[str, str]]) -> set[str]:
    """What Ansible's rules say of terms that are sets: unions, then intersections, then exclusions."""
    sets = {
        **{name: {name} for name in NAMES},
        **{hive: set(nodes) for hive, nodes in HIVES.items()},
        "all": set(NAMES),
    }

    def meaning(term: str) -> set[str]:
        if term in sets:
            return sets[term]
        key, _, value = term.partition("=")
        if value:
            return {name for name in NAMES if fnmatchcase(LAB.nodes[name].labels[key], value)}
        if term.startswith("~"):
            found = {known for known in (*NAMES, *HIVES) if re.match(term[1:], known)}
        else:
            found = {known for known in (*NAMES, *HIVES) if fnmatchcase(known, term)}
        return set().union(*(sets[known] for known in found))

    unions = [meaning(term) for joint, term in terms if not joint]
    result = set().union(*unions) if unions else set(NAMES)
    for joint, term in terms:
        if joint == "&":
            result &= meaning(term)
    for joint, term in terms:
        if joint == "!":
            result -= meaning(term)
    return result


terms = st.tuples(
    st.sampled_from(["", "", "&", "!"]),
    st.sampled_from(
        [*NAMES, *HIVES, "all", "m*", "*1", "?ce*", "~m[12]", "~.*1", "kind=microscope", "kind=b*", "kind=*"]
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(terms, min_size=1, max_size=6), st.sampled_from([":", ",", " , "]))
def test_selection_is_set_algebra_in_the_inventorys_order(parts: list[tuple[str, str]], joiner: str) -> None:
    expression = joiner.join(joint + term for joint, term in parts)
    chosen = select(expression, LAB)
    assert set(chosen) == naive(parts)
    assert list(chosen) == [name for name in NAMES if name in chosen]


@settings(max_examples=300, deadline=None)
@given(st.text("m1ice:,&!*?[]~='\" -", max_size=15))
def test_any_text_selects_or_is_refused(expression: str) -> None:
    try:
        chosen = select(expression, LAB)
    except (SelectorError, RangeError):
        return
    assert set(chosen) <= set(NAMES)


def test_colons_in_brackets_and_quotes_part_nothing() -> None:
    assert split("a[1:2]:'b:c',d=\"e,f\"") == ["a[1:2]", "'b:c'", 'd="e,f"']


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("m", [("m", None)]),
        ("m[1:3]", [("m1", 1), ("m2", 2), ("m3", 3)]),
        ("m[01:03]x", [("m01x", 1), ("m02x", 2), ("m03x", 3)]),
        ("m[08:11]", [("m08", 8), ("m09", 9), ("m10", 10), ("m11", 11)]),
        ("m[099:100]", [("m099", 99), ("m100", 100)]),
        ("m[a:c]", [("ma", "a"), ("mb", "b"), ("mc", "c")]),
        ("m[1:9:4]", [("m1", 1), ("m5", 5), ("m9", 9)]),
        ("r[a:b]-[1:2]", [("ra-1", ("a", 1)), ("ra-2", ("a", 2)), ("rb-1", ("b", 1)), ("rb-2", ("b", 2))]),
    ],
)
def test_ranges_stand_for_names_with_their_index(pattern: str, names: list[tuple[str, object]]) -> None:
    assert list(expand(pattern)) == names


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("m[3:1]", "ends before it begins"),
        ("m[1:3:0]", "step"),
        ("m[1:c]", "two kinds"),
        ("m[a:C]", "two kinds"),
        ("m[001:12]", "write [001:012]"),
        ("m[1]", "is no range"),
        ("m[]", "is no range"),
        ("m[1:2", "do not fit together"),
        ("m]1:2[", "do not fit together"),
        ("m[1:999999999]", "100000 is the most"),
        ("m[1:999][1:999]", "100000 is the most"),
    ],
)
def test_what_is_no_range_is_refused_at_once(pattern: str, message: str) -> None:
    with pytest.raises(RangeError, match=re.escape(message)):
        expand(pattern)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 50), st.integers(1, 7), st.integers(0, 5))
def test_ranges_count_like_python(first: int, length: int, step: int, width: int) -> None:
    text = f"{first:0{width}d}"
    last = f"{first + length:0{len(text)}d}"
    found = list(expand(f"n[{text}:{last}:{step}]"))
    assert [index for _, index in found] == list(range(first, first + length + 1, step))
    assert all(int(name[1:]) == index for name, index in found)
    if text.startswith("0") and len(text) > 1:
        assert {len(name) for name, _ in found} <= {len(last) + 1, len(text) + 1}
