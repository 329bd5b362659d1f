"""Where values come from, facts that are asked for when they are used, and secrets that stay secret."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.helper.operations import Facts
from hivectl.model.secret import MASK, Secret
from tests.support.tasks_that_log import block, fail, log, logged, play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench, Outcome


def facts_asked(out: Outcome, node: str = "n1") -> list[tuple[str, ...]]:
    return [
        item.operation.groups
        for batch in out.batches.get(node, [])
        for item in batch.items
        if isinstance(item.operation, Facts)
    ]


def test_inner_and_later_values_win(bench: Bench) -> None:
    tasks = [
        log("1-{{ x }}"),
        log("2-{{ x }}", vars={"x": "task"}),
        block(log("3-{{ x }}"), log("4-{{ x }}", vars={"x": "inner"}), vars={"x": "block"}),
        {"set_fact": {"x": "fact"}},
        log("5-{{ x }}"),
        log("6-{{ x }}", vars={"x": "task"}),
        {"command": "true", "register": "x"},
        log("7-{{ x.rc }}"),
        log("8-{{ item }}", loop=["loop"], vars={"item": "task"}),
    ]
    run(bench, play(*tasks, vars={"x": "play"}))
    assert logged(bench) == {"n1": "1-play 2-task 3-block 4-inner 5-fact 6-fact 7-0 8-loop"}


def test_every_level_of_the_inventory_and_of_the_play(bench: Bench) -> None:
    bench.inventory.write_text(
        "version: 1\n"
        "vars: {a: inventory, b: inventory, c: inventory, d: inventory, e: inventory, f: inventory}\n"
        "nodes:\n  n1: {driver: local, vars: {c: node, d: node, e: node, f: node}}\n"
        "hives:\n  h1: {nodes: [n1], vars: {b: hive, c: hive, d: hive, e: hive, f: hive}}\n"
    )
    bench.write("{e: file, f: file}\n", "more.yml")
    plays = play(
        log("{{ [a, b, c, d, e, f] | join('-') }}"), vars={"d": "play", "e": "play"}, vars_files=["more.yml"]
    )
    run(bench, plays, extra_variables={"log": str(bench.log), "f": "extra"})
    assert logged(bench) == {"n1": "inventory-hive-node-play-file-extra"}


def test_what_the_command_line_says_wins_over_all(bench: Bench) -> None:
    tasks = [
        {"set_fact": {"x": "fact"}},
        {"command": "true", "register": "x"},
        log("{{ x }}", vars={"x": "task"}),
    ]
    run(bench, play(*tasks), extra_variables={"log": str(bench.log), "x": "extra"})
    assert logged(bench) == {"n1": "extra"}


def test_facts_and_results_last_from_play_to_play(bench: Bench) -> None:
    bench.nodes(2)
    set_them = [{"set_fact": {"x": "{{ inventory_hostname }}"}}, {"command": "true", "register": "r"}]
    run(bench, play(*set_them, vars={"own": 1}), play(log("{{ x }}-{{ r.rc }}-{{ own | default('gone') }}")))
    assert logged(bench) == {"n1": "n1-0-gone", "n2": "n2-0-gone"}


def test_values_of_variables_are_rendered_where_they_are_used(bench: Bench) -> None:
    tasks = [
        {"set_fact": {"who": "later"}},
        log("{{ greeting }}"),
        log("{{ greeting }}", vars={"who2": "task"}),
        {"command": "echo '{{ '{{' }} not_a_template }}'", "register": "r"},
        {"name": "shown", "debug": {"msg": "{{ r.stdout }}"}},
    ]
    out = run(bench, play(*tasks, vars={"who": "early", "who2": "play", "greeting": "{{ who }}+{{ who2 }}"}))
    assert logged(bench) == {"n1": "later+play later+task"}
    assert out.message("shown") == "{{ not_a_template }}"


def test_magic_variables(bench: Bench) -> None:
    bench.nodes(2, "hives:\n  h1: {nodes: [n1]}\n")
    shown = {
        "name": "inventory_hostname",
        "groups": "groups.h1",
        "group_names": "group_names",
        "all": "groups['all']",
        "check": "ansible_check_mode",
        "dir": "playbook_dir",
        "play": "ansible_play_name",
        "tags": "ansible_run_tags",
    }
    message = {key: f"{{{{ {value} }}}}" for key, value in shown.items()}
    out = run(bench, play({"name": "d", "debug": {"msg": message}}, name="P"), tags=["all"])
    assert out.message("d") == {
        "name": "n1",
        "groups": ["n1"],
        "group_names": ["h1"],
        "all": ["n1", "n2"],
        "check": False,
        "dir": str(bench.folder),
        "play": "P",
        "tags": ["all"],
    }


# -- facts


def test_facts_are_asked_for_when_they_are_used_and_once(bench: Bench) -> None:
    bench.nodes(2)
    tasks = [
        log("a"),
        log("b-{{ ansible_system }}", when="inventory_hostname == 'n1'"),
        log(
            "c-{{ ansible_facts['system'] if false else 'x' }}-{{ ansible_system }}",
            when="inventory_hostname == 'n1'",
        ),
        log(
            "d-{{ ansible_user_id is defined }}-{{ ansible_no_such is defined }}",
            when="inventory_hostname == 'n1'",
        ),
    ]
    out = run(bench, play(*tasks), play(log("e-{{ ansible_system }}"), hosts="n1"))
    assert logged(bench) == {"n1": "a b-Linux c-x-Linux d-True-False e-Linux", "n2": "a"}
    asked = facts_asked(out)
    assert [sorted(groups) for groups in asked] == [
        ["platform", "user"]
    ]  # one turn for all that the play names
    assert facts_asked(out, "n2") == []


@pytest.mark.parametrize(("gather", "batches"), [(None, 0), (False, 0), (True, 1)])
def test_gather_facts(bench: Bench, gather: Any, batches: int) -> None:
    plays = play(log("a"))
    del plays["gather_facts"]
    if gather is not None:
        plays["gather_facts"] = gather
    out = run(bench, plays)
    assert len(facts_asked(out)) == batches


def test_gather_facts_false_still_gives_what_is_used(bench: Bench) -> None:
    """A fact that is used is gathered: nothing else could have been meant."""
    run(bench, play(log("{{ ansible_system }}")))
    assert logged(bench) == {"n1": "Linux"}


def test_facts_that_set_fact_and_setup_give(bench: Bench) -> None:
    tasks = [
        {"setup": {"gather_subset": ["!all", "!min", "platform"]}, "register": "s"},
        log("{{ s.ansible_facts.ansible_system }}-{{ ansible_system }}"),
    ]
    out = run(bench, play(*tasks))
    assert logged(bench) == {"n1": "Linux-Linux"}
    assert out.ended.exit_code == 0


# -- secrets

WORD = "correct horse battery"


def secret_run(bench: Bench, *tasks: Any, **more: Any) -> Outcome:
    out = run(bench, play(*tasks, **more), extra_variables={"log": str(bench.log), "word": Secret(WORD)})
    journal = "".join(path.read_text() for path in (bench.lab().state / "runs").iterdir())
    for text in (repr(out.events), journal):
        assert WORD not in text
        assert base64.b64encode(WORD.encode()).decode() not in text
    return out


def test_a_secret_is_used_and_never_shown(bench: Bench) -> None:
    tasks = [
        {
            "name": "echo",
            "shell": "echo 'it is {{ word }}.'; echo '{{ word }}' >> {{ log }}",
            "register": "r",
        },
        {"name": "again", "debug": {"msg": "{{ r.stdout }} {{ word }}"}},
        {"name": "fact", "set_fact": {"other": "{{ word }}"}},
        {"name": "derived", "debug": {"msg": "{{ other | b64encode }} {{ word | upper | lower }}"}},
        {"name": "coded", "command": "echo {{ word | b64encode }}"},
        {"name": "fails", "command": "ls '/{{ word }}'", "ignore_errors": True},
        {"name": "loop", "command": "echo {{ item | quote }}", "loop": ["{{ word }}", "open"]},
        {"name": "false", "assert": {"that": "word == 'open sesame'", "fail_msg": "{{ word }}"}},
    ]
    out = secret_run(bench, *tasks)
    assert bench.lines() == [WORD]
    assert out.result("echo")["stdout"] == f"it is {MASK}."
    assert out.ended.exit_code == 1
    assert out.lost().keys() == {"n1"}


def test_secrets_of_files_of_variables(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_WORD", WORD)
    bench.write("password: !env TEST_WORD\n", "secrets.yml")
    out = secret_run(
        bench, {"name": "echo", "command": "echo '{{ password }}'"}, vars_files=["{{ 'secrets' }}.yml"]
    )
    assert out.result("echo")["stdout"] == MASK


def test_no_log_hides_and_later_tasks_still_see(bench: Bench) -> None:
    tasks = [
        {"name": "hidden", "command": "echo sesame", "no_log": True, "register": "r"},
        log("{{ r.stdout | length }}"),
        {"name": "items", "command": "echo sesame{{ item }}", "loop": [1, 2], "no_log": True},
        {"name": "fails", "command": "cat /sesame", "no_log": True},
    ]
    out = run(bench, play(*tasks))
    assert logged(bench) == {"n1": "6"}
    assert set(out.result("hidden")) == {"censored", "changed", "failed"}
    assert "sesame" not in repr([event for event in out.events if getattr(event, "task", None) is None])
    for step in out.steps():
        assert "sesame" not in repr(step.result)
        assert "sesame" not in step.reason
    journal = next((bench.lab().state / "runs").iterdir()).read_text()
    assert "sesame" not in "".join(line for line in journal.splitlines() if '"result"' in line)
    assert "sesame" not in str(out.lost())


def test_what_failed_is_there_for_the_rescue(bench: Bench) -> None:
    out = run(
        bench,
        play(block(fail("F"), rescue=[{"name": "d", "debug": {"msg": "{{ ansible_failed_result.rc }}"}}])),
    )
    assert out.message("d") == 1
