"""Ansible's magic variables, figures of a run, and what `hostvars` shows of other nodes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hivectl.report.summary import summary
from tests.support.tasks_that_log import fail, log, logged, on, play, run

if TYPE_CHECKING:
    import pytest

    from tests.support.runs import Bench


def test_what_a_node_is_told_of_its_run(bench: Bench) -> None:
    bench.nodes(
        2, "  lone.lab: {driver: ssh, host: 10.1.2.3, port: 2222, user: pi}\nhives:\n  h: {nodes: [n1, n2]}\n"
    )
    wanted = {
        "ansible_check_mode": "False",
        "ansible_diff_mode": "True",
        "ansible_limit": "n1,n2",
        "ansible_verbosity": "0",
        "ansible_version.major": "2",
        "ansible_inventory_sources": str([str(bench.inventory)]),
        "ansible_playbook_python": sys.executable,
        "ansible_run_tags": "['all']",
        "ansible_skip_tags": "['x']",
        "ansible_play_name": "P",
        "inventory_file": str(bench.inventory),
        "groups.ungrouped": "['lone.lab']",
        "groups.all": "['n1', 'n2', 'lone.lab']",
        "group_names": "['h']",
        "ansible_connection": "local",
        "ansible_host": "n1",
        "ansible_user | default('none')": "none",
        "hostvars['lone.lab'].ansible_host": "10.1.2.3",
        "hostvars['lone.lab'].ansible_port": "2222",
        "hostvars['lone.lab'].ansible_user": "pi",
        "hostvars['lone.lab'].ansible_connection": "ssh",
        "hostvars['lone.lab'].inventory_hostname_short": "lone",
        "hostvars['lone.lab'].group_names": "['ungrouped']",
        "hostvars.n2.groups.h": "['n1', 'n2']",
    }
    tasks = [{"name": name, "debug": {"msg": f"{{{{ {name} }}}} "}} for name in wanted]
    out = run(bench, play(*tasks, name="P"), limit="n1,n2", diff=True, skip_tags=["x"])
    assert {name: out.message(name).strip() for name in wanted} == wanted


def test_who_still_takes_part_is_known_as_the_play_goes_on(bench: Bench) -> None:
    bench.nodes(3)
    words = (
        "{{ ansible_play_hosts | join }}-{{ ansible_play_batch | join }}-{{ ansible_play_hosts_all | join }}"
    )
    run(bench, play(log(f"1-{words}"), fail(**on("n2")), log(f"2-{words}"), strategy="linear"))
    said = logged(bench)
    assert said["n1"] == said["n3"] == "1-n1n2n3-n1n2n3-n1n2n3 2-n1n3-n1n3-n1n2n3"


def test_facts_that_are_kept_are_under_ansible_facts_too(bench: Bench) -> None:
    tasks = [
        {"set_fact": {"x": "kept", "cacheable": True}},
        {"set_fact": {"y": "not"}},
        log("{{ x }}-{{ ansible_facts.x }}-{{ ansible_facts.y | default('none') }}"),
    ]
    run(bench, play(*tasks, gather_facts=None))
    assert logged(bench) == {"n1": "kept-kept-none"}


def test_figures_of_the_run_are_in_its_end_and_summary(bench: Bench) -> None:
    bench.nodes(2)
    tasks = [
        {"set_stats": {"data": {"count": 2, "names": ["{{ inventory_hostname }}"], "map": {"a": 1}}}},
        {"set_stats": {"data": {"last": 1}}},
        {"set_stats": {"data": {"last": 7}, "aggregate": False}},
        {"set_stats": {"data": {"own": "{{ inventory_hostname }}"}, "per_host": True}},
        {"set_stats": {"data": {"once": 1}}, "run_once": True},
        {"set_stats": {"data": {"looped": "{{ item }}"}}, "loop": [1, 2], **on("n1")},
        {"set_stats": {"data": {"hidden": 1}}, "no_log": True},
    ]
    out = run(bench, play(*tasks, strategy="linear"))
    stats = {owner: dict(values) for owner, values in out.ended.stats.items()}
    assert sorted(stats["_run"].pop("names")) == ["n1", "n2"]
    assert stats == {
        "_run": {"count": 4, "map": {"a": 1}, "last": 7, "once": 1, "looped": 3},
        "n1": {"own": "n1"},
        "n2": {"own": "n2"},
    }
    lines = ["".join(text for text, _style in line) for line in summary(out.ended, {}, mode="apply")]
    assert any(line.startswith("stats") and "count=4" in line for line in lines)
    assert "stats         n1: own=n1" in lines


def test_secrets_in_figures_are_masked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "open-sesame")
    text = """
        - hosts: all
          gather_facts: false
          vars: {token: !env TOKEN}
          tasks:
            - set_stats: {data: {token: "{{ token }}"}}
    """
    out = bench.run(text)
    assert "open-sesame" not in str(out.ended)
    assert out.ended.stats["_run"]["token"] == "********"


def test_folders_beside_the_playbook_hold_in_a_run(bench: Bench) -> None:
    bench.inventory = bench.folder / "lab" / "lab.yml"
    bench.inventory.parent.mkdir()
    bench.nodes(1)
    bench.write("x: all\ny: all\n", "group_vars/all.yml")
    bench.write("y: node\n", "host_vars/n1.yml")
    run(bench, play(log("{{ x }}-{{ y }}")))
    assert logged(bench) == {"n1": "all-node"}


def test_variables_by_a_name_that_is_a_value(bench: Bench) -> None:
    tasks = [
        log(
            "{{ vars[which] }}-{{ vars['y'] }}-{{ vars.none | default('none') }}-{{ vars[item] }}", loop=["x"]
        )
    ]
    out = run(bench, play(*tasks, vars={"which": "x", "x": 1, "y": "{{ x + 1 }}"}))
    assert logged(bench) == {"n1": "1-2-none-1"}
    assert out.count() == 1  # no facts were asked for


def test_variables_by_name_beside_a_secret(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "open-sesame")
    out = bench.run("""
        - hosts: all
          gather_facts: false
          vars: {token: !env TOKEN, x: 1}
          tasks:
            - {name: plain, command: "echo {{ vars['x'] }}"}
            - {name: secret, command: "echo {{ vars['token'] }}"}
    """)
    assert out.result("plain")["stdout"] == "1"
    assert out.result("secret")["stdout"] == "********"
    assert "open-sesame" not in str(out.events)


def test_names_of_tasks_are_shown_with_their_values(bench: Bench) -> None:
    tasks = [
        {"name": "install {{ what }}", "debug": {"msg": "x"}},
        {"name": "with {{ item }}", "debug": {"msg": "x"}, "loop": [1]},
        {"name": "facts {{ ansible_hostname }}", "debug": {"msg": "x"}},
    ]
    out = run(bench, play(*tasks, vars={"what": "nginx"}))
    assert out.names("n1") == ["install nginx", "with {{ item }}", "facts {{ ansible_hostname }}"]
