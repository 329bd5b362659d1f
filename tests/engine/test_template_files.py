"""Template files are read before any node is asked: what is wrong with them is told with their own lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hivectl.model.errors import Complaints
from tests.support.tasks_that_log import play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench

WRONG = {
    "a\n{{ x | nope }}\n": r"a.j2:2:1: there is no filter \"nope\"",
    "{{ x is\n nope }}\n": r"a.j2:1:1: there is no test \"nope\"",
    "\n\n{{ lookup('fiel', 'x') }}": r"a.j2:3:1: there is no lookup \"fiel\".*did you mean \"file\"",
    "{{ lookup('file', 'x', rstrp=1) }}": r"a.j2:1:1: the lookup file: there is no option \"rstrp\"",
    "{% for a in b %}\n": r"a.j2:2:1: |a.j2:1:1: ",
    "x\n{{ a b }}\n": r"a.j2:2:1: ",
}


def template(**arguments: Any) -> dict[str, Any]:
    return {"template": {"src": "a.j2", "dest": "{{ playbook_dir }}/made", **arguments}}


@pytest.mark.parametrize("text", WRONG)
def test_a_fault_is_told_before_the_run(bench: Bench, text: str) -> None:
    (bench.folder / "templates").mkdir()
    (bench.folder / "templates/a.j2").write_text(text)
    with pytest.raises(Complaints, match=WRONG[text]):
        run(bench, play({"command": "touch {{ playbook_dir }}/touched"}, template()))
    assert not (bench.folder / "touched").exists()


def test_what_is_right_is_not_complained_of(bench: Bench) -> None:
    (bench.folder / "a.j2").write_text("[[ 1 + 1 ]] {{ x | nope }} {% include 'later.j2' ignore missing %}\n")
    marks = {"variable_start_string": "[[", "variable_end_string": "]]"}
    out = run(bench, play(template(**marks)))
    assert out.ended.exit_code == 0
    assert (bench.folder / "made").read_text().startswith("2 {{ x | nope }} ")


def test_a_file_that_is_not_there_yet_is_waited_for(bench: Bench) -> None:
    tasks = [{"copy": {"content": "{{ '{{ 1 }}' }}", "dest": "{{ playbook_dir }}/a.j2"}}, template()]
    out = run(bench, play(*tasks))
    assert out.ended.exit_code == 0, out.steps()[-1].reason


HEADERS = {
    "#jinja2: trim_block: True\n": r"a.j2:1:1: .*#jinja2:.* knows no .trim_block.*did you mean .trim_blocks.",
    "#jinja2: trim_blocks: yes\n": r"a.j2:1:1: .trim_blocks. is True or False, not .yes.",
    "#jinja2: trim_blocks=True\n": r"a.j2:1:1: .*is no .name: value.",
    "#jinja2: newline_sequence: 'x'\n": r"a.j2:1:1: .newline_sequence. is ",
    "#jinja2: trim_blocks: True": r"a.j2:1:1: behind the line .* nothing follows",
    "#jinja2: trim_blocks: True\n\n{{ x | nope }}": r"a.j2:3:1: there is no filter \"nope\"",
}


@pytest.mark.parametrize("text", HEADERS)
def test_a_first_line_about_reading_is_heeded(bench: Bench, text: str) -> None:
    (bench.folder / "a.j2").write_text(text)
    with pytest.raises(Complaints, match=HEADERS[text]):
        run(bench, play(template()))


def test_a_text_of_the_playbook_may_say_how_it_is_read(bench: Bench) -> None:
    text = "#jinja2: lstrip_blocks: True, variable_start_string: '[['\n  {% if true %}\n[[ 2 + 1 }}\n  {% endif %}\n"
    out = run(bench, play({"copy": {"content": text, "dest": "{{ playbook_dir }}/made"}}))
    assert out.ended.exit_code == 0
    assert (bench.folder / "made").read_text() == "3\n"
