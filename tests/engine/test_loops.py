"""Loops: what breaks no batch, what happens between two items, and mistakes that are told before the run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.model.errors import Complaints
from tests.support.tasks_that_log import log, logged, play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench


def test_loops_break_no_batch(bench: Bench) -> None:
    (bench.folder / "files").mkdir()
    (bench.folder / "files/a.txt").write_text("a")
    tasks = [
        log("i{{ item }}", with_items=[1, [2]]),
        log("s{{ item }}", with_sequence="count=2"),
        log("d{{ item.key }}", with_dict={"a": 1}),
        log("f{{ item | basename }}", with_fileglob="*.txt"),
        log("n{{ item | join }}", with_nested=[[1, 2], [3]]),
        log(
            "e{{ ansible_loop.index }}of{{ ansible_loop.length }}",
            loop=["x", "y"],
            loop_control={"extended": True},
        ),
    ]
    out = run(bench, play(*tasks))
    assert logged(bench) == {"n1": "i1 i2 s1 s2 da fa.txt n13 n23 e1of2 e2of2"}
    assert out.count() == 1


def test_a_pause_is_between_items_and_before_no_first(bench: Bench) -> None:
    began = time.monotonic()
    out = run(
        bench,
        play(
            log("{{ item }}", loop=[1, 2, 3], loop_control={"pause": "{{ 0.2 }}"}, register="r"),
            {"set_fact": {"last": "{{ item }}"}, "loop": [1], "loop_control": {"pause": 30}},
            log("{{ r.results | length }}"),
        ),
    )
    assert out.ended.exit_code == 0
    assert logged(bench) == {"n1": "1 2 3 3"}
    assert time.monotonic() - began >= 0.4


def test_a_loop_ends_where_it_shall(bench: Bench) -> None:
    tasks = [
        log("{{ item }}", loop=[1, 2, 3], loop_control={"break_when": "item == 2"}, register="r"),
        {
            "shell": "echo n1 t{{ item }} >> {{ log }}; test {{ item }} != 2",
            "loop": [1, 2, 3],
            "register": "t",
            "ignore_errors": True,
            "loop_control": {"break_when": ["t.failed"]},
        },
        {
            "set_fact": {"last": "{{ item }}"},
            "loop": ["a", "b", "c"],
            "loop_control": {"break_when": "item == 'b'"},
        },
        log("{{ r.results | length }}{{ t.results | length }}{{ last }}"),
    ]
    out = run(bench, play(*tasks))
    assert out.ended.exit_code == 0
    assert logged(bench) == {"n1": "1 2 t1 t2 22b"}


def test_a_wrong_end_fails_its_item(bench: Bench) -> None:
    out = run(bench, play(log("{{ item }}", loop=[1, 2], loop_control={"break_when": "item"})))
    assert out.ended.exit_code == 1
    assert logged(bench) == {"n1": "1"}
    assert "gives a number, not true or false" in out.steps()[0].reason


def test_results_and_handlers_know_the_loops_variables(bench: Bench) -> None:
    task = log(
        "{{ it }}",
        loop=["a", "b"],
        loop_control={"loop_var": "it", "index_var": "n", "extended": True},
        register="r",
    )
    out = run(bench, play(task, {"debug": {"var": "r"}}))
    results = out.steps()[0].result["results"]
    assert [(one["it"], one["n"], one["ansible_loop"]["revindex0"]) for one in results] == [
        ("a", 0, 1),
        ("b", 1, 0),
    ]
    assert "item" not in results[0]
    assert "allitems" not in results[0]["ansible_loop"]


def test_includes_take_every_form_of_loop(bench: Bench) -> None:
    (bench.folder / "more.yml").write_text(
        "- shell: echo n1 {{ item }}{{ ansible_loop.index | default('') }} >> {{ log }}\n"
    )
    tasks = [
        {"include_tasks": "more.yml", "with_items": ["a", ["b"]]},
        {"include_tasks": "more.yml", "with_sequence": "count=2", "loop_control": {"extended": True}},
        {
            "include_tasks": "more.yml",
            "loop": ["x", "y", "z"],
            "loop_control": {"break_when": "item == 'y'"},
        },
        {"include_tasks": "{{ item }}", "with_first_found": ["no.yml", {"files": ["nor.yml"], "skip": True}]},
    ]
    out = run(bench, play(*tasks))
    assert out.ended.exit_code == 0, out.steps()[-1].reason
    assert logged(bench) == {"n1": "a b 11 22 x y"}
    with pytest.raises(Complaints, match="`pause` does not go with `include_tasks`"):
        run(bench, play({"include_tasks": "more.yml", "loop": [1], "loop_control": {"pause": 1}}))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such lookup": ({"with_itmes": [1]}, r'`with_itmes`: there is no lookup "itmes" \(did you mean "items"\?\)'),
    "two loops": ({"with_items": [1], "loop": [2]}, "a task has one loop, this one has `with_items` and `loop`"),
    "two forms": ({"with_items": [1], "with_dict": {}}, "this one has `with_items` and `with_dict`"),
    "refused": ({"with_url": ["http://x"]}, '`with_url`: the lookup "url" is not supported'),
    "a wrong sequence": ({"with_sequence": "start=1 edn=3"}, r'`with_sequence`: there is no option "edn" \(did you mean "end"'),
    "a list for a mapping": ({"with_dict": [1]}, "`with_dict`: a mapping is needed, not a value of type int"),
    "no list": ({"with_nested": [1, [2]]}, "`with_nested`: lists are needed"),
    "subelements": ({"with_subelements": [[{"a": 1}], "b"]}, "`with_subelements`: an element has no b"),
    "undefined": ({"with_items": ["{{ absnt }}"]}, "`absnt` is not defined anywhere"),
    "a filter": ({"with_items": "{{ [1] | nope }}"}, 'there is no filter "nope"'),
    "loop_control": ({"loop": [1], "loop_control": {"labl": "x"}}, "labl"),
    "pause": ({"loop": [1], "loop_control": {"pause": "long"}}, "pause"),
    "label": ({"loop": [1], "loop_control": {"label": "{{ itm }}"}}, "`itm` is not defined anywhere"),
    "break_when": ({"loop": [1], "loop_control": {"break_when": "itm == 1"}}, "`itm` is not defined anywhere"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told_before_the_run(bench: Bench, name: str) -> None:
    keywords, message = WRONG[name]
    with pytest.raises(Complaints, match=message) as caught:
        run(bench, play(log("x", **keywords)))
    assert "play.yml:" in str(caught.value)
    assert logged(bench) == {}


def test_what_a_lookup_cannot_find_fails_the_task(bench: Bench) -> None:
    out = run(bench, play(log("x", with_file=["nope"]), log("never")))
    assert out.ended.exit_code == 1
    assert "with_file: there is no file nope in" in out.steps()[0].reason


def test_a_condition_spares_a_loop_that_cannot_be(bench: Bench) -> None:
    out = run(bench, play(log("x", with_file=["nope"], when=["1 > 2"]), log("on")))
    assert out.ended.exit_code == 0
    assert logged(bench) == {"n1": "on"}


def test_passwords_are_never_shown(bench: Bench) -> None:
    out = run(
        bench,
        play(
            {"debug": {"msg": "{{ lookup('password', 'pw length=24') }}"}},
            {
                "copy": {
                    "content": "{{ lookup('password', 'pw') }}",
                    "dest": "{{ playbook_dir }}/there",
                    "mode": "0600",
                }
            },
            {"command": "cat {{ playbook_dir }}/there"},
        ),
    )
    assert out.ended.exit_code == 0
    word = (bench.folder / "pw").read_text().strip()
    assert (bench.folder / "there").read_text() == word
    assert word not in str([step.result for step in out.steps()])


def test_nodes_are_those_of_the_inventory(bench: Bench) -> None:
    bench.nodes(3)
    out = run(bench, play(log("{{ item }}", with_inventory_hostnames="all:!n2"), hosts="n1"))
    assert out.ended.exit_code == 0
    assert logged(bench) == {"n1": "n1 n3"}


def test_a_lookups_warning_is_told(bench: Bench) -> None:
    out = run(bench, play(log("{{ lookup('file', 'nope', errors='warn') | default('d', true) }}")))
    assert logged(bench) == {"n1": "d"}
    assert any("the lookup file found nothing: there is no file nope" in text for text in out.said())
