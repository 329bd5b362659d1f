"""Templates that attack, and output of nodes that would like to be a template."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.helper import wait_until_gone

if TYPE_CHECKING:
    from tests.support.command import Lab
    from tests.support.inside import Inside

ATTACKS = {
    "class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "attr filter": "{{ '' | attr('__class__') }}",
    "subscript": "{{ ''['__class__'] }}",
    "map": "{{ [''] | map(attribute='__class__') | list }}",
    "globals": "{{ lipsum.__globals__['os'].system('touch ' ~ folder ~ '/hacked') }}",
    "format": "{{ '{0.__class__}'.format(1) }}",
    "format_map": "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "import": "{% import 'os' as os %}{{ os }}",
    "mutation": "{{ groups.clear() }}",
}
GREEDY = {
    "endless loop": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "too long a range": "{{ range(10 ** 12) | list }}",
    "too large a text": "{{ 'x' * 10 ** 11 }}",
    "too large a number": "{{ 9 ** (9 ** 9) }}",
    "itself": "{{ me }}",
}


def playbook(template: str) -> str:
    """Use the template in every place where one may stand, one after the other."""
    tasks = [
        {"copy": {"content": template, "dest": "{{ folder }}/never"}, "vars": {"me": "{{ me }}"}},
        {"command": "touch {{ folder }}/touched"},
    ]
    return json.dumps([{"hosts": "n1", "tasks": tasks}])


@pytest.mark.parametrize("name", [*ATTACKS, *GREEDY])
def test_an_attack_ends_its_task_with_one_error(here: Lab, inside: Inside, name: str) -> None:
    here.write("site.yml", playbook({**ATTACKS, **GREEDY}[name]))
    began = time.monotonic()
    said = inside(here, "apply", "site.yml")
    assert time.monotonic() - began < 15
    assert said.code in {1, 3}, said.told
    assert "at site.yml:1:" in said.told
    assert "Traceback" not in said.told
    assert "<class" not in said.told
    for file in ("never", "hacked", "touched"):
        assert not (here.folder / file).exists()


HOSTILE = "{{ 7 * 6006006 }} {% for a in [] %} {{ lookup('env', 'HOME') }} {{ ''.__class__ }}"


def test_what_a_node_says_is_never_a_template(here: Lab, inside: Inside) -> None:
    here.write("said", HOSTILE)
    here.write(
        "site.yml",
        """\
- hosts: n1
  vars: {indirect: "{{ said.stdout }}"}
  tasks:
    - command: cat {{ folder }}/said
      register: said
    - set_fact: {kept: "{{ said.stdout }}", nested: {a: ["{{ said.stdout }}"]}}
    - copy: {content: "{{ said.stdout }}", dest: "{{ folder }}/a"}
    - copy: {content: "{{ kept }}", dest: "{{ folder }}/b"}
    - copy: {content: "{{ nested.a[0] }}", dest: "{{ folder }}/c"}
    - copy: {content: "{{ indirect }}", dest: "{{ folder }}/d"}
    - copy: {content: "{{ item }}", dest: "{{ folder }}/e"}
      loop: ["{{ said.stdout }}"]
    - copy: {content: "{{ hostvars['n1'].said.stdout }}", dest: "{{ folder }}/f"}
    - command: printf %s {{ said.stdout | quote }}
      register: again
    - assert: {that: "said.stdout in again.stdout"}
    - template: {src: g.j2, dest: "{{ folder }}/g"}
    - debug: {msg: "{{ said.stdout }}"}
    - debug: {var: said.stdout}
    - fail: {msg: "{{ said.stdout }}"}
      ignore_errors: true
""",
    )
    here.write("templates/g.j2", "{{ said.stdout }}")
    said = inside(here, "apply", "site.yml")
    assert said.code == 0, said.told
    for name in "abcdefg":
        assert (here.folder / name).read_text() == HOSTILE, name
    assert "42042042" not in said.stdout


def test_what_a_node_says_steers_no_terminal(here: Lab, inside: Inside) -> None:
    (here.folder / "said").write_bytes(b"\x1b]0;owned\x07\x1b[2J\x9b31m\r\x08\xff\xe2\x80\xae\n")
    here.write(
        "site.yml",
        "- hosts: n1\n  tasks:\n    - command: sh -c 'cat {{ folder }}/said; cat {{ folder }}/said >&2; exit 1'\n",
    )
    said = inside(here, "apply", "site.yml", "--report", "human", "--report", "jsonl=run.jsonl")
    assert said.code == 1
    for letter in "\x1b\x07\x9b\r\x08\u202e":
        assert letter not in said.told, repr(letter)
    for line in (here.folder / "run.jsonl").read_text().splitlines():
        json.loads(line)
    for arguments in (["run", "show", "last"], ["exec", "n1:n2", "--", f"cat {here.folder}/said"]):
        again = inside(here, *arguments)
        assert "\x1b" not in again.told


def test_templates_that_look_themselves_up_end(here: Lab, inside: Inside) -> None:
    here.write("templates/me.j2", "{{ lookup('template', 'me.j2') }}")
    here.write(
        "templates/slow.j2", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    )
    for template in (
        "{{ lookup('template', 'me.j2') }}",
        "{{ lookup('template', 'slow.j2', errors='ignore') }}",
    ):
        here.write("site.yml", playbook(template))
        began = time.monotonic()
        said = inside(here, "apply", "site.yml")
        assert time.monotonic() - began < 20
        assert said.code == 1, said.told
        assert "Traceback" not in said.told
        assert not (here.folder / "touched").exists()


def test_a_command_that_never_ends_is_ended_with_all_that_it_started(
    here: Lab, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hivectl.model.lookups.commands.DEADLINE", 0.5)
    command = "sleep 300 & echo $! > " + str(here.folder / "number") + "; wait"
    here.write("site.yml", playbook("{{ lookup('pipe', '" + command + "') }}"))
    said = inside(here, "apply", "site.yml")
    assert said.code == 1
    assert "the command runs longer than 0.5 s" in said.told
    wait_until_gone(int((here.folder / "number").read_text()))
