"""What hives show at a prompt and in notebooks."""

from __future__ import annotations

from hivectl.client.output import Output
from hivectl.client.results import Results, RunAllError
from hivectl.client.tables import FIRST_LINES, LAST_LINES

TRACEBACK = 'Traceback (most recent call last):\n  File "<stdin>", line 3, in <module>\nZeroDivisionError: divide by zero\n'


def test_a_traceback_is_shown_to_its_last_line() -> None:
    results = Results(
        {"pico1": Output(TRACEBACK, status=None, failed=True), "pi1": Output("Linux " * 20)}, {}
    )
    assert repr(results).splitlines() == [
        "NODE   STATUS  OUTPUT",
        "pico1  failed  Traceback (most recent call last):",
        '                 File "<stdin>", line 3, in <module>',
        "               ZeroDivisionError: divide by zero",
        f"pi1    0       {'Linux ' * 20}".rstrip(),
    ]
    shown = results._repr_html_()
    assert "pre-wrap" in shown
    assert "&lt;module&gt;\nZeroDivisionError: divide by zero</td>" in shown
    assert str(RunAllError(results)) == "pico1: raised an exception: ZeroDivisionError: divide by zero"


def test_of_many_lines_the_first_and_the_last_are_shown_and_nothing_steers_the_terminal() -> None:
    lines = [f"line {number}\x1b[2J\r" for number in range(100)]
    shown = repr(
        Results({"pi1": Output("\n".join(lines)), "pi2": Output("\x1b]0;x\n\x9bK")}, {})
    ).splitlines()
    assert len(shown) == 1 + FIRST_LINES + 1 + LAST_LINES + 2
    assert shown[1 + FIRST_LINES].strip() == f"... {100 - FIRST_LINES - LAST_LINES} more lines ..."
    assert shown[-3].strip() == "line 99?[2J"
    assert all(line.isprintable() for line in shown)
