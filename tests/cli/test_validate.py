from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.command import Lab

GOOD = """\
- hosts: m*
  vars: {greeting: "hello {{ pump }}"}
  tasks:
    - name: Say
      debug: {msg: "{{ greeting }} {{ inventory_hostname }}"}
    - name: Ask
      command: uptime
      register: answer
    - debug: {msg: "{{ answer.stdout }} {{ ansible_distribution }}"}
"""


def test_what_is_right_is_0_and_standard_output_empty(lab: Lab) -> None:
    lab.write("site.yml", GOOD)
    done = lab.run("validate", "inventory", "site.yml")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr == "valid: 1 playbook, an inventory of 4 nodes\n"


def test_without_an_inventory_a_playbook_is_checked_as_far_as_that_goes(lab: Lab) -> None:
    lab.write("away/site.yml", GOOD)
    (lab.folder / "inventory").rename(lab.folder / "away" / "lab")
    done = lab.run("validate", "away/site.yml")
    assert done.returncode == 0
    assert "no inventory was found" in done.stderr


@pytest.mark.parametrize(
    ("task", "place", "words"),
    [
        ("copi: {src: a, dest: b}", ":3:7", ["copi", "copy"]),
        ("copy: {sorce: a, dest: b}", ":3:", ["sorce"]),
        ("copy: {src: a, dest: b, setype: t}", ":3:31", ["`setype` is not supported", "SELinux"]),
        (
            "get_url: {url: a, dest: b, use_gssapi: true}",
            ":3:",
            ["`use_gssapi` is not supported", "Kerberos"],
        ),
        ("unarchive: {src: a, dest: b, io_buffer_size: 9}", ":3:", ["`io_buffer_size` is not", "leave it"]),
        ('debug: {msg: "{{ pmup }}"}', ":3:", ["pmup", "pump"]),
        (
            "evaluate: {bitstreams: a.bin, window: 1s, cycles: 4, expect: {a: about 3}, save: b.xlsx}",
            ":3:57",
            ["in seconds or in cycles", "'about 3' is no value", ":3:68", "b.xlsx: results are not", ":3:88"],
        ),
        ("repl: {timeout: 3}", ":3:7", ["one of `code`, `src` and `value` is needed"]),
        ("debug: {msg: hi}\n      nam: x", ":4:7", ["nam", "name"]),
        ("debug: {msg: hi}\n      uses: {hub: 1}", ":3:7", ["hub"]),
    ],
)
def test_a_wrong_task_is_shown_where_it_is(lab: Lab, task: str, place: str, words: list[str]) -> None:
    lab.write("site.yml", f"- hosts: m*\n  tasks:\n    - {task}\n")
    done = lab.run("validate", "site.yml")
    assert done.returncode == 3
    assert f"site.yml{place}" in done.stderr
    assert "^" in done.stderr
    for word in words:
        assert word in done.stderr


def test_every_fault_of_every_file_is_told_at_once(lab: Lab) -> None:
    lab.write("one.yml", "- hosts: m9\n  tasks:\n    - copi: {}\n    - debug: {mgs: a}\n")
    lab.write("two.yml", "a: [\n")
    lab.write("empty.yml", "")
    done = lab.run("validate", "one.yml", "two.yml", "empty.yml", "missing.yml")
    assert done.returncode == 3
    for word in ("copi", "two.yml", "empty.yml is empty", "there is no file missing.yml"):
        assert word in done.stderr
    assert done.stderr.splitlines()[-1].endswith(" errors")


def test_a_secret_is_not_asked_for(lab: Lab) -> None:
    lab.write("more.yml", "version: 1\nvars: {key: !command [touch, asked]}\nnodes: {x: {driver: local}}\n")
    assert lab.run("validate", "more.yml").returncode == 0
    assert not (lab.folder / "asked").exists()


def test_the_graph_is_written_for_mermaid_and_graphviz(lab: Lab) -> None:
    lab.write(
        "site.yml",
        '- name: A "play" <b>\n  hosts: m*\n  tasks:\n    - {name: One; two, ping: }\n    - {name: Three, ping: }\n',
    )
    mermaid = lab.run("graph", "site.yml")
    assert mermaid.returncode == 0, mermaid.stderr
    assert mermaid.stdout.startswith("flowchart TD\n")
    assert "t1b1 --> t2b1" in mermaid.stdout
    assert "One#59; two<br/>m[1:3]" in mermaid.stdout
    assert '"A #34;play#34; #60;b#62;"' in mermaid.stdout
    dot = lab.run("graph", "site.yml", "--format", "dot")
    assert 'label="A \\"play\\" <b>"' in dot.stdout
    assert "t1b1 -> t2b1;" in dot.stdout
