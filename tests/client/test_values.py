"""Code for a board shows the values that its prompt would show."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

from hivectl.client.values import showing_values


def shown(source: str) -> str:
    """Run code as a board does that was changed to show its values."""
    said = io.StringIO()

    def show(value: object) -> None:
        if value is not None:
            said.write(f"{value!r}\n")

    with redirect_stdout(said):
        exec(compile(showing_values(source), "<board>", "exec"), {"__repl_print__": show})
    return said.getvalue()


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("1 + 1", "2\n"),
        ("x = 4; x; x * 2", "4\n8\n"),
        ("1, 2", "(1, 2)\n"),
        ("'ä' ; 'ö'; (yes := 3)", "'ä'\n'ö'\n3\n"),
        ("# nothing\n(1 +\n  2)  # three", "3\n"),
        ("print('out')", "out\n"),
        ("for i in range(2): i\nelse: 'end'", "0\n1\n'end'\n"),
        (
            "try:\n    1 / 0\nexcept ZeroDivisionError:\n    'caught'\nfinally:\n    'last'",
            "'caught'\n'last'\n",
        ),
        ("with open('/dev/null'): 5", "5\n"),
        ("if 0: 1\nelif 1: 2", "2\n"),
        ("def f():\n    7\n    return 8\nf()\nclass A:\n    9", "8\n"),
        ("'''a\nb'''; 1", "'a\\nb'\n1\n"),
        ("x = 1\r\nx\r\n", "1\n"),
        ("", ""),
    ],
)
def test_values_are_shown_as_at_a_prompt(source: str, values: str) -> None:
    assert shown(source) == values


def test_lines_stay_where_they_were_and_nonsense_as_it_is() -> None:
    changed = showing_values("a = 1\n\nif a:\n    (a,\n     a)\nraise ValueError")
    assert changed.split("\n")[5] == "raise ValueError"
    assert showing_values("for = (") == "for = ("
    assert showing_values("caf\udce9") == "caf\udce9"
