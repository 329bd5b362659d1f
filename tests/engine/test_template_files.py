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
