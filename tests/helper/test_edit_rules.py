"""The rules of editing, as functions of texts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hivectl.helper.node.edit_rules import RuleError, compile_pattern, edit

# texts of few letters, so that lines repeat and match
LINE = st.text(alphabet="ab= \r", max_size=4)
TEXT = st.builds(
    lambda lines, end: "\n".join(lines) + ("\n" if end and lines else ""),
    st.lists(LINE, max_size=6),
    st.booleans(),
)
PLACES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "nowhere": st.just({}),
    "after": st.sampled_from(["EOF", "BOF", "a", "^b", "b$"]).map(lambda value: {"insertafter": value}),
    "before": st.sampled_from(["BOF", "a", "^b"]).map(lambda value: {"insertbefore": value}),
}
PLACE = st.one_of(*PLACES.values())


@given(TEXT, st.text(alphabet="ab=", min_size=1, max_size=4), PLACE, st.booleans())
def test_a_line_is_put_once(text: str, line: str, place: dict[str, Any], first: bool) -> None:  # noqa: FBT001 - hypothesis fills it
    arguments = {"line": line, "firstmatch": first, **place}
    once = edit("line", text, arguments)
    again = edit("line", once.text, arguments)
    assert line in [one.rstrip("\r") for one in once.text.split("\n")]
    assert again.text == once.text
    assert not again.message


@given(TEXT, st.sampled_from(["^a=", "b", "a$"]), st.sampled_from(["a=1", "ab", "b"]), PLACE)
def test_a_line_that_matches_its_pattern_is_put_once(
    text: str, regexp: str, line: str, place: dict[str, Any]
) -> None:
    assume(re.search(regexp, line))
    arguments = {"line": line, "regexp": regexp, **place}
    once = edit("line", text, arguments).text
    assert edit("line", once, arguments).text == once


@given(TEXT, st.sampled_from([{"regexp": "^a"}, {"search_string": "b="}, {"line": "ab"}]))
def test_removed_lines_are_gone_and_the_others_stay(text: str, arguments: dict[str, Any]) -> None:
    edited = edit("line", text, {"state": "absent", **arguments})
    # a carriage return is a character like any other: only \n ends a line
    before, after = (re.findall(r"[^\n]*\n|[^\n]+", one) for one in (text, edited.text))
    assert edited.more["found"] >= 0
    assert [line for line in before if line in after] == after
    assert edit("line", edited.text, {"state": "absent", **arguments}).text == edited.text


@given(TEXT, st.text(alphabet="xy\n", max_size=6), PLACE)
def test_a_block_is_put_once_and_removed(text: str, block: str, place: dict[str, Any]) -> None:
    once = edit("block", text, {"block": block, **place}).text
    assert edit("block", once, {"block": block, **place}).text == once
    gone = edit("block", once, {"state": "absent"}).text
    # only a newline at the end may have come
    assert gone.rstrip("\n") == text.rstrip("\n")


@given(st.sampled_from(["^a=", "a", "^", "", "^a=.*", "b.*$", "^ab", "a b"]), LINE)
def test_plain_patterns_need_no_re(pattern: str, line: str) -> None:
    import re

    found = compile_pattern(pattern, "regexp")
    assert not isinstance(found, re.Pattern)
    assert bool(found.search(line)) == bool(re.search(pattern, line))


@pytest.mark.parametrize(
    ("rule", "text", "arguments", "wanted"),
    [
        # ansible-core glues these two lines together: "ax"
        ("line", "a\nb\na", {"line": "x", "insertafter": "a"}, "a\nb\na\nx\n"),
        ("line", "", {"line": "c"}, "c\n"),
        ("line", "k=1\n", {"line": r"k=\g<1>0", "regexp": "k=(.)", "backrefs": True}, "k=10\n"),
        ("block", "", {"block": "x"}, "# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n"),
        ("block", "a\n", {"block": ""}, "a\n"),
        (
            "block",
            "a\nb\nc\n",
            {
                "block": "x",
                "marker": "<{mark}>",
                "marker_begin": "1",
                "marker_end": "2",
                "insertbefore": "^c",
            },
            "a\nb\n<1>\nx\n<2>\nc\n",
        ),
        (
            "block",
            "a\nb\nc\n",
            {"block": "x", "insertafter": "(?m)a\nb", "marker": "{mark}"},
            "a\nb\nBEGIN\nx\nEND\nc\n",
        ),
        ("replace", "ab\nab\n", {"regexp": "^a", "replace": "x"}, "xb\nxb\n"),
        ("replace", "aXa", {"regexp": "a", "replace": "b", "after": "X"}, "aXb"),
        ("replace", "aXa", {"regexp": "a", "replace": "b", "before": "X"}, "bXa"),
        ("replace", "aXa", {"regexp": "a", "replace": "b", "before": "Y"}, "aXa"),
    ],
)
def test_rule(rule: str, text: str, arguments: dict[str, Any], wanted: str) -> None:
    assert edit(rule, text, arguments).text == wanted


@pytest.mark.parametrize(
    ("rule", "arguments", "said"),
    [
        ("line", {"line": "a", "regexp": "("}, "regexp is not a regular expression"),
        ("line", {"line": "a", "insertafter": "["}, "insertafter is not a regular expression"),
        ("line", {"line": r"\2", "regexp": "(a)", "backrefs": True}, "group"),
        ("line", {}, "line is required"),
        ("line", {"line": "a", "backrefs": True}, "regexp is required"),
        ("line", {"state": "absent"}, "is required"),
        ("replace", {"regexp": "("}, "not a regular expression"),
        ("replace", {"regexp": "a", "replace": r"\3"}, "group"),
        ("other", {}, "no rule"),
    ],
)
def test_what_cannot_be_done_says_why(rule: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(RuleError, match=said):
        edit(rule, "a\n", arguments)
