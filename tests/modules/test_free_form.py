from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.modules.free_form import split_options

NAMES = ("creates", "chdir", "stdin")


@pytest.mark.parametrize(
    ("text", "command", "options"),
    [
        ("ls -l", "ls -l", {}),
        ("ls creates=/x", "ls", {"creates": "/x"}),
        ("creates=/x ls   -l", "ls   -l", {"creates": "/x"}),
        ("ls creates='/a b' chdir=\"/c d\" -l", "ls -l", {"creates": "/a b", "chdir": "/c d"}),
        ("make CC=gcc creates=/x", "make CC=gcc", {"creates": "/x"}),
        ("ls creates={{ a + ' b' }} -l", "ls -l", {"creates": "{{ a + ' b' }}"}),
        ("echo 'creates=/x'", "echo 'creates=/x'", {}),
        ("echo {{ 'creates=/x ' + y }}", "echo {{ 'creates=/x ' + y }}", {}),
        ('echo "{{ a["b c"] }}" creates=/x', 'echo "{{ a["b c"] }}"', {"creates": "/x"}),
        ("echo a\\ creates=/x", "echo a\\ creates=/x", {}),
        ("echo 'never closed creates=/x", "echo 'never closed creates=/x", {}),
        ("line one\nline two creates=/x\nline three", "line one\nline two line three", {"creates": "/x"}),
        ("", "", {}),
    ],
)
def test_options_are_taken_out_and_the_rest_stays_as_it_is(
    text: str, command: str, options: dict[str, str]
) -> None:
    assert split_options(text, NAMES) == (command, options)


@given(st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), min_size=1))
def test_quoted_words_are_never_taken_for_options(words: list[str]) -> None:
    text = shlex.join(f" {word}" for word in words)  # the blank makes shlex quote them all

    command, options = split_options(text, NAMES)

    assert (shlex.split(command), options) == ([f" {word}" for word in words], {})


@given(st.text())
def test_any_text_can_be_split(text: str) -> None:
    command, options = split_options(text, NAMES)

    assert len(command) <= len(text)
    assert set(options) <= set(NAMES)
