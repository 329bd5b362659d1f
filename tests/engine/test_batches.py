"""What travels together, what ends a batch, and that nothing is taken for done that was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.runs import Bench

START = "- {name: a, shell: 'echo a >> {{ log }}', register: r}\n"
END = "- {name: z, shell: 'echo z >> {{ log }}'}\n"


def play(tasks: str) -> str:
    indented = "".join(f"    {line}\n" for line in tasks.splitlines())
    return f"- hosts: all\n  tasks:\n{indented}"


@pytest.mark.parametrize(
    "between",
    [
        "",
        "- {name: b, copy: {content: x, dest: '{{ log }}.b'}, register: unused}",
        "- {name: b, command: 'true', changed_when: false}",
        "- {name: b, command: 'true', failed_when: false}",
        "- {name: b, command: 'false', ignore_errors: true}",
        "- {name: b, command: 'true', when: false}",
        "- {name: b, command: 'true', loop: [1, 2, 3]}",
        "- {name: b, command: 'true', loop: []}",
        "- {name: b, debug: {msg: hello}}",
        "- {name: b, set_fact: {x: 1}}",
        "- {name: b, assert: {that: 1 == 1}}",
        "- {name: b, stat: {path: /}, register: s}",
        "- {name: b, command: 'true', notify: h}",
        "- {name: b, command: 'true', timeout: 20}",
        "- {name: b, command: 'true', register: s, changed_when: s.rc != 0 or 'x' in s.stdout}",
        "- {name: b, command: 'true', register: s, changed_when: [s.stdout | length > 0, s is not failed]}",
        "- {name: b, meta: flush_handlers}",
        "- {name: b, meta: noop}",
        "- {name: b, block: [{name: c, command: 'true'}, {name: d, command: 'true'}]}",
    ],
)
def test_adjacent_tasks_are_one_round_trip(bench: Bench, between: str) -> None:
    out = bench.run(play(START + between + "\n" + END) + "  handlers: [{name: h, command: 'true'}]\n")
    assert out.ended.exit_code == 0
    assert bench.lines() == ["a", "z"]
    assert out.count() == (2 if "notify" in between else 1)


@pytest.mark.parametrize(
    "between",
    [
        "- {name: b, debug: {msg: '{{ r.rc }}'}}",
        "- {name: b, command: 'true', when: r.rc == 0}",
        "- {name: b, command: 'true', when: r is changed}",
        "- {name: b, command: 'true', vars: {x: '{{ r.rc }}'}, environment: {X: '{{ x }}'}}",
        "- {name: b, command: 'true', loop: '{{ [r.rc] }}'}",
        "- {name: b, debug: {msg: '{{ nope | default(r.rc) }}'}}",
        "- {name: b, debug: {msg: '{{ hostvars[inventory_hostname].r.rc }}'}}",
        "- {name: b, command: 'true', failed_when: r.rc != 0}",
        "- {name: b, command: 'true', failed_when: [false]}",
        "- {name: b, command: 'true', changed_when: r.rc == 0}",
        "- {name: b, block: [{name: c, debug: {msg: x}}], rescue: [{name: d, debug: {msg: x}}]}",
        "- {name: b, command: 'false', failed_when: false, register: s}\n- {name: c, debug: {msg: '{{ s.rc }}'}}",
    ],
)
def test_a_batch_ends_where_the_controller_is_needed(bench: Bench, between: str) -> None:
    out = bench.run(play(START + between + "\n" + END))
    assert out.ended.exit_code == 0
    assert bench.lines() == ["a", "z"]
    assert out.count() == 2


def test_what_follows_handlers_travels_with_them(bench: Bench) -> None:
    text = """
    - hosts: all
      pre_tasks:
        - {name: p, shell: "echo p >> {{ log }}"}
      tasks:
        - {name: a, shell: "echo a >> {{ log }}", notify: h}
        - {name: b, meta: flush_handlers}
        - {name: c, shell: "echo c >> {{ log }}"}
      post_tasks:
        - {name: z, shell: "echo z >> {{ log }}"}
      handlers:
        - {name: h, shell: "echo h >> {{ log }}"}
    """
    out = bench.run(text)
    assert out.ended.exit_code == 0
    assert bench.lines() == ["p", "a", "h", "c", "z"]
    assert out.ended.pending_handlers == ()
    assert out.count() == 2


@pytest.mark.parametrize("force", [False, True])
def test_a_handler_behind_a_failure_is_not_lost(bench: Bench, force: bool) -> None:  # noqa: FBT001  # a case
    text = f"""
    - hosts: all
      force_handlers: {str(force).lower()}
      tasks:
        - {{name: a, command: "true", notify: h}}
        - {{name: look, command: "true", register: r}}
        - {{name: seen, command: "true", when: r.rc == 0}}
        - {{name: broken, command: "false"}}
        - {{name: b, meta: flush_handlers}}
        - {{name: c, shell: "echo c >> {{{{ log }}}}"}}
      handlers:
        - {{name: h, shell: "echo h >> {{{{ log }}}}"}}
        - {{name: h2, listen: h, shell: "echo h2 >> {{{{ log }}}}"}}
    """
    out = bench.run(text)
    assert out.ended.exit_code == 1
    assert bench.lines() == (["h", "h2"] if force else [])
    assert out.ended.pending_handlers == (() if force else ("n1: h", "n1: h2"))
    fixed = bench.run(text.replace('"false"', '"true"'))
    assert fixed.ended.exit_code == 0
    assert bench.lines() == ["h", "h2", "c"]
    assert fixed.ended.pending_handlers == ()


def test_what_must_fail_stops_what_is_behind_it(bench: Bench) -> None:
    out = bench.run(play(START + "- {name: b, command: 'true', failed_when: true}\n" + END))
    assert out.statuses("n1") == {"a": "changed", "b": "failed"}
    assert bench.lines() == ["a"]


def test_a_fault_of_the_node_fails_its_step_alone(bench: Bench) -> None:
    nobody = "become: true, become_user: no_such_user, ignore_errors: true"
    tasks = (
        f"- {{name: b, command: 'true', loop: [1, 2], {nobody}}}\n- {{name: c, command: 'true', {nobody}}}\n"
    )
    out = bench.run(play(START + tasks + END))
    assert out.statuses("n1") == {"a": "changed", "b": "ignored", "c": "ignored", "z": "changed"}
    assert [one["failed"] for one in out.result("b")["results"]] == [True, True]
    assert "no_such_user" in out.message("c")
    assert bench.lines() == ["a", "z"]


def test_an_unknown_delegate_is_one_failed_step(bench: Bench) -> None:
    bench.nodes(2)
    task = "- {name: b, command: 'true', delegate_to: '{{ inventory_hostname }}0', when: inventory_hostname == 'n1'}\n"
    out = bench.run(play(START + task + END))
    assert out.lost() == {"n1": "b: there is no node n10 in the inventory"}
    assert out.statuses("n2") == {"a": "changed", "b": "skipped", "z": "changed"}
