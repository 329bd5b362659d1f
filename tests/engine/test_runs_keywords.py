"""Keywords of plays, blocks and tasks that Ansible's users know, each by what it does."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.model.errors import Complaints
from tests.support.tasks_that_log import block, fail, log, logged, on, play, run

if TYPE_CHECKING:
    from hivectl.model.prompts import Prompt
    from tests.support.runs import Bench
    from tests.support.sshd import Sshd


def test_module_defaults_of_every_level_and_by_both_names(bench: Bench) -> None:
    path = bench.folder / "made"
    tasks = [
        {"name": "play", "file": {"path": f"{path}1", "state": "touch"}},
        block(
            {"name": "block", "ansible.builtin.file": {"path": f"{path}2", "state": "touch"}},
            {"name": "own", "file": {"dest": f"{path}3", "state": "touch", "mode": "0611"}},
            module_defaults={"file": {"mode": "0622"}},
        ),
        {
            "name": "task",
            "file": {"state": "touch"},
            "module_defaults": [
                {"file": {"mode": "0611"}},
                {"file": {"path": f"{path}4", "mode": "{{ wanted }}"}},
            ],
        },
    ]
    out = run(
        bench,
        play(*tasks, module_defaults={"ansible.builtin.file": {"mode": "0600"}}, vars={"wanted": "0640"}),
    )
    assert out.ended.status == "ok"
    modes = [f"{(bench.folder / f'made{n}').stat().st_mode & 0o777:o}" for n in (1, 2, 3, 4)]
    assert modes == ["600", "622", "611", "640"]


def test_defaults_of_an_inner_level_take_the_place_of_outer_ones_as_a_whole(bench: Bench) -> None:
    path = bench.folder / "made"
    task = {"name": "T", "file": {"path": str(path)}}
    inner = block(task, module_defaults={"ansible.builtin.file": {"mode": "0622"}})
    out = run(bench, play(inner, module_defaults={"file": {"state": "touch"}}))
    assert out.ended.status == "failed"
    assert not path.exists()


def test_hosts_and_serial_may_be_templates(bench: Bench) -> None:
    bench.nodes(3, "hives:\n  h: {nodes: [n1, n3]}\n")
    first = play(
        log("a-{{ ansible_play_batch | join }}"),
        hosts="{{ target }}",
        serial=["{{ size }}", 1],
        vars={"size": 2},
    )
    second = play(
        log("b-{{ ansible_play_name }}"), hosts=["{{ groups.h[1:] }}", "!n1"], name="for {{ target[0] }}"
    )
    out = run(bench, first, second, extra_variables={"target": "all:!n3", "log": str(bench.log)})
    assert out.ended.status == "ok"
    assert logged(bench) == {"n1": "a-n1n2", "n2": "a-n1n2", "n3": "b-for a"}


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ('hosts: "{{ nobody }}"', 'play.yml:1:10: `hosts`: the variable "nobody" is not defined'),
        ('hosts: "{{ 5 }}"', "play.yml:1:10: `hosts` is a selector or a list of them, not 5"),
        ('{hosts: all, serial: "{{ [0] }}"}', "play.yml:1:24: serial: [[0]] is no number of nodes"),
    ],
)
def test_wrong_templates_of_a_header_are_told_before_the_run(bench: Bench, header: str, said: str) -> None:
    with pytest.raises(Complaints) as caught:
        bench.run(f"- {header}\n")
    assert said in str(caught.value)


def test_a_default_under_another_name_of_the_parameter_gives_way(bench: Bench) -> None:
    target = bench.folder / "here"
    task = {"file": {"dest": str(target), "state": "touch"}}
    run(bench, play(task, module_defaults={"file": {"path": str(bench.folder / "there")}}))
    assert target.exists()
    assert not (bench.folder / "there").exists()


@pytest.mark.parametrize(
    ("defaults", "said"),
    [
        (
            "{cpy: {mode: '0644'}}",
            "play.yml:4:21: `module_defaults`: there is no module `cpy` (did you mean `copy`?)",
        ),
        ("{copy: {mood: '0644'}}", 'play.yml:4:28: copy: there is no key "mood"'),
        (
            "{group/aws: {region: x}}",
            "play.yml:4:21: `group/aws`: groups of modules are not supported (name each module)",
        ),
    ],
)
def test_wrong_module_defaults_are_named_with_their_place(bench: Bench, defaults: str, said: str) -> None:
    text = (
        "- hosts: all\n"
        "  gather_facts: false\n"
        "  tasks: [{copy: {content: a, dest: /tmp/none}}, {copy: {content: b, dest: /tmp/none}}]\n"
        f"  module_defaults: {defaults}\n"
    )
    with pytest.raises(Complaints) as caught:
        bench.run(text)
    assert len(caught.value.errors) == 1
    assert said in str(caught.value)


def test_action_and_local_action(bench: Bench) -> None:
    tasks: list[dict[str, Any]] = [
        {"name": "text", "action": "shell echo text >> {{ log }}"},
        {
            "name": "mapping",
            "action": {"module": "ansible.builtin.shell", "cmd": "echo mapping >> {{ log }}"},
        },
        {"name": "pairs", "action": "debug msg='a b'"},
        {"name": "here", "local_action": "command echo here", "register": "r"},
        {"name": "here too", "local_action": {"module": "command", "argv": ["echo", "{{ r.stdout }}"]}},
    ]
    out = run(bench, play(*tasks))
    assert bench.lines() == ["text", "mapping"]
    assert out.message("pairs") == "a b"
    assert out.result("here too")["stdout"] == "here"
    assert len(out.batches["localhost"]) == 2


def test_connection_local_acts_on_this_machine(bench: Bench) -> None:
    out = run(bench, play(log("x"), connection="local"))
    assert logged(bench) == {"n1": "x"}
    assert "n1" not in out.batches


@pytest.mark.parametrize("level", ["play", "block", "task"])
def test_a_node_that_may_go_unreached_goes_on(bench: Bench, level: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    bench.nodes(1, f"  gone: {{driver: ssh, host: 127.0.0.1, port: {port}, connect_timeout: 1}}\n")
    may: dict[str, Any] = {"ignore_unreachable": True}
    tried = {"name": "tried", "command": "true", "register": "r", **(may if level == "task" else {})}
    told = {"name": "told", "debug": {"msg": "{{ r.unreachable | default(false) }}"}}
    tasks = [block(tried, **may), told] if level == "block" else [tried, told]
    out = run(bench, play(*tasks, hosts="gone", **(may if level == "play" else {})))
    assert out.statuses("gone") == {"tried": "ignored", "told": "ok"}
    assert out.message("told", "gone") in (True, "True")
    assert (out.ended.exit_code, out.ended.nodes["gone"].unreachable) == (0, 0)


def test_what_follows_an_unreached_step_without_leave_ends_the_node(bench: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    bench.nodes(1, f"  gone: {{driver: ssh, host: 127.0.0.1, port: {port}, connect_timeout: 1}}\n")
    tasks = [
        {"name": "may", "command": "true", "ignore_unreachable": True},
        {"name": "may not", "command": "true"},
    ]
    out = run(bench, play(*tasks, hosts="gone"))
    assert out.statuses("gone") == {"may": "ignored", "may not": "unreachable"}
    assert out.ended.exit_code == 4


def test_throttle_lets_so_many_nodes_in(bench: Bench) -> None:
    bench.nodes(4)
    busy = bench.folder / "busy"
    busy.mkdir()
    script = f"touch {busy}/$$; sleep 0.1; ls {busy} | wc -l >> {{{{ log }}}}; rm {busy}/$$"
    run(bench, play({"shell": script, "throttle": 2}))
    counts = [int(line) for line in bench.lines()]
    assert len(counts) == 4
    assert max(counts) <= 2
    run(bench, play({"shell": script}, throttle=1))
    assert [int(line) for line in bench.lines()] == [1, 1, 1, 1]


def test_forced_handlers_run_on_a_node_that_fails(bench: Bench) -> None:
    bench.nodes(2)
    tasks = [log("change", notify="H"), fail(**on("n1")), log("after")]
    run(bench, play(*tasks, handlers=[log("H")], force_handlers=True))
    assert logged(bench) == {"n1": "change H", "n2": "change after H"}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("inventory", ["n1", "n2", "n3"]),
        ("sorted", ["n1", "n2", "n3"]),
        ("reverse_sorted", ["n3", "n2", "n1"]),
        ("reverse_inventory", ["n3", "n2", "n1"]),
    ],
)
def test_order(bench: Bench, order: str, expected: list[str]) -> None:
    bench.nodes(3)
    run(bench, play(log("x"), order=order, serial=1))
    assert [line.split()[0] for line in bench.lines()] == expected


def test_shuffled_nodes_are_all_there(bench: Bench) -> None:
    bench.nodes(5)
    run(bench, play(log("x"), order="shuffle", serial=1))
    assert sorted(line.split()[0] for line in bench.lines()) == ["n1", "n2", "n3", "n4", "n5"]


def test_facts_of_a_delegated_task_go_to_the_node_that_acts(bench: Bench) -> None:
    bench.nodes(2)
    give = {
        "set_fact": {"token": "from {{ inventory_hostname }}"},
        "delegate_to": "n2",
        "delegate_facts": True,
    }
    tasks = [{**give, **on("n1")}, log("{{ token | default('none') | replace(' ', '-') }}")]
    run(bench, play(*tasks))
    assert logged(bench) == {"n1": "none", "n2": "from-n1"}


def test_one_node_acts_for_all_on_another(bench: Bench) -> None:
    bench.nodes(3)
    tasks = [
        {"command": "echo {{ inventory_hostname }}", "register": "r", "run_once": True, "delegate_to": "n3"},
        log("{{ r.stdout }}"),
    ]
    out = run(bench, play(*tasks))
    assert logged(bench) == {"n1": "n1", "n2": "n1", "n3": "n1"}
    assert [name for name, batches in out.batches.items() if len(batches) > 1] == ["n3"]


def test_the_environment_of_every_level(bench: Bench) -> None:
    tasks = [
        block(
            {"shell": "echo $A$B$C$D >> {{ log }}", "environment": {"C": "task", "D": "{{ d }}"}},
            environment=[{"B": "block-", "C": "block"}],
        )
    ]
    run(bench, play(*tasks, environment={"A": "play-", "B": "play"}, vars={"d": "-of-a-template"}))
    assert bench.lines() == ["play-block-task-of-a-template"]


QUESTIONS = [
    {"name": "version", "prompt": "Which version?", "private": False, "default": "1.{{ minor }}"},
    {"name": "password", "prompt": "Password"},
]


def test_questions_are_asked_before_anything_begins(bench: Bench) -> None:
    asked: list[str] = []

    def ask(prompt: Prompt) -> str:
        asked.append(prompt.text)
        return "" if prompt.name == "version" else "hunter22"

    tasks = [{"name": name, "command": f"echo {{{{ {name} }}}}"} for name in ("version", "password")]
    out = run(bench, play(*tasks, vars_prompt=QUESTIONS, vars={"minor": 5}), ask=ask)
    assert asked == ["Which version?", "Password"]
    assert out.result("version")["stdout"] == "1.5"
    assert out.result("password")["stdout"] == "********"
    assert "hunter22" not in str(out.events)


def test_without_a_terminal_answers_come_from_the_command_line(bench: Bench) -> None:
    plays = play(log("{{ version }}"), vars_prompt=QUESTIONS)
    with pytest.raises(Complaints) as caught:
        run(bench, plays)
    assert "`version` is asked for, and there is no terminal (give it with -e version=…)" in str(caught.value)
    given = {"log": str(bench.log), "version": "7", "password": "x"}
    run(bench, plays, extra_variables=given)
    assert logged(bench) == {"n1": "7"}


def test_the_first_file_of_several_and_names_made_of_facts(bench: Bench) -> None:
    bench.write("{a: fallback}\n", "default.yml")
    bench.write("{b: linux}\n", "Linux.yml")
    files = [["{{ inventory_hostname }}.yml", "default.yml"], "{{ ansible_system }}.yml"]
    run(bench, play(log("{{ a }}-{{ b }}"), vars_files=files))
    assert logged(bench) == {"n1": "fallback-linux"}


def test_a_list_of_files_of_which_none_is_there(bench: Bench) -> None:
    with pytest.raises(Complaints, match=r"there is no file .*one\.yml, nor .*two\.yml"):
        run(bench, play(log("x"), vars_files=[["one.yml", "two.yml"]]))


@pytest.mark.parametrize(
    ("keyword", "value", "hint"),
    [
        ("async", 60, "write `program:` for what runs long"),
        ("remote_user", "pi", "the inventory says who logs in: `user:`"),
        ("become_flags", "-i", "sudo is given what it needs"),
        ("become_exe", "doas", "sudo is what there is"),
        ("debugger", "on_failed", "apply --resume RUN"),
        ("connection", "ssh", "the inventory says how a node is reached"),
        ("port", 22, "the inventory says how a node is reached"),
    ],
)
def test_what_is_refused_by_name(bench: Bench, keyword: str, value: Any, hint: str) -> None:
    with pytest.raises(Complaints) as caught:
        run(bench, play({"command": "true", keyword: value}))
    assert keyword in str(caught.value)
    assert hint in str(caught.value)
    assert "play.yml:" in str(caught.value)


def test_no_log_hides_result_items_and_what_could_not_be_made(bench: Bench) -> None:
    word = "do-not-show"
    tasks = [
        {"name": "loop", "command": "echo {{ item }}", "loop": [word, f"{word}2"], "no_log": True},
        {"name": "fails", "shell": f"echo {word}; exit 1", "no_log": "{{ true }}", "ignore_errors": True},
        {
            "name": "unmade",
            "command": "echo {{ {'a': hidden}[hidden] }}",
            "no_log": "{{ true }}",
            "ignore_errors": True,
        },
        {
            "name": "retried",
            "command": f"echo {word}",
            "register": "r",
            "until": False,
            "retries": 1,
            "delay": 0,
            "no_log": True,
            "ignore_errors": True,
        },
    ]
    out = run(bench, play(*tasks, vars={"hidden": word}))
    assert out.statuses("n1") == {
        "loop": "changed",
        "fails": "ignored",
        "unmade": "ignored",
        "retried": "ignored",
    }
    shown = "".join(str(event) for event in out.events)
    assert word not in shown
    journals = "".join(path.read_text() for path in (bench.lab().state / "runs").iterdir())
    assert word not in journals


def test_no_log_silences_what_a_module_says_of_its_progress(bench: Bench) -> None:
    bench.inventory.write_text(
        "version: 1\nnodes:\n  n1:\n    driver: local\n    power: {backend: command, turn_on: ['true'], turn_off: ['true']}\n"
    )
    loud = {"name": "loud", "power": {"state": "cycle", "off_for": 0}}
    out = run(bench, play(loud))
    assert any("power off for" in text for text in out.said())
    out = run(bench, play({**loud, "no_log": True}))
    assert not any("power off for" in text for text in out.said())


@pytest.mark.parametrize("first", ["a task", "facts of the play", "facts of a task"])
def test_a_node_without_its_python_fails_whatever_comes_first(bench: Bench, first: str) -> None:
    bench.nodes(1, "  odd: {driver: local, python: /no/such/python3}\n")
    words = "{{ ansible_facts.hostname }}" if first == "facts of a task" else "x"
    out = run(
        bench,
        play(
            {"name": "told", "command": f"echo '{words}'"},
            hosts="odd",
            gather_facts=first == "facts of the play",
        ),
    )
    assert (out.ended.exit_code, out.ended.nodes["odd"].unreachable) == (1, 0)
    assert "/no/such/python3 cannot be started" in out.lost()["odd"]


@pytest.mark.parametrize("first", ["a task", "facts", "a procedure"])
def test_a_secret_that_cannot_be_had_is_a_fault_of_what_is_written(
    bench: Bench, sshd_host: Sshd, first: str
) -> None:
    way = {**sshd_host.attributes, "driver": "ssh", "identity_file": None, "password": "PASSWORD"}
    written = ", ".join(f"{name}: {value}" for name, value in way.items() if value is not None)
    bench.nodes(1, f"  m1: {{{written}}}\n".replace("PASSWORD", "!env HIVECTL_TEST_NOT_SET"))
    task = {"wait_for": {"path": "/"}} if first == "a procedure" else {"command": "true"}
    out = run(bench, play({"name": "t", **task}, hosts="m1", gather_facts=first == "facts"))
    assert out.ended.exit_code == 3
    assert "lab.yml:4:" in out.lost()["m1"]
    assert "HIVECTL_TEST_NOT_SET is not set (export HIVECTL_TEST_NOT_SET first)" in out.lost()["m1"]
